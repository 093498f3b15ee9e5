"""The record of one game: what both players did and saw, and where the object was. Saved as one JSON file.

    recorder = Recorder("greedy", "searcher")
    play_game(game, hider, seeker, watch=recorder.watch)
    record = recorder.finish(game)
    save_record(folder / "GAME.json", record)

Pictures are JPEGs, in the file as base64, so a web page can show them as they are.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.actions import ACTIONS, INDEX, Kind, Stage, Target
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import Game, GameTask, Result
from actors.hide_and_seek.locations import ROTATIONS, Frame, Location, Place
from actors.hide_and_seek.pixels import GRID
from actors.hide_and_seek.places import HidingPlace, from_json
from actors.hide_and_seek.stages.hide import Attempt
from actors.hide_and_seek.stages.perspective import Choice
from common.errors import UsageError
from common.files import write_json
from common.plain import from_plain, read_json

SCHEMA = 1
"""Version of the format."""
SIDE = 112
"""Width and height of the thumbnails, pixels."""
QUALITY = 90
"""Of the thumbnails, as JPEG; about 4 KB each."""
BEGINNING = re.compile(rb'\s*\{\s*"schema"\s*:\s*\d+\s*,\s*"task"\s*:')
"""How the file of a record begins, see `to_plain`; no other file of the program does."""


@dataclass(frozen=True)
class GameStep:
    """One action of a game; see `episode.Step`."""

    stage: Stage
    action: str
    succeeded: bool
    reward: float
    """Without the parts that come from networks."""
    location: Location
    """Where the agent was afterwards, relative to the first pose."""
    ended: bool
    """Whether it was its episode's last step."""
    opened: tuple[str, ...] = ()
    """Ids of the objects that it opened for the first time in the episode."""
    attempt: int | None = None
    """Of a manipulation: number of the PlaceAt that it belongs to, from 0: an index of `GameRecord.attempts`."""
    hits: tuple[Target, ...] | None = None
    """Of a drop: targets that the object hit, none if it was lost. None: nothing was dropped."""
    goal_in_view: bool | None = None
    """Of ClaimVisible: whether enough of the goal was in view."""

    @property
    def kind(self) -> Kind:
        """What the action does."""
        return ACTIONS[INDEX[self.action]].kind

    @property
    def is_event(self) -> bool:
        """Whether it is more than walking or moving the hand: it opened, placed, dropped or claimed something."""
        return bool(self.opened) or self.kind in (Kind.DROP, Kind.PLACE, Kind.READY, Kind.CLAIM) or self.ended


