"""Players of the program that take part in an environment's episodes."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from actors.hide_and_seek.actions import INDEX, Kind, Stage, Target, open_at
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import GameObservation
from actors.hide_and_seek.pixels import Modality
from actors.hide_and_seek.players import NAMES, make_player
from actors.hide_and_seek.players.core import GamePlayer, Side
from actors.hide_and_seek.players.greedy import HAND_AHEAD, HAND_BELOW, hand_moves
from actors.hide_and_seek.players.scripted import ScriptedPlayer
from actors.hide_and_seek.players.sight import EYES, points
from common.errors import UsageError

DEFAULT_HIDER = "greedy"
"""The scripted hider of episodes of seeking."""
DEFAULT_MANIPULATOR = "straight"
"""The scripted player that moves objects in episodes of hiding."""
FARTHEST = 1.3
"""Metres to the sides and ahead to which `Straight` moves an object; the hand reaches 1.5 m (ours)."""
ABOVE = 0.1
"""Metres above the target from which it drops an object (ours)."""
BEYOND = 0.15
"""Metres beyond the target that count as behind it (ours)."""


class Straight(ScriptedPlayer):
    """Moves the object straight to its target and drops it: up first, then to the side and ahead, then down.

    It opens what the target's cell shows if the object shall be contained in it. Other stages are played uniformly.
    """

    name = DEFAULT_MANIPULATOR
    sides = frozenset({Side.HIDER})

    def choose_action(self, observation: GameObservation) -> int:
        """The number of a legal action."""
        if observation.stage is not Stage.MANIPULATE or observation.target is None:
            return super().choose_action(observation)
        if observation.step == 0:
            self._moves = self._plan(observation.target, observation.location.standing)
        if self._moves:
            return self._moves.pop(0)
        return INDEX["DropObject"]

    def learn(self, step: Step) -> None:
        """Gives up a direction in which the object cannot move."""
        if step.action.kind is Kind.MOVE_HAND and not step.succeeded:
            blocked = INDEX[step.action.name]
            self._moves = [number for number in self._moves if number != blocked]

    def _plan(self, target: Target, standing: bool) -> list[int]:
        modality, row, column = target
        look = self.hints.look()
        right, up, ahead = points(look, standing)[row, column].tolist()
        if not np.isfinite([right, up, ahead]).all():
            right, up, ahead = 0.0, EYES[standing] - HAND_BELOW, FARTHEST
        if modality is Modality.BEHIND:
            ahead += BEYOND
        rise = up + ABOVE - (EYES[standing] - HAND_BELOW)
        moves = [
            *hand_moves(max(rise, 0.0), "Up", "Down"),
            *hand_moves(float(np.clip(right, -FARTHEST, FARTHEST)), "Right", "Left"),
            *hand_moves(float(np.clip(ahead, 0.2, FARTHEST)) - HAND_AHEAD, "Ahead", "Back"),
            *hand_moves(min(rise, 0.0), "Up", "Down"),
        ]
        if modality is Modality.CONTAINED_IN and look.closed[row, column]:
            moves.insert(0, open_at(row, column))
        return moves


PlayerMaker = Callable[[], GamePlayer]


def player_maker(player: str | PlayerMaker, argument: str) -> PlayerMaker:
    """A function that makes a player.

    Args:
        player: its name, or such a function. A name also works in environments of other processes.
        argument: name of the argument, for messages.

    Raises:
        UsageError: there is no such player.
    """
    if callable(player):
        return player
    if not isinstance(player, str):
        raise UsageError(f"{argument} must be a player's name or a function that makes one, not {player!r}")
    if player == Straight.name:
        return Straight
    if not _hides(player):
        names = [Straight.name, *filter(_hides, NAMES)]
        raise UsageError(f"{argument} must be one of {', '.join(names)}, or a function that makes one, not {player!r}")
    return functools.partial(make_player, player, Side.HIDER)


def _hides(name: str) -> bool:
    """Whether there is a hider of this name."""
    try:
        make_player(name, Side.HIDER)
    except UsageError:
        return False
    return True
