"""Creating, placing, disabling and removing objects, and random places for one.

This is one file because all tests share one hand-made room and one process of generated rooms.
"""

from __future__ import annotations

import contextlib
import math
import resource

import numpy as np
import pytest

from simulator.things.categories import PROBE_TABLES
from simulator.wire.actions import perform
from simulator.wire.environment import ActionFailed
from simulator.wire.metadata import describe_colors
from simulator.world.hand import Group, middle
from tests.simulator.player import BOX, CUP, MUG, POT, TABLE, TELEVISION, Player

TOMATOES, BREAD = (8, 9), 10
ON_TABLE = {"x": 0.9, "y": 0.87, "z": 1.3}


def described(play: Player) -> dict[str, dict]:
    return {one["objectId"]: one for one in play.environment.describe()["objects"]}


def place_of(play: Player, number: int) -> dict[str, float]:
    x, y, z = play.room.data.xpos[play.room.object_bodies[number]].tolist()
    return {"x": x, "y": z, "z": y}


# --- Into the room


def test_created_objects_have_new_ids_and_are_counted(play):
    play.start(z=0.0)
    before = set(described(play))
    first = play("CreateObject", objectType="Tomato", randomizeObjectAppearance=False)
    assert set(described(play)) == before | {first} and first.startswith("Tomato|")
    play.refused("CreateObject", "already holds", objectType="Tomato")
    play("DropHeldObject")
    second = play("CreateObject", objectType="Tomato")
    assert second != first and play.name(TOMATOES[0]) == first
    play("DropHeldObject")
    play.refused("CreateObject", "All 2 spare objects of the type 'Tomato' are in use", objectType="Tomato")
    play.refused("CreateObject", "no spare object of the type 'Sofa'; it has Bread, Tomato", objectType="Sofa")
    play("RemoveFromScene", objectId=first)
    third = play("CreateObject", objectType="Tomato")
    assert third != second
    names = [name for name in play.environment.ids if name]
    assert len(set(names)) == len(names) == play.room.present.sum()


def test_a_created_object_must_be_clear_in_the_hand(play):
    play.start(z=1.75, forceAction=True)  # the wall is 0.25 m away
    play.refused("CreateObject", "would collide with wall_north", objectType="Bread")
    play("CreateObject", objectType="Bread", forceAction=True)


def test_objects_are_created_at_places(play):
    play.start(z=-1.0)
    name = play(
        "CreateObjectAtLocation", objectType="Tomato", position={"x": 0.9, "y": 1.2, "z": 1.4}, rotation={"y": 45}
    )
    number = play.environment.object_number(name)
    assert name == "Tomato|+00.90|+00.85|+01.40" or play.at(number)[2] < 1.2
    assert play.room.physics.at_rest
    play.refused("CreateObjectAtLocation", "not clear", objectType="Tomato", position=place_of(play, POT))
    play.refused("CreateObjectAtLocation", "out of the room", objectType="Tomato", position={"x": 9, "y": 1, "z": 0})
    play.refused("CreateObjectAtLocation", "out of the room", objectType="Tomato", position={"x": 0, "y": -1, "z": 0})
    play.refused("CreateObjectAtLocation", "collide with the agent", objectType="Tomato",
                 position={"x": 0, "y": 1, "z": -1})  # fmt: skip
    play("CreateObjectAtLocation", objectType="Tomato", position=place_of(play, CUP), forceAction=True)
    assert play.room.present[list(TOMATOES)].all()


def test_unity_rotations_survive_the_metadata(play):
    play.start(z=-1.0)
    angles = {"x": 20.0, "y": 50.0, "z": 70.0}
    play("PlaceObjectAtPoint", objectId=play.name(MUG), position={"x": 0.0, "y": 1.5, "z": 0.0}, rotation=angles,
         forceKinematic=True)  # fmt: skip
    one = described(play)[play.name(MUG)]
    assert one["rotation"] == pytest.approx(angles, abs=1e-6)
    assert one["position"] == pytest.approx({"x": 0.0, "y": 1.5, "z": 0.0})


