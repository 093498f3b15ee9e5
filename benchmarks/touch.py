"""Measures which masses the three force magnitudes move, in whole rooms. `python -m benchmarks.touch`.

Each touch is made as for a client: a ray from eye height hits an object, the push has one of the paper's eight
directions, and the displacement is read when all is at rest. An object counts as moved if its centre of mass moved more
than 5 cm or it turned by more than 15 degrees, which a mask of 3-pixel cells can show. Nothing is rendered.

Prints a table (mass class x magnitude: share moved, median displacement) and a last line RESULT {json}.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

if __name__ == "__main__":
    # Nothing is rendered, so the user's value must not matter. MuJoCo reads it when it is imported.
    os.environ["MUJOCO_GL"] = "disable"

import mujoco
import numpy as np
from numpy.typing import NDArray

from benchmarks._arguments import whole
from benchmarks._report import configuration
from evaluation.interaction.min_force import MOVED_DEGREES, MOVED_METRES
from simulator.world.physics import make_push
from simulator.world.push import PushSettings
from simulator.world.rendering import VISIBLE_GROUPS
from simulator.world.room import Room
from simulator.world.sources import RoomSource, generated_rooms, rooms_of_module

MAGNITUDES = (5.0, 30.0, 200.0)
CLASSES = {"light": (0.0, 0.5), "medium": (0.5, 2.0), "heavy": (2.0, np.inf)}
"""Bounds of the mass classes, kg."""
DIRECTIONS = tuple(itertools.product((-1.0, 1.0), (1.0, 2.0), (-1.0, 1.0)))
"""The eight directions of a push: (right, up, ahead) in the agent's body frame."""
EYE_HEIGHT = 1.575
"""Height of the camera above the floor, metres."""


@dataclass(frozen=True)
class Touch:
    """One touch and its effect."""

    mass: float
    magnitude: float
    metres: float
    degrees: float
    seconds: float
    """Wall-clock time of the push and the motion."""

    @property
    def moved(self) -> bool:
        """Whether the object moved visibly."""
        return self.metres > MOVED_METRES or self.degrees > MOVED_DEGREES


def visible_point(room: Room, index: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], float] | None:
    """A point of an object that an eye a metre away sees, and the eye's yaw towards it (radians); None if hidden."""
    item, body = room.scene.objects[index], int(room.object_bodies[index])
    rotation = room.data.xmat[body].reshape(3, 3)
    hit = np.full(1, -1, np.int32)
    for _ in range(30):
        inside = np.array(item.center_offset) + np.array(item.half_extents) * rng.uniform(-0.9, 0.9, 3)
        target = room.data.xpos[body] + rotation @ inside
        yaw = rng.uniform(0.0, 2 * np.pi)
        eye = np.array([target[0] - np.sin(yaw), target[1] - np.cos(yaw), EYE_HEIGHT])
        ray = (target - eye) / np.linalg.norm(target - eye)
        distance = mujoco.mj_ray(room.model, room.data, eye, ray, VISIBLE_GROUPS, 1, -1, hit)
        if distance >= 0 and room.object_of_geom(int(hit[0])) == index:
            return eye + distance * ray, yaw
    return None


def touch(room: Room, index: int, magnitude: float, rng: np.random.Generator) -> Touch | None:
    """Touches an object of a room at rest; None if none of its points is visible."""
    found = visible_point(room, index, rng)
    if found is None:
        return None
    point, yaw = found
    right, up, ahead = DIRECTIONS[int(rng.integers(len(DIRECTIONS)))]
    direction = np.array([right * np.cos(yaw) + ahead * np.sin(yaw), ahead * np.cos(yaw) - right * np.sin(yaw), up])
    body = int(room.object_bodies[index])
    position, rotation = room.data.xipos[body].copy(), room.data.xmat[body].reshape(3, 3).copy()
    start = time.perf_counter()
    room.physics.push(make_push(room.data, body, point, direction, magnitude, room.physics.push_settings))
    room.physics.run_to_rest()
    seconds = time.perf_counter() - start
    turn = (np.trace(rotation.T @ room.data.xmat[body].reshape(3, 3)) - 1) / 2
    return Touch(
        float(room.model.body_mass[body]),
        magnitude,
        float(np.linalg.norm(room.data.xipos[body] - position)),
        float(np.degrees(np.arccos(np.clip(turn, -1.0, 1.0)))),
        seconds,
    )


