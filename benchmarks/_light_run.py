"""A phase of a run whose actors are light ones (benchmarks/_light_actor.py), for several benchmarks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actors.interaction.locations import Location
from cluster.interaction.config import TrainConfig
from cluster.run.coordinator import Coordinator, Parts
from cluster.run.reporting import Reporter
from learner.schedule import Phase


def run_light_phase(
    config: TrainConfig,
    folder: Path,
    replay: Any,
    learner: Any,
    crew: Sequence[Any],
    locations: Sequence[Location],
    reporter: Reporter,
    phase: Phase,
) -> None:
    """Runs a phase with the first `config.cluster.actors` of a crew, which all answer before it begins.

    Args:
        config: of the run.
        folder: the run's, which is there.
        replay: handle of the replay buffer, which is open.
        learner: handle of the learner.
        crew: handles of light actors.
        locations: where they are sent.
        reporter: measures, and ends the phase.
        phase: what is asked of learner and replay buffer.
    """
    parts = Parts(replay, replay.pid.remote(), learner, None, lambda index, avoided: crew[index])
    # The run's own progress is not the command's; it takes its stream when the phase begins.
    with (folder / "progress.txt").open("w") as progress, contextlib.redirect_stderr(progress):
        coordinator = Coordinator(config, folder, parts, [phase], locations, reporter, threading.Event())
        while coordinator.pool.alive < config.cluster.actors:
            coordinator.pool.collect([])
        # As a later phase: the first one begins with a checkpoint.
        coordinator.run_phase(1, phase, 0, phase.total_batches)
