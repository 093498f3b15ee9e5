"""Makes the files of locations of the embedded rooms (docs/interaction.md, Evaluation; format: evaluation/dataset.py).

A *job* is one visit to a room of the split's range: a few spawns, and in each of them poses tried until enough are
accepted. All of a job's choices follow from (seed, split, number of the job), and jobs are taken in their order, so the
file is the same whatever the number of workers. Poses may share (scene, seed); each is reproduced from its own
`thor_meta`.

Finished jobs are stored (job_files.py): the same command continues a file that was killed or
interrupted, and the finished file is the same byte for byte.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import json
import multiprocessing
import os
import shlex
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai2thor.server import Event

from actors.config import SimulatorConfig
from actors.controller import SimulatorError, SimulatorProcess
from actors.interaction.geometry import hand_distance, reach_keywords, reachable_pixels
from actors.interaction.ground_truth import TrueObject, mass_class, objects_in_reach
from actors.interaction.locations import Location, verify
from actors.launch import check_launch
from actors.observation import Observation
from common.progress import Progress
from evaluation.interaction.config import DatasetConfig, SplitConfig
from evaluation.interaction.dataset import NOT_MEASURED, SEED_LIMIT
from evaluation.interaction.job_files import (
    POLL_S,
    Made,
    alone,
    job_path,
    kept_jobs,
    partial_folder,
    put_together,
    write_job,
)
from evaluation.interaction.masks import area, box, encode
from evaluation.interaction.min_force import minimum_forces
from replay.interaction.record import IMAGE_SIZE
from simulator.world.push import PushSettings

SPLITS = ("train", "test")
"""Files of a data set; their order numbers their random streams."""
JOBS_PER_LOCATION = 20
"""A split is given up after so many fruitless jobs for each location wanted."""
LOOK_BYTES = 5 * IMAGE_SIZE**2
"""Of an annotated location beside the file: three of colour and two of depth a pixel."""
CONTENT_VERSION = 2
"""Raised whenever the same settings give another file, so that a file of an older version is not taken for a new one.
2: pixels within reach are counted one by one, not by grid cells."""
POSITION_DIGITS = 4
"""Positions are rounded to tenths of a millimetre, so that a file says exactly where the agent stood."""


def make_dataset(
    config: DatasetConfig,
    simulator: SimulatorConfig,
    interrupted: threading.Event | None = None,
    splits: Sequence[str] = SPLITS,
) -> dict[str, Path]:
    """The data set's files, made if they are not there yet.

    Args:
        config: what is in them.
        simulator: makes them.
        interrupted: once it is set, making them ends within seconds with KeyboardInterrupt, which says how to go on.
        splits: the files that are wanted; no other is made.

    Returns:
        The path of each split.

    Raises:
        SimulatorError: a simulator does not start or fails again and again.
        ValueError: a folder cannot be written or its disk is full, or the rooms hold too few locations of the kind
            asked for.
    """
    paths = {split: dataset_folder(config, simulator, split) / f"{split}.json" for split in splits}
    missing = [split for split in splits if not paths[split].exists()]
    if missing:
        check_launch(simulator)
        for split in missing:
            check_folder(config, paths[split], split)
        with _workers(config, simulator) as pool:
            for split in missing:
                _make_split(config, split, paths[split], pool, interrupted or threading.Event())
    return paths


def check_folder(config: DatasetConfig, path: Path, name: str) -> None:
    """Makes the folder of a split's file, before minutes are spent on what would go into it.

    Raises:
        ValueError: it cannot be written, or lacks the space.
    """
    split: SplitConfig = getattr(config, name)
    # Once as the jobs gave them, and once in the files that they become.
    needed = 2 * split.locations * LOOK_BYTES if split.annotated else 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise ValueError(
            f"evaluation.dataset.folder={config.folder} must be a folder that can be written: {error.strerror}"
        ) from error
    free += sum(file.stat().st_size for file in partial_folder(path).glob("job_*"))
    if needed > free:
        raise ValueError(
            f"evaluation.dataset.folder={config.folder} has {free / 1e6:.0f} MB for them, and the looks of "
            f"evaluation.dataset.{name}.locations need {needed / 1e6:.0f} MB while they are made; choose another disk "
            "or fewer locations"
        )


def dataset_folder(config: DatasetConfig, simulator: SimulatorConfig, name: str) -> Path:
    """Where the file of a split belongs: the folder's name carries a hash of all that decides what is in the file.

    That includes the source of an embedded simulator, since another version of it makes other rooms. The settings of
    the other split do not matter: a longer training file leaves the test file as it is.
    """
    decisive = asdict(config)
    for other in ("folder", "workers", *SPLITS):
        del decisive[other]
    split: SplitConfig = getattr(config, name)
    if not split.annotated:
        del decisive["forces"]
    decisive["split"] = [name, asdict(split)]
    decisive["version"] = CONTENT_VERSION
    decisive["simulator"] = [
        simulator.name,
        simulator.command,
        sorted(simulator.options.items()),
        simulator.width,
        simulator.height,
        simulator.field_of_view,
        sorted(simulator.controller.items()),
        source_hash(simulator.command),
        *changed_push(simulator),
        *([hand_distance(config.reach(), simulator), simulator.visibility_distance] if split.annotated else []),
    ]
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]
    return Path(config.folder) / f"{config.name}-{digest}"


def changed_push(simulator: SimulatorConfig) -> list[tuple[str, float]]:
    """The values of `simulator.push` that are not the embedded simulator's own, for names that carry a hash.

    A value that is left to the simulator and the simulator's own one give the same name.
    """
    own = asdict(PushSettings())
    return sorted((name, value) for name, value in simulator.push.given().items() if value != own[name])


def source_hash(command: str | None) -> str:
    """Hash of the source files of the package that a command line "python -m PACKAGE ..." runs; "" for others."""
    words = shlex.split(command or "")
    if words[:2] != ["python", "-m"] or len(words) < 3:
        return ""
    found = importlib.util.find_spec(words[2])
    if found is None or not found.submodule_search_locations:
        return ""
    digest = hashlib.sha256()
    for folder in found.submodule_search_locations:
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def rooms_of(config: DatasetConfig, split: SplitConfig) -> list[str]:
    """Scene names of a split, in the order of their numbers."""
    numbers = range(split.first_room, split.last_room + 1)
    return [f"FloorPlan{offset + number}" for offset in config.scene_offsets for number in numbers]


def _make_split(
    config: DatasetConfig, name: str, path: Path, pool: ProcessPoolExecutor, interrupted: threading.Event
) -> None:
    """Makes one file, going on from the jobs that are kept."""
    split: SplitConfig = getattr(config, name)
    with alone(path, interrupted):
        if not path.exists():  # another process may have made it meanwhile
            jobs = _do_jobs(config, name, path, pool, interrupted)
            put_together(path, jobs, split.locations, split.annotated)
        shutil.rmtree(partial_folder(path))


def _do_jobs(
    config: DatasetConfig, name: str, path: Path, pool: ProcessPoolExecutor, interrupted: threading.Event
) -> int:
    """Does the jobs that are not kept yet. Returns how many jobs, from the first on, give enough locations."""
    split: SplitConfig = getattr(config, name)
    wanted, last_job = split.locations, JOBS_PER_LOCATION * split.locations
    found = kept_jobs(path)  # number of a job -> of its locations
    waiting: dict[Future[int], int] = {}
    next_job = counted = made = 0
    kept = min(sum(found.values()), wanted)
    try:
        with Progress(f"data set {config.name}, {name}", wanted, "location", done=kept) as progress:
            while True:
                while counted in found and made < wanted:
                    made += found[counted]
                    counted += 1
                if made >= wanted:
                    break
                enough = sum(found.values()) >= wanted  # then only gaps between these jobs are missing
                while len(waiting) < 2 * config.workers and next_job < (max(found) if enough else last_job):
                    if next_job not in found:
                        waiting[pool.submit(_run_job, name, next_job, job_path(path, next_job))] = next_job
                    next_job += 1
                if not waiting:
                    raise ValueError(
                        f"the rooms of evaluation.dataset.{name} gave only {made} of {wanted} locations; "
                        "lower evaluation.dataset.min_objects or min_pixels."
                    )
                for future in wait(waiting, POLL_S, FIRST_COMPLETED).done:
                    found[waiting.pop(future)] = future.result()
                progress.update(sum(found.values()))
                if interrupted.is_set():
                    raise KeyboardInterrupt
    except BrokenProcessPool:
        raise SimulatorError(
            "a process that makes locations died; what was made is kept, and the same command goes on."
        ) from None
    except KeyboardInterrupt:
        kept = min(sum(found.values()), wanted)
        raise KeyboardInterrupt(f"{kept} of {wanted} locations of {path} are kept; the same command goes on") from None
    finally:
        running = [future for future in waiting if not future.cancel()]
    wait(running)  # or one of them would put a file where all this is removed
    return counted


@contextmanager
def _workers(config: DatasetConfig, simulator: SimulatorConfig) -> Iterator[ProcessPoolExecutor]:
    """Spawned processes with a simulator each; forked ones could not use OpenGL if their parent had."""
    pool = ProcessPoolExecutor(
        config.workers, multiprocessing.get_context("spawn"), initializer=_start, initargs=(config, simulator)
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Worker:
    """What a worker process holds."""

    def __init__(self, config: DatasetConfig, simulator: SimulatorConfig) -> None:
        self.config = config
        self.simulator_config = simulator
        self.process: SimulatorProcess | None = None

    def simulator(self) -> SimulatorProcess:
        """The running simulator; started at first use and after a failure."""
        if self.process is None or not self.process.alive:
            keywords = reach_keywords(self.config.reach(), self.simulator_config)
            self.process = SimulatorProcess(self.simulator_config, renderInstanceSegmentation=True, **keywords)
        return self.process

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()


_worker: _Worker | None = None


def _start(config: DatasetConfig, simulator: SimulatorConfig) -> None:
    """Runs first in each worker process."""
    global _worker
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent decides what Ctrl-C and a closed terminal mean
    _worker = _Worker(config, simulator)
    atexit.register(_worker.stop)
    threading.Thread(target=_end_with_parent, args=(_worker,), daemon=True).start()


def _end_with_parent(worker: _Worker) -> None:
    """Ends this process when the one that started it has ended: killed, that one cannot."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    worker.stop()
    os._exit(1)


