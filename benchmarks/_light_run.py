"""Runs a phase with light actors (benchmarks/_light_actor.py), for several benchmarks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

from actors.actor import PlayerHandle
from actors.interaction.locations import Location
from cluster.interaction.config import TrainConfig
from cluster.run.coordinator import Coordinator, Parts
from cluster.run.reporting import Reporter
from learner.actor import LearnerHandle
from learner.schedule import Phase
from replay.actor import ReplayHandle


def run_light_phase(
    config: TrainConfig,
    folder: Path,
    replay: ReplayHandle,
    learner: LearnerHandle,
    actors: Sequence[PlayerHandle],
    locations: Sequence[Location],
    reporter: Reporter,
    phase: Phase,
) -> None:
    """Runs a phase with the first `config.cluster.actors` of the actors, after all of them have answered.

    Args:
        config: the run's configuration.
        folder: the run's folder, which exists.
        replay: handle of the replay buffer, which is open.
        learner: handle of the learner.
        actors: handles of light actors.
        locations: locations that the actors are given.
        reporter: measures the phase and ends it.
        phase: the phase to run.
    """
    parts = Parts(replay, replay.pid.remote(), learner, None, lambda index, avoided: actors[index])
    # Keep the run's progress out of the command's output.
    with (folder / "progress.txt").open("w") as progress, contextlib.redirect_stderr(progress):
        coordinator = Coordinator(config, folder, parts, [phase], locations, reporter, threading.Event())
        while coordinator.pool.alive < config.cluster.actors:
            coordinator.pool.collect([])
        # Run it as a later phase, since the first one begins with a checkpoint.
        coordinator.run_phase(1, phase, 0, phase.total_batches)
