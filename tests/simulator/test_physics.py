"""Pushes and rest: slides worked by hand, the calibration, and motion that must not happen."""

from __future__ import annotations

import itertools
import math

import mujoco
import numpy as np
import pytest

from benchmarks.touch import CLASSES, DIRECTIONS, MAGNITUDES, calibrate, table
from simulator.world.physics import (
    ROLLING_RESISTANCE,
    Physics,
    Unstable,
    make_push,
)
from simulator.world.push import PushSettings
from simulator.world.room import Room
from simulator.world.sources import rooms_of_module
from tests.simulator import box_room

GRAVITY = 9.81
FRICTION = 0.5
OWN = PushSettings()


def block(
    mass: float, half: float = 0.1, tall: float = 0.05, time_step: float = 0.008, push: PushSettings = OWN
) -> tuple[Physics, int]:
    """A flat block at rest on a floor, too flat to topple."""
    model = mujoco.MjModel.from_xml_string(f"""
    <mujoco><worldbody>
      <geom type="plane" size="9 9 1" friction="{FRICTION}"/>
      <body name="block" pos="0 0 {tall}"><freejoint/>
        <geom type="box" size="{half} {half} {tall}" mass="{mass}" friction="{FRICTION}"/></body>
    </worldbody></mujoco>""")
    physics = Physics(model, mujoco.MjData(model), time_step=time_step, rest_timeout=4.0, settings=push)
    physics.place(model.qpos0)
    physics.run_to_rest()
    return physics, model.body("block").id


def slide(mass: float, magnitude: float) -> float:
    """Distance that a block slides when its centre is pushed to the east, metres."""
    physics, body = block(mass)
    start = physics.data.xpos[body].copy()
    physics.push(make_push(physics.data, body, physics.data.xipos[body].copy(), np.array([1.0, 0, 0]), magnitude))
    physics.run_to_rest()
    assert physics.at_rest
    return float(physics.data.xpos[body][0] - start[0])


def predicted_slide(mass: float, magnitude: float) -> float:
    """The formula of the docstring: constant acceleration up to the hand's speed or the push's end, then friction."""
    resisting = FRICTION * GRAVITY
    push = PushSettings()
    acceleration = min(push.force_scale * magnitude / mass, push.hand_acceleration) - resisting
    if acceleration <= 0:
        return 0.0
    seconds = min(push.seconds, push.hand_speed / acceleration)
    return acceleration * seconds**2 / 2 * (1 + acceleration / resisting)


@pytest.mark.parametrize(
    ("mass", "magnitude"), [(0.1, 5), (0.3, 5), (0.5, 5), (1.0, 15), (2.0, 30), (3.0, 30), (10, 150), (20, 200)]
)
def test_the_slide_follows_from_friction_and_duration(mass, magnitude):
    expected = predicted_slide(mass, magnitude)
    assert slide(mass, magnitude) == pytest.approx(expected, rel=0.1, abs=0.002)


def test_the_papers_push_is_a_matter_of_settings():
    # 200 N for 1 ms give 0.2 kg a speed of 1 m/s, minus the loss by friction; it stops after v^2 / 2 mu g.
    push = PushSettings(force_scale=1.0, vertical_share=1.0, seconds=0.001, hand_speed=100.0, hand_acceleration=1e6)
    physics, body = block(0.2, time_step=0.002, push=push)
    start = float(physics.data.xpos[body][0])
    middle = physics.data.xipos[body].copy()
    physics.push(make_push(physics.data, body, middle, np.array([1.0, 0, 0]), 200.0, push))
    physics.run_to_rest()
    assert float(physics.data.xpos[body][0]) - start == pytest.approx(0.995**2 / (2 * FRICTION * GRAVITY), rel=0.05)


def test_a_push_has_the_share_of_its_vertical_force():
    physics, body = block(1.0)
    for share, force in ((1.0, math.sqrt(5)), (0.5, math.sqrt(2)), (0.0, 1.0)):
        push = PushSettings(force_scale=0.1, vertical_share=share, seconds=0.25)
        made = make_push(physics.data, body, np.zeros(3), np.array([1.0, 0, 2.0]), 10.0, push)
        assert made is not None and made.force == pytest.approx(force) and made.seconds_left == 0.25


