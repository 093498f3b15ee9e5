"""Settings of perspective simulation, a part of `models.hide_and_seek.config.AgentConfig`. It does not import torch."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass
class PerspectiveConfig:
    """Sizes and numbers of perspective simulation. Values and their reasons: conf/models/hide_and_seek.yaml."""

    channels: int
    """Channels of the map's intermediate representation M1."""
    blocks: int
    """1x1 convolutions of M1 after the first."""
    factored: bool
    """Whether P and V are sums of terms for posture, modality, row, column and "none" instead of 295 free numbers."""
    detached: bool
    """Whether P reads M1 without training it."""
    reach: int
    """Steps from the start, along x and z, beyond which places are left out."""
    neighbours: bool
    """Whether the hider may choose places that it did not visit but that are next to a visited one."""
    best: int
    """Places with the highest scores for which the seeker is simulated."""
    random: int
    """Random places for which it is simulated."""
    rollouts: int
    """Mental rollouts for each place and outcome when the hider chooses."""
    ranking_rollouts: int
    """The same when V learns its ranking."""
    bonus_rollouts: int
    """Mental rollouts at the chosen place for the final reward of object hiding."""
    rollout_steps: int
    """Largest number of steps of a mental rollout."""
    failure_length: int
    """Length that a rollout has if the mental seeker did not find the object within `rollout_steps`."""
    temperature: float
    """Factor of the mean lengths in the softmax that chooses a place, 1 / steps."""
    seeker_channels: int
    """Channels of each cell that the mental seeker reads, and of the embeddings of outcomes and actions."""
    seeker_size: int
    """Size of the mental seeker's LSTM."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "random" else 1
            if field.type == "int" and value < least:
                raise ValueError(f"models.perspective.{field.name} must be at least {least}, not {value}")
        if self.temperature < 0:
            raise ValueError(f"models.perspective.temperature must be at least 0, not {self.temperature}")
        if self.failure_length < self.rollout_steps:
            raise ValueError(
                f"models.perspective.failure_length ({self.failure_length}) must be at least "
                f"rollout_steps ({self.rollout_steps})"
            )