def test_placing_moves_objects_and_lets_them_rest(play):
    play.start(z=-1.0)
    play("PlaceObjectAtPoint", objectId=play.name(MUG), position=ON_TABLE | {"x": 0.85, "z": 1.26})
    assert play.at(MUG)[2] == pytest.approx(0.86, abs=2e-3) and play.room.physics.at_rest
    play.refused("PlaceObjectAtPoint", "not clear", objectId=play.name(CUP), position=place_of(play, MUG))
    play.refused("PlaceObjectAtPoint", "out of the room", objectId=play.name(CUP), position={"x": 0, "y": 5, "z": 0})
    play.refused("PlaceObjectAtPoint", "neither", objectId=play.name(TABLE), position=ON_TABLE)
    play.refused("PlaceObjectAtPoint", "no object", objectId="Mug|9", position=ON_TABLE)
    play("PickupObject", objectId=play.name(MUG), forceAction=True)
    play("PlaceObjectAtPoint", objectId=play.name(MUG), position=ON_TABLE | {"x": 0.85, "z": 1.26})
    assert play.room.held is None and play.at(MUG)[2] == pytest.approx(0.86, abs=2e-3)


# --- Out of the room


def test_removed_objects_are_gone_from_everything(play):
    play.start(z=0.0)
    name = play.name(BOX)
    places = len(play("GetReachablePositions"))
    play("RemoveFromScene", objectId=name)
    assert name not in described(play) and play.name(BOX) == ""
    assert name not in [entry["name"] for entry in describe_colors(play.room, play.environment.ids)]
    assert len(play("GetReachablePositions")) > places
    assert play.room.hidden_geoms()[play.room.geom_instances == BOX].all()
    play.refused("RemoveFromScene", "no object", objectId=name)
    play.refused("RemoveFromScene", "fixed furniture", objectId=play.name(TABLE))
    play("Reset", sceneName="FloorPlan1")
    assert play.name(BOX) == name


@pytest.mark.parametrize("action", ["RemoveFromScene", "DisableObject", "PickupObject"])
def test_what_rested_on_an_object_falls(play, action):
    play.start()
    play("PlaceObjectAtPoint", objectId=play.name(CUP), position={"x": -0.55, "y": 0.975, "z": 1.45})
    assert play.at(CUP)[2] == pytest.approx(0.97, abs=5e-3) and play.room.data.ntree_awake == 0
    play(action, objectId=play.name(MUG))
    assert play.at(CUP)[2] == pytest.approx(0.85, abs=5e-3)


def test_a_disabled_object_comes_back_to_its_place(play):
    play.start(z=0.0)
    name, place, before = play.name(MUG), play.at(MUG), play.room.data.qpos.copy()
    play("DisableObject", objectId=name)
    assert name not in described(play)
    play.refused("DisableObject", "no object", objectId=name)
    play.refused("EnableObject", "not disabled", objectId=play.name(CUP))
    play.refused("EnableObject", "no disabled object", objectId="Mug|9")
    play.refused("PickupObject", "no object", objectId=name)
    play("EnableObject", objectId=name)
    np.testing.assert_allclose(play.at(MUG), place, atol=1e-3)
    np.testing.assert_allclose(play.room.data.qpos, before, atol=1e-3)
    assert play.name(MUG) == name
    play("DisableObject", objectId=name)
    play("PlaceObjectAtPoint", objectId=play.name(CUP), position={"x": place[0], "y": 0.855, "z": place[1]})
    play.refused("EnableObject", "not clear", objectId=name)
    play("EnableObject", objectId=name, forceAction=True)
    assert play.name(MUG) == name and play.room.physics.at_rest


def test_held_objects_are_removed_but_not_disabled(play):
    play.start()
    play("PickupObject", objectId=play.name(MUG))
    play.refused("DisableObject", "is held", objectId=play.name(MUG))
    play.refused("DisableAllObjectsOfType", "is held", objectId="Mug")
    play("RemoveFromScene", objectId=play.name(MUG))
    assert play.room.held is None and play.name(MUG) == ""
    play("PickupObject", objectId=play.name(CUP))


