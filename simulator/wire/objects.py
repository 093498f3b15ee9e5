"""The actions that bring objects into the room, place them and take them out."""

from __future__ import annotations

from simulator.wire.arguments import Action

OBJECTS: dict[str, Action] = {}
"""Name -> action."""
