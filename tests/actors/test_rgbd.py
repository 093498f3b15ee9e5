"""Masks from colour and depth, on hand-made motions whose true masks are known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from actors.interaction.config import RgbdConfig
from actors.interaction.rgbd import RgbdSupervision, cell_depth, connected_part, motion, noise_of
from actors.interaction.self_supervision import Outcome
from actors.observation import Observation
from tests.actors.test_self_supervision import CONFIG

RGBD = RgbdConfig()


@dataclass(frozen=True)
class Thing:
    """A rectangle of cells in front of a wall."""

    top: int
    left: int
    height: int
    width: int
    depth: float
    """m."""
    colour: tuple[int, int, int] = (200, 30, 30)

    def at(self, down: int = 0, right: int = 0, depth: float | None = None) -> Thing:
        """The thing after a motion by so many cells."""
        return replace(self, top=self.top + down, left=self.left + right, depth=self.depth if depth is None else depth)

    @property
    def cells(self) -> NDArray[np.bool_]:
        """(100, 100) where it is."""
        mask = np.zeros((100, 100), dtype=bool)
        mask[self.top : self.top + self.height, self.left : self.left + self.width] = True
        return mask


def view(*things: Thing, wall: float = 1.5, noise: float = 0.0, seed: int = 0) -> Observation:
    """A grey wall with things in front of it, the nearest last; depth with Gaussian noise (standard deviation, m)."""
    image = np.full((100, 100, 3), 120, dtype=np.uint8)
    depth = np.full((100, 100), wall, dtype=np.float32)
    for thing in things:
        image[thing.cells] = thing.colour
        depth[thing.cells] = thing.depth
    image, depth = image.repeat(3, 0).repeat(3, 1), depth.repeat(3, 0).repeat(3, 1)
    if noise:
        depth += noise * np.random.default_rng(seed).standard_normal(depth.shape, dtype=np.float32)
    return Observation(image, depth)


def judge(before: Observation, after: Observation, row: int, column: int, superpixels: bool = True) -> Outcome:
    """What the supervision says about one touch."""
    return RgbdSupervision(before, replace(CONFIG, superpixels=superpixels), RGBD).judge(after, row, column)


def iou(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((mask & truth).sum() / (mask | truth).sum())


BOX = Thing(30, 40, 20, 20, 1.0)


@pytest.mark.parametrize("superpixels", [True, False])
def test_a_box_that_leaves(superpixels: bool) -> None:
    mask, successful, *_ = judge(view(BOX), view(), 40, 50, superpixels)
    assert successful and (mask == BOX.cells).all()


@pytest.mark.parametrize(("down", "right"), [(0, 6), (0, -12), (5, 5), (-19, 3)])
@pytest.mark.parametrize("row_column", [(40, 50), (31, 41), (45, 58)])
def test_a_box_that_slides_over_its_own_place(down: int, right: int, row_column: tuple[int, int]) -> None:
    mask, successful, *_ = judge(view(BOX), view(BOX.at(down, right)), *row_column)
    assert successful and (mask == BOX.cells).all()


def test_a_thing_that_falls_away_behind_another() -> None:
    """It drops off a shelf: all of its place shows the wall, and it appears far below."""
    small = Thing(20, 30, 8, 8, 1.1)
    mask, successful, *_ = judge(view(small), view(small.at(60, 5)), 23, 33)
    assert successful and (mask == small.cells).all(), "where it went is no part of where it was"
    # Touches elsewhere did not move it.
    assert not judge(view(small), view(small.at(60, 5)), 50, 80).successful


def test_a_thing_that_comes_closer() -> None:
    """Only its depth and its size change; where its border grows over the wall, the image before shows the wall."""
    grown = Thing(29, 39, 22, 22, 0.9)
    mask, successful, *_ = judge(view(BOX), view(grown), 40, 50)
    assert successful and (mask == BOX.cells).all()
    # Without superpixels all cells are those where something came; a successful touch still has a mask.
    mask, successful, *_ = judge(view(BOX), view(BOX.at(depth=0.9)), 40, 50, superpixels=False)
    assert successful and (mask == BOX.cells).all()


def test_a_flat_thing_moves_by_colour_alone() -> None:
    paper = Thing(40, 30, 20, 30, 1.495, (240, 240, 230))
    mask, successful, *_ = judge(view(paper), view(paper.at(0, 22)), 50, 40)
    assert successful and (mask == paper.cells).all()
    # Without superpixels nothing tells where it was from where it is.
    mask, successful, *_ = judge(view(paper), view(paper.at(0, 30)), 50, 40, superpixels=False)
    assert successful and (mask == (paper.cells | paper.at(0, 30).cells)).all()


def test_a_shadow_at_the_foot_of_what_moved_is_not_in_the_mask() -> None:
    shadow = Thing(50, 42, 4, 24, 1.5, (70, 70, 70))
    mask, successful, *_ = judge(view(shadow, BOX), view(shadow.at(0, 30), BOX.at(0, 30)), 40, 50)
    assert successful and mask[BOX.cells].all() and mask.sum() <= BOX.cells.sum() + shadow.cells.sum()


def test_what_the_moved_thing_hides_is_not_in_the_mask() -> None:
    small = Thing(35, 62, 6, 6, 1.3, (30, 40, 200))
    mask, successful, *_ = judge(view(small, BOX), view(small, BOX.at(0, 20)), 40, 50)
    assert successful and (mask == BOX.cells).all()
    # It was hidden before: what appears was no part of the box either.
    mask, successful, *_ = judge(view(small, BOX.at(0, 20)), view(small, BOX), 40, 70)
    assert successful and (mask == BOX.at(0, 20).cells).all()


def test_a_thing_that_is_pushed_along() -> None:
    """The part is connected: what the touched thing pushes along joins, unless that thing comes before its place."""
    behind = Thing(32, 61, 16, 12, 1.05, (30, 40, 200))
    mask, successful, *_ = judge(view(behind, BOX), view(behind.at(0, 12), BOX.at(0, 13)), 40, 50)
    assert successful and (mask == BOX.cells).all()
    other = behind.at(depth=0.9)
    mask, successful, *_ = judge(view(BOX, other), view(BOX.at(0, 13), other.at(0, 12)), 40, 50)
    assert successful and (mask == (BOX.cells | other.cells)).all()
    # Apart from it, with the wall between them, it never joins.
    apart = other.at(0, 20)
    mask, successful, *_ = judge(view(apart, BOX), view(apart.at(30, 0), BOX.at(0, 10)), 40, 50)
    assert successful and (mask == BOX.cells).all()


def test_a_shadow_far_away_is_not_in_the_mask() -> None:
    shadow = Thing(70, 5, 15, 40, 1.5, (70, 70, 70))
    mask, successful, *_ = judge(view(shadow, BOX), view(shadow.at(0, 45), BOX.at(0, 30)), 40, 50)
    assert successful and (mask == BOX.cells).all()
    # A touch of the wall that only the shadow changed around.
    assert not judge(view(shadow, BOX), view(shadow.at(0, 45), BOX), 45, 80).successful


@settings(max_examples=25, deadline=None)
@given(
    st.integers(6, 30), st.integers(6, 30), st.integers(-30, 30), st.integers(-30, 30), st.floats(0.3, 1.4),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_boxes_that_slide_anywhere(height: int, width: int, down: int, right: int, depth: float, seed: int) -> None:
    """Any box, any motion by at least a third of its size, any touched cell of it."""
    random = np.random.default_rng(seed)
    box = Thing(35, 35, height, width, depth)
    if 3 * abs(down) < height and 3 * abs(right) < width:
        right = width
    row, column = (int(index) for index in random.choice(np.argwhere(box.cells)))
    mask, successful, *_ = judge(view(box), view(box.at(down, right)), row, column)
    assert successful and (mask == box.cells).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 99), st.integers(0, 99), st.booleans())
def test_nothing_moves_where_nothing_changes(seed: int, row: int, column: int, superpixels: bool) -> None:
    random = np.random.default_rng(seed)
    image = random.integers(256, size=(300, 300, 3)).astype(np.uint8)
    seen = Observation(image, random.random((300, 300)).astype(np.float32))
    mask, successful, *_ = judge(seen, seen, row, column, superpixels)
    assert not mask.any() and not successful


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 99), st.integers(0, 99), st.booleans())
def test_a_successful_touch_has_a_mask_near_it(seed: int, row: int, column: int, superpixels: bool) -> None:
    """Whatever the observations are; the mask is no larger than what changed and the superpixels of it."""
    random = np.random.default_rng(seed)
    things = []
    for _ in range(6):
        top, left, height, width = (int(value) for value in random.integers(5, 60, 4))
        red, green, blue = (int(value) for value in random.integers(0, 256, 3))
        things.append(Thing(top, left, height, width, float(random.uniform(0.2, 1.6)), (red, green, blue)))
    before, after = view(*things[:3]), view(*things[random.integers(3) :][:3])
    mask, successful, *_ = judge(before, after, row, column, superpixels)
    assert mask.shape == (100, 100) and mask.dtype == bool
    assert mask.any() or not successful
    if not superpixels:
        same = (before.image == after.image).all(axis=2) & (before.depth == after.depth)
        assert not mask[same[1::3, 1::3]].any()


@pytest.mark.parametrize("noise", [0.005, 0.01, 0.02, 0.04])
def test_noise_of_depth_changes_little(noise: float) -> None:
    for seed in range(5):
        before, after = (
            view(*things, noise=noise, seed=2 * seed + index) for index, things in enumerate([[BOX], [BOX.at(4, 9)]])
        )
        mask, successful, *_ = judge(before, after, 40, 50)
        assert successful and iou(mask, BOX.cells) > 0.97
        # Nothing but noise changes.
        before, after = view(BOX, noise=noise, seed=seed), view(BOX, noise=noise, seed=seed + 9)
        for row, column in np.random.default_rng(seed).integers(100, size=(10, 2)).tolist():
            assert not judge(before, after, row, column, superpixels=False).successful


@settings(max_examples=20, deadline=None)
@given(st.floats(0.0, 0.03), st.floats(0.0, 0.15), st.integers(0, 2**32 - 1))
def test_the_noise_is_measured_beside_what_moves(noise: float, share: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    shift = (noise * random.standard_normal((100, 100))).astype(np.float32)
    shift[random.random((100, 100)) < share] += 0.5
    assert noise_of(shift) == pytest.approx(noise, rel=0.35, abs=1e-6) and noise_of(shift) > 0.95 * noise - 1e-6


def test_the_depth_of_a_cell_by_hand() -> None:
    depth = np.ones((300, 300), dtype=np.float32)
    depth[3:6, 9:11] = 1.5  # six pixels of nine
    depth[30, 60:63] = depth[31, 61] = 0.1  # four of nine, with the middle one
    cells = cell_depth(depth)
    assert cells.shape == (100, 100) and np.argwhere(cells != 1).tolist() == [[1, 3]] and cells[1, 3] == 1.5


def test_motion_by_hand() -> None:
    # 20 x 20 cells of 2 cm at 1 m. A strip of two columns was vacated: 40 cells / side 20 = 2 cells = 4 cm.
    strip, depth = BOX.cells, np.ones((100, 100), np.float32)
    strip[:, BOX.left + 2 :] = False
    assert math.isclose(motion(strip, BOX.cells, depth), 0.04)
    assert math.isclose(motion(strip, BOX.cells, 1.5 * depth), 0.06)
    assert motion(np.zeros_like(strip), BOX.cells, depth) == 0


@pytest.mark.parametrize(("right", "nudged"), [(0, False), (1, True), (3, False), (6, False), (30, False)])
def test_small_shifts_are_nudges(right: int, nudged: bool) -> None:
    # A box at 1 m, and a sheet of paper, which has no depth of its own.
    for thing in (BOX, replace(BOX, depth=1.5)):
        outcome = judge(view(thing), view(thing.at(right=right)), 40, 40)
        assert outcome.nudged == nudged and outcome.successful == (right > 0)


def test_the_connected_part_by_hand() -> None:
    cells = np.zeros((9, 9), dtype=bool)
    cells[0, 0] = cells[1, 1] = cells[2, 2] = True  # touch at their corners
    cells[6, 6] = cells[4, 0] = True
    expected = np.zeros_like(cells)
    expected[[0, 1, 2], [0, 1, 2]] = True
    assert (connected_part(cells, 3, 4) == expected).all()  # (2, 2) is in reach of two cells
    expected[6, 6] = True
    assert (connected_part(cells, 4, 4) == expected).all()
    assert not connected_part(cells, 8, 0).any()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"depth_change": 0.0}, "actors.rgbd.depth_change must be greater than 0, not 0.0"),
        ({"superpixel_scale": -1.0}, "actors.rgbd.superpixel_scale must be greater than 0"),
        ({"noise_factor": -1.0}, "actors.rgbd.noise_factor must be at least 0"),
        ({"depth_weight": -1.0}, "actors.rgbd.depth_weight must be at least 0"),
        ({"least_motion": -0.1}, "actors.rgbd.least_motion must be at least 0"),
        ({"superpixel_min_size": 0}, "actors.rgbd.superpixel_min_size must be at least 1 cell"),
        ({"superpixel_fraction": 1.0}, r"actors.rgbd.superpixel_fraction must be in \[0, 1\), not 1.0"),
        ({"outdated_fraction": 1.5}, r"actors.rgbd.outdated_fraction must be in \[0, 1\], not 1.5"),
    ],
)
def test_settings_are_checked(changes: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(RGBD, **changes)


def judged(*views: Observation, touches: list[tuple[int, int]], fraction: float = 0.25) -> list[tuple[bool, bool]]:
    """Whether each touch was successful, and whether it was outdated; the first view is the location's."""
    supervision = RgbdSupervision(views[0], CONFIG, replace(RGBD, outdated_fraction=fraction))
    outcomes = [supervision.judge(after, *touch) for after, touch in zip(views[1:], touches, strict=True)]
    return [(one.successful, one.outdated) for one in outcomes]


def test_touches_of_what_an_earlier_one_moved_are_outdated() -> None:
    first, there, away = view(BOX), view(BOX.at(0, 30)), view(BOX.at(0, 30), Thing(5, 5, 10, 10, 1.2))
    old, new, wall = (40, 50), (40, 80), (90, 10)
    # It moves; its old place and a wall are touched in vain; it moves again.
    found = judged(first, there, there, there, first, touches=[old, old, wall, new])
    assert found == [(True, False), (False, True), (False, False), (True, True)]
    # Where it came back, the first image is right again.
    assert judged(first, there, first, away, touches=[old, new, old])[2] == (True, False)
    assert [one[1] for one in judged(first, there, there, first, touches=[old, old, new], fraction=1.0)] == [False] * 3


def test_a_little_shift_outdates_only_a_little() -> None:
    first, shifted, touches = view(BOX), view(BOX.at(0, 3)), [(40, 41), (40, 50)]
    assert judged(first, shifted, view(), touches=touches) == [(True, False), (True, False)]
    assert judged(first, shifted, view(), touches=touches, fraction=0.1) == [(True, False), (True, True)]
