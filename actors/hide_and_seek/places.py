"""Hiding places: where a goal object was hidden in a room, by a search, a human or an agent; read and written as JSON.

docs/hiding_places.md describes the format, and places.schema.json beside this file is its JSON Schema. Places of a
search, of humans and of agents all have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from actors.hide_and_seek.metrics import Difficulty
from actors.hide_and_seek.scenes import GOALS
from actors.hide_and_seek.world import Pose
from common.errors import UsageError
from common.files import write_json
from common.plain import read_json, short

SCHEMA = 1
"""Version of the format."""
FIELDS = ("schema", "made_from", "statistics", "places")
"""Fields of a file."""
DIFFICULTIES = tuple(difficulty.value for difficulty in Difficulty)


@dataclass(frozen=True)
class HidingPlace:
    """One hiding place, with all that is needed to restore it in a fresh room.

    Positions and rotations are in AI2-THOR's world frame (x east, y up, z north; metres; Euler angles in degrees). If
    the room is turned about the start, they are those after the turn.
    """

    scene: str
    seed: int
    """Of InitialRandomSpawn."""
    goal: str
    """Type of the goal object."""
    start: dict[str, float]
    """First pose of hider and seeker: x, y, z in metres, and yaw in degrees."""
    pose: Pose
    """Of the goal object."""
    turned: int = 0
    """Whole degrees by which the room is turned about the start."""
    opened: tuple[str, ...] = ()
    """Ids of the objects that the hider left open."""
    moved: dict[str, Pose] = field(default_factory=dict)
    """Poses of the other objects that the hider moved, by id."""
    contained_in: str = ""
    """Id of the container of the goal; empty if there is none."""
    source: str = "exhaustive"
    """Who found the place: "exhaustive", "human", or an agent's name."""
    visible_from: int | None = None
    """Number of location tuples from which a pixel of the goal is seen."""
    tuples: int | None = None
    """Number of feasible location tuples."""
    difficulty: str | None = None
    """easy, medium or hard; None if it was not compared with other places."""

    @property
    def visible_share(self) -> float | None:
        """Share of the feasible location tuples from which the goal is seen."""
        if self.visible_from is None or not self.tuples:
            return None
        return self.visible_from / self.tuples


def to_json(place: HidingPlace) -> dict[str, Any]:
    """The place as plain values."""
    return asdict(place)


def from_json(values: Mapping[str, Any], where: str = "place") -> HidingPlace:
    """Checks and converts plain values.

    Args:
        values: one place of a file.
        where: names the place in messages.

    Raises:
        UsageError: a field is missing, unknown or impossible.
    """
    if not isinstance(values, Mapping):
        raise UsageError(f"{where} must be an object with fields, not {short(values)}")
    known = HidingPlace.__dataclass_fields__
    for name in values:
        if name not in known:
            raise UsageError(f"{where} has an unknown field '{name}'; the fields are {', '.join(known)}")
    for name in ("scene", "seed", "goal", "start", "pose"):
        if name not in values:
            raise UsageError(f"{where} lacks the field '{name}'")
    checks: dict[str, tuple[bool, str]] = {
        "scene": (isinstance(values["scene"], str) and bool(values["scene"]), "the name of a scene"),
        "seed": (_whole(values["seed"], 0), "a whole number of at least 0"),
        "goal": (values["goal"] in GOALS, f"one of {', '.join(GOALS)}"),
        "start": (
            _numbers(values["start"], ("x", "y", "z", "yaw")) and float(values["start"]["yaw"]) % 90 == 0,
            "x, y, z and a yaw of 0, 90, 180 or 270",
        ),
        "turned": (_whole(values.get("turned", 0), 0, 359), "a whole number of degrees from 0 to 359"),
        "opened": (_texts(values.get("opened", [])), "a list of object ids"),
        "moved": (isinstance(values.get("moved", {}), Mapping), "poses by object id"),
        "contained_in": (isinstance(values.get("contained_in", ""), str), "an object id, or empty"),
        "source": (isinstance(values.get("source", ""), str), "a text"),
        "difficulty": (values.get("difficulty") in (None, *DIFFICULTIES), f"null or one of {', '.join(DIFFICULTIES)}"),
    }
    for name in ("visible_from", "tuples"):
        value = values.get(name)
        checks[name] = (value is None or _whole(value, 0), "null or a whole number of at least 0")
    for name, (good, right) in checks.items():
        if not good:
            raise UsageError(f"{where}: {name} must be {right}, not {short(values.get(name))}")
    moved = {name: _pose(pose, f"{where}: moved '{name}'") for name, pose in values.get("moved", {}).items()}
    given = {name: value for name, value in values.items() if name not in ("pose", "moved", "opened", "start")}
    return HidingPlace(
        **given,
        start={name: float(values["start"][name]) for name in ("x", "y", "z", "yaw")},
        pose=_pose(values["pose"], f"{where}: pose"),
        opened=tuple(values.get("opened", ())),
        moved=moved,
    )


