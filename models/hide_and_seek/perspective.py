"""Perspective simulation: from its map, the hider scores places for hiding and imagines how a seeker would fare.

Source: Weihs et al., appendices C.3 and D.4; docs/hide_and_seek.md, "Perspective simulation", lists what is ours.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.mental import FACTORS, FAR, OUTCOMES, Hiding, MentalSeeker, Room, outcome_factors
from models.hide_and_seek.metric_map import MapState
from models.hide_and_seek.rollouts import (
    DRAWN,
    best_and_random,
    draw_without_replacement,
    gumbel,
    outcome_weights,
    simulate,
)

BIAS_SCALE = 10.0
"""Factor of the shared bias of P's logits. Adam then moves it ten times as fast as other parts, so that P learns how
often each outcome occurs before it learns single rooms (ours)."""


class Evaluation(NamedTuple):
    """Mental rollouts at n places of each of B maps."""

    locations: Tensor
    """(B, n, 3) long: x and z in steps, rotation / 90 degrees; relative to the first pose."""
    outcomes: Tensor
    """(B, n, 3) long: drawn without replacement, in the order of drawing."""
    lengths: Tensor
    """(B, n, 3) float: mean steps of the mental seeker, mu_ij."""
    mean_lengths: Tensor
    """(B, n) float: weighted mean mu_i over the outcomes."""


class Choice(NamedTuple):
    """Where the hider wants to hide the object."""

    locations: Tensor
    """(N, 3) long: all candidates in the order in which the hider tries them: x and z in steps, rotation / 90 degrees;
    relative to the first pose. The first n, those with rollouts, are draws from softmax(0.04 mu) without
    replacement, so that after an infeasible choice the next one is a draw among the rest; others follow by score."""
    scores: Tensor
    """(N,) float: score of each of `locations`."""
    mean_lengths: Tensor
    """(n,) float: mu of the first n of `locations`."""


class PerspectiveSimulation(nn.Module):
    """Scores of places (P and V), and mental rollouts.

    The map as a tensor of 8V x h x w is mostly empty, so the first 1x1 convolution is evaluated at the written location
    tuples alone; the result is the same. The four directions share weights (ours): for direction r, the map's rotations
    are numbered from r.
    """

    factors: Tensor

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        settings = self.config = config.perspective
        channels = settings.channels
        first = nn.Conv2d(8 * config.map_size, channels, 1, bias=False)
        weight = first.weight.detach().view(channels, 8, config.map_size)
        self.first = nn.Parameter(weight.permute(1, 2, 0).contiguous())
        """(8, V, C): by 2 (rotation) + standing, rotation being relative to the direction."""
        self.distance = nn.Linear(1, channels)
        self.blocks = nn.ModuleList(nn.Linear(channels, channels) for _ in range(settings.blocks))
        numbers = FACTORS if settings.factored else OUTCOMES
        self.p = nn.Linear(channels, numbers, bias=False)
        self.v = nn.Linear(channels, numbers)
        self.p_bias = nn.Parameter(torch.zeros(numbers))
        nn.init.zeros_(self.p.weight)  # P starts uniform
        self.seeker = MentalSeeker(settings)
        self.register_buffer("factors", outcome_factors(), persistent=False)

    # M1

    def encode(self, map_state: MapState, origin: Tensor) -> Room:
        """M1 on the smallest box around the visited places of all maps, the start, and their neighbours.

        Args:
            map_state: of B maps.
            origin: (B, 4) long: where exploration ended; it counts as visited.
        """
        reach = self.config.reach
        batch, device = len(origin), origin.device
        written = map_state.written >= 0
        cells = torch.cat([map_state.keys[..., :2], origin[:, None, :2]], dim=1)
        inside = torch.cat([written, written.new_ones(batch, 1)], dim=1) & (cells.abs() <= reach).all(dim=-1)
        known = F.pad(torch.where(inside[..., None], cells, 0).flatten(0, 1), (0, 0, 0, 1))  # with the start, (0, 0)
        low = known.amin(dim=0) - 1
        width, height = (known.amax(dim=0) + 2 - low).tolist()

        index = (cells - low).clamp_min(0)
        index = torch.where(inside, index[..., 1] * width + index[..., 0], 0)
        visited = torch.zeros(batch, height * width, dtype=torch.long, device=device)
        visited.scatter_add_(1, index, inside.long())

        parts = self._contributions(map_state, inside[:, :-1])
        total = parts.new_zeros(batch, height * width, *parts.shape[2:])
        target = index[:, :-1, None, None].expand_as(parts)
        total = total.scatter_add(1, target, parts).view(batch, height, width, 4, -1).permute(0, 3, 1, 2, 4)
        xs = torch.arange(width, device=device) + low[0]
        zs = torch.arange(height, device=device) + low[1]
        distances = torch.hypot(xs.float()[None, :], zs.float()[:, None])
        features = self._blocks(total, distances)
        return Room(features, visited.view(batch, height, width) > 0, low)

    def _contributions(self, map_state: MapState, used: Tensor) -> Tensor:
        """(B, P, 4, C): what each location tuple adds to the first convolution's output at its place, by direction."""
        values = map_state.values.masked_fill(~used[..., None], 0)
        products = torch.einsum("bpv,nvc->bpnc", values, self.first)
        directions = torch.arange(4, device=values.device)
        which = 2 * ((map_state.keys[..., 2:3] - directions) % 4) + map_state.keys[..., 3:4]
        return products.gather(2, which[..., None].expand(-1, -1, -1, products.shape[-1]))

    def _blocks(self, total: Tensor, distances: Tensor) -> Tensor:
        features = torch.relu(total + self.distance(distances[..., None] / FAR))
        for block in self.blocks:
            features = torch.relu(block(features))
        return features

    # P and V

    def outcome_logits(self, features: Tensor) -> Tensor:
        """(..., 295): logits of P from M1's features (..., C)."""
        features = features.detach() if self.config.detached else features
        return self._expand(self.p(features) + BIAS_SCALE * self.p_bias)

    def outcome_values(self, features: Tensor) -> Tensor:
        """(..., 295): V from M1's features (..., C). The logit that one hiding lasts longer than another in mental
        rollouts is the difference of their V."""
        return self._expand(self.v(features))

    def _expand(self, numbers: Tensor) -> Tensor:
        return numbers @ self.factors.T if self.config.factored else numbers

    def scores(self, features: Tensor) -> Tensor:
        """(...,): sum of softmax(P) V from M1's features (..., C)."""
        return (self.outcome_logits(features).softmax(dim=-1) * self.outcome_values(features)).sum(dim=-1)

    def features_at(self, room: Room, locations: Tensor) -> Tensor:
        """(B, n, C): M1 at locations (B, n, 3+); those outside the box count as its nearest cell."""
        height, width = room.visited.shape[1:]
        column = (locations[..., 0] - room.low[0]).clamp(0, width - 1)
        row = (locations[..., 1] - room.low[1]).clamp(0, height - 1)
        maps = torch.arange(len(locations), device=locations.device)[:, None]
        return room.features[maps, locations[..., 2], row, column]

    @torch.no_grad()
    def value_of(self, map_state: MapState, locations: Tensor) -> Tensor:
        """(B,) float: score of one location (B, 4) of each map, the v of the exploration reward r_hide.

        Scale: a score that is larger by 1 means odds of about e : 1 that a seeker needs longer.
        """
        same = (map_state.written >= 0) & (map_state.keys[..., :2] == locations[:, None, :2]).all(dim=-1)
        total = self._contributions(map_state, same).sum(dim=1)
        directions = locations[:, 2, None, None].expand(-1, 1, total.shape[-1])
        distances = torch.hypot(*locations[:, :2].float().unbind(-1))
        return self.scores(self._blocks(total.gather(1, directions)[:, 0], distances))

    # Rollouts

    def candidates(self, room: Room) -> Tensor:
        """(B, h, w) bool: places that may be chosen: visited or, if `neighbours`, next to such a place."""
        if not self.config.neighbours:
            return room.visited
        cross = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]], device=room.visited.device)
        return F.conv2d(room.visited[:, None].float(), cross[None, None], padding=1)[:, 0] > 0

    @torch.no_grad()
    def evaluate(self, room: Room, rollouts: int, generator: torch.Generator) -> tuple[Evaluation, Tensor]:
        """Mental rollouts at the best places and at random ones.

        Args:
            room: M1 of B maps.
            rollouts: number of rollouts for each place and outcome.
            generator: of all draws, on the device of `room`.

        Returns:
            the evaluation, and the scores (B, 4, h, w) of all locations, -inf where one may not be chosen.
        """
        config = self.config
        scores = self.scores(room.features).masked_fill(~self.candidates(room)[:, None], -torch.inf)
        picked = best_and_random(scores.flatten(1), config.best, config.random, generator)
        locations = self._locations(room, picked)
        logits = self.outcome_logits(self.features_at(room, locations))
        outcomes = draw_without_replacement(logits, DRAWN, generator)
        shape = (*outcomes.shape, rollouts)
        maps = torch.arange(len(outcomes), device=outcomes.device)[:, None, None, None].expand(shape)
        hiding = Hiding(
            locations[:, :, None, None].expand(*shape, 3).flatten(0, 3), outcomes[..., None].expand(shape).flatten()
        )
        lengths = self._simulate(room, maps.flatten(), hiding, generator).view(shape).mean(dim=-1)
        probabilities = logits.softmax(dim=-1).gather(-1, outcomes)
        weights = outcome_weights(probabilities[..., 0], probabilities[..., 1])
        return Evaluation(locations, outcomes, lengths, (weights * lengths).sum(dim=-1)), scores

    def _locations(self, room: Room, numbers: Tensor) -> Tensor:
        """Locations (..., 3) by their index into the flattened (4, h, w)."""
        height, width = room.visited.shape[1:]
        x, z = numbers % width + room.low[0], numbers // width % height + room.low[1]
        return torch.stack([x, z, numbers // (width * height)], dim=-1)

    def _simulate(self, room: Room, maps: Tensor, hiding: Hiding, generator: torch.Generator) -> Tensor:
        config = self.config
        return simulate(
            self.seeker,
            room,
            maps,
            hiding,
            steps=config.rollout_steps,
            failure_length=config.failure_length,
            generator=generator,
        )

    @torch.no_grad()
    def choose(self, map_state: MapState, origin: Tensor, generator: torch.Generator) -> Choice:
        """Chooses where to hide the object.

        Args:
            map_state: of one map (B = 1).
            origin: (1, 4) long: where exploration ended.
            generator: of all draws, on the map's device; equal generators make equal choices.
        """
        room = self.encode(map_state, origin)
        evaluation, scores = self.evaluate(room, self.config.rollouts, generator)
        mean = evaluation.mean_lengths[0]
        order = (self.config.temperature * mean + gumbel(mean, generator)).argsort(descending=True)
        height, width = room.visited.shape[1:]
        first = evaluation.locations[0][order]
        numbers = (first[:, 2] * height + first[:, 1] - room.low[1]) * width + first[:, 0] - room.low[0]
        flat = scores[0].flatten()
        rest = flat.scatter(0, numbers, -torch.inf)
        others = rest.argsort(descending=True, stable=True)[: int((rest > -torch.inf).sum())]
        numbers = torch.cat([numbers, others])
        return Choice(self._locations(room, numbers), flat[numbers], mean[order])

    @torch.no_grad()
    def rollout_lengths(
        self, map_state: MapState, origin: Tensor, location: Tensor, generator: torch.Generator
    ) -> Tensor:
        """(n,) float: steps of the mental seeker in rollouts at a place, with outcomes drawn from softmax(P), for the
        final reward of object hiding (appendix C.5).

        Args:
            map_state: of one map (B = 1).
            origin: (1, 4) long: where exploration ended.
            location: (3,) or (4,) long: where the object was hidden.
            generator: as in `choose`.
        """
        count = self.config.bonus_rollouts
        room = self.encode(map_state, origin)
        places = location[None, None, :3].expand(1, count, 3)
        logits = self.outcome_logits(self.features_at(room, places))[0]
        outcomes = (logits + gumbel(logits, generator)).argmax(dim=-1)
        maps = torch.zeros(count, dtype=torch.long, device=location.device)
        return self._simulate(room, maps, Hiding(places[0], outcomes), generator)
