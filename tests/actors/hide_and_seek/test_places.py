"""The format of hiding places: reading, writing, checking, and its JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

from actors.hide_and_seek import places as module
from actors.hide_and_seek.places import (
    DIFFICULTIES,
    FIELDS,
    HidingPlace,
    check_fits,
    from_json,
    load_places,
    read_places,
    save_places,
    to_json,
)
from actors.hide_and_seek.scenes import GOALS
from actors.hide_and_seek.world import Pose, World
from common.errors import UsageError

SCHEMA = json.loads(Path(module.__file__).with_name("places.schema.json").read_text(encoding="utf-8"))
POSE = Pose({"x": 0.5, "y": 0.9, "z": -1.25}, {"x": 0.0, "y": 45.0, "z": 0.0})
START = {"x": 0.25, "y": 0.9, "z": 1.0, "yaw": 90.0}
FULL = HidingPlace(
    scene="FloorPlan1",
    seed=7,
    goal="Cup",
    start=START,
    pose=POSE,
    turned=12,
    opened=("Drawer|1",),
    moved={"Bowl|2": POSE},
    contained_in="Drawer|1",
    source="human",
    visible_from=3,
    tuples=760,
    difficulty="hard",
)
LEAST = HidingPlace(scene="FloorPlan201", seed=0, goal="Bread", start=START, pose=POSE)


def test_places_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "places.json"
    save_places(path, [FULL, LEAST], {"hash": "abc"}, {"candidates": 2})
    assert load_places(path) == ([FULL, LEAST], {"hash": "abc"})
    assert read_places(path).statistics == {"candidates": 2}
    jsonschema.validate(json.loads(path.read_text()), SCHEMA)
    assert FULL.visible_share == 3 / 760 and LEAST.visible_share is None


def test_files_need_only_the_schema_and_the_places(tmp_path: Path) -> None:
    path = tmp_path / "places.json"
    wanted = {name: value for name, value in to_json(LEAST).items() if name in SCHEMA["$defs"]["place"]["required"]}
    path.write_text(json.dumps({"schema": 1, "places": [wanted]}))
    assert load_places(path) == ([LEAST], {})


def test_the_json_schema_has_the_fields_and_words_of_the_code() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    place = SCHEMA["$defs"]["place"]
    assert set(place["properties"]) == set(HidingPlace.__dataclass_fields__)
    assert tuple(place["properties"]["goal"]["enum"]) == GOALS
    assert tuple(place["properties"]["difficulty"]["enum"]) == (*DIFFICULTIES, None)
    assert tuple(sorted(SCHEMA["properties"])) == tuple(sorted(FIELDS))
    assert SCHEMA["properties"]["schema"]["const"] == module.SCHEMA
    defaults = {name: value["default"] for name, value in place["properties"].items() if "default" in value}
    written = json.loads(json.dumps(to_json(LEAST)))
    assert defaults == {name: written[name] for name in defaults}
    assert set(defaults) == set(written) - set(place["required"])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"goal": "Sofa"}, "goal must be one of Bread, Cup, Knife, Plunger, Tomato, not 'Sofa'"),
    ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
    ({"seed": True}, "seed must be a whole number"),
    ({"scene": ""}, "scene must be the name of a scene"),
    ({"start": {**START, "yaw": 45.0}}, "start must be x, y, z and a yaw of 0, 90, 180 or 270"),
    ({"start": {"x": 0.0, "y": 0.0, "z": 0.0}}, "start must be x, y, z and a yaw"),
    ({"pose": {"position": POSE.position}}, "pose must have position and rotation with x, y and z"),
    ({"moved": {"Bowl|2": {}}}, "moved 'Bowl|2' must have position and rotation"),
    ({"opened": "Drawer|1"}, "opened must be a list of object ids"),
    ({"turned": 360}, "turned must be a whole number of degrees from 0 to 359, not 360"),
    ({"visible_from": -1}, "visible_from must be null or a whole number of at least 0"),
    ({"difficulty": "impossible"}, "difficulty must be null or one of easy, medium, hard, not 'impossible'"),
    ({"colour": "red"}, "has an unknown field 'colour'"),
]


@pytest.mark.parametrize(("change", "sentence"), WRONG)
def test_wrong_places_are_refused_by_code_and_schema(change: dict[str, Any], sentence: str) -> None:
    values = json.loads(json.dumps(to_json(FULL))) | change
    with pytest.raises(UsageError) as refused:
        from_json(values, "place 1")
    assert sentence in str(refused.value) and str(refused.value).startswith("place 1")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"schema": 1, "places": [values]}, SCHEMA)


def test_missing_fields_are_named() -> None:
    values = to_json(FULL)
    del values["pose"]
    with pytest.raises(UsageError, match="place 3 lacks the field 'pose'"):
        from_json(values, "place 3")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b'{"schema": 1, "places": [', "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b"[]", "schema must be 1, not None"),
        (b'{"schema": 2, "places": []}', "schema must be 1, not 2"),
        (b'{"schema": 1}', "places must be a list, not None"),
        (b'{"schema": 1, "places": [], "hash": 1}', "has an unknown field 'hash'; the fields are schema, made_from"),
        (b'{"schema": 1, "places": [], "made_from": []}', "made_from must be an object with fields"),
        (b'{"schema": 1, "places": [], "statistics": {"easy": -1}}', "statistics must be whole numbers"),
        (b'{"schema": 1, "places": [3]}', "place 1 must be an object with fields, not 3"),
    ],
)
def test_broken_files_give_one_sentence(tmp_path: Path, text: bytes, sentence: str) -> None:
    path = tmp_path / "places.json"
    path.write_bytes(text)
    with pytest.raises(UsageError) as refused:
        load_places(path)
    message = str(refused.value)
    assert message.startswith(str(path)) and sentence in message and "\n" not in message


def test_a_missing_file_gives_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.json: cannot be read: No such file"):
        load_places(tmp_path / "nowhere.json")


def test_places_of_another_scene_or_goal_are_refused() -> None:
    check_fits(FULL, "FloorPlan1", "Cup")
    check_fits(FULL)
    with pytest.raises(UsageError, match="for scene FloorPlan1, but the game has scene FloorPlan2"):
        check_fits(FULL, scene="FloorPlan2")
    with pytest.raises(UsageError, match="for goal Cup, but the game has goal Bread"):
        check_fits(FULL, goal="Bread")


class UnityLike:
    """Answers to SpamObjectsInRoom as a Unity build is said to: it takes the seed alone and leaves objects behind."""

    def __init__(self) -> None:
        self.removed: list[str] = []
        self.last_event: Any = self._event()

    def _event(self) -> Any:
        zero = {"x": 0.0, "y": 0.0, "z": 0.0}
        names = ("Cup|1", "Cup|2", "Bread|1", "Fridge|1")
        objects = [
            {
                "objectId": name,
                "objectType": name.split("|")[0],
                "position": {**zero, "x": float(number)},
                "rotation": zero,
                "parentReceptacles": ["Fridge|1"] if name == "Cup|2" else None,
                "openable": name == "Fridge|1",
            }
            for number, name in enumerate(names)
            if name not in self.removed
        ]
        metadata = {"lastActionSuccess": True, "actionReturn": None, "objects": objects, "errorMessage": ""}
        return SimpleNamespace(metadata=metadata, frame=None)

    def step(self, action: str, **arguments: Any) -> Any:
        if "objectType" in arguments:
            raise ValueError("invalid argument: objectType")
        if action == "RemoveFromScene":
            self.removed.append(arguments["objectId"])
        self.last_event = self._event()
        return self.last_event


def test_candidates_of_a_unity_build_are_read_from_its_metadata() -> None:
    simulator: Any = UnityLike()
    found = World(simulator).resting_places("Cup", seed=3, count=100)
    assert [(one.pose.position["x"], one.supports) for one in found] == [(0.0, ()), (1.0, ("Fridge|1",))]
    assert sorted(simulator.removed) == ["Bread|1", "Cup|1", "Cup|2"]
