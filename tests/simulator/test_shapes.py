"""Parts: bounds against sampled surfaces, and meshes that face outwards and enclose the right volume."""

from __future__ import annotations

import math
from dataclasses import replace

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.things.shapes import (
    MeshArrays,
    Part,
    add_parts,
    bounds,
    box,
    box_mesh,
    cylinder,
    flat_top,
    hidden_box,
    join_meshes,
    lathe_mesh,
    mesh,
    move_mesh,
    part_bounds,
    rod,
    rotation,
    sphere,
    superquadric_mesh,
    tilt,
    tube_mesh,
)
from simulator.things.vessels import crate_walls


def volume(arrays: MeshArrays) -> float:
    """Enclosed volume; positive if the faces are counter-clockwise from outside."""
    corners = arrays[0][arrays[1]]
    return float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)


def test_box_mesh_volume_and_place() -> None:
    arrays = box_mesh((0.2, 0.3, 0.5), (1.0, 2.0, 3.0))
    assert volume(arrays) == pytest.approx(0.03)
    assert arrays[0].min(axis=0) == pytest.approx([0.9, 1.85, 3.0])
    assert arrays[0].max(axis=0) == pytest.approx([1.1, 2.15, 3.5])


def test_lathe_volume_is_that_of_a_prism() -> None:
    """A cylinder with n sides has the base area n r^2 sin(2 pi / n) / 2."""
    closed = lathe_mesh([(0, 0), (0.1, 0), (0.1, 0.4), (0, 0.4)], 12)
    assert volume(closed) == pytest.approx(12 * 0.01 * math.sin(math.pi / 6) / 2 * 0.4)
    # A vessel: the inner wall takes its volume away.
    cup = lathe_mesh([(0, 0), (0.1, 0), (0.1, 0.4), (0.05, 0.4), (0.05, 0.1), (0, 0.1)], 12)
    area = 12 * math.sin(math.pi / 6) / 2
    assert volume(cup) == pytest.approx(area * (0.01 * 0.4 - 0.0025 * 0.3))


def test_superquadric_with_exponent_one_is_an_ellipsoid() -> None:
    arrays = superquadric_mesh((0.3, 0.2, 0.1), (0.0, 0.0, 0.5), 1.0, 41, 60)
    assert volume(arrays) == pytest.approx(4 / 3 * math.pi * 0.006, rel=0.02)
    boxy = superquadric_mesh((0.3, 0.2, 0.1), (0.0, 0.0, 0.0), 0.05, 41, 60)
    assert volume(boxy) == pytest.approx(0.048, rel=0.1)


def test_tubes_face_outwards() -> None:
    angles = np.linspace(0, 2 * np.pi, 61)
    ring = np.stack([0.2 * np.cos(angles), np.zeros(61), 0.2 * np.sin(angles)], axis=1)
    inside = volume(tube_mesh(ring, 0.02, (0.0, 1.0, 0.0), 24))
    assert inside == pytest.approx(2 * math.pi**2 * 0.2 * 0.02**2, rel=0.03)


