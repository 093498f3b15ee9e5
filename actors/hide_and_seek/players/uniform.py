"""The uniform player: each legal action is equally likely."""

from __future__ import annotations

from actors.hide_and_seek.players.core import Side
from actors.hide_and_seek.players.scripted import ScriptedPlayer


class Uniform(ScriptedPlayer):
    """Draws actions uniformly from the stage's mask, and locations from those within 2 m along each axis."""

    name = "uniform"
    sides = frozenset(Side)
