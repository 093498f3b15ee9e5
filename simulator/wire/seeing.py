"""The actions that change or ask for what can be seen: masks, hidden objects, visibility from many poses."""

from __future__ import annotations

from simulator.wire.arguments import Action

SEEING: dict[str, Action] = {}
"""Name -> action."""
