"""Mask R-CNN's learner: gradient descent with momentum, warm-up and milestones on records of locations.

Source: paper, supplement, "Training details - Mask-RCNN"; docs/mask_rcnn.md. It is a `learner.core.LearnerCore`. All of
a step's draws (mirroring, sampled anchors and proposals) follow from seed and step alone.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from learner.checkpoint import load_checkpoint, save_checkpoint
from learner.core import Source
from learner.interaction.mask_rcnn.config import MaskRcnnTrainingConfig
from learner.interaction.mask_rcnn.targets import batch_inputs, batch_targets
from learner.state import LearnerState, cpu_copy
from models.interaction.mask_rcnn.config import MaskRcnnConfig
from models.weights import flatten_state, float_state
from replay.interaction.batch import LOCATIONS
from replay.interaction.record import Batch

MOMENTS = ("momentum_buffer",)
"""State that SGD keeps for each parameter, by PyTorch's names."""


def learning_rate(config: MaskRcnnTrainingConfig, progress: float) -> float:
    """The rate at `progress` of the run, in [0, 1]: a linear rise, then the base rate, a tenth after each milestone."""
    if progress < config.warmup:
        return config.lr * (0.001 + 0.999 * progress / config.warmup)
    return config.lr * 0.1 ** sum(progress >= milestone for milestone in config.drops)


@dataclass(frozen=True)
class Prepared:
    """A batch as torchvision's Mask R-CNN takes it, on the device."""

    inputs: list[Tensor]
    """(4, 300, 300) float32 each."""
    targets: list[dict[str, Tensor]]
    """See `targets_of`."""
    seed: int
    """Seed of the anchors and proposals that the step samples."""


@dataclass(frozen=True)
class Outcome:
    """A finished step."""

    metrics: dict[str, float]
    """The five losses, their sum "loss", and the learning rate."""
    priorities: None = None
    """The table is sampled uniformly."""


class MaskRcnnLearner:
    """Trains a network of `models.interaction.mask_rcnn.network.build_mask_rcnn`.

    Args:
        network: moved to `device`.
        model: what it was made from.
        config: how it is trained.
        mass_classes: whether the targets are the labels of full supervision: true masks at full resolution and mass
            classes. Otherwise they are the masks of successful touches, on the grid and of one class.
        seed: of all draws.
        device: where it is trained.
    """

    def __init__(
        self,
        network: nn.Module,
        model: MaskRcnnConfig,
        config: MaskRcnnTrainingConfig,
        mass_classes: bool,
        seed: int,
        device: torch.device,
    ) -> None:
        self.network = network.to(device).train()
        self.model, self.config, self.mass_classes, self.seed, self.device = model, config, mass_classes, seed, device
        # As detectron2's default (SOLVER.WEIGHT_DECAY_NORM): none on the scales and shifts of normalisation layers.
        scales = {
            p for module in self.network.modules() if isinstance(module, nn.BatchNorm2d) for p in module.parameters()
        }
        groups: list[dict[str, Any]] = [
            {"params": [p for p in self.network.parameters() if p not in scales]},
            {"params": [p for p in self.network.parameters() if p in scales], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.SGD(groups, config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
        self.version = 0
        self._phase = ""
        self._progress = 0.0
        self._lock = threading.Lock()
        """Held while weights, buffers and moments change."""

    def start_phase(self, name: str) -> None:
        """See `LearnerCore.start_phase`."""
        self._phase = name

    def steer(self, progress: float, orders: Mapping[str, Any]) -> None:
        """Sets the learning rate; there are no orders."""
        self._progress = progress
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, progress)

    def source(self, step: int) -> Source:
        """All batches come from the locations."""
        return Source(LOCATIONS, self.config.batch_size)

    def prepare(self, batch: Batch, ahead: int = 0) -> Prepared:
        """Inputs and targets of a batch, some of them mirrored; see `LearnerCore.prepare`."""
        random = np.random.default_rng([self.seed, 1, self.version + ahead])
        flip = random.random(len(batch.image)) < self.config.flip_probability
        targets = batch_targets(batch, self.mass_classes, self.config.duplicate_iou, flip.tolist())
        inputs = batch_inputs(batch, self.model, flip.tolist())
        return Prepared(
            [value.to(self.device) for value in inputs],
            [{name: value.to(self.device) for name, value in target.items()} for target in targets],
            int(random.integers(2**63)),
        )

    def begin(self, prepared: Prepared) -> dict[str, Tensor]:
        """The losses by name, with their gradients computed."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []), self._lock:
            torch.manual_seed(prepared.seed)
            losses: dict[str, Tensor] = self.network(prepared.inputs, prepared.targets)
        total = torch.stack(list(losses.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        return losses | {"loss": total}

    def finish(self, begun: dict[str, Tensor]) -> Outcome:
        """See `LearnerCore.finish`."""
        metrics = {name: float(value.detach()) for name, value in begun.items()}
        if not np.isfinite(metrics["loss"]):
            raise FloatingPointError(
                f"Mask R-CNN's loss is not finite at step {self.version}: learner.mask_rcnn.lr={self.config.lr:g} is "
                "too high"
            )
        if limit := self.config.max_gradient_norm:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), limit)
        with self._lock:
            self.optimizer.step()
            self.version += 1
        return Outcome(metrics | {"learning_rate": self.optimizer.param_groups[0]["lr"]})

    def weights(self) -> tuple[NDArray[np.float32], int]:
        """See `LearnerCore.weights`."""
        with self._lock:
            return flatten_state(float_state(self.network)), self.version

    def get_state(self) -> LearnerState:
        """A copy of everything that the next step depends on besides its batch."""
        with self._lock:
            moments = {
                f"{key}.{name}": cpu_copy(value)
                for name, parameter in self.network.named_parameters()
                for key in MOMENTS
                if (value := self.optimizer.state.get(parameter, {}).get(key)) is not None
            }
            return LearnerState(
                weights={name: cpu_copy(value) for name, value in float_state(self.network).items()},
                average=None,
                moments=moments,
                version=self.version,
                phase=self._phase,
                orders={},
                progress=self._progress,
                seed=self.seed,
                network_config=asdict(self.model) | {"mass_classes": self.mass_classes},
                learner_config=asdict(self.config),
            )

    def set_state(self, state: LearnerState) -> None:
        """Continues from `get_state` of a learner of the same network."""
        with self._lock, torch.no_grad():
            for name, value in float_state(self.network).items():
                value.copy_(state.weights[name])
            for name, parameter in self.network.named_parameters():
                for key in MOMENTS:
                    if f"{key}.{name}" in state.moments:
                        self.optimizer.state[parameter][key] = state.moments[f"{key}.{name}"].to(self.device)
            self.version, self.seed = state.version, state.seed
        self.start_phase(state.phase)
        self.steer(state.progress, {})

    def save(self, folder: Path, extra: dict[str, Any]) -> int:
        """See `LearnerCore.save`."""
        return save_checkpoint(folder, self.get_state(), extra)

    def load(self, folder: Path) -> None:
        """See `LearnerCore.load`."""
        self.set_state(load_checkpoint(folder, self.network, MOMENTS))