def _run_job(split: str, number: int, path: Path) -> int:
    """Does a job in a worker process, once more in a new simulator if the first fails; keeps its locations in a file.

    Returns:
        How many locations it gave.
    """
    assert _worker is not None
    try:
        made = locations_of_job(_worker.config, split, number, _worker.simulator())
    except SimulatorError:
        made = locations_of_job(_worker.config, split, number, _worker.simulator())
    write_job(path, made)
    return len(made)


def locations_of_job(config: DatasetConfig, name: str, number: int, simulator: SimulatorProcess) -> list[Made]:
    """The accepted poses of one visit to a room: at most `poses_per_spawn` of each of its spawns."""
    split: SplitConfig = getattr(config, name)
    random = np.random.default_rng([config.seed, SPLITS.index(name), number])
    rooms = rooms_of(config, split)
    # Each round through the rooms in an order of its own.
    order = np.random.default_rng([config.seed, SPLITS.index(name), number // len(rooms), 1]).permutation(len(rooms))
    scene = rooms[order[number % len(rooms)]]
    return [
        location
        for seed in random.integers(SEED_LIMIT, size=split.spawns_per_visit)
        for location in _locations_of_spawn(config, split, scene, int(seed), random, simulator)
    ]


def _locations_of_spawn(
    config: DatasetConfig,
    split: SplitConfig,
    scene: str,
    seed: int,
    random: np.random.Generator,
    simulator: SimulatorProcess,
) -> list[Made]:
    """The accepted poses of one spawn; none if the simulator refuses it or the agent can stand nowhere."""
    simulator.reset(scene)
    blind = {"renderImage": False}
    spawn = {"randomSeed": seed, "forceVisible": True, "numPlacementAttempts": config.placement_attempts}
    if not _succeeded(simulator.step("InitialRandomSpawn", **spawn, **blind)):
        return []
    if not _succeeded(simulator.step("MakeAllObjectsMoveable", **blind)):
        return []
    positions = simulator.step("GetReachablePositions", **blind).metadata["actionReturn"] or []
    looks: list[_Look] = []
    for _ in range(config.attempts_per_spawn if positions else 0):
        position = positions[random.integers(len(positions))]
        location = Location(
            entry=0,
            scene=scene,
            position=(_round(position["x"]), _round(position["y"]), _round(position["z"])),
            rotation=float(random.choice(config.rotations)),
            horizon=float(random.choice(config.horizons)),
            seed=seed,
        )
        accepted = _look(config, location, simulator)
        if accepted is not None:
            looks.append(accepted)
            if len(looks) == split.poses_per_spawn:
                break
    # Only now: measuring forces moves things.
    return [_made(config, split, look, simulator) for look in looks]


@dataclass(frozen=True)
class _Look:
    """An accepted pose."""

    location: Location
    observation: Observation
    things: list[TrueObject]


def _look(config: DatasetConfig, location: Location, simulator: SimulatorProcess) -> _Look | None:
    """Goes to a pose and looks; None if the simulator refuses it or too little is in reach."""
    event = simulator.step(
        "TeleportFull",
        position=dict(zip("xyz", location.position, strict=True)),
        rotation={"x": 0.0, "y": location.rotation, "z": 0.0},
        horizon=location.horizon,
        standing=True,
    )
    if not _succeeded(event):
        return None
    verify(event, location)
    look = simulator.observe(event)
    found = objects_in_reach(
        event,
        look.depth,
        location.horizon,
        config.reach(),
        simulator.config.field_of_view,
        config.min_annotated_pixels,
        config.max_mass,
    )
    if sum(thing.pixels_in_reach >= config.min_pixels for thing in found) < config.min_objects:
        return None
    return _Look(location, look, found)


def _made(config: DatasetConfig, split: SplitConfig, look: _Look, simulator: SimulatorProcess) -> Made:
    """The entry of an accepted pose; measures its objects' forces if that is wanted."""
    location = look.location
    fields = {
        "width": IMAGE_SIZE,
        "height": IMAGE_SIZE,
        "thor_meta": {
            "scene": location.scene,
            "position": dict(zip("xyz", location.position, strict=True)),
            "rotation": location.rotation,
            "horizon": location.horizon,
            "seed": location.seed,
        },
        "annotations": [],
    }
    if not split.annotated:
        return Made(fields, None)
    forces = [float(NOT_MEASURED)] * len(look.things)
    if config.forces:
        reach = config.reach()
        forces = minimum_forces(
            simulator,
            location,
            look.things,
            reachable_pixels(look.observation.depth, location.horizon, reach, simulator.config.field_of_view),
            config.forces,
            hand_distance(reach, simulator.config),
            config.placement_attempts,
            np.random.default_rng([config.seed, location.seed]),
        )
    fields["annotations"] = [_annotation(thing, force) for thing, force in zip(look.things, forces, strict=True)]
    return Made(fields, look.observation)


def _annotation(thing: TrueObject, force: float) -> dict[str, Any]:
    rle = encode(thing.mask)
    return {
        "segmentation": rle,
        "category_id": mass_class(thing.mass),
        "gt_mass": thing.mass,
        "min_force": int(force) if force == int(force) else force,
        "bbox": box(rle),
        "area": area(rle),
        "objectType": thing.object_type,
    }


def _succeeded(event: Event) -> bool:
    return bool(event.metadata["lastActionSuccess"])


def _round(value: float) -> float:
    return round(float(value), POSITION_DIGITS)