def test_all_objects_of_a_type_are_disabled(play):
    play.start()
    for _ in TOMATOES:
        play("CreateObject", objectType="Tomato")
        play("DropHeldObject")
    names = [play.name(number) for number in TOMATOES]
    play("DisableAllObjectsOfType", objectId="Tomato")
    assert not set(names) & set(described(play)) and not play.room.present[list(TOMATOES)].any()
    play("DisableAllObjectsOfType", objectId="Knife")  # there is none here
    play.refused("DisableAllObjectsOfType", "no object type", objectId="Nothing")
    play.refused("DisableAllObjectsOfType", "fixed furniture", objectId="CounterTop")
    # Disabled ones are not spare.
    play.refused("CreateObject", "are in use", objectType="Tomato")
    play("EnableObject", objectId=names[1])
    assert play.name(TOMATOES[1]) == names[1]


def test_objects_outside_keep_outside(play):
    play.start()
    play("DisableObject", objectId=play.name(TELEVISION))
    play("InitialRandomSpawn", randomSeed=1)
    assert play.room.present[TELEVISION] and not play.room.left  # everything starts anew
    play("RemoveFromScene", objectId=play.name(CUP))
    play.room.physics.run(1.0)
    assert (play.room.data.xpos[play.room.object_bodies[~play.room.present], 2] < -10).all()
    assert play.room.data.ntree_awake == 0


# --- Places


def test_spawn_coordinates_are_free_places_on_the_receptacle(play):
    play.start(z=-1.0)
    points = play("GetSpawnCoordinatesAboveReceptacle", objectId=play.name(TABLE), anywhere=True)
    assert len(points) > 500
    for point in points:
        assert -1.5 < point["x"] < 1.5 and 1.2 < point["z"] < 2.0 and point["y"] == pytest.approx(0.803)
        assert math.hypot(point["x"] + 0.55, point["z"] - 1.45) > 0.06  # not in the mug
    play.refused("GetSpawnCoordinatesAboveReceptacle", "no receptacle", objectId=play.name(MUG))
    play("Teleport", x=-0.5, rotation=90.0)
    seen = play("GetSpawnCoordinatesAboveReceptacle", objectId=play.name(TABLE), anywhere=False)
    assert 0 <= len(seen) < len(points)


