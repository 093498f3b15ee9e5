"""The 219 actions of hide and seek and the stages in which each is legal (Weihs et al., Table G.1).

Names count the rows and columns of the 7x7 grid from 1, as the paper does: `OpenAt(1,1)` is the top left cell. The
fields `row` and `column` are array indices and count from 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.pixels import GRID, Modality


class Stage(StrEnum):
    """The five stages of a game (Weihs et al., appendix B)."""

    EXPLORE = "explore"
    """Exploration and mapping, E&M: the hider walks through the room."""
    PERSPECTIVE = "perspective"
    """Perspective simulation, PS: the hider chooses from where it hides the object."""
    HIDE = "hide"
    """Object hiding, OH: the hider chooses where the object goes."""
    MANIPULATE = "manipulate"
    """Object manipulation, OM: the hider moves the object there."""
    SEEK = "seek"
    """Seeking, S: the seeker looks for the object."""


class Kind(StrEnum):
    """What an action does, whatever its direction or cell."""

    MOVE = "move"
    ROTATE = "rotate"
    POSTURE = "posture"
    MOVE_HAND = "move hand"
    ROTATE_HAND = "rotate hand"
    DROP = "drop"
    OPEN = "open"
    CLOSE = "close"
    PLACE = "place"
    READY = "ready"
    CLAIM = "claim"


@dataclass(frozen=True)
class Action:
    """One of the 219 actions."""

    name: str
    kind: Kind
    row: int | None = None
    """Row of the cell, 0 to 6 from the top; None for actions without a cell."""
    column: int | None = None
    """Column of the cell, 0 to 6 from the left; None for actions without a cell."""
    modality: Modality | None = None
    """How the object shall be placed; None for actions other than PlaceAt."""

    @property
    def target(self) -> Target:
        """The target of a PlaceAt.

        Raises:
            ValueError: another action.
        """
        if self.modality is None or self.row is None or self.column is None:
            raise ValueError(f"{self.name} has no target; only PlaceAt has one")
        return self.modality, self.row, self.column


Target = tuple[Modality, int, int]
"""Modality, row and column (from 0) at which an object shall be placed."""

MODALITY_NAMES = {Modality.ON_TOP: "OnTop", Modality.CONTAINED_IN: "ContainedIn", Modality.BEHIND: "Behind"}

_CELLS = [(row, column) for row in range(GRID) for column in range(GRID)]


def _all_actions() -> tuple[Action, ...]:
    actions = [Action(f"Move{way}", Kind.MOVE) for way in ("Ahead", "Left", "Right")]
    actions += [Action(f"Rotate{way}", Kind.ROTATE) for way in ("Left", "Right")]
    actions += [Action(name, Kind.POSTURE) for name in ("Stand", "Crouch")]
    actions += [Action(f"MoveHand{way}", Kind.MOVE_HAND) for way in ("Ahead", "Left", "Right", "Back", "Up", "Down")]
    actions += [Action(f"RotateHand{sign}{axis}", Kind.ROTATE_HAND) for axis in "XYZ" for sign in "-+"]
    actions += [Action("DropObject", Kind.DROP)]
    actions += [Action(f"OpenAt({row + 1},{column + 1})", Kind.OPEN, row, column) for row, column in _CELLS]
    actions += [Action("CloseObjects", Kind.CLOSE)]
    actions += [
        Action(f"PlaceAt({name},{row + 1},{column + 1})", Kind.PLACE, row, column, modality)
        for modality, name in MODALITY_NAMES.items()
        for row, column in _CELLS
    ]
    return (*actions, Action("ReadyForSeeker", Kind.READY), Action("ClaimVisible", Kind.CLAIM))


ACTIONS = _all_actions()
"""All actions; an action's number is its index."""

INDEX = {action.name: number for number, action in enumerate(ACTIONS)}
"""An action's number by its name."""

_KINDS = {
    Stage.EXPLORE: {Kind.MOVE, Kind.ROTATE, Kind.POSTURE, Kind.OPEN, Kind.CLOSE},
    Stage.PERSPECTIVE: set[Kind](),
    Stage.HIDE: {Kind.POSTURE, Kind.OPEN, Kind.CLOSE, Kind.PLACE, Kind.READY},
    Stage.MANIPULATE: {Kind.MOVE_HAND, Kind.ROTATE_HAND, Kind.DROP, Kind.OPEN},
    Stage.SEEK: {Kind.MOVE, Kind.ROTATE, Kind.POSTURE, Kind.OPEN, Kind.CLOSE, Kind.CLAIM},
}


def _mask(kinds: set[Kind]) -> NDArray[np.bool_]:
    mask = np.array([action.kind in kinds for action in ACTIONS])
    mask.setflags(write=False)
    return mask


MASKS: dict[Stage, NDArray[np.bool_]] = {stage: _mask(kinds) for stage, kinds in _KINDS.items()}
"""(219,) bool by stage: the legal actions. Perspective simulation has none: it chooses a location."""


def open_at(row: int, column: int) -> int:
    """The number of the OpenAt of a cell, counted from 0."""
    return INDEX[f"OpenAt({row + 1},{column + 1})"]


class IllegalAction(ValueError):
    """An action that does not exist or that the stage's mask forbids; nothing was done."""


def legal_action(number: int, stage: Stage) -> Action:
    """The action of a number.

    Raises:
        IllegalAction: there is no such action, or the stage does not allow it.
    """
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not 0 <= number < len(ACTIONS):
        raise IllegalAction(f"action must be a whole number from 0 to {len(ACTIONS) - 1}, not {number!r}")
    action = ACTIONS[number]
    if not MASKS[stage][number]:
        allowed = ", ".join(sorted(kind.value for kind in _KINDS[stage])) or "none"
        raise IllegalAction(f"action {action.name} is not legal in stage '{stage.value}', which allows: {allowed}")
    return action
