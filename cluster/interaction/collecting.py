"""Data collected beforehand: one visit to each location of a file, without a model, into a memory bank of its own.

Source: the paper's supplement, "Training details - Mask-RCNN": data collection "is done prior to training".
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from actors.config import SimulatorConfig
from actors.controller import SimulatorError, SimulatorProcess
from actors.interaction.choose import TouchPlan
from actors.interaction.config import ActorConfig
from actors.interaction.interact import Visitor
from actors.interaction.locations import Location, LocationError
from actors.interaction.oracles import simulator_keywords
from common.errors import Interrupted
from common.progress import Progress
from replay.core import Fields
from replay.interaction.batch import LOCATIONS, record_columns
from replay.layout import state_file
from replay.ring import INSERTION_IDS_FILE, Ring
from replay.state_file import write_state

ATTEMPTS = 2
"""How often a location is tried, each time in a new simulator, before it is left out."""


def collect(
    folder: Path,
    locations: Sequence[Location],
    simulator: SimulatorConfig,
    actors: ActorConfig,
    touches: int,
    seed: int,
    interrupted: threading.Event,
) -> None:
    """Visits the locations that `folder` holds no record of yet, in their order.

    Args:
        folder: of the bank; made if it is not there.
        locations: of the training file.
        simulator: plays.
        actors: supervision, reach and forces. Where the interaction oracle chooses the points, one random touch of
            each location remains.
        touches: random ones, where it does not.
        seed: of the touches.
        interrupted: set by Ctrl-C.

    Raises:
        Interrupted: Ctrl-C; what was collected stays.
        SimulatorError: the simulator does not start.
        LocationError: no location could be played.
    """
    ring, visited = open_ring(folder, actors.record_fields, len(locations))
    plan = TouchPlan(0, 1 if actors.oracles.points else touches, force_trials=False)
    process: SimulatorProcess | None = None
    last = ""
    try:
        with Progress("collecting", len(locations), "location", done=visited) as progress:
            for number in range(visited, len(locations)):
                for _ in range(ATTEMPTS):
                    if interrupted.is_set():
                        raise Interrupted(f"{ring.size} locations are collected; resume goes on")
                    if process is None:
                        process = SimulatorProcess(simulator, **simulator_keywords(actors, simulator))
                    try:
                        # No touch is greedy, so no model is asked.
                        predictor: Any = None
                        record, _ = Visitor(process, predictor, actors, seed).play(locations[number], number, plan, 0)
                        ring.append(record_columns(record))
                        break
                    except (LocationError, SimulatorError) as error:
                        last = str(error)
                        process.stop()
                        process = None
                else:
                    progress.note(f"location {number} is left out: {last}")
                progress.step()
        if not ring.size:
            raise LocationError(f"no location could be played; the last error: {last}")
        write_state(folder / state_file(LOCATIONS), ring.get_state())
    finally:
        if process is not None:
            process.stop()
        ring.close()


def open_ring(folder: Path, fields: Fields, capacity: int) -> tuple[Ring, int]:
    """The ring of an earlier, interrupted collection or a new one, and the number of the next location."""
    if not (folder / INSERTION_IDS_FILE).is_file():
        return Ring.create(folder, fields, capacity), 0
    ring = Ring.reopen(folder, fields, capacity)
    ids = np.load(folder / INSERTION_IDS_FILE, mmap_mode="r")
    size = int((ids >= 0).sum())
    ring.set_state(
        {
            "position": size % capacity,
            "size": size,
            "next_id": size,
            "order": np.arange(capacity),
            "insertion_ids": np.arange(size),
        }
    )
    return ring, int(ring.column("location")[size - 1]) + 1 if size else 0
