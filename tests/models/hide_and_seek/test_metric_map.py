"""Writes into the metric map, and its readings."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from actors.hide_and_seek.locations import Location
from models.hide_and_seek.metric_map import (
    MapReader,
    MapState,
    MapWriter,
    as_tensor,
    egocentric,
    empty_map,
    entries_of,
    read_at,
    relative,
)
from tests.models.hide_and_seek.networks import tiny

SIZE = 8


def at(*locations: tuple[int, int, int, int]) -> Tensor:
    return torch.tensor(locations)


def held(state: MapState, row: int = 0) -> dict[tuple[int, ...], list[float]]:
    """What a map holds, by location."""
    used = (state.written[row] >= 0).nonzero()[:, 0].tolist()
    return {tuple(state.keys[row, slot].tolist()): state.values[row, slot].tolist() for slot in used}


def random_map(seed: int, batch: int = 2, places: int = 12, dtype: torch.dtype = torch.float64) -> MapState:
    """Maps with entries at different locations within 3 steps; a third of the slots is free."""
    generator = torch.Generator().manual_seed(seed)
    keys = torch.empty(batch, places, 4, dtype=torch.long)
    for row in range(batch):
        numbers = torch.randperm(7 * 7 * 8, generator=generator)[:places]
        keys[row] = torch.stack([numbers // 56 - 3, numbers // 8 % 7 - 3, numbers // 2 % 4, numbers % 2], -1)
    written = torch.arange(places).expand(batch, -1).clone()
    written[torch.rand(batch, places, generator=generator) < 0.33] = -1
    return MapState(torch.randn(batch, places, SIZE, dtype=dtype, generator=generator), keys, written)


def test_a_write_updates_what_the_location_holds() -> None:
    torch.manual_seed(0)
    writer = MapWriter(SIZE)
    torch.nn.init.normal_(writer.initial)
    first, second, other = torch.randn(3, 1, SIZE)
    here, there = at((1, -2, 3, 1)), at((1, -2, 3, 0))
    state = writer.write(empty_map(1, 3, SIZE), here, first)
    once = writer.cell(first, writer.initial[None])
    torch.testing.assert_close(read_at(state, here), once)
    assert not read_at(state, there).any()
    state = writer.write(state, there, other)
    state = writer.write(state, here, second)
    torch.testing.assert_close(read_at(state, here), writer.cell(second, once))
    torch.testing.assert_close(read_at(state, there), writer.cell(other, writer.initial[None]))
    assert len(held(state)) == 2


def test_a_full_map_gives_up_the_slot_written_longest_ago() -> None:
    torch.manual_seed(0)
    writer = MapWriter(SIZE)
    state = empty_map(1, 3, SIZE)
    places = [at((x, 0, 0, 1)) for x in range(4)]
    vectors = torch.randn(5, 1, SIZE)
    for place, vector in zip([0, 1, 2, 0], vectors[:4], strict=True):
        state = writer.write(state, places[place], vector)
    state = writer.write(state, places[3], vectors[4])
    assert sorted(key[0] for key in held(state)) == [0, 2, 3]
    # The newcomer starts from the initial state, not from what the slot held.
    torch.testing.assert_close(read_at(state, places[3]), writer.cell(vectors[4], writer.initial[None]))


def test_maps_of_a_batch_are_written_independently() -> None:
    torch.manual_seed(0)
    writer = MapWriter(SIZE)
    steps, batch = 9, 4
    locations = torch.randint(0, 2, (steps, batch, 4))
    vectors = torch.randn(steps, batch, SIZE)
    new_maps = torch.rand(steps, batch) < 0.2
    writes = torch.tensor([True, True, False, True])
    entries, together = writer.record(empty_map(batch, 4, SIZE), locations, vectors, new_maps, writes)
    for row in range(batch):
        state = empty_map(1, 4, SIZE)
        for step in range(steps):
            if new_maps[step, row]:
                state = empty_map(1, 4, SIZE)
            valid = entries.valid[step, row]
            before = {
                tuple(key.tolist()): value.tolist()
                for key, value in zip(entries.keys[row, valid], entries.values[row, valid], strict=True)
            }
            assert before.keys() == held(state).keys()
            for key, value in held(state).items():
                torch.testing.assert_close(torch.tensor(before[key]), torch.tensor(value))
            if writes[row]:
                state = writer.write(state, locations[step, row][None], vectors[step, row][None])
        assert held(together, row).keys() == held(state).keys()
    assert not held(together, 2)


def test_relative_locations_are_the_games() -> None:
    state = random_map(1)
    for own in [(2, -1, rotation, 1) for rotation in range(4)]:
        right, ahead, rotation = relative(state.keys[:1], at(own))
        for slot, key in enumerate(state.keys[0].tolist()):
            origin = Location(own[0], own[1], 90 * own[2], True)
            expected = Location(key[0], key[1], 90 * key[2], True).seen_from(origin)
            assert (right[0, slot], ahead[0, slot], 90 * rotation[0, slot]) == expected[:3]


def test_the_egocentric_reading_has_ahead_at_the_top() -> None:
    state = empty_map(1, 2, 1)
    state.keys[0] = at((3, 5, 1, 0), (2, 4, 0, 1))
    state.values[0] = torch.tensor([[7.0], [9.0]])
    state.written[0] = torch.tensor([0, 1])
    # The agent at (2, 5) looks along +x: (3, 5) is one step ahead, and (2, 4) one step to the right.
    cells = egocentric(state, at((2, 5, 1, 1)), 3)
    assert cells.shape == (1, 4, 2, 1, 3, 3) and cells.count_nonzero() == 2
    assert cells[0, 0, 0, 0, 0, 1] == 7
    assert cells[0, 3, 1, 0, 1, 2] == 9


def test_cells_outside_the_window_do_not_wrap_around() -> None:
    state = empty_map(1, 1, 1)
    state.keys[0, 0] = torch.tensor([2, 0, 0, 1])
    state.values[0, 0], state.written[0, 0] = 1.0, 0
    assert egocentric(state, at((0, 0, 0, 1)), 3).count_nonzero() == 0
    assert egocentric(state, at((0, 0, 0, 1)), 5)[0, 0, 1, 0, 2, 4] == 1


def test_the_reading_as_a_tensor_runs_north_to_south_and_west_to_east() -> None:
    state = empty_map(2, 3, 2)
    state.keys[0] = at((-1, 4, 2, 0), (1, 3, 0, 1), (50, 50, 0, 0))
    state.values[0] = torch.tensor([[1.0, 2], [3, 4], [5, 6]])
    state.written[0] = torch.tensor([4, 9, -1])
    tensor = as_tensor(state)
    assert tensor.shape == (2, 4, 2, 2, 2, 3)
    assert tensor[0, 2, 0, :, 0, 0].tolist() == [1, 2]
    assert tensor[0, 0, 1, :, 1, 2].tolist() == [3, 4]
    assert tensor.count_nonzero() == 4
    assert as_tensor(empty_map(1, 3, 2)).shape == (1, 4, 2, 2, 1, 1)


def test_projected_entries_equal_the_convolution_over_the_tensor() -> None:
    torch.manual_seed(0)
    config = tiny(late_size=SIZE - 3)
    reader = MapReader(config).double()
    torch.nn.init.normal_(reader.bias)
    state = random_map(2)
    for rotation in range(4):
        locations = at((1, 0, rotation, 1), (-1, 2, 3 - rotation, 0))
        cells = reader.cells(entries_of(state), locations[None])
        window = egocentric(state, locations, config.window).reshape(2, 8 * SIZE, config.window, config.window)
        # Rows of the projection are ordered by rotation, posture and channel.
        kernel = reader.project.weight.view(8, config.map_channels, SIZE).transpose(0, 1).reshape(-1, 8 * SIZE, 1, 1)
        torch.testing.assert_close(cells, functional.conv2d(window, kernel, reader.bias))
        assert window.count_nonzero() > 2 * SIZE


def test_attention_reads_valid_entries_alone() -> None:
    torch.manual_seed(0)
    reader = MapReader(tiny(late_size=SIZE - 3)).double()
    state = random_map(3)
    state.written[1] = -1
    pooled = torch.randn(2, 6, dtype=torch.float64)
    keys, values = reader.memory(entries_of(state))
    read = reader.attend(pooled, keys, values, state.written >= 0)
    used = state.written[0] >= 0
    query, stored = reader.query(pooled[0]), state.values[0, used]
    shares = torch.softmax(reader.key(stored) @ query / query.shape[0] ** 0.5, 0)
    torch.testing.assert_close(read[0], shares @ reader.value(stored))
    assert read[1].tolist() == [0.0] * read.shape[1]
    read.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in reader.parameters())
