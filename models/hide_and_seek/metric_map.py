"""The metric map: a vector for each location tuple at which the agent has been.

Source: Weihs et al., appendix D.2. Keys are location tuples relative to the agent's first pose: x steps to the right, z
steps ahead, rotation / 90 degrees clockwise, standing.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.hide_and_seek.config import AgentConfig

AHEAD = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""Steps along x and z that a step ahead makes, by rotation / 90 degrees."""


class MapState(NamedTuple):
    """B maps of P slots."""

    values: Tensor
    """(B, P, V) float"""
    keys: Tensor
    """(B, P, 4) long"""
    written: Tensor
    """(B, P) long: number of the latest write into the slot; -1: free"""


class Entries(NamedTuple):
    """All vectors that B maps hold at any of T steps. The map before a step consists of the valid ones."""

    values: Tensor
    """(B, E, V): first the P slots before the first step, then what steps 1 to T - 1 wrote"""
    keys: Tensor
    """(B, E, 4) long"""
    valid: Tensor
    """(T, B, E) bool"""


def empty_map(batch: int, places: int, size: int, device: torch.device | None = None) -> MapState:
    """Maps without entries."""
    return MapState(
        torch.zeros(batch, places, size, device=device),
        torch.zeros(batch, places, 4, dtype=torch.long, device=device),
        torch.full((batch, places), -1, dtype=torch.long, device=device),
    )


def entries_of(state: MapState) -> Entries:
    """The entries of maps at one step."""
    return Entries(state.values, state.keys, (state.written >= 0)[None])


def find(keys: Tensor, written: Tensor, locations: Tensor) -> tuple[Tensor, Tensor]:
    """Where a map keeps a location, or would.

    Args:
        keys: (B, P, 4)
        written: (B, P)
        locations: (B, 4)

    Returns:
        (B, 1) slot, the one written longest ago if no slot has the location and none is free; (B, 1) bool, whether the
        slot has the location.
    """
    same = (keys == locations[:, None]).all(-1) & (written >= 0)
    known, slot = same.max(1, keepdim=True)
    return torch.where(known, slot, written.argmin(1, keepdim=True)), known


def read_at(state: MapState, locations: Tensor) -> Tensor:
    """(B, 4) locations -> (B, V), what the maps hold there; zeros where they hold nothing."""
    slot, known = find(state.keys, state.written, locations)
    return _at(state.values, slot) * known