def calibrate(source: RoomSource, names: Sequence[str], touches: int, seed: int) -> list[Touch]:
    """Makes touches of random objects in every room, with each magnitude in turn, in a new arrangement every 30.

    Args:
        source: where rooms come from.
        names: names of the rooms.
        touches: number of touches in each room.
        seed: seed of arrangements, objects, points and directions.
    """
    done = []
    rng = np.random.default_rng(seed)
    chosen = configuration().simulator
    push = PushSettings(**chosen.push.given())
    for name in names:
        room = Room(source.build(name), chosen.options["time_step"], chosen.options["rest_timeout"], push)
        dynamic = [index for index, item in enumerate(room.scene.objects) if item.dynamic]
        for number in range(touches):
            if number % 30 == 0:
                room.restore()
                source.spawn(room.scene, room.data, seed + number // 30)
                room.physics.place(room.data.qpos.copy())
                room.physics.run_to_rest()
            result = touch(room, int(rng.choice(dynamic)), MAGNITUDES[number % len(MAGNITUDES)], rng)
            if result is not None:
                done.append(result)
    return done


def table(touches: Sequence[Touch]) -> dict[str, dict[str, dict[str, float]]]:
    """Mass class → magnitude → {touches, moved (share), metres (median), furthest (metres)}."""
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for name, (low, high) in CLASSES.items():
        rows[name] = {}
        for magnitude in MAGNITUDES:
            chosen = [one for one in touches if one.magnitude == magnitude and low <= one.mass < high]
            if chosen:
                metres = [one.metres for one in chosen]
                rows[name][f"{magnitude:g}"] = {
                    "touches": len(chosen),
                    "moved": round(float(np.mean([one.moved for one in chosen])), 3),
                    "metres": round(float(np.median(metres)), 4),
                    "furthest": round(max(metres), 3),
                }
    return rows


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="./playpen bench touch", description=__doc__.split("\n")[0])
    parser.add_argument("--rooms", type=whole(1), default=12, help="how many rooms, spread over all (%(default)s)")
    parser.add_argument("--touches", type=whole(1), default=90, help="touches in each room (%(default)s)")
    parser.add_argument("--seed", type=whole(0), default=0, help="seed of the touches (%(default)s)")
    parser.add_argument("--module", help="rooms of this module instead of the generated ones")
    options = parser.parse_args()
    try:
        source = rooms_of_module(options.module) if options.module else generated_rooms()
    except ValueError as error:
        parser.error(str(error).replace("--rooms", "--module"))  # the option's name is the simulator's
    step = max(1, len(source.names) // options.rooms)
    touches = calibrate(source, source.names[::step][: options.rooms], options.touches, options.seed)
    rows = table(touches)
    print(f"{'share moved (median)':22}" + "".join(f"{'magnitude ' + key:>22}" for key in rows["light"]))
    for name, row in rows.items():
        low, high = CLASSES[name]
        label = f"{name} ({low:g}-{high:g} kg)"
        cells = "".join(f"{100 * cell['moved']:13.0f} % {100 * cell['metres']:4.1f} cm" for cell in row.values())
        print(f"{label:22}{cells}")
    milliseconds = 1e3 * np.mean([one.seconds for one in touches])
    print(f"{len(touches)} touches, {milliseconds:.1f} ms of physics each")
    conditions = {"rooms": options.rooms, "seed": options.seed, "physics_ms": round(float(milliseconds), 2)}
    print("RESULT " + json.dumps({"benchmark": "touch", "table": rows, **conditions}))


if __name__ == "__main__":
    main()
