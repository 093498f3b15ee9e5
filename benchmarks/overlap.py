"""Measures the share of time that the learner waits for batches when enough actors feed it.

    python -m benchmarks.overlap [--seconds S] [--actors N] [--batch B]

The real learner trains on the real replay buffer under the real rate limiter, in the paper's schedule. The real
coordinator hands out locations to N light actors (benchmarks/_light_actor.py: no simulator, no network), which push
records as fast as the limiter allows. The measurement starts at the second call of the learner and lasts at least S
seconds.

- wait_share: time that the learner waits over the time that it waits or computes. With one batch in flight beside the
  one in use (learner.prefetch) it waits only if the limiter blocks it;
- limiter_share: the share of that time in which the limiter held a batch back; 0 when the actors feed enough;
- idle_share: time in which the learner does not compute, also between two of its calls, over all time;
- strict_wait_share: wait_share without overlap: no batch in flight, collecting and training in turn.

A CPU takes ten seconds for the paper's batch of 64, so without a GPU a batch has --batch records (4). The waiting time
does not shrink with the batch, so the share is larger than it would be with 64.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path

import numpy as np
import ray
import torch

from actors.interaction.locations import Location
from benchmarks._arguments import positive, whole
from benchmarks._light_actor import LightActor
from benchmarks._light_run import run_light_phase
from benchmarks._report import conditions, configuration, report
from benchmarks.replay import make_record
from cluster.interaction.config import TrainConfig
from cluster.machines.resources import Resources, check_before_start, ray_session
from cluster.run.reporting import Reporter
from cluster.run.tracking import Tracker
from cluster.systems.interaction import SYSTEM
from common.remote import kill
from learner.actor import TrainReport, start_learner
from learner.interaction.schedule import phase_of
from learner.schedule import Phase
from replay.actor import ReplayHandle, start_replay
from replay.interaction.batch import LOCATIONS, location_table
from replay.interaction.record import LocationRecord
from replay.layout import REPLAY_FOLDER

CPU_BATCH = 4


class Reports(Reporter):
    """A run's reporter that keeps the learner's reports after the first, and ends the phase after the span."""

    def measure(self, phase: Phase, replay: ReplayHandle, seconds: float) -> None:
        """Sets how long to measure, in which phase, and with which replay buffer."""
        self.phase_measured, self.replay, self.span_s = phase, replay, seconds
        self.calls = 0
        self.kept: list[TrainReport] = []
        self.span = 0.0
        self.held_back = 0.0

    def trained(self, report: TrainReport, steps: int) -> None:
        """See `Reporter.trained`."""
        super().trained(report, steps)
        self.calls += 1
        held_back = ray.get(self.replay.statistics.remote())[LOCATIONS]["sample_wait_s"]
        if self.calls == 1:
            self.began, self.before = time.monotonic(), held_back
            return
        self.kept.append(report)
        self.span = time.monotonic() - self.began
        self.held_back = held_back - self.before
        if self.span > self.span_s:
            self.phase_measured.minutes = 1e-9  # the coordinator finds the phase's time over


def measure(config: TrainConfig, resources: Resources, folder: Path, seconds: float) -> dict[str, float]:
    """Runs the first phase of the schedule for at least so many seconds; returns shares and counts."""
    folder.mkdir()
    count = config.cluster.actors
    replay = start_replay(
        {LOCATIONS: location_table(config.replay)},
        folder / REPLAY_FOLDER,
        seed=config.seed,
        actors=count,
        options={"num_cpus": 0},
    )
    learner = start_learner(SYSTEM.learner(config), replay, config.learner.threads, resources.learner)
    record = ray.put(made_record(config.seed))
    light_actors = [LightActor.remote(number, replay, record) for number in range(count)]
    ray.get([learner.health.remote(), *(actor.health.remote() for actor in light_actors)])
    schedule = next(iter(config.learner.phases.values()))
    schedule = dataclasses.replace(schedule, prefill=config.learner.batch_size, minutes=None)
    phase = phase_of(schedule, config.learner.batch_size, {})
    tracker = Tracker(config.tracking, folder, {}, "overlap")
    meter = SYSTEM.meter(config)
    reporter = Reports(tracker, folder, config.tracking.log_every_s, meter, SYSTEM.evaluation_sentence)
    reporter.measure(phase, replay, seconds)
    locations = [Location(entry, "FloorPlan1", (0.0, 0.9, 0.0), 0.0, 0.0, entry) for entry in range(count)]
    run_light_phase(config, folder, replay, learner, light_actors, locations, reporter, phase)
    reporter.close()
    reporter.tracker.close()
    for handle in (*light_actors, learner, replay):
        kill(handle)
    waited = sum(one.wait_s for one in reporter.kept)
    computed = sum(one.compute_s for one in reporter.kept)
    batches = sum(one.batches for one in reporter.kept)
    return {
        "wait_share": waited / (waited + computed),
        "limiter_share": reporter.held_back / (waited + computed),
        "idle_share": 1 - computed / reporter.span,
        "step_s": computed / batches,
        "batches": batches,
    }


def made_record(seed: int) -> LocationRecord:
    """A record of noise in which every fourth touch moved something, about as in a real one."""
    record = make_record(0, np.random.default_rng(seed))
    record.feedback[:] = np.arange(len(record.feedback)) % 4 == 0
    return record


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints the table and the RESULT line."""
    parser = argparse.ArgumentParser(
        prog="./playpen bench overlap", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=positive, default=20.0, help="minimum duration of each measurement (default 20)"
    )
    parser.add_argument("--actors", type=whole(1), default=4, help="light actors (default 4)")
    parser.add_argument(
        "--batch", type=whole(1), default=None, help="records in a batch (default: the paper's on a GPU, 4 on a CPU)"
    )
    parser.add_argument("--steps", type=whole(1), default=5, help="steps in each call of the learner (default 5)")
    options = parser.parse_args(arguments)
    size = options.batch or (configuration().learner.batch_size if torch.cuda.is_available() else CPU_BATCH)
    overrides = (
        f"learner.batch_size={size}",
        f"learner.publish_every={options.steps}",
        f"cluster.actors={options.actors}",
        "replay.capacity=512",
        "checkpoint_minutes=1e6",
        "evaluation.every_minutes=null",
        "tracking.mode=disabled",
    )
    config = configuration(*overrides)
    alternating = configuration(*overrides, "replay.strict=true")
    cluster = dataclasses.replace(config.cluster, actors=1)  # Ray would start a worker for each CPU at once
    check_before_start(cluster)
    with (
        tempfile.TemporaryDirectory(prefix="playpen-overlap-", ignore_cleanup_errors=True) as folder,
        ray_session(cluster) as resources,
    ):
        found = measure(config, resources, Path(folder) / "overlap", options.seconds)
        strict = measure(alternating, resources, Path(folder) / "strict", options.seconds)
    figures = {
        **found,
        "strict_wait_share": strict["wait_share"],
        "batch_size": size,
        "prefetch": config.learner.prefetch,
    }
    report("overlap", figures, conditions(seconds=options.seconds, actors=options.actors))


if __name__ == "__main__":
    main()
