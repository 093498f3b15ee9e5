"""The agent of hide and seek: hider and seeker share all but the heads.

Source: Weihs et al., appendix D.1. One step: picture -> SIR; SIR, embeddings and previous core state -> convolutional
GRU; its state and the map's reading -> LSTM -> heads; then the map is written. Ours: stage `manipulate` only reads the
map, because the agent stands still there.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.hide_and_seek.action_table import (
    CLAIM,
    GOALS,
    GRID,
    HIDE_STAGE,
    MANIPULATE_STAGE,
    PLACE,
    SEEK_STAGE,
    TARGETS,
)
from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.encoder import Encoder, Features
from models.hide_and_seek.heads import Contrast, Hittable, Recall, Sighting, StageHead
from models.hide_and_seek.inputs import Observations
from models.hide_and_seek.metric_map import MapReader, MapState, MapWriter, empty_map
from models.hide_and_seek.recurrent import ConvolutionalGRU, TargetTable
from replay.hide_and_seek.unroll import ACTIONS, STAGES, UNKNOWN

CHANGE_SCALE = 4.0
"""Initial factor between the grid's last channel, which lies in (-1, 1), and the change map's logits (ours)."""


class AgentState(NamedTuple):
    """What the agent carries from step to step, for B agents."""

    grid: Tensor
    """(B, G, 7, 7)"""
    hidden: Tensor
    """(B, H)"""
    cell: Tensor
    """(B, H)"""
    map: MapState

    def rows(self, rows: Tensor) -> AgentState:
        """The states of some agents, (n,) long indices into B."""
        maps = MapState(*(part[rows] for part in self.map))
        return AgentState(self.grid[rows], self.hidden[rows], self.cell[rows], maps)


class Outputs(NamedTuple):
    """What the agent says at each of T steps of B unrolls."""

    logits: Tensor
    """(T, B, 219) float32; -inf where the stage forbids the action"""
    value: Tensor
    """(T, B) float32"""
    core: Tensor
    """(T, B, H) h_o"""
    sir: Tensor
    """(T, B, C, 7, 7)"""
    first_block: Tensor
    """(T, B, c, h, w), output of the encoder's first block"""
    change_map: Tensor
    """(T, B, 7, 7) logits W"""
    hittable: Tensor
    """(T, B, 147) logits of stage manipulate; zeros for the other stages"""
    tried: Tensor
    """(T, B, 147) logits of stage hide; zeros for the other stages"""
    tried_landed: Tensor
    """(T, B, 148) logits of stage hide, the last one for "lost"; zeros for the other stages"""


