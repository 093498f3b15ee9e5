"""The learner: turns batches into priorities and weights (docs/interaction.md, Losses; docs/interaction.md, Schedule).

It is plain PyTorch; `learner.actor` turns it into a Ray actor. One thread calls `step` and the steering methods; other
threads may call `weights` and `get_state` at the same time. These wait at most for an optimiser update, never for a
whole step.
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
from torch import Tensor
from torch.nn.utils import get_total_norm

from learner.checkpoint import load_checkpoint, save_checkpoint
from learner.core import Source
from learner.interaction import augmentation
from learner.interaction.config import LearnerConfig
from learner.interaction.losses import (
    embedding_gradient,
    force_gradient,
    score_gradient,
    surrogate,
)
from learner.interaction.metrics import force_agreement, foreground_iou
from learner.interaction.schedule import learning_rate
from learner.interaction.targets import Masks, Touches, point_targets, read_masks, read_touches
from learner.precision import uses_bfloat16
from learner.state import LearnerState, cpu_copy
from models.interaction.inputs import network_input
from models.interaction.network import InteractionNetwork
from models.weights import flatten_state, float_state
from replay.interaction.batch import LOCATIONS
from replay.interaction.kernels import kernel
from replay.interaction.priorities import priority_from_score
from replay.interaction.record import GRID_SIZE, Batch


@dataclass(frozen=True)
class StepResult:
    """Result of one step."""

    metrics: dict[str, float]
    """Figures to log, without those that this batch does not define."""
    scores: NDArray[np.float32]
    """(B,) smallest (or mean) IoU of each image's masks with the predicted ones, 0.5 without masks."""
    priorities: NDArray[np.float64]
    """(B,) new priorities of the batch's records (Eq. 7, or another mode)."""


@dataclass(frozen=True)
class PreparedBatch:
    """A batch on the device, augmented."""

    inputs: Tensor
    """(B, 4, 300, 300) float32, see `network_input`."""
    touches: Touches
    masks: Masks


@dataclass(frozen=True)
class Begun:
    """A step whose gradients are being computed."""

    gradients: list[Tensor]
    norm: Tensor
    """() norm of all gradients together."""
    names: list[str]
    """Names of the metrics."""
    figures: Tensor
    """(metrics + B,) float32: the metrics, then each image's score."""