@dataclass(frozen=True)
class GameRecord:
    """One finished game."""

    task: GameTask
    rules: GameConfig
    hider: str
    """Name of the player; where the place came from if the game began with seeking."""
    seeker: str
    frame: Frame
    """The first pose of both players, in AI2-THOR's world."""
    turned: int
    """Degrees by which the room was turned about it."""
    places: tuple[Place, ...]
    """All places to which the agent can walk, in ascending order."""
    openable: tuple[str, ...]
    """Ids of all objects that open, in ascending order."""
    furniture: dict[str, tuple[float, float]]
    """World x and z, metres, of what cannot be carried and of what opens, by id, as the game began."""
    choices: tuple[Choice, ...]
    """Locations that the hider tried in perspective simulation."""
    chosen: Location | None
    """From where it hid the object; None if the game began with seeking."""
    starts: dict[Stage, Location]
    """Where the agent was as exploration, hiding and seeking began."""
    steps: tuple[GameStep, ...]
    """All steps in the order of time. A PlaceAt follows the manipulation that it started."""
    attempts: tuple[Attempt, ...]
    """Each PlaceAt that started a manipulation."""
    place: HidingPlace
    """Where the object was hidden."""
    result: Result
    thumbnails: dict[int, bytes] = field(default_factory=dict)
    """JPEG of the view after a step, 112 x 112 pixels and without augmentation, by the step's index in `steps`."""

    def of(self, stage: Stage) -> list[int]:
        """Indices into `steps` of a stage's steps."""
        return self._by_stage.get(stage, [])

    @cached_property
    def _by_stage(self) -> dict[Stage, list[int]]:
        found: dict[Stage, list[int]] = {}
        for index, step in enumerate(self.steps):
            found.setdefault(step.stage, []).append(index)
        return found

    def thumbnail(self, step: int) -> NDArray[np.uint8] | None:
        """(112, 112, 3) RGB view after a step; None if it was not kept.

        Raises:
            UsageError: the picture is broken.
        """
        if step not in self.thumbnails:
            return None
        image = cv2.imdecode(np.frombuffer(self.thumbnails[step], np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise UsageError(f"thumbnail {step} of the record of {self.task} is not a picture")
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


class Recorder:
    """Writes down one game while it is played. A game that is played anew needs a new recorder.

    Args:
        hider: name of the player that hides.
        seeker: name of the player that seeks.
        every: a thumbnail is kept of every so many steps of an episode, and of all events (`GameStep.is_event`); 0
            keeps none. With 1, a game of the longest duration has 1465 thumbnails, about 7 MB.
        place: of a game that began with seeking, see `Game.from_place`; None: the hider's.
    """

    def __init__(self, hider: str, seeker: str, every: int = 1, place: HidingPlace | None = None) -> None:
        if every < 0:
            raise ValueError(f"every must be at least 0, not {every}")
        self._hider, self._seeker, self._every, self._place = hider, seeker, every, place
        self._steps: list[GameStep] = []
        self._thumbnails: dict[int, bytes] = {}
        self._of_episode = 0

    def watch(self, game: Game, step: Step) -> None:
        """Takes note of a step; fits `play.play_game`.

        Raises:
            SimulatorError: after the last step of hiding, when the objects' places are asked for.
        """
        hiding = game.hiding if step.stage is Stage.MANIPULATE else None
        attempt = None if hiding is None else len(hiding.attempts)
        hits = None if step.landing is None else tuple(step.landing.hits())
        noted = GameStep(
            step.stage, step.action.name, step.succeeded, step.reward, step.location, step.ended, step.opened,
            attempt, hits, step.goal_in_view,
        )  # fmt: skip
        if self._steps and self._steps[-1].stage is not step.stage:
            self._of_episode = 0
        if self._every and (self._of_episode % self._every == 0 or noted.is_event):
            self._thumbnails[len(self._steps)] = thumbnail(game.world.image)
        self._of_episode += 1
        self._steps.append(noted)
        if step.stage is Stage.HIDE and step.ended:
            self._place = game.place(self._hider)

    def finish(self, game: Game) -> GameRecord:
        """The record of the finished game.

        Raises:
            WrongStage: the game is not finished.
            ValueError: the recorder did not see the object being hidden.
        """
        result = game.result()
        if self._place is None:
            raise ValueError("a record needs the hiding place; watch the game from its beginning, or give the place")
        place = self._place
        if result.visible_from is not None:
            place = replace(place, visible_from=result.visible_from, tuples=8 * len(game.facts.places))
        stages = (game.exploration, game.hiding, game.seeking)
        return GameRecord(
            task=game.task,
            rules=game.config,
            hider=self._hider,
            seeker=self._seeker,
            frame=game.facts.frame,
            turned=game.facts.turned,
            places=tuple(sorted(game.facts.places)),
            openable=tuple(sorted(game.facts.openable)),
            furniture=dict(game.facts.furniture),
            choices=() if game.perspective is None else tuple(game.perspective.choices),
            chosen=None if game.perspective is None else game.perspective.chosen,
            starts={stage.stage: stage.episode.start for stage in stages if stage is not None},
            steps=tuple(self._steps),
            attempts=() if game.hiding is None else tuple(game.hiding.attempts),
            place=place,
            result=result,
            thumbnails=self._thumbnails,
        )


def thumbnail(image: NDArray[np.uint8]) -> bytes:
    """A small JPEG of an (H, W, 3) RGB picture."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    written, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not written:
        raise RuntimeError("OpenCV cannot write JPEG")
    return bytes(data)


def file_name(record: GameRecord) -> str:
    """A name for the record's files, without an ending: players, room, goal and seed.

    Whoever hid the object may have any name, so only letters, digits, hyphens and underscores are kept.
    """
    task = record.task
    return re.sub(r"[^\w-]+", "-", "_".join((record.hider, record.seeker, task.scene, task.goal, str(task.seed))))


def to_plain(record: GameRecord) -> dict[str, Any]:
    """The record as plain values for JSON."""
    pictures = {str(step): base64.b64encode(data).decode() for step, data in record.thumbnails.items()}
    return {"schema": SCHEMA, **asdict(replace(record, thumbnails={})), "thumbnails": pictures}


def save_record(path: Path, record: GameRecord) -> None:
    """Writes a record, atomically."""
    write_json(path, to_plain(record))


def is_record(path: Path) -> bool:
    """Whether a file begins as records do, of any version; False if it cannot be read. The rest is not looked at."""
    try:
        with path.open("rb") as file:
            return BEGINNING.match(file.read(256)) is not None
    except OSError:
        return False


def load_record(path: Path) -> GameRecord:
    """Reads a record.

    Raises:
        UsageError: the file is missing, is no JSON, or breaks the format.
    """
    return record_from(read_json(path), str(path))


def record_from(content: Any, where: str = "record") -> GameRecord:
    """Checks and converts plain values.

    Args:
        content: as `to_plain` makes.
        where: names the record in messages.

    Raises:
        UsageError: a field is missing, unknown or impossible.
    """
    if not isinstance(content, Mapping) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, Mapping) else None
        raise UsageError(f"{where}: schema must be {SCHEMA}, as in the record of a game, not {found!r}")
    values = {name: value for name, value in content.items() if name != "schema"}
    record: GameRecord = from_plain(GameRecord, values, where)
    from_json(values["place"], f"{where}: place")  # checks more than the types
    for number, step in enumerate(record.steps):
        if step.action not in INDEX:
            raise UsageError(f"{where}: steps[{number}].action must be an action of the game, not '{step.action}'")
        if (turn := step.location.rotation) not in ROTATIONS:
            raise UsageError(f"{where}: steps[{number}].location must have a rotation of 0, 90, 180 or 270, not {turn}")
    if record.frame.yaw not in ROTATIONS:
        raise UsageError(f"{where}: frame.yaw must be 0, 90, 180 or 270, not {record.frame.yaw}")
    if not record.of(Stage.SEEK):
        raise UsageError(f"{where}: steps must hold the seeker's; it has none")
    if record.result.placed != any(attempt.succeeded for attempt in record.attempts):
        raise UsageError(f"{where}: result.placed must say whether one of the attempts succeeded")
    for number, attempt in enumerate(record.attempts):
        _, row, column = attempt.target
        if not (0 <= row < GRID and 0 <= column < GRID):
            raise UsageError(
                f"{where}: attempts[{number}].target must have a row and a column from 0 to {GRID - 1}, "
                f"not {row} and {column}"
            )
    place = record.place
    if (place.scene, place.goal) != (record.task.scene, record.task.goal):
        raise UsageError(f"{where}: place is for {place.goal} in {place.scene}, but the record is of {record.task}")
    unknown = [step for step in record.thumbnails if step >= len(record.steps)]
    if unknown:
        raise UsageError(f"{where}: thumbnails must be of the {len(record.steps)} steps, not of step {unknown[0]}")
    return record
