"""The actions of the hand: picking up, carrying, moving, turning and dropping an object."""

from __future__ import annotations

from simulator.wire.arguments import Action

HANDS: dict[str, Action] = {}
"""Name -> action."""