def test_nothing_moves_or_turns_faster_than_the_limits():
    push = PushSettings(hand_speed=50.0, hand_acceleration=1e5, speed_limit=0.5, spin_limit=2.0)
    physics, body = block(0.05, push=push)
    corner = physics.data.xpos[body] + np.array([0.0, 0.1, 0.0])
    physics.push(make_push(physics.data, body, corner, np.array([1.0, 0, 0]), 200.0, push))
    fastest = np.zeros(6)
    for _ in range(20):
        physics.run(0.008)
        fastest = np.maximum(fastest, np.abs(physics.data.qvel[:6]))
    assert fastest[:3].max() == pytest.approx(0.5) and fastest[3:].max() == pytest.approx(2.0)


def test_below_friction_nothing_moves():
    for mass, magnitude in ((0.9, 5), (5.0, 30), (0.8, 0.0)):
        assert abs(slide(mass, magnitude)) < 0.005


def test_a_light_object_gets_the_hands_speed_and_no_more():
    physics, body = block(0.05)
    physics.push(make_push(physics.data, body, physics.data.xipos[body].copy(), np.array([1.0, 0, 0]), 200.0))
    speeds = []
    for _ in range(20):
        physics.run(0.005)
        speeds.append(physics.data.qvel[0])
    assert max(speeds) == pytest.approx(PushSettings().hand_speed, rel=0.02)
    assert speeds[-1] < 0.95 * PushSettings().hand_speed, "the hand lets go once the speed is reached"


def test_a_point_off_the_centre_gets_the_hands_speed_too():
    physics, body = block(0.1)
    physics.model.opt.timestep = 0.005  # the spin slows the point down soon after the hand has let go
    corner = physics.data.xpos[body] + np.array([0.1, 0.1, 0.0])
    physics.push(make_push(physics.data, body, corner, np.array([1.0, 0, 0]), 200.0))
    speeds = []
    for _ in range(16):
        physics.run(0.005)
        rotation = physics.data.xmat[body].reshape(3, 3)
        arm = rotation @ [0.1, 0.1, 0.0]
        speeds.append((physics.data.qvel[:3] + np.cross(rotation @ physics.data.qvel[3:6], arm))[0])
    assert physics.data.qvel[5] < -1.0
    assert max(speeds) == pytest.approx(PushSettings().hand_speed, rel=0.05)


def test_no_force_no_push():
    physics, body = block(1.0)
    assert make_push(physics.data, body, np.zeros(3), np.zeros(3), 200.0) is None
    assert make_push(physics.data, body, np.zeros(3), np.ones(3), 0.0) is None


def test_at_rest_nothing_moves_and_poses_match_the_state():
    physics, body = block(0.3)
    physics.push(make_push(physics.data, body, physics.data.xipos[body].copy(), np.array([1.0, 1.0, 2.0]), 30.0))
    physics.run_to_rest()
    before = physics.data.qpos.copy()
    np.testing.assert_array_equal(physics.data.xpos[body], physics.data.qpos[:3])
    assert not physics.data.qvel.any() and not physics.data.xfrc_applied.any()
    physics.run(1.0)
    np.testing.assert_allclose(physics.data.qpos, before, atol=1e-4)


def test_what_still_moves_at_the_timeout_is_stopped():
    physics, body = block(0.3)
    physics.rest_timeout, start = 0.16, physics.data.time
    physics.push(make_push(physics.data, body, physics.data.xipos[body].copy(), np.array([1.0, 0, 0]), 30.0))
    physics.run_to_rest()
    assert physics.data.time - start == pytest.approx(0.16)
    assert physics.data.ntree_awake == 1 and physics.at_rest