@dataclass(frozen=True)
class PlacesFile:
    """What a file of places holds."""

    places: list[HidingPlace]
    made_from: dict[str, Any] = field(default_factory=dict)
    """Settings that determine the places, for files that a command can make again."""
    statistics: dict[str, int] = field(default_factory=dict)
    """Numbers of candidates of each kind, of such files."""


def save_places(
    path: Path,
    places: Sequence[HidingPlace],
    made_from: Mapping[str, Any] | None = None,
    statistics: Mapping[str, int] | None = None,
) -> None:
    """Writes a file of places, atomically.

    Args:
        path: of the file.
        places: to write.
        made_from: see `PlacesFile`.
        statistics: see `PlacesFile`.
    """
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "made_from": dict(made_from or {}),
        "statistics": dict(statistics or {}),
    }
    write_json(path, content | {"places": [to_json(place) for place in places]})


def load_places(path: Path) -> tuple[list[HidingPlace], dict[str, Any]]:
    """Reads a file of places.

    Returns:
        the places, and what they were made from.

    Raises:
        UsageError: the file is missing, is no JSON, or breaks the format.
    """
    found = read_places(path)
    return found.places, found.made_from


def read_places(path: Path) -> PlacesFile:
    """Reads all that a file of places holds.

    Raises:
        UsageError: the file is missing, is no JSON, or breaks the format.
    """
    content = read_json(path)
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, dict) else None
        raise UsageError(f"{path}: schema must be {SCHEMA}, not {short(found)}")
    for name in content:
        if name not in FIELDS:
            raise UsageError(f"{path}: has an unknown field {short(name)}; the fields are {', '.join(FIELDS)}")
    if not isinstance(content.get("places"), list):
        raise UsageError(f"{path}: places must be a list, not {short(content.get('places'))}")
    for name in ("made_from", "statistics"):
        if not isinstance(content.get(name, {}), dict):
            raise UsageError(f"{path}: {name} must be an object with fields, not {short(content[name])}")
    statistics = content.get("statistics", {})
    if not all(_whole(value, 0) for value in statistics.values()):
        raise UsageError(f"{path}: statistics must be whole numbers of at least 0, not {short(statistics)}")
    places = [from_json(one, f"{path}: place {number}") for number, one in enumerate(content["places"], 1)]
    return PlacesFile(places, content.get("made_from", {}), statistics)


def find_places(where: str | Path) -> list[HidingPlace]:
    """All hiding places of a file, or of the files in a folder and its subfolders.

    Raises:
        UsageError: there is none, or a file breaks the format.
    """
    path = Path(where)
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    found = [place for file in files for place in load_places(file)[0]]
    if not found:
        raise UsageError(f"places={where} holds no hiding place; ./playpen places makes some")
    return found


def check_fits(place: HidingPlace, scene: str | None = None, goal: str | None = None) -> None:
    """Refuses a place of another scene or goal.

    Raises:
        UsageError: it is for another scene or goal.
    """
    for name, wanted, found in (("scene", scene, place.scene), ("goal", goal, place.goal)):
        if wanted is not None and wanted != found:
            raise UsageError(f"the hiding place is for {name} {found}, but the game has {name} {wanted}")


def _pose(values: Any, where: str) -> Pose:
    good = isinstance(values, Mapping) and set(values) == {"position", "rotation"}
    if not good or not all(_numbers(values[name], ("x", "y", "z")) for name in ("position", "rotation")):
        raise UsageError(f"{where} must have position and rotation with x, y and z, not {short(values)}")
    return Pose(*({axis: float(values[name][axis]) for axis in "xyz"} for name in ("position", "rotation")))


def _whole(value: Any, low: int, high: int | None = None) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low and (high is None or value <= high)


def _numbers(values: Any, names: tuple[str, ...]) -> bool:
    return (
        isinstance(values, Mapping)
        and set(values) == set(names)
        and all(
            isinstance(one, (int, float)) and not isinstance(one, bool) and abs(one) < 1e6 for one in values.values()
        )
    )


def _texts(values: Any) -> bool:
    return isinstance(values, (list, tuple)) and all(isinstance(one, str) for one in values)
