"""The actions that open and close furniture, lids and drawers."""

from __future__ import annotations

from simulator.wire.arguments import Action

OPENINGS: dict[str, Action] = {}
"""Name -> action."""
