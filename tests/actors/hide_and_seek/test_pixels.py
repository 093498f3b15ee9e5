"""Pixels of a dropped object against values worked by hand and against a loop over all pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from actors.hide_and_seek.pixels import GRID, LOST_PIXELS, Landing, Modality, landing

ON_TOP, CONTAINED_IN, BEHIND = Modality.ON_TOP, Modality.CONTAINED_IN, Modality.BEHIND


def counted(entries: dict[tuple[Modality, int, int], int], lost_pixels: int = LOST_PIXELS) -> Landing:
    """A landing with these pixels and none elsewhere."""
    counts = np.zeros((3, GRID, GRID), dtype=np.int64)
    for entry, pixels in entries.items():
        counts[entry] = pixels
    return Landing(counts, lost_pixels)


def mask(rows: slice, columns: slice, shape: tuple[int, int] = (224, 224)) -> NDArray[np.bool_]:
    picture = np.zeros(shape, dtype=bool)
    picture[rows, columns] = True
    return picture


def test_the_modalities_number_the_networks_outputs() -> None:
    assert [int(modality) for modality in (ON_TOP, CONTAINED_IN, BEHIND)] == [0, 1, 2]


def test_half_visible_in_a_container() -> None:
    # Alone, the object fills rows 32-63 and columns 60-69: 4 columns in grid column 1 and 6 in grid column 2.
    # Of these, rows 32-39 are visible: 8 * 4 = 32 and 8 * 6 = 48 pixels; hidden are 24 * 4 = 96 and 24 * 6 = 144.
    alone = mask(slice(32, 64), slice(60, 70))
    on_top = mask(slice(32, 40), slice(60, 70))
    inside = landing(on_top, alone, contained=True)
    assert inside.counts.shape == (3, 7, 7) and inside.counts.dtype == np.int64
    expected = {
        (ON_TOP, 1, 1): 32,
        (ON_TOP, 1, 2): 48,
        (BEHIND, 1, 1): 96,
        (BEHIND, 1, 2): 144,
        (CONTAINED_IN, 1, 1): 128,
        (CONTAINED_IN, 1, 2): 192,
    }
    np.testing.assert_array_equal(inside.counts, counted(expected).counts)
    assert (inside.total, inside.most, inside.lost) == (320, 192, False)
    assert inside.hits() == [(CONTAINED_IN, 1, 2)] and inside.best == (CONTAINED_IN, 1, 2)
    outside = landing(on_top, alone, contained=False)
    assert not outside.counts[CONTAINED_IN].any()
    assert (outside.total, outside.most) == (320, 144) and outside.best == (BEHIND, 1, 2)


def test_a_visible_border_counts_as_visible() -> None:
    # Visible columns 40-49, alone columns 41-50: column 40 is visible all the same and column 50 is hidden.
    border = landing(mask(slice(0, 10), slice(40, 50)), mask(slice(0, 10), slice(41, 51)), contained=False)
    assert border.counts[ON_TOP, 0, 1] == 100 and border.counts[BEHIND, 0, 1] == 10 and border.total == 110


def test_the_first_and_last_pixel_of_a_cell() -> None:
    corners = np.zeros((224, 224), dtype=bool)
    corners[[31, 32, 191, 192, 223], [31, 31, 192, 191, 223]] = True
    counts = landing(corners, np.zeros_like(corners), contained=False).counts[ON_TOP]
    assert [tuple(map(int, entry)) for entry in np.argwhere(counts)] == [(0, 0), (1, 0), (5, 6), (6, 5), (6, 6)]


@pytest.mark.parametrize(("pixels", "lost"), [(0, True), (10, True), (11, False)])
def test_lost(pixels: int, lost: bool) -> None:
    # Half visible and half hidden, so that the sum decides.
    dropped = counted({(ON_TOP, 2, 3): pixels // 2, (BEHIND, 2, 3): pixels - pixels // 2})
    assert dropped.total == pixels and dropped.lost == lost
    assert (dropped.best is None) == lost and (dropped.hits() == []) == lost
    assert dropped.hit(BEHIND, 2, 3) == (not lost)


def test_the_pixels_of_a_container_are_not_counted_twice() -> None:
    assert counted({(ON_TOP, 0, 0): 8, (CONTAINED_IN, 0, 0): 8}).lost


def test_another_limit_of_lost() -> None:
    six = mask(slice(0, 2), slice(0, 3))
    assert landing(six, six, contained=False).lost
    assert not landing(six, six, contained=False, lost_pixels=5).lost
    assert landing(six, six, contained=False, lost_pixels=6).lost


@pytest.mark.parametrize(
    ("most", "least"), [(20, 19), (100, 95), (60, 57), (21, 20), (1000, 950), (11, 11), (140, 133), (180, 171)]
)
def test_a_hit_needs_95_percent(most: int, least: int) -> None:
    # least = ceil(0.95 * most), in whole numbers.
    fullest = (ON_TOP, 0, 0)
    assert counted({fullest: most, (BEHIND, 3, 4): least}).hits() == [fullest, (BEHIND, 3, 4)]
    assert counted({fullest: most, (BEHIND, 3, 4): least - 1}).hits() == [fullest]


def test_neighbours_are_one_row_above_and_below() -> None:
    for modality in (CONTAINED_IN, BEHIND):
        dropped = counted({(modality, 3, 4): 40, (ON_TOP, 0, 0): 20})
        near = [row for row in range(7) if dropped.hit(modality, row, 4, neighbours=True)]
        assert near == [2, 3, 4]
        assert [row for row in range(7) if dropped.hit(modality, row, 4)] == [3]
        assert not any(dropped.hit(modality, 3, column, neighbours=True) for column in (3, 5))
        assert not any(dropped.hit(other, 3, 4, neighbours=True) for other in Modality if other != modality)
    on_top = counted({(ON_TOP, 3, 4): 40})
    assert [row for row in range(7) if on_top.hit(ON_TOP, row, 4, neighbours=True)] == [3]


def test_neighbours_end_at_the_edge_of_the_picture() -> None:
    bottom = counted({(BEHIND, 6, 2): 40})
    assert [row for row in range(7) if bottom.hit(BEHIND, row, 2, neighbours=True)] == [5, 6]
    top = counted({(BEHIND, 0, 2): 40})
    assert [row for row in range(7) if top.hit(BEHIND, row, 2, neighbours=True)] == [0, 1]


def test_best_of_equal_entries() -> None:
    everywhere = {(modality, row, column): 5 for modality in Modality for row in (1, 2) for column in (3, 4)}
    assert counted(everywhere).best == (CONTAINED_IN, 1, 3)
    assert counted({(ON_TOP, 0, 0): 12, (BEHIND, 4, 5): 12, (BEHIND, 5, 1): 12}).best == (BEHIND, 4, 5)
    assert counted({(ON_TOP, 4, 5): 12, (ON_TOP, 4, 2): 12}).best == (ON_TOP, 4, 2)
    assert counted({(ON_TOP, 0, 0): 13, (BEHIND, 4, 5): 12}).best == (ON_TOP, 0, 0)


@pytest.mark.parametrize("cell", [(-1, 0), (0, -1), (7, 0), (0, 7)])
def test_cells_outside_the_grid_are_refused(cell: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"must be in 0 to 6, not {cell[0]} and {cell[1]}"):
        counted({(ON_TOP, 0, 0): 20}).hit(ON_TOP, *cell)


def test_bad_masks_are_refused() -> None:
    good = np.zeros((224, 224), dtype=bool)
    with pytest.raises(ValueError, match="alone must be bool, not uint8"):
        landing(good, good.astype(np.uint8), contained=False)
    for bad in (good[:-1], good[None], good[:0]):
        with pytest.raises(ValueError, match="on_top must have two sides that are multiples of 7, not shape"):
            landing(bad, good, contained=False)
    with pytest.raises(ValueError, match=r"same shape, not \(224, 224\) and \(224, 217\)"):
        landing(good, good[:, :-7], contained=False)


@settings(max_examples=40)
@given(
    st.sampled_from([(7, 7), (14, 21), (28, 14)]),
    st.integers(0, 2**32 - 1),
    st.floats(0, 0.6),
    st.booleans(),
    st.integers(0, 60),
)
def test_against_a_loop_over_pixels(
    shape: tuple[int, int], seed: int, density: float, contained: bool, lost_pixels: int
) -> None:
    on_top, alone = np.random.default_rng(seed).random((2, *shape)) < density
    counts: dict[tuple[Modality, int, int], int] = {
        (modality, row, column): 0 for modality in Modality for row in range(7) for column in range(7)
    }
    total = 0
    for v in range(shape[0]):
        for u in range(shape[1]):
            row, column = v * 7 // shape[0], u * 7 // shape[1]
            if on_top[v, u] or alone[v, u]:
                total += 1
                counts[ON_TOP if on_top[v, u] else BEHIND, row, column] += 1
                if contained:
                    counts[CONTAINED_IN, row, column] += 1
    found = landing(on_top, alone, contained, lost_pixels)
    np.testing.assert_array_equal(found.counts, counted(counts).counts)
    most = max(counts.values())
    hits = [entry for entry, pixels in counts.items() if total > lost_pixels and 20 * pixels >= 19 * most]
    assert (found.total, found.most, found.lost) == (total, most, total <= lost_pixels)
    assert found.hits() == hits
    assert found.best is None if found.lost else counts[found.best] == most  # type: ignore[index]
    for modality, row, column in counts:
        assert found.hit(modality, row, column) == ((modality, row, column) in hits)
        rows = [row] if modality == ON_TOP else [row - 1, row, row + 1]
        expected = any((modality, other, column) in hits for other in rows)
        assert found.hit(modality, row, column, neighbours=True) == expected
