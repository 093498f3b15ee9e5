"""Makes the files of hiding places of several scenes and goals, with several simulators at once.

A file appears when it is finished. The same command continues after a kill or an interrupt, and the files are the same.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors.config import SimulatorConfig
from actors.controller import SimulatorError
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.places import PlacesFile, save_places
from actors.hide_and_seek.play import Simulators
from actors.hide_and_seek.world import Unplayable, World
from common.errors import UsageError
from common.progress import Progress
from evaluation.hide_and_seek.make_places import MadePlaces, PlaceRules, make_places
from evaluation.hide_and_seek.places_folder import find_made, made_from, places_path

POLL_S = 0.5
"""Seconds between updates of the progress bar."""


class _Stopped(Exception):
    """Another piece of work failed, or the user interrupted."""


@dataclass(frozen=True)
class Finished:
    """The places of one scene and goal, in their file."""

    scene: str
    goal: str
    path: Path
    content: PlacesFile
    seconds: float
    """That making them took; 0 if the file existed."""


def make_files(
    wanted: Sequence[tuple[str, str]],
    folder: Path,
    rules: PlaceRules,
    config: GameConfig,
    simulator: SimulatorConfig,
    workers: int = 1,
) -> list[Finished]:
    """Makes the files that do not exist yet.

    Args:
        wanted: scenes and goals.
        folder: holds SCENE/GOAL.json.
        rules: how many places, and how they are chosen.
        config: the rules of the game.
        simulator: its settings.
        workers: number of simulators.

    Returns:
        All files, in the order of `wanted`.

    Raises:
        UsageError: a file exists that was made by other settings, or a room has no place for a goal.
        SimulatorError: a simulator failed several times for the same file.
        KeyboardInterrupt: the message says how to continue.
    """
    settings = made_from(rules, simulator, config)
    finished: dict[tuple[str, str], Finished] = {}
    for scene, goal in wanted:
        path = places_path(folder, scene, goal)
        content = find_made(path, scene, goal, settings)
        if content is not None:
            finished[scene, goal] = Finished(scene, goal, path, content, 0.0)
    missing = [pair for pair in wanted if pair not in finished]
    job = _Job(folder, rules, config, simulator, settings)
    if missing:
        _check_folder(folder)
    done = len(finished) * rules.candidates
    with Progress("hiding places", len(wanted) * rules.candidates, "candidate", done=done) as progress:
        try:
            for one in job.run(missing, workers, lambda steps: progress.update(done + steps)):
                finished[one.scene, one.goal] = one
        except KeyboardInterrupt:
            kept = sum(places_path(folder, *pair).exists() for pair in wanted)
            raise KeyboardInterrupt(
                f"{kept} of {len(wanted)} files in {folder} are kept; run the same command again to continue"
            ) from None
    return [finished[pair] for pair in wanted]


def _check_folder(folder: Path) -> None:
    """Makes the folder, and refuses one that cannot be written, before minutes are spent on its content."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"folder={folder} must be a writable folder: {error.strerror}") from None


class _Job:
    """The work that is shared by threads with a simulator each."""

    def __init__(
        self,
        folder: Path,
        rules: PlaceRules,
        config: GameConfig,
        simulator: SimulatorConfig,
        settings: dict[str, Any],
    ) -> None:
        self._folder, self._rules, self._config = folder, rules, config
        self._simulator, self._settings = simulator, settings
        self._stopped = threading.Event()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: list[Simulators] = []
        self._steps: dict[tuple[str, str], int] = {}

    def run(self, wanted: Sequence[tuple[str, str]], workers: int, shown: Callable[[int], None]) -> Iterator[Finished]:
        """Yields each file as it is finished; `shown` is called with the number of candidates so far."""
        executor = ThreadPoolExecutor(workers)
        pending: set[Future[Finished]] = {executor.submit(self._make, *pair) for pair in wanted}
        try:
            while pending:
                done, pending = wait(pending, POLL_S, FIRST_COMPLETED)
                shown(sum(self._steps.copy().values()))
                for future in done:
                    yield future.result()
        finally:
            self._stopped.set()
            self._close()  # work that is under way fails at once
            executor.shutdown(wait=True, cancel_futures=True)
            self._close()

    def _close(self) -> None:
        with self._lock:
            for one in self._all:
                one.close()

    def _make(self, scene: str, goal: str) -> Finished:
        if self._stopped.is_set():
            raise _Stopped
        if not hasattr(self._local, "simulators"):
            self._local.simulators = Simulators(self._simulator)
            with self._lock:
                self._all.append(self._local.simulators)
        started, pair = time.monotonic(), (scene, goal)

        def step() -> None:
            if self._stopped.is_set():
                raise _Stopped
            self._steps[pair] += 1

        def work(world: World) -> MadePlaces:
            self._steps[pair] = 0
            return make_places(world, scene, goal, self._rules, self._config, step)

        try:
            made: MadePlaces = self._local.simulators.run(work)
        except Unplayable as error:
            raise UsageError(f"{error}; leave out {scene}") from None
        except SimulatorError as error:
            raise SimulatorError(f"places of the {goal} in {scene} cannot be made: {error}") from error
        self._steps[pair] = self._rules.candidates
        path = places_path(self._folder, scene, goal)
        save_places(path, made.places, self._settings, made.statistics)
        content = PlacesFile(list(made.places), self._settings, made.statistics)
        return Finished(scene, goal, path, content, time.monotonic() - started)