def test_join_and_move() -> None:
    one = box_mesh((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    two = move_mesh(one, tilt("x", math.pi / 2), (5.0, 0.0, 0.0))
    assert two[0].min(axis=0) == pytest.approx([4.5, -1.0, -0.5])
    assert volume(join_meshes(one, two)) == pytest.approx(2.0)


quaternions = (
    st.tuples(*[st.floats(-1, 1)] * 4)
    .filter(lambda quat: np.linalg.norm(quat) > 0.1)
    .map(lambda quat: tuple(float(x) for x in np.array(quat) / np.linalg.norm(quat)))
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["box", "cylinder", "capsule", "ellipsoid", "sphere"]), quaternions)
def test_bounds_of_turned_parts(form: str, quat: tuple[float, float, float, float]) -> None:
    """Against support functions: the farthest point of the solid along each axis."""
    size = (0.1, 0.2, 0.3)
    part = Part(form, size, (1.0, -2.0, 0.5), quat=quat)
    turn = rotation(quat)
    for axis in range(3):
        local = turn[axis]  # the world axis in the part's frame
        reach = {
            "box": np.abs(local) @ size,
            "ellipsoid": np.linalg.norm(local * size),
            "sphere": 0.1,
            "cylinder": 0.1 * math.hypot(local[0], local[1]) + 0.2 * abs(local[2]),
            "capsule": 0.1 + 0.2 * abs(local[2]),
        }[form]
        low, high = part_bounds(part)
        assert high[axis] - part.pos[axis] == pytest.approx(reach)
        assert part.pos[axis] - low[axis] == pytest.approx(reach)


def test_rods_end_where_they_should() -> None:
    for start, end in (((0, 0, 0), (0, 0, 1)), ((0, 0, 1), (0, 0, 0)), ((1, 2, 3), (0.5, 2.5, 2.0))):
        part = rod(0.1, start, end, (0.5, 0.5, 0.5))
        axis = rotation(part.quat)[:, 2] * part.size[1]
        assert np.array(part.pos) + axis == pytest.approx(end)
        assert np.array(part.pos) - axis == pytest.approx(start)


def test_masses_are_shared_by_volume_and_density() -> None:
    """A box of 0.001 m3 at density 3 beside one of 0.002 m3 at density 1: 3 to 2."""
    spec = mujoco.MjSpec()
    spec.add_material(name="plain")
    body = spec.worldbody.add_body(name="thing")
    body.add_freejoint()
    light = mesh(*lathe_mesh([(0, 0), (0.1, 0), (0, 0.1)]), (0.5, 0.5, 0.5))
    parts = [
        box((0.1, 0.1, 0.1), (0, 0, 0), (1, 0, 0), density=3.0),
        hidden_box((0.1, 0.1, 0.2), (1, 0, 0)),
        sphere(0.5, (0, 0, 0), (0, 1, 0), solid=False),
        light,
    ]
    add_parts(spec, body, parts, mass=5.0)
    model = spec.compile()
    assert model.body_mass[1] == pytest.approx(5.0)
    assert model.body_ipos[1] == pytest.approx([0.4, 0.0, 0.05 * 0.6 + 0.1 * 0.4])
    assert model.geom_contype.tolist() == [1, 1, 0, 0]
    assert model.geom_rgba[:, 3].tolist() == [1, 0, 1, 1]


def test_bounds_of_several_parts() -> None:
    low, high = bounds([cylinder(0.1, 0.3, (0, 0, 0), (1, 1, 1)), box((0.1, 0.6, 0.1), (0.2, 0, 0.4), (1, 1, 1))])
    assert low == pytest.approx([-0.1, -0.3, 0.0])
    assert high == pytest.approx([0.25, 0.3, 0.5])


def test_flat_tops() -> None:
    """Boxes and discs have one, as large as a rectangle on it can be; open cartons and arms have none."""
    grey = (0.5, 0.5, 0.5)
    board, leg = box((0.6, 0.4, 0.03), (0.1, 0, 0.5), grey), box((0.05, 0.05, 0.5), (0, 0, 0), grey)
    top = flat_top([leg, board])
    assert top is not None
    center, half = top
    assert center == pytest.approx((0.1, 0.0, 0.53)) and half == pytest.approx((0.3, 0.2))
    top = flat_top([leg, cylinder(0.3, 0.03, (0, 0, 0.5), grey)])
    assert top is not None
    center, half = top
    assert center == pytest.approx((0.0, 0.0, 0.53)) and half == pytest.approx((0.3 / math.sqrt(2),) * 2)
    assert flat_top([board, box((0.02, 0.02, 0.2), (0.3, 0.1, 0.5), grey)]) is None, "a handle rises above it"
    assert flat_top(crate_walls(0.4, 0.3, 0.2, 0.01, 0.01)) is None
    assert flat_top([sphere(0.2, (0, 0, 0.2), grey)]) is None
    assert flat_top([replace(board, solid=False), leg]) is None


def test_friction_of_the_prior_geom_counts() -> None:
    """An object with friction 0.3 on a floor with 0.9 slides as 0.3 says if it has the higher priority."""
    for priority, expected in ((1, 0.3), (0, 0.9)):
        spec = mujoco.MjSpec()
        spec.add_material(name="plain")
        floor, body = spec.worldbody.add_body(), spec.worldbody.add_body()
        body.add_freejoint()
        add_parts(spec, floor, [box((2, 2, 1), (0, 0, -1), (1, 1, 1))], friction=(0.9, 0.01, 0.001))
        obj = [box((0.1, 0.1, 0.1), (0, 0, 0), (1, 1, 1))]
        add_parts(spec, body, obj, mass=1.0, friction=(0.3, 0.01, 0.001), priority=priority)
        model = spec.compile()
        data = mujoco.MjData(model)
        mujoco.mj_step(model, data, 5)
        assert data.ncon and data.contact[0].friction[0] == pytest.approx(expected)
