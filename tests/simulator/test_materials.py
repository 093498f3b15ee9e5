"""Colours that stand out, palettes and textures."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from simulator.things.materials import FINISHES, PALETTES, Draw, add_materials, color_distance, shade


def test_color_distance_by_hand() -> None:
    # Red against darker red: only the value differs, by 0.5.
    assert color_distance((1.0, 0.0, 0.0), (0.5, 0.0, 0.0)) == pytest.approx(0.25)
    # White against red: saturation 0 against 1; white has no hue to speak of.
    assert color_distance((1.0, 1.0, 1.0), (1.0, 0.0, 0.0)) == pytest.approx(1.0)
    # Red (hue 0) against magenta-red (hue 11/12): the circle closes, a twelfth apart.
    assert color_distance((1.0, 0.0, 0.0), (1.0, 0.0, 0.5)) == pytest.approx((1 / 12) ** 2)


def test_colors_stand_out_from_tops() -> None:
    draw = Draw(np.random.default_rng(0))
    draw.avoid.append((0.95, 0.94, 0.89))
    clashing = [color_distance(draw.color("ceramic"), draw.avoid[0]) < 0.02 for _ in range(200)]
    assert np.mean(clashing) < 0.02
    draw.avoid.clear()
    draw.avoid.append((0.95, 0.94, 0.89))
    plain = [color_distance(draw.plain_color("ceramic"), draw.avoid[0]) < 0.02 for _ in range(200)]
    assert np.mean(plain) > 0.05


def test_palettes_are_neither_black_nor_garish() -> None:
    draw = Draw(np.random.default_rng(1))
    for palette in PALETTES:
        for _ in range(50):
            color = draw.plain_color(palette)
            assert min(color) >= 0.02 and max(color) <= 0.98
            assert max(color) > 0.08


def test_shade() -> None:
    assert shade((0.5, 0.4, 0.2), 0.5) == pytest.approx((0.25, 0.2, 0.1))
    assert shade((0.5, 0.4, 0.2), 1.5) == pytest.approx((0.75, 0.7, 0.6))


def test_all_finishes_compile_and_only_what_is_asked_for_is_added() -> None:
    spec = mujoco.MjSpec()
    add_materials(spec, FINISHES)
    model = spec.compile()
    assert model.nmat == len(FINISHES)
    pixels = model.tex_data
    assert 120 < pixels.mean() < 250 and pixels.std() > 5
    few = mujoco.MjSpec()
    add_materials(few, ["wood", "plain", "wood"])
    assert (few.compile().nmat, few.compile().ntex) == (2, 1)
