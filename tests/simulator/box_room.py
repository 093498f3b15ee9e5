"""A small hand-made room for tests: a table with boxes of known masses on it, and two boxes on the floor.

It has the names that a module of rooms must have (SCENE_NAMES, build_scene, spawn), so that
`python -m simulator --rooms tests.simulator.box_room` serves it.
"""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np

from simulator.rooms.bodies import park_place
from simulator.rooms.scene import Scene, SceneObject, Surface
from simulator.things.shapes import ABSENT_BITS, FREE_BITS

SCENE_NAMES = ("FloorPlan1", "FloorPlan2", "FloorPlan3")

BOXES = {
    # name: (category, mass in kg, half side in m, x, y) on the table
    "Cup_a": ("Cup", 0.1, 0.05, -0.9, 1.45),
    "Mug_a": ("Mug", 0.3, 0.06, -0.55, 1.45),
    "Bowl_a": ("Bowl", 0.45, 0.06, -0.2, 1.45),
    "Pot_a": ("Pot", 1.0, 0.08, 0.2, 1.45),
    "Vase_a": ("Vase", 1.8, 0.08, 0.6, 1.45),
    "Television_a": ("Television", 8.0, 0.15, 1.05, 1.5),
}
"""Boxes on the table, whose top is at 0.8 m and reaches from y = 1.2 to 2."""
TABLE_TOP = 0.8
FRICTION = "0.5 0.005 0.0005"
FLOOR_BOXES = {"Box_a": ("Box", 3.0, 0.15, 1.3, -0.8), "Chair_a": ("Chair", 6.0, 0.2, -1.3, -0.8)}
PARKED_BOXES = {"Tomato_a": ("Tomato", 0.2, 0.05), "Tomato_b": ("Tomato", 0.2, 0.04), "Bread_a": ("Bread", 0.4, 0.06)}
"""Boxes that wait outside: category, mass in kg, half side in m."""
WALL = 0.1


def _box(
    name: str, mass: float, half: float, position: tuple[float, float, float], colour: str, parked: bool = False
) -> str:
    x, y, z = position
    # Parked objects have gravcomp; in a model in which no body has it from the start, no held object would stay up.
    settings, bits = (' gravcomp="1"', ABSENT_BITS) if parked else ("", FREE_BITS)
    return (
        f'<body name="{name}" pos="{x} {y} {z}"{settings}><freejoint/>'
        f'<geom type="box" size="{half} {half} {half}" mass="{mass}" rgba="{colour} 1" friction="{FRICTION}" '
        f'contype="{bits[0]}" conaffinity="{bits[1]}"/>'
        "</body>"
    )


def build_scene(name: str) -> Scene:
    """The test room; FloorPlan2 is 0.5 m longer, FloorPlan3 has a low wall that cuts off its west side."""
    if name not in SCENE_NAMES:
        raise ValueError(f"unknown scene '{name}'")
    half_x, half_y = 2.0, 2.0 + (0.5 if name == "FloorPlan2" else 0.0)
    bodies, objects = [], []
    for index, (key, (category, mass, half, x, y)) in enumerate((BOXES | FLOOR_BOXES).items()):
        z = half + (TABLE_TOP if key in BOXES else 0.0)
        colour = " ".join(f"{value:.2f}" for value in np.random.default_rng(index).uniform(0.2, 0.9, 3))
        bodies.append(_box(key, mass, half, (x, y, z), colour))
        pickupable = half < 0.1
        objects.append(
            SceneObject(key, category, mass, not pickupable, pickupable, (half, half, half), (0.0, 0.0, 0.0), "train")
        )
    for index, (key, (category, mass, half)) in enumerate(PARKED_BOXES.items()):
        bodies.append(_box(key, mass, half, park_place(index), "0.8 0.2 0.2", parked=True))
        size = (half, half, half)
        objects.append(SceneObject(key, category, mass, False, True, size, (0.0, 0.0, 0.0), "train", parked=True))
    table = SceneObject("Table_a", "CounterTop", 40.0, False, False, (1.5, 0.4, 0.4), (0.0, 0.0, 0.4), "train")
    objects.append(replace(table, receptacle=True))
    sides = {"east": (1, 0), "west": (-1, 0), "north": (0, 1), "south": (0, -1)}
    walls = "".join(
        f'<geom name="wall_{side}" type="box" size="{WALL if x else half_x} {WALL if y else half_y} 1.25" '
        f'pos="{x * (half_x + WALL)} {y * (half_y + WALL)} 1.25" rgba="{0.7 + 0.1 * x:.1f} {0.8 + 0.1 * y:.1f} 0.7 1"/>'
        for side, (x, y) in sides.items()
    )
    low_wall = (
        '<geom name="low_wall" type="box" size="0.05 2 0.5" pos="-1 0 0.5" rgba="0.5 0.5 0.6 1"/>'
        if name == "FloorPlan3"
        else ""
    )
    xml = f"""
    <mujoco>
      <visual><headlight ambient="0.4 0.4 0.4" diffuse="0.5 0.5 0.5" specular="0 0 0"/></visual>
      <worldbody>
        <light pos="0 0 2.3" dir="0 0 -1" diffuse="0.4 0.4 0.4"/>
        <geom name="floor" type="box" size="{half_x} {half_y} 0.1" pos="0 0 -0.1" rgba="0.5 0.4 0.3 1"/>
        <geom name="ceiling" type="box" size="{half_x} {half_y} 0.1" pos="0 0 2.6" rgba="0.9 0.9 0.9 1"/>
        {walls}
        {low_wall}
        <body name="Table_a" pos="0 1.6 0">
          <geom type="box" size="1.5 0.4 0.4" pos="0 0 0.4" rgba="0.4 0.3 0.2 1" friction="{FRICTION}"/>
        </body>
        {"".join(bodies)}
      </worldbody>
    </mujoco>"""
    model = mujoco.MjModel.from_xml_string(xml)
    surfaces = (Surface("table", (0.0, 1.6, TABLE_TOP), (1.5, 0.4), 0.0, 1.5, "Table_a"),)
    floor = (-half_x, half_x, -half_y, half_y)
    return Scene(name, "kitchen", model, tuple(objects), surfaces, floor, 2.5)


def spawn(
    scene: Scene,
    data: mujoco.MjData,
    seed: int,
    attempts: int = 5,
    force_visible: bool = True,
    inside_share: float = 0.0,
) -> None:
    """Permutes and jitters the places of the boxes on the table; they fall 1 cm."""
    rng = np.random.default_rng(seed)
    places = [(x, y) for _, _, _, x, y in BOXES.values()]
    order = rng.permutation(len(places))
    for (key, (_, _, half, _, _)), place in zip(BOXES.items(), order, strict=True):
        address = scene.model.jnt_qposadr[scene.model.body(key).jntadr[0]]
        x, y = np.array(places[place]) + rng.uniform(-0.02, 0.02, 2)
        yaw = rng.uniform(-np.pi, np.pi)
        data.qpos[address : address + 3] = x, y, TABLE_TOP + half + 0.01
        data.qpos[address + 3 : address + 7] = np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)
