"""Mask R-CNN's optimiser: gradient descent with momentum, warm-up and drops (paper, "Training details - Mask-RCNN").

Every step's draws (order of the records, mirroring, sampled anchors and proposals) follow from seed and step alone, so
training that goes on from a checkpoint ends as it would have.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import nn

from learner.interaction.mask_rcnn.config import MaskRcnnLearnerConfig
from learner.interaction.mask_rcnn.targets import Examples
from learner.state import LearnerState
from models.interaction.mask_rcnn.config import MaskRcnnConfig
from models.weights import float_state

MOMENTS = ("momentum_buffer",)
"""What SGD keeps of each parameter, by PyTorch's names."""


def learning_rate(config: MaskRcnnLearnerConfig, progress: float) -> float:
    """The rate when `progress` (in [0, 1]) of the run is done: a linear rise, then the base rate with its drops."""
    settings = config.mask_rcnn
    if progress < settings.warmup:
        return settings.lr * (0.001 + 0.999 * progress / settings.warmup)
    return settings.lr * 0.1 ** sum(progress >= drop for drop in settings.drops)


class MaskRcnnTrainer:
    """Trains a network of `models.interaction.mask_rcnn.network.build_mask_rcnn`.

    Args:
        network: moved to `device`.
        model, config: what it was made from, and how it is trained.
        examples: the data.
        seed: of all draws.
        device: where it is trained.
    """

    def __init__(
        self,
        network: nn.Module,
        model: MaskRcnnConfig,
        config: MaskRcnnLearnerConfig,
        examples: Examples,
        seed: int,
        device: torch.device,
    ) -> None:
        self.network = network.to(device).train()
        self.model, self.config, self.examples, self.seed, self.device = model, config, examples, seed, device
        settings = config.mask_rcnn
        # As detectron2's default (SOLVER.WEIGHT_DECAY_NORM): none on the scales and shifts of normalisation layers.
        scales = {
            p for module in self.network.modules() if isinstance(module, nn.BatchNorm2d) for p in module.parameters()
        }
        groups: list[dict[str, Any]] = [
            {"params": [p for p in self.network.parameters() if p not in scales]},
            {"params": [p for p in self.network.parameters() if p in scales], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.SGD(
            groups, settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay
        )
        self.version = 0
        """Optimiser steps done."""

    def indices(self, step: int) -> list[int]:
        """The records of a step: each epoch takes all of them once, in an order of its own."""
        size = self.config.mask_rcnn.batch_size
        found = []
        for place in range(step * size, (step + 1) * size):
            epoch, index = divmod(place, len(self.examples))
            order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.examples))
            found.append(int(order[index]))
        return found

    def step(self, progress: float) -> dict[str, float]:
        """One step at the rate of `progress`, the share of the run done.

        Returns:
            the five losses and their sum, and the rate.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        rate = learning_rate(self.config, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        random = np.random.default_rng([self.seed, 1, self.version])
        flip = random.random(self.config.mask_rcnn.batch_size) < self.config.mask_rcnn.flip_probability
        inputs, targets = self.examples.batch(self.indices(self.version), flip.tolist())
        inputs = [value.to(self.device) for value in inputs]
        targets = [{name: value.to(self.device) for name, value in target.items()} for target in targets]
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(int(random.integers(2**63)))
            losses = self.network(inputs, targets)
        total = sum(losses.values())
        if not bool(torch.isfinite(total)):
            raise FloatingPointError(
                f"Mask R-CNN's loss is not finite at step {self.version}: learner.mask_rcnn.lr="
                f"{self.config.mask_rcnn.lr:g} is too high"
            )
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        if limit := self.config.mask_rcnn.max_gradient_norm:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), limit)
        self.optimizer.step()
        self.version += 1
        return {name: float(value.detach()) for name, value in (losses | {"loss": total}).items()} | {"lr": rate}

    def get_state(self, progress: float) -> LearnerState:
        """A copy of everything that the next step depends on, for `learner.checkpoint.save_checkpoint`."""
        moments = {}
        for name, parameter in self.network.named_parameters():
            for key in MOMENTS:
                value = self.optimizer.state.get(parameter, {}).get(key)
                if value is not None:
                    moments[f"{key}.{name}"] = value.detach().cpu().clone()
        return LearnerState(
            weights={name: value.detach().cpu().clone() for name, value in float_state(self.network).items()},
            average=None,
            moments=moments,
            version=self.version,
            phase="mask_rcnn",
            orders={},
            progress=progress,
            seed=self.seed,
            network_config=asdict(self.model),
            learner_config=asdict(self.config),
        )

    def set_state(self, state: LearnerState) -> None:
        """Goes on from `get_state` of a trainer of the same network and data."""
        with torch.no_grad():
            for name, value in float_state(self.network).items():
                value.copy_(state.weights[name])
        for name, parameter in self.network.named_parameters():
            for key in MOMENTS:
                if f"{key}.{name}" in state.moments:
                    self.optimizer.state[parameter][key] = state.moments[f"{key}.{name}"].to(self.device)
        self.version, self.seed = state.version, state.seed
