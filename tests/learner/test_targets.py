"""Targets against values worked by hand and against plain loops of the formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learner.interaction.targets import (
    MOST_WEIGHT,
    PointTargets,
    Touches,
    balanced,
    point_targets,
    read_masks,
    read_touches,
    spread_points,
)
from replay.interaction.kernels import KERNELS, kernel
from replay.interaction.record import Feedback, pack_masks

PAPER = torch.from_numpy(kernel("paper").copy())


def touches(rows: list[tuple[int, int, int, Feedback]]) -> Touches:
    """One image; each row (row, column, magnitude, feedback)."""
    points = torch.tensor([[row[:2] for row in rows]], dtype=torch.uint8)
    return read_touches(
        points,
        torch.tensor([[row[2] for row in rows]], dtype=torch.uint8),
        torch.tensor([[row[3] for row in rows]], dtype=torch.uint8),
        torch.tensor([len(rows)], dtype=torch.uint8),
    )


def test_foreground_and_background_by_hand() -> None:
    found = point_targets(
        touches(
            [
                (10, 20, 2, Feedback.MOVED),
                (10, 22, 2, Feedback.MOVED),
                (0, 99, 2, Feedback.UNSUCCESSFUL),
                (50, 50, 2, Feedback.DROPPED),
            ]
        ),
        PAPER,
    )
    fg, bg = found.foreground[0], found.background[0]
    e = np.exp
    assert fg[10, 20] == pytest.approx(1 + e(-4))  # its own, and the other one two columns away
    assert fg[10, 21] == pytest.approx(2 * e(-1))
    assert fg[11, 21] == pytest.approx(2 * e(-2))
    assert fg[12, 18] == pytest.approx(e(-8))
    assert fg[13, 20] == 0 and fg[10, 17] == 0
    # Cut off at the border: three by three cells are left of the upper right corner.
    assert bg[0, 99] == 1 and bg[1, 98] == pytest.approx(e(-2)) and bg[2, 97] == pytest.approx(e(-8))
    assert (bg > 0).sum() == 9
    assert fg[50, 50] == 0 and bg[50, 50] == 0
    assert not found.force.any()


@pytest.mark.parametrize(("repeated_points", "times"), [("once", 1), ("add", 2)])
def test_several_touches_of_one_cell(repeated_points: str, times: int) -> None:
    moved, nothing = (5, 5, 2, Feedback.MOVED), (5, 5, 2, Feedback.UNSUCCESSFUL)
    found = point_targets(touches([moved, moved, nothing, nothing, (5, 6, 2, Feedback.MOVED)]), PAPER, repeated_points)
    # The neighbour adds its share of the kernel in any case.
    assert found.foreground[0, 5, 5] == pytest.approx(times + np.exp(-1))
    assert found.foreground[0, 6, 5] == pytest.approx(times * np.exp(-1) + np.exp(-2))
    assert found.background[0, 5, 5] == times and found.background[0, 5, 4] == pytest.approx(times * np.exp(-1))


def test_padding_is_ignored() -> None:
    found = point_targets(
        read_touches(
            torch.zeros(1, 20, 2, dtype=torch.uint8),
            torch.zeros(1, 20, dtype=torch.uint8),
            torch.zeros(1, 20, dtype=torch.uint8),
            torch.tensor([1], dtype=torch.uint8),
        ),
        PAPER,
    )
    assert found.background[0, 0, 0] == 1


@pytest.mark.parametrize(
    ("magnitude", "feedback", "expected"),
    [
        # marks, minus their mean, over their L1 norm
        (0, Feedback.JUST_RIGHT, [1 / 2, -1 / 4, -1 / 4]),  # (2/3, -1/3, -1/3) / (4/3)
        (1, Feedback.JUST_RIGHT, [-1 / 4, 1 / 2, -1 / 4]),
        (0, Feedback.TOO_SMALL, [-1 / 2, 1 / 4, 1 / 4]),  # (-2/3, 1/3, 1/3) / (4/3)
        (1, Feedback.TOO_SMALL, [-1 / 4, -1 / 4, 1 / 2]),
        (2, Feedback.TOO_SMALL, [0, 0, 0]),  # nothing is larger
        (2, Feedback.TOO_LARGE, [1 / 4, 1 / 4, -1 / 2]),
        (1, Feedback.TOO_LARGE, [1 / 2, -1 / 4, -1 / 4]),
        (0, Feedback.TOO_LARGE, [0, 0, 0]),
        (1, Feedback.MOVED, [0, 0, 0]),
        (1, Feedback.UNSUCCESSFUL, [0, 0, 0]),
        (1, Feedback.DROPPED, [0, 0, 0]),
    ],
)
def test_force_targets_by_hand(magnitude: int, feedback: Feedback, expected: list[float]) -> None:
    force = point_targets(touches([(40, 60, magnitude, feedback)]), PAPER).force[0]
    np.testing.assert_allclose(force[:, 40, 60], expected, atol=1e-12)
    np.testing.assert_allclose(force[:, 41, 58], np.exp(-5) * np.array(expected), atol=1e-12)


def test_force_marks_of_one_cell_add_up_before_they_are_normalised() -> None:
    rows = [(7, 7, 0, Feedback.JUST_RIGHT), (7, 7, 0, Feedback.JUST_RIGHT), (7, 7, 1, Feedback.JUST_RIGHT)]
    # marks (2, 1, 0) - 1 = (1, 0, -1), L1 norm 2
    np.testing.assert_allclose(point_targets(touches(rows), PAPER).force[0, :, 7, 7], [0.5, 0, -0.5], atol=1e-12)
    # The release scales each touch's marks: twice (1/2, -1/4, -1/4) and (-1/4, 1/2, -1/4).
    added = point_targets(touches(rows), PAPER, "add").force[0]
    np.testing.assert_allclose(added[:, 7, 7], [0.75, 0, -0.75], atol=1e-12)
    np.testing.assert_allclose(added[:, 8, 7], np.exp(-1) * np.array([0.75, 0, -0.75]), atol=1e-12)
    # One mark for each magnitude says nothing.
    every = [(7, 7, r, Feedback.JUST_RIGHT) for r in range(3)]
    assert not point_targets(touches(every), PAPER).force.any()
    assert not point_targets(touches(every), PAPER.float()).force.any()


def scaled(marks: np.ndarray) -> np.ndarray:
    """Marks (3, ...) less their mean, of L1 norm 1 or 0."""
    marks = marks - marks.mean(axis=0)
    norm = np.abs(marks).sum(axis=0)
    return np.where(norm > 1e-9, marks / np.where(norm > 1e-9, norm, 1), 0)


def loops(batch: Touches, name: str, repeated_points: str) -> PointTargets:
    """The same by plain loops in float64."""
    size = len(batch.cells)
    fg, bg, ft = np.zeros((size, 100, 100)), np.zeros((size, 100, 100)), np.zeros((size, 3, 100, 100))
    weights = KERNELS[name]
    for b in range(size):
        marks = np.zeros((3, 100, 100))
        maps = {True: np.zeros((100, 100)), False: np.zeros((100, 100))}
        for cell, r0, feedback in zip(
            batch.cells[b].tolist(), batch.magnitudes[b].tolist(), batch.feedback[b].tolist(), strict=True
        ):
            row, column = divmod(cell, 100)
            if feedback == Feedback.DROPPED:
                continue
            counts = maps[feedback != Feedback.UNSUCCESSFUL]
            counts[row, column] = counts[row, column] + 1 if repeated_points == "add" else 1
            own = np.zeros(3)
            for r in range(3):
                hit = {Feedback.JUST_RIGHT: r == r0, Feedback.TOO_SMALL: r > r0, Feedback.TOO_LARGE: r < r0}
                own[r] = hit.get(Feedback(feedback), False)
            marks[:, row, column] += scaled(own) if repeated_points == "add" else own
        if repeated_points == "once":
            marks = scaled(marks)
        for source, target in [(maps[True], fg[b]), (maps[False], bg[b]), *zip(marks, ft[b], strict=True)]:
            for row, column in np.argwhere(source):
                for u in range(-2, 3):
                    for v in range(-2, 3):
                        if 0 <= row + u < 100 and 0 <= column + v < 100:
                            target[row + u, column + v] += source[row, column] * weights[u + 2, v + 2]
    return PointTargets(*map(torch.from_numpy, (fg, bg, ft)))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    name=st.sampled_from(sorted(KERNELS)),
    repeated_points=st.sampled_from(["once", "add"]),
)
def test_agrees_with_plain_loops(seed: int, name: str, repeated_points: str) -> None:
    rng = np.random.default_rng(seed)
    # Few different cells, so that touches coincide and their kernels overlap, also at the borders.
    batch = Touches(
        torch.from_numpy(100 * rng.choice([0, 1, 50, 51, 99], (3, 9)) + rng.choice([0, 2, 50, 98, 99], (3, 9))),
        torch.from_numpy(rng.integers(0, 3, (3, 9))),
        torch.from_numpy(rng.integers(0, 6, (3, 9))),
    )
    found = point_targets(batch, torch.from_numpy(kernel(name).copy()), repeated_points)
    for ours, theirs in zip(found, loops(batch, name, repeated_points), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=1e-12)


def test_spreading_is_the_convolution_cut_off_at_the_border() -> None:
    maps = torch.randn(2, 3, 10_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    dense = torch.nn.functional.conv2d(maps.view(6, 1, 100, 100), PAPER[None, None], padding=2)
    torch.testing.assert_close(spread_points(maps, PAPER), dense.view(2, 3, 100, 100))


def test_masks_of_successful_touches_are_unpacked() -> None:
    rng = np.random.default_rng(0)
    masks = rng.random((2, 5, 100, 100)) < 0.1
    masks[1, 3] = False  # successful, but empty
    feedback = torch.tensor([[4, 0, 1, 5, 0], [3, 0, 0, 2, 4]], dtype=torch.uint8)
    zeros = torch.zeros(2, 5, dtype=torch.uint8)
    batch = read_touches(torch.zeros(2, 5, 2, dtype=torch.uint8), zeros, feedback, torch.tensor([5, 4]))
    found = read_masks(torch.from_numpy(pack_masks(masks)), batch)
    # Of image 1, row 4 is padding.
    assert found.image.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(found.cells.numpy().reshape(3, 100, 100), masks[[0, 0, 1], [0, 2, 0]])


def test_balanced_forces_by_hand() -> None:
    # Three cells support light, one medium and heavy alike: light counts 3 x 2/3 = 2, the others 1/3 each, of 8/3.
    # Weights: light 8/3 / 6 = 4/9; medium and heavy 8/3 / 1 = 8/3. They have mean 1 over the supports.
    marks = torch.zeros(1, 3, 5, dtype=torch.float64)
    marks[0, :, :3] = torch.tensor([2 / 3, -1 / 3, -1 / 3])[:, None]
    marks[0, :, 3] = torch.tensor([-2 / 3, 1 / 3, 1 / 3])
    found = balanced(marks)
    torch.testing.assert_close(found[0, :, 0], 4 / 9 * marks[0, :, 0])
    torch.testing.assert_close(found[0, :, 3], 8 / 3 * marks[0, :, 3])
    assert not found[0, :, 4].any()


def test_rare_forces_weigh_no_more_than_the_limit() -> None:
    marks = torch.zeros(1, 3, 200, dtype=torch.float64)
    marks[0, :, :199] = torch.tensor([2 / 3, -1 / 3, -1 / 3])[:, None]
    marks[0, :, 199] = torch.tensor([-1 / 3, -1 / 3, 2 / 3])
    torch.testing.assert_close(balanced(marks)[0, :, 199], MOST_WEIGHT * marks[0, :, 199])
    nothing = torch.zeros(2, 3, 7)
    assert torch.equal(balanced(nothing), nothing)


def test_balanced_targets_are_spread_like_the_others() -> None:
    rows = [(9, 9, 0, Feedback.JUST_RIGHT), (30, 30, 0, Feedback.JUST_RIGHT), (60, 60, 2, Feedback.JUST_RIGHT)]
    plain, even = (point_targets(touches(rows), PAPER, force_balance=chosen) for chosen in (False, True))
    # Light is supported twice, heavy once, medium never: N / (3 n) = 3 / 6 and 3 / 3.
    for cell, weight in ((9, 0.5), (30, 0.5), (60, 1.0)):
        np.testing.assert_allclose(even.force[0, :, cell, cell + 1], weight * plain.force[0, :, cell, cell + 1])
    assert torch.equal(plain.foreground, even.foreground) and torch.equal(plain.background, even.background)
