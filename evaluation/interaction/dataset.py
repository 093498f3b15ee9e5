"""Data sets of locations: the JSON files that training and evaluation use.

A file is a JSON list with one object for each location, in the fields of the data sets that the paper's authors
released:

    {"image_id": 17, "width": 300, "height": 300,
     "thor_meta": {"scene": "FloorPlan28", "position": {"x": -0.5, "y": 0.9, "z": 1.25},
                   "rotation": 90, "horizon": 30, "seed": 1234},
     "annotations": [{"segmentation": {"size": [300, 300], "counts": "..."}, "category_id": 1,
                      "gt_mass": 0.8, "min_force": -1}]}

- `image_id` is an integer or a string, unique in the file; `width` and `height` are 300.
- `thor_meta` is the pose of the agent and the seed of the room (docs/interaction.md, Observations and touches): scene
  name, position in metres, rotation about the vertical in degrees (a number, or {x, y, z} of which y counts), horizon
  in degrees (positive looks down), seed of the spawn.
- `annotations` are the objects in reach; files to train from may leave the list empty.
- `segmentation` is a COCO RLE of the object's visible pixels, of which there is at least one; `category_id` is an
  integer. `iscrowd`, if present, is 0: a region of many objects cannot be detected as one.
- The mass class of an object comes from `min_force`, its smallest sufficient force, unless that is -1 (not measured):
  below 30 light, below 200 medium, else heavy. Otherwise it comes from `gt_mass` in kg: below 0.5 light, below 2
  medium, else heavy; `gt_mass` may be the name of a class instead.
- Other fields (bbox, area, objectType ...) are ignored.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors.interaction.ground_truth import mass_class
from common.files import write_json
from evaluation.interaction.coco import MASS_CLASSES, GroundTruth
from evaluation.interaction.masks import RLE, check_rle
from replay.interaction.record import IMAGE_SIZE

FORCE_LIMITS = (30.0, 200.0)
"""Minimum `min_force` of medium and heavy objects (from the authors' release)."""
NOT_MEASURED = -1
"""Value of `min_force` if it was not measured."""
SEED_LIMIT = 2**31
"""Upper bound of spawn seeds, which the simulator reads as 32-bit integers."""


@dataclass(frozen=True)
class Entry:
    """One location of a data set file."""

    image_id: int | str
    scene: str
    position: tuple[float, float, float]
    """x, y, z in Unity's coordinates, metres."""
    rotation: float
    """Degrees about the vertical, clockwise from above."""
    horizon: float
    """Degrees, positive looks down."""
    seed: int
    """Seed of InitialRandomSpawn."""
    segmentations: tuple[RLE, ...]
    """Visible mask of each annotated object."""
    mass_classes: tuple[int, ...]
    """Index into MASS_CLASSES of each annotated object."""

    def ground_truth(self) -> GroundTruth:
        """Returns the annotated objects."""
        return GroundTruth(self.image_id, self.segmentations, self.mass_classes, self.scene)


def load_entries(path: Path, annotated: bool) -> list[Entry]:
    """Reads and checks a data set file.

    Args:
        path: the file.
        annotated: whether the file is used for evaluation; then it must annotate at least one object.

    Raises:
        ValueError: the file cannot be read, or a field is missing or has the wrong type; the message names the file,
            the number of the entry (from 0), the field, and the correct form.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ValueError(f"data set file {path} does not exist; `./playpen dataset` makes the files.") from None
    except OSError as error:
        raise ValueError(f"data set file {path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):  # JSON and Unicode errors are ValueErrors
        raise ValueError(f"data set file {path} must hold JSON, but it cannot be parsed.") from None
    if not isinstance(content, list) or not content:
        raise ValueError(f"data set file {path} must hold a list of at least one location.")
    entries: list[Entry] = []
    for number, fields in enumerate(content):
        try:
            entries.append(_entry(fields))
        except ValueError as error:
            raise ValueError(f"data set file {path}, entry {number}: {error}.") from None
    first_of: dict[int | str, int] = {}
    for number, entry in enumerate(entries):
        first = first_of.setdefault(entry.image_id, number)
        if first != number:
            raise ValueError(f"data set file {path}, entry {number}: image_id must differ from that of entry {first}.")
    if annotated and not any(entry.segmentations for entry in entries):
        raise ValueError(f"data set file {path} must annotate at least one object to be evaluated on.")
    return entries


def save_entries(path: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Writes entries (as JSON objects in the format above) atomically."""
    write_json(path, list(entries))


def _entry(fields: Any) -> Entry:
    """Checks one location. Raises ValueError with a clause that begins with the field's name."""
    if not isinstance(fields, dict):
        raise ValueError("must be an object with image_id, width, height, thor_meta and annotations")
    image_id = _get(fields, "image_id", "an integer or a string")
    if not isinstance(image_id, int | str) or isinstance(image_id, bool):
        raise ValueError("image_id must be an integer or a string")
    for side in ("width", "height"):
        if _integer(fields, side) != IMAGE_SIZE:
            raise ValueError(f"{side} must be {IMAGE_SIZE}")
    meta = _object(fields, "thor_meta", "with scene, position, rotation, horizon and seed")
    scene = _get(meta, "thor_meta.scene", "a scene name")
    if not isinstance(scene, str) or not scene:
        raise ValueError('thor_meta.scene must be a scene name such as "FloorPlan1"')
    position = _object(meta, "thor_meta.position", "with x, y and z")
    rotation = _get(meta, "thor_meta.rotation", "a number of degrees")
    turned = isinstance(rotation, dict)
    yaw = _number(rotation, "thor_meta.rotation.y") if turned else _number(meta, "thor_meta.rotation")
    seed = _integer(meta, "thor_meta.seed")
    if not 0 <= seed < SEED_LIMIT:
        raise ValueError(f"thor_meta.seed must be at least 0 and below {SEED_LIMIT}")
    annotations = _get(fields, "annotations", "a list")
    if not isinstance(annotations, list):
        raise ValueError("annotations must be a list")
    segmentations: list[RLE] = []
    mass_classes: list[int] = []
    for index, annotation in enumerate(annotations):
        name = f"annotations[{index}]"
        if not isinstance(annotation, dict):
            raise ValueError(f"{name} must be an object with segmentation, category_id, gt_mass and min_force")
        try:
            segmentations.append(check_rle(_get(annotation, "segmentation", "a COCO RLE"), IMAGE_SIZE, IMAGE_SIZE))
        except ValueError as error:
            clause = str(error).removeprefix("segmentation ")
            raise ValueError(f"{name}.segmentation {clause}") from None
        _integer(annotation, f"{name}.category_id")
        if "iscrowd" in annotation and annotation["iscrowd"] != 0:
            raise ValueError(f"{name}.iscrowd must be 0, since an annotation is one object")
        mass_classes.append(_annotated_class(annotation, name))
    return Entry(
        image_id=image_id,
        scene=scene,
        position=(
            _number(position, "thor_meta.position.x"),
            _number(position, "thor_meta.position.y"),
            _number(position, "thor_meta.position.z"),
        ),
        rotation=yaw,
        horizon=_number(meta, "thor_meta.horizon"),
        seed=seed,
        segmentations=tuple(segmentations),
        mass_classes=tuple(mass_classes),
    )


def _annotated_class(annotation: dict[str, Any], name: str) -> int:
    """Mass class of an annotation by the rule at the top of this file."""
    force = _number(annotation, f"{name}.min_force")
    if force != NOT_MEASURED:
        if force < 0:
            raise ValueError(f"{name}.min_force must be a force, or -1 if it was not measured")
        return sum(force >= limit for limit in FORCE_LIMITS)
    mass = _get(annotation, f"{name}.gt_mass", "a mass in kg")
    if isinstance(mass, str):
        if mass not in MASS_CLASSES:
            raise ValueError(f"{name}.gt_mass must be a mass in kg or one of {', '.join(MASS_CLASSES)}")
        return MASS_CLASSES.index(mass)
    kilograms = _number(annotation, f"{name}.gt_mass")
    if kilograms < 0:
        raise ValueError(f"{name}.gt_mass must not be negative")
    return mass_class(kilograms)


def _get(fields: dict[str, Any], name: str, wanted: str) -> Any:
    """Returns the field that the dotted `name` ends with; raises ValueError if it is missing."""
    key = name.rsplit(".", 1)[-1]
    if key not in fields:
        raise ValueError(f"{name} is missing; it must be {wanted}")
    return fields[key]


def _object(fields: dict[str, Any], name: str, wanted: str) -> dict[str, Any]:
    value = _get(fields, name, f"an object {wanted}")
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object {wanted}")
    return value


def _integer(fields: dict[str, Any], name: str) -> int:
    value = _get(fields, name, "an integer")
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} must be an integer")
    return value


def _number(fields: dict[str, Any], name: str) -> float:
    value = _get(fields, name, "a number")
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"{name} must be a number")
    # An integer of hundreds of digits is valid JSON, but no float.
    if isinstance(value, int) and abs(value) > 10**15:
        raise ValueError(f"{name} must be a number of ordinary size")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number")
    return float(value)
