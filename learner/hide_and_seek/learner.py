"""The learner of hide and seek: unrolls, triplets and memories of games in, weights out.

Each step takes a batch from one table, computes its losses, and moves the weights with that table's own Adam. The
encoder has moments in two of them: reinforcement learning and visual dynamics replay both train it, at their own rates
(Weihs et al., appendix C, where several processes do so).
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

from learner.checkpoint import ADAM, load_checkpoint, save_checkpoint
from learner.core import Source
from learner.hide_and_seek.config import LearnerConfig
from learner.hide_and_seek.dynamics import mirrored, triplet_losses
from learner.hide_and_seek.perspective_losses import perspective_loss
from learner.hide_and_seek.schedule import pattern, table_at
from learner.hide_and_seek.unroll_losses import Unrolls, unroll_losses
from learner.precision import uses_bfloat16
from learner.state import LearnerState, cpu_copy
from models.hide_and_seek.agent import AgentState
from models.hide_and_seek.inputs import Observations
from models.hide_and_seek.metric_map import MapState
from models.hide_and_seek.network import HideAndSeekNetwork
from models.weights import flatten_state, float_state
from replay.hide_and_seek.memory import MEMORIES, MemoryBatch
from replay.hide_and_seek.triplet import TRIPLETS, TripletBatch
from replay.hide_and_seek.unroll import STAGES, UNROLLS, UnrollBatch

MOMENTS = (*ADAM, "max_exp_avg_sq")
"""Adam's state of each parameter, with AMSGrad's."""
STEPS = (
    "actions", "logits", "rewards", "ended", "succeeded", "episode_steps", "hindsight", "hits", "tried", "tried_landed",
    "contained", "feasible", "experts", "claimable",
)  # fmt: skip
"""Fields of an unroll that the losses read for each step."""


@dataclass(frozen=True)
class Prepared:
    """A batch on the device."""

    table: str
    content: Any
    versions: dict[str, NDArray[np.int64]]
    """Versions of the weights that made its records, by the stage of unrolls; empty for other tables."""


@dataclass(frozen=True)
class Begun:
    """A step whose gradients are being computed."""

    table: str
    total: Tensor
    metrics: dict[str, Tensor]
    episodes: float
    """Hiding episodes that ended in the batch; an unroll counts once over all its uses."""
    lags: dict[str, float]
    """See `GameLearner._lags`."""


@dataclass(frozen=True)
class Outcome:
    """See `learner.core.StepOutcome`."""

    metrics: dict[str, float]
    priorities: None = None


class GameLearner:
    """Implements `learner.core.LearnerCore`."""

    def __init__(
        self, network: HideAndSeekNetwork, config: LearnerConfig, seed: int, device: str | torch.device = "cpu"
    ) -> None:
        """Takes over `network` and moves it to the device.

        Args:
            network: freshly initialised (`build_network`) or loaded.
            config: settings.
            seed: of mental rollouts, not negative.
            device: of the network and of all computations.
        """
        self.config, self.seed = config, seed
        self.device = torch.device(device)
        self.network = network.to(self.device)
        self.version = 0
        """Optimiser steps done."""
        self.hide_episodes = 0.0
        """Hiding episodes learned from."""
        self._sizes = config.batch_sizes
        self._phase = ""
        self._pattern: tuple[str, ...] = ()
        self._progress = 0.0
        self._lock = threading.Lock()
        agent, decoder, perspective = network.agent, network.decoder, network.perspective
        encoder = list(agent.encoder.parameters())
        # What the head says enters the policy, which so learns how far to trust it; triplets teach it to see.
        sighting = [] if agent.sighting is None else list(agent.sighting.seeing())
        own = {id(parameter) for parameter in (*encoder, *sighting)}
        rest = [parameter for parameter in agent.parameters() if id(parameter) not in own]
        groups: dict[str, list[tuple[list[nn.Parameter], float]]] = {
            UNROLLS: [(rest, config.lr), (encoder, config.lr_encoder)],
            TRIPLETS: [([*encoder, *decoder.parameters(), *sighting], config.lr_dynamics)],
            MEMORIES: [(list(perspective.parameters()), config.lr_perspective)],
        }
        usual, of_dynamics = ((pair[0], pair[1]) for pair in (config.betas, config.betas_dynamics))
        betas = {UNROLLS: usual, TRIPLETS: of_dynamics, MEMORIES: usual}
        self.optimizers = {
            table: torch.optim.Adam(
                [{"params": parameters, "lr": rate, "initial_lr": rate} for parameters, rate in parts],
                betas=betas[table],
                amsgrad=config.amsgrad,
                fused=True,
            )
            for table, parts in groups.items()
        }
        self._bfloat16 = uses_bfloat16(config.mixed_precision, self.device)
        self._remember_agent(range(len(network.past)))

    # Steering

    def start_phase(self, name: str) -> None:
        """Begins a phase.

        Raises:
            ValueError: the config has no phase of that name.
        """
        if name not in self.config.phases:
            raise ValueError(f"phase must be one of {', '.join(self.config.phases)}, not '{name}'")
        with self._lock:
            self._phase = name
            self._pattern = pattern(self.config.phases[name], self._sizes)

    def steer(self, progress: float, orders: Mapping[str, Any]) -> None:
        """Sets the learning rates.

        Args:
            progress: share of the run done, in [0, 1]; over the last `lr_decay` of the run the rates fall towards 0,
                but for that of perspective simulation, which may begin only then.
            orders: the round's; none are needed.
        """
        share = self.config.lr_decay
        factor = min(1.0, (1 - progress) / share) if share else 1.0
        with self._lock:
            self._progress = progress
            for table, optimizer in self.optimizers.items():
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * (1.0 if table == MEMORIES else max(factor, 1e-3))

    def source(self, step: int) -> Source:
        """See `LearnerCore.source`; `learner.hide_and_seek.schedule.pattern` gives the order."""
        table = table_at(step, self._pattern)
        return Source(table, getattr(self._sizes, table))

    # Training

    def prepare(self, batch: UnrollBatch | TripletBatch | MemoryBatch, ahead: int = 0) -> Prepared:
        """Moves a batch to the device, and mirrors triplets; `ahead` steps come before its own."""
        if isinstance(batch, UnrollBatch):
            stages = batch.fields["stage"]
            versions = {
                name: batch.weights_version[stages == number]
                for number, name in enumerate(STAGES)
                if (stages == number).any()
            }
            return Prepared(UNROLLS, self._unrolls(batch), versions)
        if isinstance(batch, TripletBatch):
            names = ("before", "after", "action", "succeeded", "goal", "claimable", "goal_cells")
            triplets = {name: self._to_device(getattr(batch, name)) for name in names}
            if self.config.mirror:
                random = np.random.default_rng([self.seed, self.version + ahead])
                triplets = mirrored(triplets, self._to_device(random.random(len(batch.action)) < 0.5))
            return Prepared(TRIPLETS, triplets, {})
        return Prepared(MEMORIES, {name: self._to_device(value) for name, value in batch.fields.items()}, {})

    def _unrolls(self, batch: UnrollBatch) -> Unrolls:
        def moved(name: str) -> Tensor:
            found = self._to_device(batch.fields[name])
            return found.long() if found.dtype in (torch.int8, torch.int16, torch.int32) else found

        def time_first(name: str) -> Tensor:
            return moved(name).transpose(0, 1)

        return Unrolls(
            Observations(*map(time_first, Observations._fields)),
            AgentState(
                moved("grid"),
                moved("hidden"),
                moved("cell"),
                MapState(moved("map_values"), moved("map_keys"), moved("map_written")),
            ),
            moved("stage"),
            {name: time_first(name) for name in STEPS},
        )

    def begin(self, prepared: Prepared) -> Begun:
        """Forward and backward pass."""
        if not self._phase:
            raise RuntimeError("start_phase must be called before the first step")
        config, table = self.config, prepared.table
        episodes = 0.0
        match table:
            case "unrolls":
                unrolls: Unrolls = prepared.content
                found = unroll_losses(
                    self.network.agent,
                    unrolls,
                    config,
                    self.hide_episodes < config.collapse_episodes,
                    self._bfloat16,
                )
                total, metrics = found.total, found.metrics
                new = unrolls.steps["ended"] & (unrolls.steps["episode_steps"] >= 0)
                hides = int(new[:, unrolls.stages == STAGES.index("hide")].sum())
                episodes = hides / config.unroll_reuse
            case "triplets":
                total, metrics = triplet_losses(self.network, prepared.content, config, self._bfloat16)
            case _:
                generator = torch.Generator(self.device).manual_seed(self.seed * 1_000_003 + self.version)
                losses = perspective_loss(self.network.perspective, prepared.content, generator, config.perspective)
                metrics = {f"perspective/{name}": value.detach() for name, value in losses.items()}
                total = losses["total"]
        self.optimizers[table].zero_grad(set_to_none=True)
        if total.requires_grad:
            total.backward()
        return Begun(table, total.detach(), metrics, episodes, self._lags(prepared.versions))

    def _lags(self, versions: Mapping[str, NDArray[np.int64]]) -> dict[str, float]:
        """Policy lag of each stage's unrolls: optimiser steps by which their weights are older than the learner's."""
        found: dict[str, float] = {}
        for stage, made_by in versions.items():
            lags = self.version - made_by
            found |= {f"{stage}/lag_mean": float(lags.mean()), f"{stage}/lag_max": float(lags.max())}
        return found

    def finish(self, begun: Begun) -> Outcome:
        """Updates the weights and returns the step's result.

        Raises:
            FloatingPointError: the gradients are not finite; the weights did not change.
        """
        optimizer = self.optimizers[begun.table]
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        limit = self.config.max_gradient_norm or float("inf")
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
        metrics = begun.metrics | {f"{begun.table}/gradient_norm": norm, f"{begun.table}/loss": begun.total}
        values = torch.stack([value.float() for value in metrics.values()]).tolist()
        measured = dict(zip(metrics, values, strict=True))
        if not np.isfinite(measured[f"{begun.table}/gradient_norm"]):
            raise FloatingPointError(
                f"the gradients of step {self.version}, from {begun.table}, are not finite: its learning rate "
                f"({optimizer.param_groups[0]['initial_lr']:g}) may be too large"
            )
        with self._lock:
            optimizer.step()
            self.version += 1
            self.hide_episodes += begun.episodes
            if len(self.network.past) and self.version % self.config.snapshot_every == 0:
                self._remember_agent([self.version // self.config.snapshot_every % len(self.network.past)])
        return Outcome({name: value for name, value in measured.items() if np.isfinite(value)} | begun.lags)

    @torch.no_grad()
    def _remember_agent(self, places: Any) -> None:
        """Copies the agent's weights into places of the network's past versions."""
        flat = torch.cat([value.reshape(-1) for value in float_state(self.network.agent).values()])
        for place in places:
            self.network.past[place] = flat

    def _to_device(self, array: NDArray[Any]) -> Tensor:
        # Copy read-only arrays, such as those from Ray's object store.
        tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor

    # State

    def weights(self) -> tuple[NDArray[np.float32], int]:
        """See `LearnerCore.weights`."""
        with self._lock:
            return flatten_state(float_state(self.network)), self.version

    def get_state(self) -> LearnerState:
        """A copy of the state after the last finished step, on the CPU."""
        with self._lock:
            moments = {
                f"{table}.{key}.{name}": cpu_copy(value)
                for name, parameter in self.network.named_parameters()
                for table, optimizer in self.optimizers.items()
                for key, value in optimizer.state.get(parameter, {}).items()
            }
            return LearnerState(
                weights={name: cpu_copy(value) for name, value in float_state(self.network).items()},
                average=None,
                moments=moments,
                version=self.version,
                phase=self._phase,
                orders={"hide_episodes": self.hide_episodes},
                progress=self._progress,
                seed=self.seed,
                network_config=asdict(self.network.config),
                learner_config=asdict(self.config),
            )

    def set_state(self, state: LearnerState) -> None:
        """Continues from a state of a network of the same architecture (`load_checkpoint` checks that)."""
        if state.phase:
            self.start_phase(state.phase)
        self.steer(state.progress, {})
        with self._lock, torch.no_grad():
            for name, value in float_state(self.network).items():
                value.copy_(state.weights[name])
            for table, optimizer in self.optimizers.items():
                optimizer.state.clear()
                owned = {id(p) for group in optimizer.param_groups for p in group["params"]}
                for name, parameter in self.network.named_parameters():
                    if id(parameter) in owned and f"{table}.step.{name}" in state.moments:
                        # The parameters' memory format, so that the resumed run computes in the same order.
                        optimizer.state[parameter] = {
                            key: torch.empty_like(parameter).copy_(state.moments[f"{table}.{key}.{name}"])
                            for key in MOMENTS[1:]
                            if f"{table}.{key}.{name}" in state.moments
                        } | {"step": state.moments[f"{table}.step.{name}"].to(self.device, copy=True)}
            self.version, self.seed = state.version, state.seed
            self.hide_episodes = float(state.orders["hide_episodes"])

    def save(self, folder: Path, extra: dict[str, Any]) -> int:
        """See `LearnerCore.save`."""
        return save_checkpoint(folder, self.get_state(), extra)

    def load(self, folder: Path) -> None:
        """See `LearnerCore.load`."""
        moments = MOMENTS if self.config.amsgrad else ADAM
        self.set_state(load_checkpoint(folder, self.network, moments, tuple(f"{table}." for table in self.optimizers)))
