"""The players of hide and seek that need no training, by name."""

from __future__ import annotations

from actors.hide_and_seek.players.core import GamePlayer, Side
from actors.hide_and_seek.players.explorer import Explorer
from actors.hide_and_seek.players.greedy import Greedy
from actors.hide_and_seek.players.scripted import ScriptedPlayer
from actors.hide_and_seek.players.searcher import Searcher
from actors.hide_and_seek.players.uniform import Uniform
from common.errors import UsageError

_PLAYERS: tuple[type[ScriptedPlayer], ...] = (Uniform, Explorer, Greedy, Searcher)
NAMES = {
    "uniform": "hider and seeker: each legal action is equally likely",
    "explorer": "hider: walks to where it has not been and opens what it sees; hides as uniform does",
    "greedy": "hider: explores as explorer does, then hides the object in a container that it opened, and closes it",
    "searcher": "seeker: looks around all over the room, opens containers, walks to the object and claims it",
}
"""What each player does, by its name."""


def make_player(name: str, side: Side | None = None) -> GamePlayer:
    """Makes a player.

    Args:
        name: one of `NAMES`.
        side: the side that it shall play; None: not known yet.

    Raises:
        UsageError: there is no such player, or it does not play the side.
    """
    for player in _PLAYERS:
        if player.name == name:
            if side is not None and side not in player.sides:
                able = ", ".join(other.name for other in _PLAYERS if side in other.sides)
                raise UsageError(f"{side.value} must be a player of that side ({able}), which {name} is not")
            return player()
    raise UsageError(f"player must be one of {', '.join(NAMES)}, not {name}")