def test_steps_shorter_than_the_time_step_add_up():
    pushed, together = block(0.3), block(0.3)
    for physics, body in (pushed, together):
        physics.push(make_push(physics.data, body, physics.data.xipos[body].copy(), np.array([1.0, 0, 0]), 5.0))
    for _ in range(100):
        pushed[0].run(0.0013)
    together[0].run(0.13)
    np.testing.assert_allclose(pushed[0].data.time, together[0].data.time)
    np.testing.assert_array_equal(pushed[0].data.qpos, together[0].data.qpos)


def test_an_unstable_room_is_put_back(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    physics, body = block(0.3)
    physics.push(make_push(physics.data, body, physics.data.xipos[body].copy(), np.array([1.0, 0, 0]), 30.0))
    physics.run_to_rest()
    before = physics.data.qpos.copy()
    physics.data.qvel[0] = np.nan
    with pytest.raises(Unstable):
        physics.run_to_rest()
    np.testing.assert_array_equal(physics.data.qpos, before)
    assert physics.at_rest
    assert "unstable" in caplog.text and not list(tmp_path.iterdir()), "a warning, and no log file of MuJoCo's"


def test_a_rolling_cylinder_comes_to_rest_where_the_resistance_stops_it():
    model = mujoco.MjModel.from_xml_string("""
    <mujoco><worldbody><geom type="plane" size="9 9 1"/>
      <body pos="0 0 0.04" euler="90 0 0"><freejoint/><geom type="cylinder" size="0.04 0.06" mass="0.3"/></body>
    </worldbody></mujoco>""")
    physics = Physics(model, mujoco.MjData(model), time_step=0.008, rest_timeout=4.0)
    physics.place(model.qpos0)
    speed, radius = 0.5, 0.04
    physics.data.qvel[:6] = speed, 0, 0, 0, 0, -speed / radius  # its axis points to -y
    physics.run_to_rest()
    assert physics.data.ntree_awake == 0
    # A solid box with the cylinder's moments measures 3 / sqrt(3) x 3 / sqrt(3) x 6 cm: its middle half side is its
    # size. The torque slows the mass and the spin down together: (m + m / 2) dv/dt = -torque / radius.
    torque_of_mass = ROLLING_RESISTANCE * GRAVITY * (0.06 / math.sqrt(3))
    slowing = torque_of_mass / radius / 1.5
    assert physics.data.qpos[0] == pytest.approx(speed**2 / (2 * slowing), rel=0.1)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_strongest_push_leaves_everything_in_the_room(direction):
    source = rooms_of_module("tests.simulator.box_room")
    room = Room(source.build("FloorPlan1"), time_step=0.008, rest_timeout=4.0)
    right, up, ahead = direction
    x_min, x_max, y_min, y_max = room.scene.floor
    light = [n for n, obj in enumerate(room.scene.objects) if obj.dynamic and obj.mass < 0.5 and not obj.parked]
    for _, index in itertools.product(range(4), light):
        body = int(room.object_bodies[index])
        edge = room.data.xpos[body] + np.array([0.04, -0.04, 0.04])
        room.physics.push(make_push(room.data, body, edge, np.array([right, ahead, up]), 200.0))
        room.physics.run_to_rest()
        positions = room.data.xipos[room.object_bodies[room.present]]
        assert (positions[:, :2] > [x_min, y_min]).all() and (positions[:, :2] < [x_max, y_max]).all()
        assert (positions[:, 2] > 0).all() and (positions[:, 2] < room.scene.height).all()


def test_magnitudes_separate_the_mass_classes():
    """A magnitude moves bodies of its own mass class and lighter ones of a fixed set, but not heavier ones."""
    touches = calibrate(rooms_of_module("tests.simulator.box_room"), box_room.SCENE_NAMES[:1], 300, seed=1)
    rows = table(touches)
    names, magnitudes = list(CLASSES), [f"{magnitude:g}" for magnitude in MAGNITUDES]
    for row, name in enumerate(names):
        for column, magnitude in enumerate(magnitudes):
            moved = rows[name][magnitude]["moved"]
            if row <= column:
                assert moved > 0.6, (name, magnitude, moved)
            else:
                assert moved < 0.3, (name, magnitude, moved)