class Learner:
    """Trains an `InteractionNetwork` with Adam on batches from the replay buffer."""

    def __init__(
        self,
        network: InteractionNetwork,
        config: LearnerConfig,
        seed: int,
        device: str | torch.device = "cpu",
        priority_mode: str = "priority",
        image_score: str = "min",
    ) -> None:
        """Takes over `network` and moves it to the device.

        Args:
            network: freshly initialised (`build_network`) or loaded.
            config: settings.
            seed: key of the augmentation, not negative.
            device: of the network and of all computations.
            priority_mode: `replay.mode`, how scores become priorities.
            image_score: `replay.image_score`, how the IoUs of an image's masks become its score.

        Raises:
            ValueError: `learner.compile` where PyTorch's compiler cannot work.
        """
        self.config = config
        self.device = torch.device(device)
        if config.compile and self.device.type == "cpu" and " " in torch.__path__[0]:
            # Its linker splits the path at spaces.
            raise ValueError(f"learner.compile=true on a CPU needs a path without spaces, not {torch.__path__[0]}")
        self.bfloat16 = uses_bfloat16(config.mixed_precision, self.device)
        """Whether the trunk computes in bfloat16."""
        self.seed = seed
        self.priority_mode = priority_mode
        self.image_score = image_score
        self.version = 0
        """Optimiser steps done."""
        memory_format = torch.channels_last if config.channels_last else torch.contiguous_format
        self.network = network.to(self.device, memory_format=memory_format)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(
            network.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True
        )
        self._trunk = torch.compile(self.network.trunk) if config.compile else self.network.trunk
        self._kernel = torch.from_numpy(kernel(config.kernel).copy()).to(self.device, torch.float32)
        self._lock = threading.Lock()
        self._phase = ""
        self._force_head_only = False
        self._progress = 0.0
        self._average = (
            {name: value.detach().clone() for name, value in float_state(network).items()} if config.ema_decay else None
        )
        self._remember_buffers()

    # Steering

    def start_phase(self, name: str) -> None:
        """Begins a phase: with `force_trials` all heads are trained, without it all but the force head.

        The optimiser's moments carry over.

        Raises:
            ValueError: the config has no phase of that name.
        """
        if name not in self.config.phases:
            raise ValueError(f"phase must be one of {', '.join(self.config.phases)}, not '{name}'")
        with self._lock:
            self._phase = name
            self._force_head_only = False

    def steer(self, progress: float, orders: Mapping[str, Any]) -> None:
        """Sets what holds for the next steps.

        Args:
            progress: share of the run done, in [0, 1]: the learning rate follows it.
            orders: "force_head_only": whether everything but the force head is frozen, BatchNorm's running statistics
                included.
        """
        config = self.config
        rate = learning_rate(config.lr, config.lr_schedule, config.lr_decay_fraction, progress)
        with self._lock:
            self._progress = progress
            self._force_head_only = bool(orders["force_head_only"])
            for group in self.optimizer.param_groups:
                group["lr"] = rate

    def source(self, step: int) -> Source:
        """All batches come from the locations."""
        return Source(LOCATIONS, self.config.batch_size)

    # Training

    def prepare(self, batch: Batch, ahead: int = 0) -> PreparedBatch:
        """Moves a batch to the device, unpacks its masks and augments it.

        Args:
            batch: from the replay buffer.
            ahead: steps that come before the one it is for; the augmentation is drawn for each step anew.
        """
        draws = augmentation.draw(self.config.augmentation, len(batch.image), self.seed, self.version + ahead)
        image, depth = self._to_device(batch.image), self._to_device(batch.depth)
        points = augmentation.flip_points(self._to_device(batch.points), draws.flip)
        touches = read_touches(
            points, self._to_device(batch.magnitudes), self._to_device(batch.feedback), self._to_device(batch.touches)
        )
        masks = read_masks(self._to_device(batch.masks), touches)
        if draws.flip.any():
            image = augmentation.flip_columns(image, draws.flip)
            depth = augmentation.flip_columns(depth, draws.flip)
            grid = masks.cells.view(-1, GRID_SIZE, GRID_SIZE)
            flipped = augmentation.flip_columns(grid, draws.flip.to(self.device)[masks.image])
            masks = Masks(masks.image, flipped.flatten(1))
        if draws.jitter.any():
            image = augmentation.color_jitter(image, draws)
        settings = self.network.config
        inputs = network_input(image, depth, settings.max_depth, settings.normalize_input, settings.depth_edges)
        return PreparedBatch(inputs if self.config.channels_last else inputs.contiguous(), touches, masks)

    def step(self, batch: Batch) -> StepResult:
        """One optimiser step.

        Raises:
            RuntimeError: `start_phase` was not called before.
            FloatingPointError: the gradients are not finite; the weights did not change.
        """
        return self.finish(self.begin(self.prepare(batch)))

    def begin(self, prepared: PreparedBatch) -> Begun:
        """Forward and backward pass. A GPU goes on computing after this returns: the next batch may be prepared."""
        if not self._phase:
            raise RuntimeError("start_phase must be called before the first step")
        config, touches, size = self.config, prepared.touches, len(prepared.inputs)
        trains_force = self.config.phases[self._phase].force_trials
        trains_rest = not self._force_head_only
        self._freeze(trains_force, trains_rest)
        mixed = torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)
        with torch.set_grad_enabled(trains_rest), mixed:
            shared = self._trunk(prepared.inputs)
        output = self.network.heads(shared.float())

        targets = point_targets(touches, self._kernel, config.repeated_points, config.force_balance)
        found = embedding_gradient(
            output.embedding,
            prepared.masks,
            config.embedding_weight,
            trains_rest,
            area_floor=config.embedding_area_floor,
            mask_reduction=config.mask_reduction,
            huber_square=config.huber_square,
            image_score=self.image_score,
        )
        metrics = {
            "foreground_iou": foreground_iou(output.score, touches),
            "mask_iou": found.iou.mean(),
            "masks_per_image": found.iou.new_tensor(len(found.iou) / size),
        }
        terms: dict[str, Tensor] = {}
        if trains_rest:
            gradient = score_gradient(output.score.detach(), targets.foreground, targets.background)
            terms["score"] = surrogate(output.score, gradient) / size
            terms["embedding"] = surrogate(output.embedding, found.gradient) / size
            weight = targets.foreground.sum() + targets.background.sum()
            metrics["score_residual"] = gradient.abs().sum() / weight
        if trains_force:
            gradient = force_gradient(output.force.detach(), targets.force)
            terms["force"] = config.force_weight * surrogate(output.force, gradient) / size
            metrics["force_residual"] = gradient.abs().sum() / targets.force.abs().sum()
            metrics["force_agreement"] = force_agreement(output.force, touches)
        if trains_rest and config.gradient_norms_every and self.version % config.gradient_norms_every == 0:
            for name, term in terms.items():
                (at_shared,) = torch.autograd.grad(term, shared, retain_graph=True)
                metrics[f"{name}_gradient_norm"] = at_shared.norm()

        self.optimizer.zero_grad(set_to_none=True)
        if terms:
            torch.stack(list(terms.values())).sum().backward()
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        norm = get_total_norm(gradients)
        metrics["gradient_norm"] = norm

        values = torch.stack([value.detach().float() for value in metrics.values()])
        return Begun(gradients, norm, list(metrics), torch.cat([values, found.image_scores.float()]))

    def finish(self, begun: Begun) -> StepResult:
        """Updates the weights and returns the step's result.

        Raises:
            FloatingPointError: the gradients are not finite; the weights did not change.
        """
        config, names = self.config, begun.names
        # One transfer for everything that the host needs; it also waits for the device.
        (*numbers,) = begun.figures.tolist()
        measured = dict(zip(names, numbers, strict=False))
        if not np.isfinite(measured["gradient_norm"]):
            raise FloatingPointError(
                f"the gradients of step {self.version} are not finite: learner.lr ({config.lr}) may be too large"
            )
        self._update(begun.gradients, begun.norm)
        scores = np.array(numbers[len(names) :], dtype=np.float32)
        logged = {name: value for name, value in measured.items() if np.isfinite(value)}
        logged["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        return StepResult(logged, scores, priority_from_score(scores, self.priority_mode))

    def _freeze(self, trains_force: bool, trains_rest: bool) -> None:
        """Sets which parameters get gradients, and whether BatchNorm learns."""
        force = set(self.network.force_head.parameters())
        for parameter in self.network.parameters():
            parameter.requires_grad_(trains_force if parameter in force else trains_rest)
        self.network.train(trains_rest)

    def _update(self, gradients: list[Tensor], norm: Tensor) -> None:
        """Updates weights, moving average and version: the only method that changes what other threads read."""
        limit = self.config.max_gradient_norm
        if limit:
            torch._foreach_mul_(gradients, (limit / norm).clamp_max(1.0))
        with self._lock:
            self.optimizer.step()
            self.version += 1
            self._remember_buffers()
            if self._average is not None:
                # A young average follows quickly, so that it does not remember the initial weights.
                decay = min(self.config.ema_decay, (1 + self.version) / (10 + self.version))
                state = float_state(self.network)
                torch._foreach_lerp_(list(self._average.values()), list(state.values()), 1 - decay)

    def _remember_buffers(self) -> None:
        """Copies BatchNorm's statistics, which a forward pass changes outside the lock."""
        self._buffers = {
            name: value.clone() for name, value in self.network.named_buffers() if value.is_floating_point()
        }

    def _to_device(self, array: NDArray) -> Tensor:
        # Copy read-only arrays, such as those from Ray's object store.
        tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)  # otherwise the host would wait for each copy
        return tensor.to(self.device)

    # State

    def weights(self) -> tuple[NDArray[np.float32], int]:
        """The weights to publish as a flat vector (the moving average if it is on), and their version."""
        with self._lock:
            return flatten_state(self._average or self._current()), self.version

    def get_state(self) -> LearnerState:
        """A copy of the state after the last finished step, on the CPU."""
        with self._lock:
            moments = {
                f"{key}.{name}": cpu_copy(value)
                for name, parameter in self.network.named_parameters()
                for key, value in self.optimizer.state.get(parameter, {}).items()
            }
            return LearnerState(
                weights={name: cpu_copy(value) for name, value in self._current().items()},
                average=self._average and {name: cpu_copy(value) for name, value in self._average.items()},
                moments=moments,
                version=self.version,
                phase=self._phase,
                orders={"force_head_only": self._force_head_only},
                progress=self._progress,
                seed=self.seed,
                network_config=asdict(self.network.config),
                learner_config=asdict(self.config),
            )

    def set_state(self, state: LearnerState) -> None:
        """Continues from a state of a network of the same architecture (`load_checkpoint` checks that).

        Settings stay the ones given to the constructor. If the moving average is on and the state has none, it
        begins with the state's weights.
        """
        if state.phase:
            self.start_phase(state.phase)
        self.steer(state.progress, state.orders)
        with self._lock, torch.no_grad():
            for name, value in float_state(self.network).items():
                value.copy_(state.weights[name])
            self.optimizer.state.clear()
            for name, parameter in self.network.named_parameters():
                if f"step.{name}" in state.moments:
                    self.optimizer.state[parameter] = {
                        "step": state.moments[f"step.{name}"].to(self.device, copy=True),
                        **{
                            key: torch.empty_like(parameter).copy_(state.moments[f"{key}.{name}"])
                            for key in ("exp_avg", "exp_avg_sq")
                        },
                    }
            for name, value in (self._average or {}).items():
                value.copy_((state.average or state.weights)[name])
            self.version = state.version
            self.seed = state.seed
            self._remember_buffers()

    def save(self, folder: Path, extra: dict[str, Any]) -> int:
        """Writes a checkpoint; see `learner.checkpoint.save_checkpoint`."""
        return save_checkpoint(folder, self.get_state(), extra)

    def load(self, folder: Path) -> None:
        """Continues from a checkpoint; see `learner.checkpoint.load_checkpoint`."""
        self.set_state(load_checkpoint(folder, self.network))

    def _current(self) -> dict[str, Tensor]:
        """Returns `float_state` of the network after the last step."""
        return {name: self._buffers.get(name, value) for name, value in float_state(self.network).items()}
