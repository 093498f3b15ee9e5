"""Augmentation of pictures: each change by hand, their order, and what is drawn."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.hide_and_seek.augmentation import Augmentation

CHANGED = Augmentation(
    left=3, right=7, top=1, bottom=10, brightness=1.08, contrast=0.93, saturation=1.05, hue=-0.015, rotation=-3
)


def picture(seed: int = 0, shape: tuple[int, int] = (224, 224)) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def plain(red: int, green: int, blue: int) -> NDArray[np.uint8]:
    return np.full((20, 30, 3), (red, green, blue), dtype=np.uint8)


def test_none_changes_nothing() -> None:
    image = picture()
    assert Augmentation.none().apply(image) is image
    assert Augmentation(world_rotation=137).apply(image) is image


def test_a_change_leaves_the_picture_itself_alone() -> None:
    image = picture()
    before = image.copy()
    changed = CHANGED.apply(image)
    assert changed.shape == image.shape and changed.dtype == np.uint8 and not np.array_equal(changed, image)
    np.testing.assert_array_equal(image, before)
    # Equal values change a picture equally, also after a way through JSON.
    again = Augmentation(**json.loads(json.dumps(asdict(CHANGED))))
    assert again == CHANGED
    np.testing.assert_array_equal(again.apply(image), changed)


def test_each_side_of_the_crop() -> None:
    image = plain(10, 20, 30)
    image[:, :4] = 200  # left
    image[:, -3:] = 201  # right
    image[:2] = 202  # top
    image[-1:] = 203  # bottom
    np.testing.assert_array_equal(Augmentation(left=4, right=3, top=2, bottom=1).apply(image), plain(10, 20, 30))
    for less in ({"left": 3}, {"right": 2}, {"top": 1}, {"bottom": 0}):
        sides = {"left": 4, "right": 3, "top": 2, "bottom": 1} | less
        assert (Augmentation(**sides).apply(image) != plain(10, 20, 30)).any()


def test_the_crop_is_resized_bilinearly() -> None:
    ramp = np.repeat(np.arange(0, 200, 10, dtype=np.uint8)[None, :, None], 3, axis=2)  # (1, 20, 3): 0, 10, ... 190
    # The left half stretched by 2: pixel u shows column (u + 0.5) / 2 - 0.5, so 0, 0.25, 0.75 ... 8.75, 9.
    expected = [0, *(2.5 + 5 * number for number in range(18)), 90]
    found = Augmentation(right=10).apply(ramp)[0, :, 0]
    np.testing.assert_allclose(found, expected, atol=0.5)


@pytest.mark.parametrize(
    ("augmentation", "before", "after"),
    [
        (Augmentation(brightness=1.1), (100, 50, 0), (110, 55, 0)),
        (Augmentation(brightness=1.1), (240, 50, 0), (255, 55, 0)),
        # 127.5 + 0.9 * 72.5 = 192.75; 127.5 - 0.9 * 127.5 = 12.75; 127.5 - 0.9 * 27.5 = 102.75
        (Augmentation(contrast=0.9), (200, 0, 100), (193, 13, 103)),
        # The grey of (200, 100, 0) is 0.299 * 200 + 0.587 * 100 = 118.5; half way to it: 159.25, 109.25, 59.25.
        (Augmentation(saturation=0.5), (200, 100, 0), (159, 109, 59)),
        (Augmentation(saturation=1.3), (90, 90, 90), (90, 90, 90)),
        # A third of a turn takes red to green, green to blue, blue to red.
        (Augmentation(hue=1 / 3), (200, 100, 50), (50, 200, 100)),
        (Augmentation(hue=0.02), (90, 90, 90), (90, 90, 90)),
        # First brightness, then contrast: 127.5 + 0.5 * (2 * 100 - 127.5) = 163.75, not 2 * (127.5 - 0.5 * 27.5).
        (Augmentation(brightness=2.0, contrast=0.5), (100, 100, 100), (164, 164, 164)),
        # First saturation, then hue: (159.25, 109.25, 59.25) in the order blue, red, green.
        (Augmentation(saturation=0.5, hue=1 / 3), (200, 100, 0), (59, 159, 109)),
    ],
)
def test_colours(augmentation: Augmentation, before: tuple[int, int, int], after: tuple[int, int, int]) -> None:
    np.testing.assert_array_equal(augmentation.apply(plain(*before)), plain(*after))


def test_a_turn_is_counter_clockwise_about_the_centre() -> None:
    image = np.zeros((201, 201, 3), dtype=np.uint8)
    image[98:103, 178:183] = 255  # around column 180, 80 pixels right of the centre (100, 100)
    weights = Augmentation(rotation=3).apply(image)[:, :, 0].astype(np.float64)
    rows, columns = np.indices(weights.shape)
    centre = (rows * weights).sum() / weights.sum(), (columns * weights).sum() / weights.sum()
    # 80 (cos 3, sin 3 degrees) = (79.89, 4.19) right and up.
    assert centre == pytest.approx((100 - 4.19, 100 + 79.89), abs=0.1)


def test_a_turn_leaves_no_empty_corner() -> None:
    np.testing.assert_array_equal(Augmentation(rotation=-3).apply(plain(50, 60, 70)), plain(50, 60, 70))


def test_first_the_crop_then_the_colours_then_the_turn() -> None:
    image = picture()
    crop = Augmentation(left=3, right=7, top=1, bottom=10)
    colours = Augmentation(brightness=1.08, contrast=0.93, saturation=1.05, hue=-0.015)
    turn = Augmentation(rotation=-3)
    changed = CHANGED.apply(image)
    np.testing.assert_array_equal(changed, turn.apply(colours.apply(crop.apply(image))))
    for first, second, third in ((turn, crop, colours), (colours, crop, turn), (crop, turn, colours)):
        assert not np.array_equal(changed, third.apply(second.apply(first.apply(image))))


def test_pictures_of_other_shapes() -> None:
    assert CHANGED.apply(picture(shape=(40, 61))).shape == (40, 61, 3)


def test_bad_pictures_are_refused() -> None:
    for bad in (picture().astype(np.float32), picture()[:, :, :2], picture()[0]):
        with pytest.raises(ValueError, match=r"image must be \(H, W, 3\) uint8, not"):
            CHANGED.apply(bad)  # type: ignore[arg-type]
    for shape in ((11, 100), (100, 10)):
        with pytest.raises(ValueError, match="must be larger than what the crop takes off"):
            CHANGED.apply(picture(shape=shape))


def test_a_draw_depends_on_the_generator_alone() -> None:
    first, second = (Augmentation.draw(np.random.default_rng(5)) for _ in range(2))
    assert first == second != Augmentation.draw(np.random.default_rng(6))


def test_the_distribution_of_draws() -> None:
    generator = np.random.default_rng(0)
    draws = [Augmentation.draw(generator) for _ in range(4000)]
    assert all(type(value) in (int, float) for value in asdict(draws[0]).values())
    crops = [(draw.left, draw.right, draw.top, draw.bottom) for draw in draws]
    assert all(sides == (0, 0, 0, 0) or 0 not in sides for sides in crops)
    for side in zip(*crops, strict=True):
        assert set(side) == set(range(11))
    assert {draw.rotation for draw in draws} == set(range(-3, 4))
    turns = {draw.world_rotation for draw in draws}
    assert turns <= set(range(360)) and len(turns) > 350 and max(turns) == 359
    # Four standard deviations of 4000 draws are at most 0.032. A turn of 0 degrees is one of seven that are drawn.
    cropped, turned, world = np.array(
        [(draw.left > 0, draw.rotation != 0, draw.world_rotation != 0) for draw in draws]
    ).T
    assert cropped.mean() == pytest.approx(0.5, abs=0.032)
    assert turned.mean() == pytest.approx(0.5 * 6 / 7, abs=0.032)
    assert world.mean() == pytest.approx(0.5 * 359 / 360, abs=0.032)
    # They are independent of each other.
    assert (cropped & turned).mean() == pytest.approx(0.25 * 6 / 7, abs=0.032)
    assert (cropped & world).mean() == pytest.approx(0.25 * 359 / 360, abs=0.032)
    assert (turned & world).mean() == pytest.approx(0.25 * 6 / 7 * 359 / 360, abs=0.032)
    for name, middle, reach in (
        ("brightness", 1, 0.1),
        ("contrast", 1, 0.1),
        ("saturation", 1, 0.1),
        ("hue", 0, 0.02),
    ):
        values = np.array([getattr(draw, name) for draw in draws]) - middle
        assert -reach <= values.min() < -0.99 * reach and 0.99 * reach < values.max() <= reach
