"""Rooms: all scenes build, hold only what their kind and split allow, and are the same in every process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import mujoco
import numpy as np
import pytest

from simulator.rooms.generate import PARKED_COPIES, SCENE_NAMES, build_scene
from simulator.rooms.scene import Scene
from simulator.rooms.spawn import spawn
from simulator.things.categories import CATEGORIES, GOALS, PROBE_RECEPTACLES, PROBE_TABLES, room_role

ROOT = Path(__file__).resolve().parents[2]
MUST_HAVE = {
    "kitchen": {"CounterTop", "Sink", "StoveBurner", "Fridge"},
    "living_room": {"Sofa", "TVStand"},
    "bedroom": {"Bed", "Desk"},
    "bathroom": {"Toilet", "SinkBasin", "Bathtub"},
    "foyer": {"Dresser", "Bench", "Shelf"},
}
COUNTS = {"foyer": (18, 30)}
"""Range of the number of dynamic objects, if it differs from that of other rooms."""
OPENABLES = {"kitchen": 15, "living_room": 6, "bedroom": 8, "bathroom": 5, "foyer": 2}
"""Number of objects that open in every room."""


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """All rooms, one in ten of them with spare objects."""
    return [build_scene(name, spares=number % 10 == 0) for number, name in enumerate(SCENE_NAMES)]


def digest(scene: Scene) -> str:
    """A hash of everything that physics and images depend on."""
    model = scene.model
    arrays = (
        model.qpos0,
        model.body_mass,
        model.body_inertia,
        model.geom_pos,
        model.geom_quat,
        model.geom_size,
        model.geom_rgba,
        model.geom_friction,
        model.mesh_vert,
        model.tex_data,
        model.dof_damping,
        model.light_dir,
    )
    parts = [repr((scene.name, scene.objects, scene.surfaces, scene.obstacles, scene.floor)).encode()]
    parts += [np.ascontiguousarray(array).tobytes() for array in arrays]
    return hashlib.sha256(b"".join(parts)).hexdigest()


PINNED: dict[str, str] = {
    "FloorPlan1": "826b3696196227a6796c68adf0c5068659d8ed99a7dd2ed795b735fda6b61d67",
    "FloorPlan203": "e57584a7ee7e251ccd7a9eeec9e68994000903c20e6f686afa05ab695e97ec63",
    "FloorPlan305": "6e68c507194c042751376bdedf64d2516245e474158862777895710cbe0f6ddb",
    "FloorPlan412": "3547f9d06ca3413c309c094a9c12ac47d351a5a0f1022f466884f83d318583c2",
    "FloorPlan507": "10dd9105ac8055901a63752c27e1dbc68e2f8a4174fbca242249584b0d37efec",
}
"""Scene -> hash of what makes it the same room for data sets and checkpoints, see `fingerprint`."""


def fingerprint(scene: Scene) -> str:
    """A hash of the objects and of where everything is, how large it is and which colours it has.

    It covers the places of three spawns, too. Spare objects do not count, so that there may be more of them one day.
    Numbers are rounded to 10 micrometres, so that another compiler's last digit does not change it.
    """
    model = scene.model
    arrays = [model.qpos0, model.geom_size, model.geom_pos, model.geom_quat, model.geom_rgba, model.mesh_vert]
    data = mujoco.MjData(model)
    for seed, visible in ((0, True), (7, True), (7, False)):
        spawn(scene, data, seed, force_visible=visible, inside_share=0.15)
        arrays.append(data.qpos.copy())
    parts = [repr([obj.name for obj in scene.objects]).encode()]
    parts += [(np.round(array, 5) + 0.0).astype(np.float32).tobytes() for array in arrays]
    return hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.mark.parametrize("name", PINNED)
def test_rooms_stay_as_they_are(name: str) -> None:
    """Whoever changes a room makes data sets and checkpoints of others worthless: only a new major version may."""
    assert fingerprint(build_scene(name, spares=False)) == PINNED[name]


def test_names() -> None:
    assert len(SCENE_NAMES) == len(set(SCENE_NAMES)) == 150
    assert {
        "FloorPlan1",
        "FloorPlan30",
        "FloorPlan201",
        "FloorPlan330",
        "FloorPlan430",
        "FloorPlan501",
        "FloorPlan530",
    } <= set(SCENE_NAMES)


@pytest.mark.parametrize("name", ["FloorPlan0", "FloorPlan31", "FloorPlan531", "floorplan1", "FloorPlan1_fast", ""])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="FloorPlan1-30"):
        build_scene(name)


def test_the_suffix_of_the_client_is_accepted() -> None:
    assert build_scene("FloorPlan7_physics").name == "FloorPlan7"


def test_same_room_in_another_process() -> None:
    names = ["FloorPlan3", "FloorPlan224", "FloorPlan428"]
    code = (
        "from tests.simulator.test_generate import digest; from simulator.rooms.generate import build_scene\n"
        f"for name in {names!r}: print(digest(build_scene(name)))"
    )
    seen = []
    for salt in ("1", "2"):  # hash() of strings differs between these processes
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": salt, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        seen.append(done.stdout.split())
    assert seen[0] == seen[1] == [digest(build_scene(name)) for name in names]
    assert len(set(seen[0])) == 3


def test_dynamic_objects_have_free_joints_and_their_masses(scenes: list[Scene]) -> None:
    for scene in scenes:
        model = scene.model
        names = [obj.name for obj in scene.objects]
        assert len(names) == len(set(names))
        free = set()
        for obj in scene.objects:
            body = model.body(obj.name)
            if obj.dynamic:
                assert obj.moveable != obj.pickupable
                assert body.jntnum[0] == 1
                assert model.jnt_type[body.jntadr[0]] == mujoco.mjtJoint.mjJNT_FREE
                assert model.body_subtreemass[body.id] == pytest.approx(obj.mass)
                assert (body.inertia > 0).all()
                free.add(obj.name)
            else:
                assert body.jntnum[0] == 0
        assert model.njnt == len(free)


def test_rooms_hold_enough_of_many_kinds(scenes: list[Scene]) -> None:
    everywhere: Counter[str] = Counter()
    for scene in scenes:
        dynamic = [obj for obj in scene.objects if obj.dynamic and not obj.parked]
        low, high = COUNTS.get(scene.kind, (25, 100))
        assert low <= len(dynamic) <= high, scene.name
        assert len({obj.category for obj in dynamic}) >= 8, scene.name
        assert {obj.category for obj in scene.objects if not obj.dynamic} >= MUST_HAVE[scene.kind], scene.name
        everywhere.update({obj.category for obj in dynamic})
    assert set(everywhere) == {name for name, category in CATEGORIES.items() if category.kinds}
    assert min(everywhere.values()) >= 3


def test_rooms_offer_enough_that_opens(scenes: list[Scene]) -> None:
    for scene in scenes:
        fixed = [obj for obj in scene.objects if obj.openable and not obj.dynamic]
        assert len(fixed) >= OPENABLES[scene.kind], scene.name
        assert all(obj.containers and obj.receptacle for obj in fixed), scene.name


def test_what_is_behind_belongs_to_something_that_opens(scenes: list[Scene]) -> None:
    for scene in scenes:
        openable = {obj.name for obj in scene.objects if obj.openable}
        assert {surface.behind for surface in scene.surfaces} - {""} <= openable
        assert set(scene.hidden.values()) <= openable
        assert all((surface.place == "inside") or not surface.behind for surface in scene.surfaces)


def test_the_pool_serves_goals_and_probes(scenes: list[Scene]) -> None:
    for scene in scenes[::10]:
        parked = Counter(obj.category for obj in scene.objects if obj.parked)
        assert set(parked) == set(CATEGORIES)
        assert all(parked[name] == PARKED_COPIES for name in GOALS)
        sizes, heights = [], []
        for obj in scene.objects:
            if obj.parked and obj.category in PROBE_RECEPTACLES:
                assert any(not container.closed for container in obj.containers), (scene.name, obj.name)
            if obj.parked and obj.category in PROBE_TABLES:
                assert obj.moveable and obj.receptacle
                heights.append((2 * obj.half_extents[2], PROBE_TABLES.index(obj.category)))
                sizes.append(obj.half_extents[0] * obj.half_extents[1])
        assert len(heights) == len(PROBE_TABLES) == len(set(sizes))
        assert min(heights)[0] < 0.51 and max(heights)[0] > 0.74


def test_split_of_categories_between_rooms(scenes: list[Scene]) -> None:
    for scene in scenes:
        split = "test" if room_role(scene.name) == "novel_objects" else "train"
        for obj in scene.objects:
            if obj.dynamic and not obj.parked:
                assert CATEGORIES[obj.category].split == obj.split == split


def test_mass_classes_are_all_well_represented(scenes: list[Scene]) -> None:
    for role in ("train", "novel_objects", "novel_spaces"):
        masses = np.array(
            [
                obj.mass
                for scene in scenes
                if room_role(scene.name) == role
                for obj in scene.objects
                if obj.dynamic and not obj.parked
            ]
        )
        shares = [(masses < 0.5).mean(), ((masses >= 0.5) & (masses < 2)).mean(), (masses >= 2).mean()]
        assert 0.35 < shares[0] < 0.6, role
        assert 0.2 < shares[1] < 0.4, role
        assert 0.15 < shares[2] < 0.35, role
        assert not ((masses >= 0.5) & (masses < 0.7)).any() and not ((masses > 2) & (masses < 3)).any()
        assert masses.max() <= 20


def test_instances_differ_between_rooms(scenes: list[Scene]) -> None:
    mugs = [obj.half_extents for scene in scenes for obj in scene.objects if obj.category == "Mug" and not obj.parked]
    assert len(mugs) > 20
    assert len(set(mugs)) == len(mugs)


def test_everything_starts_inside_and_apart(scenes: list[Scene]) -> None:
    for scene in scenes[::3]:
        data = mujoco.MjData(scene.model)
        mujoco.mj_forward(scene.model, data)
        x_min, x_max, y_min, y_max = scene.floor
        for obj in scene.objects:
            if obj.dynamic and not obj.parked:
                x, y, z = data.body(obj.name).xpos
                assert x_min < x < x_max and y_min < y < y_max and -0.01 < z < 1.75
        assert all(contact.dist > -1e-3 for contact in data.contact[: data.ncon]), scene.name


def test_surfaces_lie_in_the_room_and_on_their_holders(scenes: list[Scene]) -> None:
    for scene in scenes:
        x_min, x_max, y_min, y_max = scene.floor
        names = {obj.name for obj in scene.objects}
        moving = {obj.name for obj in scene.objects if obj.dynamic and not obj.parked}
        assert sum(surface.place == "floor" for surface in scene.surfaces) == 1
        for surface in scene.surfaces:
            assert surface.support in names or surface.support == ""
            if surface.support not in moving:
                x, y, z = surface.center
                assert x_min - 1e-6 <= x - surface.half_size[0] and x + surface.half_size[0] <= x_max + 1e-6
                assert y_min - 1e-6 <= y - surface.half_size[1] and y + surface.half_size[1] <= y_max + 1e-6
                assert 0 <= z < (2.1 if surface.behind else 1.6)


def test_fixed_furniture_does_not_stand_in_other_furniture(scenes: list[Scene]) -> None:
    for scene in scenes:
        for index, one in enumerate(scene.obstacles):
            for other in scene.obstacles[:index]:
                meets = all(
                    one.low[axis] < other.high[axis] - 1e-6 and other.low[axis] < one.high[axis] - 1e-6
                    for axis in range(3)
                )
                assert not meets, (scene.name, one.owner, other.owner)


def test_rays_meet_what_is_drawn_and_not_hidden_shapes() -> None:
    scene = build_scene("FloorPlan1")
    model = scene.model
    hidden = model.geom_rgba[:, 3] == 0
    assert hidden.any()
    assert (model.geom_group[hidden] == 3).all() and (model.geom_group[~hidden] == 0).all()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    hit = np.array([-1], dtype=np.int32)
    generator = np.random.default_rng(0)
    for direction in generator.normal(size=(500, 3)):
        mujoco.mj_ray(model, data, np.array([0.0, 0.0, 1.575]), direction, None, 1, -1, hit)
        assert hit[0] >= 0 and not hidden[hit[0]]


def test_structure_is_there_that_only_looks_moveable(scenes: list[Scene]) -> None:
    for scene in scenes:
        with_id = {obj.name for obj in scene.objects}
        bodies = [scene.model.body(index).name for index in range(1, scene.model.nbody)]
        assert sum(name not in with_id for name in bodies) >= 4, scene.name