class Agent(nn.Module):
    """See the module's docstring."""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.action_embedding = nn.Embedding(1 + 2 * ACTIONS, config.action_size)
        self.posture_embedding = nn.Embedding(2, config.posture_size)
        self.goal_embedding = nn.Embedding(GOALS, config.goal_size)
        self.target_table = TargetTable(config.target_size)
        self.grid = ConvolutionalGRU(config)
        self.change_scale = nn.Parameter(torch.tensor(CHANGE_SCALE))
        self.writer = MapWriter(config.map_size)
        self.reader = MapReader(config)
        self.core = nn.LSTMCell(config.grid_channels - 1 + config.reading_size, config.core_size)
        self.stage_heads = nn.ModuleList(StageHead(config, stage) for stage in range(len(STAGES)))
        self.hittable = Hittable(config)
        self.recall = Recall(config)
        self.sighting = Sighting(config) if config.sighting_channels else None
        self.contrast = Contrast(config)

    def initial_state(self, batch: int) -> AgentState:
        """The state before the first step: zeros and empty maps."""
        config, device = self.config, self.change_scale.device
        return AgentState(
            torch.zeros(batch, config.grid_channels, GRID, GRID, device=device),
            torch.zeros(batch, config.core_size, device=device),
            torch.zeros(batch, config.core_size, device=device),
            empty_map(batch, config.max_places, config.map_size, device),
        )

    def encode(self, images: Tensor) -> Features:
        """(T, B, S, S, 3) uint8 RGB -> features (T, B, ...)."""
        stages, sir, late = self.encoder(images.flatten(0, 1))
        size = images.shape[:2]
        return Features(
            tuple(stage.unflatten(0, size) for stage in stages), sir.unflatten(0, size), late.unflatten(0, size)
        )

    def unroll(
        self,
        observations: Observations,
        state: AgentState,
        stages: Tensor,
        features: Features | None = None,
    ) -> tuple[Outputs, AgentState]:
        """T steps of B agents.

        Args:
            observations: (T, B)
            state: before the first step
            stages: (B,) long, indices into `replay.hide_and_seek.unroll.STAGES`
            features: of the observations' images (`encode`), so that several calls share them; None: computed here

        Returns:
            The outputs, and the state after the last step. T single steps give the same as one call.
        """
        steps, batch = observations.goals.shape
        if features is None:
            features = self.encode(observations.images)
        rows = {stage: (stages == stage).nonzero()[:, 0] for stage in stages.unique().tolist()}
        goals = self.goal_embedding(observations.goals)

        vectors = torch.cat([features.late, goals], -1)
        writes = stages != MANIPULATE_STAGE
        entries, map_state = self.writer.record(
            state.map, observations.locations, vectors, observations.new_maps, writes
        )
        readings = self.reader.convolve(entries, observations.locations)
        keys, values = self.reader.memory(entries)

        slices = None
        if MANIPULATE_STAGE in rows:
            targets = observations.targets.masked_fill(stages != MANIPULATE_STAGE, UNKNOWN)
            slices = self.target_table(targets.flatten())
        inputs = self.grid.inputs(
            features.sir.flatten(0, 1), self._embeddings(observations, goals).flatten(0, 1), slices
        )
        inputs = inputs.view(steps, batch, *inputs.shape[1:])
        grid, hidden, cell = state.grid, state.hidden, state.cell
        grids, cores = [], []
        for step in range(steps):
            goes_on = (~observations.firsts[step])[:, None].to(hidden.dtype)
            grid, hidden, cell = grid * goes_on[..., None, None], hidden * goes_on, cell * goes_on
            grid = self.grid(inputs[step], hidden[:, : self.config.tiled_core_size], grid)
            pooled = grid[:, :-1].mean((2, 3))
            attended = self.reader.attend(pooled, keys, values, entries.valid[step])
            hidden, cell = self.core(torch.cat([pooled, attended, readings[step]], 1), (hidden, cell))
            grids.append(grid)
            cores.append(hidden)
        outputs = self._outputs(torch.stack(cores), torch.stack(grids), features, rows, observations.goals)
        return outputs, AgentState(grid, hidden, cell, map_state)

    def next_sir(self, sir: Tensor) -> Tensor:
        """E1 of the next-SIR contrast: (..., C, 7, 7) -> (..., E)."""
        return self.contrast.sir(sir)

    def prediction(self, core: Tensor, actions: Tensor) -> Tensor:
        """E2 of the next-SIR contrast: (..., H) h_o and (...) long actions -> (..., E)."""
        return self.contrast.prediction(core, actions)

    def _embeddings(self, observations: Observations, goals: Tensor) -> Tensor:
        """(T, B, I): last action, landing as the embedding of the successful PlaceAt, posture, goal."""
        landed = observations.landed
        landing = self.action_embedding(2 + 2 * (PLACE.start + landed.clamp_min(0))) * (landed >= 0)[..., None]
        action = self.action_embedding(observations.last_actions)
        return torch.cat([action, landing, self.posture_embedding(observations.standing.long()), goals], -1)

    def _outputs(
        self, core: Tensor, grid: Tensor, features: Features, rows: dict[int, Tensor], goals: Tensor
    ) -> Outputs:
        steps, batch = core.shape[:2]
        logits = core.new_zeros(steps, batch, ACTIONS, dtype=torch.float32)
        value = core.new_zeros(steps, batch, dtype=torch.float32)
        hittable, tried, landed = (core.new_zeros(steps, batch, size) for size in (TARGETS, TARGETS, TARGETS + 1))
        for stage, of_stage in rows.items():
            own = core[:, of_stage]
            stage_logits, stage_value = self.stage_heads[stage](own)
            if stage == SEEK_STAGE and self.sighting is not None:
                seen = self.sighting(features.stages[-2][:, of_stage], features.sir[:, of_stage])
                stage_logits[..., CLAIM] += self.sighting.claim(seen, goals[:, of_stage])
            logits = logits.index_copy(1, of_stage, stage_logits)
            value = value.index_copy(1, of_stage, stage_value)
            if stage == MANIPULATE_STAGE:
                hittable = hittable.index_copy(1, of_stage, self.hittable(own, grid[:, of_stage]))
            if stage == HIDE_STAGE:
                stage_tried, stage_landed = self.recall(own)
                tried = tried.index_copy(1, of_stage, stage_tried)
                landed = landed.index_copy(1, of_stage, stage_landed)

        return Outputs(
            logits,
            value,
            core,
            features.sir,
            features.stages[0],
            self.change_scale * grid[:, :, -1],
            hittable,
            tried,
            landed,
        )