def test_small_objects_can_be_placed_on_most_spawn_coordinates(homes):
    homes("Reset", sceneName="FloorPlan201")
    homes("Initialize")
    room = homes.room
    table = next(number for number, obj in enumerate(room.scene.objects) if obj.name.startswith("DiningTable"))
    points = homes("GetSpawnCoordinatesAboveReceptacle", objectId=homes.name(table))
    chosen = points[:: max(1, len(points) // 30)]
    name, placed = homes("CreateObject", objectType="Tomato", forceAction=True), 0
    number = homes.environment.object_number(name)
    for point in chosen:
        try:
            homes("PlaceObjectAtPoint", objectId=name, position=point, rotation=0)
        except Exception as failure:
            assert "not clear" in str(failure)
        else:
            placed += 1
            assert 0.0 < middle(room, number)[2] - point["y"] < 0.08
    assert placed >= len(chosen) / 2


@pytest.mark.parametrize("scene", ["FloorPlan1", "FloorPlan201"])
def test_spam_gives_resting_places_and_leaves_the_room_as_it_is(homes, scene):
    homes("Reset", sceneName=scene)
    homes("Initialize")
    room, before = homes.room, homes.state()
    found = homes("SpamObjectsInRoom", objectType="Tomato", randomSeed=5, count=25)
    assert homes.state() == before and len(found) == 25
    assert found == homes("SpamObjectsInRoom", objectType="Tomato", randomSeed=5, count=25)
    assert found != homes("SpamObjectsInRoom", objectType="Tomato", randomSeed=6, count=25)
    parents = {parent for one in found for parent in one["parentReceptacles"]}
    assert parents <= set(homes.environment.ids) and parents
    name = homes("CreateObject", objectType="Tomato", forceAction=True)
    number = homes.environment.object_number(name)
    for one in found[:10]:
        homes("PlaceObjectAtPoint", objectId=name, position=one["position"], rotation=one["rotation"])
        x, y, z = room.data.xpos[room.object_bodies[number]]
        assert [x, z, y] == pytest.approx(list(one["position"].values()), abs=0.02)
    # The same body serves when the object is in the hand or in the room.
    homes("PickupObject", objectId=name, forceAction=True)
    before = homes.state()
    assert len(homes("SpamObjectsInRoom", objectId=name, count=5)) == 5
    assert homes.state() == before


def test_wrong_arguments_of_spam(play):
    play.start()
    for arguments, match in (
        ({}, "either"), ({"objectType": "Tomato", "objectId": play.name(CUP)}, "either"),
        ({"objectType": "Tomato", "count": 0}, "count"), ({"objectType": "Tomato", "randomSeed": -1}, "randomSeed"),
        ({"objectId": play.name(TABLE)}, "fixed furniture"), ({"objectType": "Sofa"}, "no spare"),
    ):  # fmt: skip
        play.refused("SpamObjectsInRoom", match, **arguments)


def test_memory_does_not_grow(play):
    def round_trip(count: int) -> None:
        for _ in range(count):
            play.start()
            name = play("CreateObject", objectType="Tomato")
            play("DropHeldObject")
            play("DisableObject", objectId=name)
            play("EnableObject", objectId=name)
            play("RemoveFromScene", objectId=name)

    round_trip(20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    round_trip(100)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096  # KiB


def test_the_objects_own_geoms_are_no_obstacles(play):
    play.start()
    play("PickupObject", objectId=play.name(MUG))
    group = Group(play.room, (MUG,), 10.0)
    assert not set(group.geoms.tolist()) & set(np.flatnonzero(play.room.geom_instances != MUG).tolist())
    assert middle(play.room, MUG) == pytest.approx(group.center)


# --- Through the real client


def test_the_hand_through_the_client(client):
    client.reset("FloorPlan1", renderInstanceSegmentation=True, renderDepthImage=True, snapToGrid=False)
    empty = client.step("Teleport", x=0.0, z=0.0, horizon=30.0)
    held = client.step("CreateObject", objectType="Tomato")
    name = held.metadata["actionReturn"]
    assert held.metadata["lastActionSuccess"] and name.startswith("Tomato|")
    assert name in held.instance_masks and name not in empty.instance_masks
    # The middle of the view is close to the object, which is half a metre away.
    shown = held.instance_masks[name]
    rows, columns = np.nonzero(shown)
    assert shown.sum() > 500 and abs(columns.mean() - 150) < 10 and 150 < rows.mean() < 210
    assert held.depth_frame[shown].mean() == pytest.approx(0.5, abs=0.06)
    turned = client.step("RotateRight")
    assert turned.metadata["lastActionSuccess"]
    np.testing.assert_array_equal(turned.instance_masks[name], shown)
    one = next(one for one in turned.metadata["objects"] if one["objectId"] == name)
    assert one["position"]["x"] > 0.3 and abs(one["position"]["z"]) < 1e-6
    moved = client.step("MoveHandForce", x=0.0, y=0.0, z=0.1)
    assert moved.metadata["lastActionSuccess"]
    failed = client.step("MoveHandForce", x=0.0, y=0.0, z=0.0001)
    assert not failed.metadata["lastActionSuccess"] and "0.001" in failed.metadata["errorMessage"]
    np.testing.assert_array_equal(failed.frame, moved.frame)
    dropped = client.step("DropHeldObject")
    again = client.step("Pass")
    assert dropped.metadata["isSceneAtRest"]
    np.testing.assert_array_equal(dropped.frame, again.frame)
    gone = client.step("DisableObject", objectId=name)
    assert name not in gone.instance_masks
    back = client.step("EnableObject", objectId=name)
    assert back.metadata["lastActionSuccess"] and name in [one["objectId"] for one in back.metadata["objects"]]
    with pytest.raises(ValueError, match="needs the argument 'objectType'"):
        client.step("CreateObject")


def test_what_was_opened_can_be_closed_from_the_same_place(homes):
    """The drawer reaches into the image's corner alone."""
    for request in (
        {"action": "Reset", "sceneName": "FloorPlan207"},
        {"action": "Initialize", "gridSize": 0.25},
        {"action": "InitialRandomSpawn", "randomSeed": 5},
        {"action": "TeleportFull", "x": -1.5, "y": 0.9, "z": -0.25, "rotation": 270, "horizon": 30},
        {"action": "OpenObject", "objectId": "Drawer|-01.93|+00.27|-01.06"},
        {"action": "CloseObject", "objectId": "Drawer|-01.93|+00.27|-01.06"},
    ):
        perform(homes.environment, request)
    assert not homes.room.parts.openness.any()


def test_spare_tables_hold_what_is_staged_on_them(homes):
    for scene, table in zip(
        ("FloorPlan501", "FloorPlan515", "FloorPlan522", "FloorPlan528", "FloorPlan530"), PROBE_TABLES, strict=True
    ):
        homes("Reset", sceneName=scene)
        homes("Initialize", gridSize=0.25)
        name = ""
        for place in homes("GetReachablePositions"):
            with contextlib.suppress(ActionFailed):
                name = homes("CreateObjectAtLocation", objectType=table, position={**place, "y": 0.01})
                break
        points = homes("GetSpawnCoordinatesAboveReceptacle", objectId=name)
        assert len(points) > 20, (scene, table)
        bowl = ""
        for point in points:
            with contextlib.suppress(ActionFailed):
                bowl = homes("CreateObjectAtLocation", objectType="Bowl", position=point)
                break
        seen = described(homes)
        assert seen[bowl]["parentReceptacles"] == [name] and seen[bowl]["containedIn"] is None, (scene, table)
        assert bowl in seen[name]["receptacleObjectIds"]
        apple = ""
        for point in homes("GetSpawnCoordinatesAboveReceptacle", objectId=bowl):
            with contextlib.suppress(ActionFailed):
                apple = homes("CreateObjectAtLocation", objectType="Tomato", position=point)
                break
        assert set(described(homes)[apple]["parentReceptacles"]) == {name, bowl}
        assert described(homes)[apple]["containedIn"] == [bowl]


def test_what_lies_on_a_closed_container_is_not_in_it(homes):
    homes("Reset", sceneName="FloorPlan402")
    homes("Initialize", gridSize=0.25)
    toilet = next(name for name in described(homes) if name.startswith("Toilet|"))
    for point in homes("GetSpawnCoordinatesAboveReceptacle", objectId=toilet):
        with contextlib.suppress(ActionFailed):
            tomato = homes("CreateObjectAtLocation", objectType="Tomato", position=point)
            assert toilet not in (described(homes)[tomato]["parentReceptacles"] or [])
            break


@pytest.mark.parametrize(
    "scene, seed, place, name, pushed",
    [
        ("FloorPlan5", 5, {"x": -1.25, "z": -1.25, "rotation": 90}, "Cabinet|-00.15|+00.08|-01.75", "Bench"),
        ("FloorPlan229", 229, {"x": -1.25, "z": -1.75, "rotation": 0}, "Drawer|-01.99|+00.06|-01.26", "Boots"),
    ],
)
def test_no_push_shuts_the_agent_in(homes, scene, seed, place, name, pushed):
    homes("Reset", sceneName=scene)
    homes("Initialize", gridSize=0.25)
    homes("InitialRandomSpawn", randomSeed=seed)
    homes("TeleportFull", y=0.9, horizon=30, **place)
    before = homes("GetReachablePositions"), homes.room.data.qpos.copy()
    homes.refused("OpenObject", f"block the agent's way with {pushed}", objectId=name)
    np.testing.assert_array_equal(homes.room.data.qpos, before[1])
    assert homes("GetReachablePositions") == before[0]


def test_nothing_is_placed_into_the_floor_or_below_it(play):
    """Also when it is tilted, so that its box reaches below the floor while the object may not."""
    play.start(z=0.0)
    for height, why in ((0.01, "Floor|floor"), (-3.0, "out of the room's bounds")):
        where = {"x": 0.0, "y": height, "z": -1.0}
        play.refused("PlaceObjectAtPoint", why, objectId=play.name(MUG), position=where)
        play.refused("CreateObjectAtLocation", why, objectType="Tomato", position=where)
    deep = {"x": 0.0, "y": 0.01, "z": -1.0}
    play.refused("CreateObjectAtLocation", "bounds", objectType="Tomato", position=deep, forceAction=True)