def relative(keys: Tensor, locations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Keys in the frame of an agent.

    Args:
        keys: (..., E, 4)
        locations: (..., 4), the agent's

    Returns:
        (..., E) steps to the right of it, steps ahead of it, rotation / 90 degrees from its own.
    """
    x, z, rotation, _ = keys.unbind(-1)
    own_x, own_z, own_rotation, _ = locations[..., None, :].unbind(-1)
    # AHEAD as a formula, which is faster than a look-up.
    odd = own_rotation % 2
    ahead_x, ahead_z = (2 - own_rotation) * odd, (1 - own_rotation) * (1 - odd)
    x, z = x - own_x, z - own_z
    return x * ahead_z - z * ahead_x, x * ahead_x + z * ahead_z, (rotation - own_rotation) % 4


def egocentric(state: MapState, locations: Tensor, window: int) -> Tensor:
    """The map around agents, up being ahead.

    Args:
        state: B maps
        locations: (B, 4), the agents'
        window: w, cells, odd; the agent is at its centre

    Returns:
        (B, 4, 2, V, w, w) by rotation relative to the agent, standing, and cell
    """
    right, ahead, rotation = relative(state.keys, locations)
    return _tensor(state, window // 2 - ahead, window // 2 + right, rotation, window, window)


def as_tensor(state: MapState) -> Tensor:
    """The maps as tensors, (B, 4, 2, V, h, w) by rotation, standing, and cell.

    Row i is at z = max z - i and column j at x = min x + j of a map's entries. A batch's smaller maps are padded by
    zeros at the bottom and the right; maps without entries have one row and column.
    """
    x, z, rotation, _ = state.keys.unbind(-1)
    valid = state.written >= 0
    far = torch.iinfo(x.dtype).max
    columns = torch.where(valid, x - torch.where(valid, x, far).amin(1, keepdim=True), 0)
    rows = torch.where(valid, torch.where(valid, z, -far).amax(1, keepdim=True) - z, 0)
    return _tensor(state, rows, columns, rotation, int(rows.max()) + 1, int(columns.max()) + 1)


def _tensor(state: MapState, rows: Tensor, columns: Tensor, rotation: Tensor, height: int, width: int) -> Tensor:
    batch, _, size = state.values.shape
    inside = (state.written >= 0) & (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    b, slot = inside.nonzero(as_tuple=True)
    where = (b, rotation[b, slot], state.keys[b, slot, 3], rows[b, slot], columns[b, slot])
    cells = state.values.new_zeros(batch, 4, 2, height, width, size).index_put(where, state.values[b, slot])
    return cells.permute(0, 1, 2, 5, 3, 4)


def _at(values: Tensor, slot: Tensor) -> Tensor:
    """(B, P, V) and slots (B, 1) -> (B, V)."""
    return values.gather(1, slot[..., None].expand(-1, -1, values.shape[-1]))[:, 0]


class MapWriter(nn.Module):
    """Writes vectors into maps: a GRU updates what the location holds, from a learned initial state."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(size, size)
        self.initial = nn.Parameter(torch.zeros(size))

    def write(self, state: MapState, locations: Tensor, vectors: Tensor) -> MapState:
        """Writes (B, V) vectors at (B, 4) locations. A full map gives up the slot that was written longest ago."""
        rows = torch.ones(len(locations), dtype=torch.bool, device=locations.device)
        return self.record(state, locations[None], vectors[None], ~rows[None], rows)[1]

    def record(
        self, state: MapState, locations: Tensor, vectors: Tensor, new_maps: Tensor, writes: Tensor
    ) -> tuple[Entries, MapState]:
        """Writes at each of T steps.

        Args:
            state: before the first step
            locations: (T, B, 4) long
            vectors: (T, B, V)
            new_maps: (T, B) bool, maps that become empty before a step
            writes: (B,) bool, maps that are written

        Returns:
            The entries before each step's write, and the maps after the last step.
        """
        steps, places = len(locations), state.keys.shape[1]
        values, device = state.values, state.keys.device
        keys, written = state.keys.clone(), state.written.clone()
        entry = torch.arange(places, device=device).expand_as(written).contiguous()
        held = torch.cat([written >= 0, written.new_zeros(len(written), steps, dtype=torch.bool)], 1)
        valid, added = [], []
        may_write = writes[:, None]
        for step in range(steps):
            emptied = new_maps[step][:, None]
            held = held & ~emptied
            written.masked_fill_(emptied, -1)
            valid.append(held[:, : places + steps - 1].clone())
            slot, known = find(keys, written, locations[step])
            new = self.cell(vectors[step], torch.where(known, _at(values, slot), self.initial))
            added.append(new)
            new = torch.where(may_write, new, _at(values, slot))
            values = values.scatter(1, slot[..., None].expand(-1, -1, new.shape[-1]), new[:, None])
            replaced = entry.gather(1, slot)
            held.scatter_(1, replaced, held.gather(1, replaced) & ~may_write)
            held[:, places + step] = writes
            entry.scatter_(1, slot, torch.where(may_write, places + step, replaced))
            old_keys = keys.gather(1, slot[..., None].expand(-1, -1, 4))
            new_keys = torch.where(may_write[..., None], locations[step][:, None], old_keys)
            keys.scatter_(1, slot[..., None].expand(-1, -1, 4), new_keys)
            clock = written.amax(1, keepdim=True) + 1
            written.scatter_(1, slot, torch.where(may_write, clock, written.gather(1, slot)))
        entries = Entries(
            torch.cat([state.values, torch.stack(added[:-1], 1)], 1) if steps > 1 else state.values,
            torch.cat([state.keys, locations[:-1].transpose(0, 1)], 1) if steps > 1 else state.keys,
            torch.stack(valid),
        )
        return entries, MapState(values, keys, written)


class MapReader(nn.Module):
    """Reads maps by attention and by convolutions over the egocentric window."""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        size, channels = config.map_size, config.map_channels
        self.window = config.window
        self.query = nn.Linear(config.grid_channels - 1, config.attention_size)
        self.key = nn.Linear(size, config.attention_size)
        self.value = nn.Linear(size, config.attention_size)
        self.project = nn.Linear(size, 8 * channels, bias=False)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, 2, padding=1),
            nn.ReLU(inplace=True),
        )
        cells = ((config.window + 1) // 2 + 1) // 2
        self.features = nn.Linear(cells * cells * channels, config.map_features)

    def cells(self, entries: Entries, locations: Tensor) -> Tensor:
        """A 1x1 convolution over the 8 V channels of the egocentric windows.

        Each entry's vector is projected by the weights of its relative rotation and posture and then added to its cell:
        far cheaper than the convolution over the tensor, which is nearly empty.

        Args:
            entries: of T steps
            locations: (T, B, 4), the agents'

        Returns:
            (T B, channels, w, w)
        """
        steps, batch, count = entries.valid.shape
        half, window = self.window // 2, self.window
        right, ahead, rotation = relative(entries.keys, locations)
        inside = entries.valid & (right.abs() <= half) & (ahead.abs() <= half)
        t, b, entry = inside.nonzero(as_tuple=True)
        where = (t, b, entry)
        cell = ((t * batch + b) * window + half - ahead[where]) * window + half + right[where]
        row = ((b * count + entry) * 4 + rotation[where]) * 2 + entries.keys[b, entry, 3]
        channels = len(self.bias)
        projected = self.project(entries.values).view(-1, channels).index_select(0, row)
        total = projected.new_zeros(steps * batch * window * window, channels).index_add(0, cell, projected)
        return (total + self.bias).view(-1, window, window, channels).permute(0, 3, 1, 2)

    def convolve(self, entries: Entries, locations: Tensor) -> Tensor:
        """The reading by convolutions, (T, B, map_features). Arguments: see `cells`."""
        cells = self.convolutions(torch.relu(self.cells(entries, locations)))
        features = torch.relu(self.features(cells.permute(0, 2, 3, 1).flatten(1)))
        return features.view(*locations.shape[:2], -1)

    def memory(self, entries: Entries) -> tuple[Tensor, Tensor]:
        """Keys (B, E, A), scaled, and values (B, E, A) of the attention."""
        keys: Tensor = self.key(entries.values) * self.key.out_features**-0.5
        return keys, self.value(entries.values)

    def attend(self, pooled: Tensor, keys: Tensor, values: Tensor, valid: Tensor) -> Tensor:
        """The reading by attention.

        Args:
            pooled: (B, G - 1), which makes the query
            keys, values: see `memory`
            valid: (B, E) bool

        Returns:
            (B, A); zeros for empty maps
        """
        scores = torch.bmm(keys, self.query(pooled)[..., None])[..., 0]
        # A finite number in place of -inf: the softmax of an empty map stays finite, and the mask makes it zero.
        shares = scores.masked_fill(~valid, -1e9).softmax(1) * valid
        return torch.bmm(shares[:, None], values)[:, 0]
