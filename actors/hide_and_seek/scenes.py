"""The rooms and goal objects of hide and seek (Weihs et al., section 4 and appendix B)."""

from __future__ import annotations

GOALS = ("Bread", "Cup", "Knife", "Plunger", "Tomato")
"""Types of the objects that are hidden (paper)."""

REMOVED = (*GOALS, "Mug")
"""Types that a game takes out of its room, so that the seeker cannot mistake one for the goal (paper)."""

KINDS = {"kitchen": 0, "living_room": 200, "bedroom": 300, "bathroom": 400, "foyer": 500}
"""Number before the first FloorPlan of each kind; each kind has 30."""

SPLITS = {"train": range(1, 21), "validation": range(21, 26), "test": range(26, 31)}
"""Which of the 30 rooms of each kind belong to a split (paper)."""

GAME_KINDS = ("kitchen", "living_room")
"""Kinds of rooms in which games are played (paper)."""


def scenes(split: str, kinds: tuple[str, ...] = GAME_KINDS) -> list[str]:
    """The names of a split's rooms.

    Raises:
        KeyError: there is no such split or kind.
    """
    return [f"FloorPlan{KINDS[kind] + number}" for kind in kinds for number in SPLITS[split]]
