"""The data set format: the meaning of a valid file, and what is refused."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.interaction.dataset import load_entries, save_entries
from evaluation.interaction.masks import encode
from tests.evaluation.helpers import rectangle


def valid_entry(image_id: int | str = 7) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "width": 300,
        "height": 300,
        "thor_meta": {
            "scene": "FloorPlan28",
            "position": {"x": -0.5, "y": 0.9, "z": 1},
            "rotation": 90,
            "horizon": 30.0,
            "seed": 1234,
        },
        "annotations": [
            {
                "segmentation": encode(rectangle(10, 20, 30, 40)),
                "category_id": 1,
                "gt_mass": 0.8,
                "min_force": -1,
                "objectType": "Mug",
            }
        ],
    }


def test_fields_mean_what_the_documentation_says(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "set.json"
    other = valid_entry("b")
    other["thor_meta"]["rotation"] = {"x": 0, "y": 45.5, "z": 0}
    other["annotations"] = []
    save_entries(path, [valid_entry(), other])
    first, second = load_entries(path, annotated=True)
    assert first.scene == "FloorPlan28" and first.position == (-0.5, 0.9, 1.0) and first.seed == 1234
    assert (first.rotation, first.horizon, second.rotation) == (90.0, 30.0, 45.5)
    assert first.ground_truth().scene == first.scene and first.ground_truth().mass_classes == (1,)
    assert first.segmentations[0]["size"] == [300, 300]
    assert second.image_id == "b" and second.segmentations == ()
    assert [p.name for p in path.parent.iterdir()] == ["set.json"]


@pytest.mark.parametrize(
    ("min_force", "gt_mass", "expected"),
    [
        (-1, 0.499, 0), (-1, 0.5, 1), (-1, 1.99, 1), (-1, 2, 2), (-1, "heavy", 2), (-1, "light", 0),
        (5, 100, 0), (29.9, 100, 0), (30, 0.1, 1), (199, 0.1, 1), (200, 0.1, 2), (0, 0.1, 0),
    ],
)  # fmt: skip
def test_mass_class_by_force_then_by_mass(tmp_path: Path, min_force: float, gt_mass: Any, expected: int) -> None:
    entry = valid_entry()
    entry["annotations"][0] |= {"min_force": min_force, "gt_mass": gt_mass}
    save_entries(tmp_path / "set.json", [entry])
    assert load_entries(tmp_path / "set.json", annotated=True)[0].mass_classes == (expected,)


DELETE = object()


@pytest.mark.parametrize(
    ("keys", "value", "field"),
    [
        (["image_id"], DELETE, "image_id"),
        (["image_id"], 1.5, "image_id"),
        (["width"], 640, "width must be 300"),
        (["height"], "300", "height must be an integer"),
        (["thor_meta"], [], "thor_meta must be an object"),
        (["thor_meta", "scene"], DELETE, "thor_meta.scene is missing"),
        (["thor_meta", "scene"], 28, "thor_meta.scene"),
        (["thor_meta", "position"], [0, 0, 0], "thor_meta.position"),
        (["thor_meta", "position", "z"], DELETE, "thor_meta.position.z is missing"),
        (["thor_meta", "position", "z"], float("nan"), "thor_meta.position.z must be a finite"),
        (["thor_meta", "position", "x"], 10**400, "thor_meta.position.x"),
        (["thor_meta", "rotation"], {"x": 0}, "thor_meta.rotation.y is missing"),
        (["thor_meta", "rotation"], "north", "thor_meta.rotation must be a number"),
        (["thor_meta", "horizon"], None, "thor_meta.horizon"),
        (["thor_meta", "seed"], -1, "thor_meta.seed"),
        (["thor_meta", "seed"], True, "thor_meta.seed must be an integer"),
        (["annotations"], {}, "annotations must be a list"),
        (["annotations", 0], 3, r"annotations\[0\] must be an object"),
        (["annotations", 0, "segmentation"], DELETE, r"annotations\[0\].segmentation is missing"),
        (["annotations", 0, "segmentation"], [[1, 2]], r"annotations\[0\].segmentation must be a COCO RLE"),
        (["annotations", 0, "segmentation", "size"], [10, 10], r"annotations\[0\].segmentation must have size"),
        (
            ["annotations", 0, "segmentation", "counts"],
            [300 * 300],
            r"annotations\[0\].segmentation must show at least one pixel",
        ),
        (["annotations", 0, "iscrowd"], 1, r"annotations\[0\].iscrowd must be 0"),
        (["annotations", 0, "category_id"], "1", r"annotations\[0\].category_id"),
        (["annotations", 0, "gt_mass"], DELETE, r"annotations\[0\].gt_mass is missing"),
        (["annotations", 0, "gt_mass"], "massive", r"annotations\[0\].gt_mass"),
        (["annotations", 0, "gt_mass"], -2, r"annotations\[0\].gt_mass"),
        (["annotations", 0, "min_force"], -3, r"annotations\[0\].min_force"),
        (["annotations", 0, "min_force"], None, r"annotations\[0\].min_force"),
    ],
)
def test_each_wrong_field_is_named(tmp_path: Path, keys: list[Any], value: Any, field: str) -> None:
    path = tmp_path / "set.json"
    broken = valid_entry(8)
    parent = broken
    for key in keys[:-1]:
        parent = parent[key]
    if value is DELETE:
        del parent[keys[-1]]
    else:
        parent[keys[-1]] = value
    path.write_text(json.dumps([valid_entry(), broken]))
    with pytest.raises(ValueError, match=re.escape(f"data set file {path}, entry 1: ") + field) as caught:
        load_entries(path, annotated=True)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[", "must hold JSON"),
        (b"\xff\xfe\x00", "must hold JSON"),
        (b"[" * 100_000, "must hold JSON"),
        (b"{}", "must hold a list"),
        (b"[]", "at least one location"),
        (b"[3]", "entry 0: must be an object"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "set.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says):
        load_entries(path, annotated=False)


def test_missing_files_folders_duplicates_and_no_annotations(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        load_entries(tmp_path / "none.json", annotated=False)
    with pytest.raises(ValueError, match="cannot be read"):
        load_entries(tmp_path, annotated=False)
    path = tmp_path / "set.json"
    save_entries(path, [valid_entry(1), valid_entry(2), valid_entry(1)])
    with pytest.raises(ValueError, match="entry 2: image_id must differ from that of entry 0"):
        load_entries(path, annotated=False)
    empty = valid_entry() | {"annotations": []}
    save_entries(path, [empty])
    assert len(load_entries(path, annotated=False)) == 1
    with pytest.raises(ValueError, match="annotate at least one object"):
        load_entries(path, annotated=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A valid entry with up to three of its values, at any depth, replaced by arbitrary JSON."""
    entry = copy.deepcopy(valid_entry())
    for _ in range(draw(st.integers(1, 3))):
        node: Any = entry
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(node[key], dict | list) and draw(st.booleans()):
                node = node[key]
                continue
            node[key] = draw(JSON)
            break
    return entry


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(damaged() | JSON, max_size=2) | JSON)
def test_any_json_loads_or_raises_value_error(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "set.json"
    path.write_text(json.dumps(content))
    try:
        entries = load_entries(path, annotated=False)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert len(entries) == len(content)
