"""Settings of the game. Values and comments: `conf/actors/hide_and_seek.yaml`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class GameConfig:
    """The rules that the paper fixes, and what is drawn for each game."""

    explore_steps: int
    """Steps of exploration and mapping."""
    choices: int
    """Largest number of locations that the hider may try in perspective simulation; then it stays where it is."""
    hide_steps: int
    """Largest number of steps of object hiding."""
    manipulate_steps: int
    """Largest number of steps of one object manipulation."""
    seek_steps: int
    """Largest number of steps of seeking."""
    hand_step: float
    """Metres that MoveHand moves the object."""
    hand_turn: float
    """Degrees by which RotateHand turns the object."""
    claim_distance: float
    """Metres between agent and goal, seen from above, within which ClaimVisible can succeed."""
    claim_pixels: int
    """Least number of the goal's pixels in view with which ClaimVisible can succeed."""
    lost_pixels: int
    """An object that was dropped counts as lost if the view would show at most this many of its pixels."""
    seen_by: str
    """What counts as seeing the goal from a location: "pixels" of the picture, or the "points" by which AI2-THOR
    decides what is visible."""
    turn_worlds: bool
    """Whether half of the games turn the room about the agent's start, by a random whole angle."""
    augment_images: bool
    """Whether a game's images are cropped, coloured and turned by random amounts that are drawn once."""
    punish_every_missing_drop: bool
    """Whether each last step of a manipulation without a drop costs 1; False: only one that succeeded and opened
    nothing (Algorithm 3 to the letter)."""
    punish_far_claims: bool
    """Where the -0.02 of Algorithm 4 belongs: False: to each failed action other than ClaimVisible; True: to a
    ClaimVisible from too far away."""

    def __post_init__(self) -> None:
        for field in ("explore_steps", "choices", "hide_steps", "manipulate_steps", "seek_steps", "claim_pixels"):
            if getattr(self, field) < 1:
                raise ValueError(f"actors.{field} must be at least 1, not {getattr(self, field)}")
        for field in ("hand_step", "hand_turn", "claim_distance"):
            if not getattr(self, field) > 0:
                raise ValueError(f"actors.{field} must be greater than 0, not {getattr(self, field)}")
        if self.seen_by not in ("pixels", "points"):
            raise ValueError(f"actors.seen_by must be pixels or points, not {self.seen_by}")
        if self.lost_pixels < 0:
            raise ValueError(f"actors.lost_pixels must be at least 0, not {self.lost_pixels}")
