"""Configuration schema of the interaction system's tab in `./playpen play`. Values: `conf/play/interaction.yaml`."""

from __future__ import annotations

from dataclasses import dataclass

from actors.interaction.config import ActorConfig


@dataclass
class TouchPlayConfig:
    """Settings of touches by a person."""

    actors: ActorConfig
    """Reach, forces, mask source and self-supervision, as an actor has them."""
    views: int
    """Maximum number of views of a room."""
    tries: int
    """Number of random poses in a room among which the views are chosen."""
    count: int
    """Maximum number of instances that the model predicts."""

    def __post_init__(self) -> None:
        for name in ("views", "tries", "count"):
            if getattr(self, name) < 1:
                raise ValueError(f"modes.interaction.{name} must be at least 1, not {getattr(self, name)}")
        if self.count > 255:
            raise ValueError(f"modes.interaction.count must be at most 255, not {self.count}")
