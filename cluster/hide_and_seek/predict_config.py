"""Configuration schema of `./playpen predict system=hide_and_seek`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class GamePredictConfig:
    """Everything `./playpen predict system=hide_and_seek` reads."""

    system: str
    checkpoint: str
    """A checkpoint folder, or a run folder (its newest checkpoint)."""
    image: str
    """File of a colour picture of any size; its largest centred square is used."""
    output: str
    """Folder for dynamics.json and dynamics.png."""
