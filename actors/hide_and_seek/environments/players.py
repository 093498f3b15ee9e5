"""Players of the program that take part in an environment's episodes."""

from __future__ import annotations

import functools
from collections.abc import Callable

from actors.hide_and_seek.players import make_player
from actors.hide_and_seek.players.core import GamePlayer, Side
from common.errors import UsageError

DEFAULT_HIDER = "explorer"
"""The scripted hider, which moves the object straight to its target."""

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
    make_player(player, Side.HIDER)
    return functools.partial(make_player, player, Side.HIDER)
