"""Measures how the cost of a run's shared parts grows with the number of actors, and which part saturates first.

    python -m benchmarks.scale [--counts 1,2,4,...] [--seconds S] [--rate R] [--step-s S] [--nic-gbit G]

Light actors (benchmarks/_light_actor.py: processes with the calls of a real actor, without simulator or network) push
records of the real shape to the real replay buffer, as fast as the real rate limiter allows. The real coordinator hands
out locations and weights. The learner's real Ray actor samples, returns priorities and publishes, but leaves out the
computation of its steps. Each number of actors runs for two spans of the paper's schedule: collecting, with one batch
in each round, and training, with the schedule's largest number of batches. It measures

- records/s and batches/s;
- CPU time (which other load on the machine hardly affects) of the replay buffer's process, of the coordinator's, and of
  Ray's daemons (raylet and GCS), and the bytes in the object store at the end of a span;
- a broadcast: wall and CPU ms for each actor until all have a copy of newly published weights, and their bytes.

The model of a process's use of a core with N actors is f0 + f1 N + (a + b N) records/s + c batches/s: a constant part
(heartbeats, Ray's own work), the cost of a record (the coordinator polls all actors), and the cost of a batch. The five
costs are fitted to all spans, none below 0.

The forecast says at how many real actors, each of `--rate` locations per second, each part is full: one core of the
replay buffer, of the coordinator, and of Ray's daemons on the learner's node; the learner, whose step of a whole batch
takes `--step-s` (default: measured here, on the GPU if there is one, else on the CPU with a smaller batch); a network
link of `--nic-gbit` into and out of the learner's node; the object store of the configuration. It ignores that records
from other machines cost the daemons more than those of this one.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import ray
import torch
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from actors.interaction.locations import Location
from benchmarks._arguments import positive, whole
from benchmarks._forecast import ADVICE, CORES, Assumed, fitted, saturation
from benchmarks._light_actor import LightActor
from benchmarks._light_run import run_light_phase
from benchmarks._report import conditions, configuration, readable, rounded
from benchmarks.learner import made_up_batch
from benchmarks.replay import make_record
from cluster.interaction.config import TrainConfig
from cluster.machines.resources import check_before_start, ray_session
from cluster.run.reporting import Reporter
from cluster.run.tracking import Tracker
from cluster.systems.interaction import SYSTEM
from cluster.workers.health import object_store_bytes
from learner.actor import LearnerActor, Weights
from learner.interaction.learner import Learner, StepResult
from learner.interaction.schedule import phase_of
from learner.schedule import Phase
from models.interaction.build import build_network
from replay.actor import start_replay
from replay.interaction.batch import LOCATIONS, location_table
from replay.interaction.record import RECORD_BYTES, Batch
from replay.layout import REPLAY_FOLDER

COUNTS = "1,2,4,8,16,32,64"
RATE = 0.5
"""Locations per second of a real actor with a core: 20 touches of the embedded simulator (benchmarks/actor.py)."""
GROUP = 8
"""Actors that are started at the same time."""
ACTOR_BYTES = 130_000_000
"""Memory that a light actor takes, rounded up."""
SETTLE_S, QUIET_CORES = 60.0, 0.4
"""Maximum wait after actors were started, until Ray's processes together use less than this."""
MIN_SEEN = {"records": 50, "batches": 5}
"""Minimum counts in a span, however busy the machine is. Spans with one batch a round need no minimum of batches."""
BROADCASTS = 5
"""Timed publications for each number of actors."""
STEP_IMAGES, STEP_MASKS = 4, 5
"""Images of the batch that times a step on a CPU, and masks in each image."""


class Consumer(LearnerActor):
    """The learner's Ray actor with the computation of its steps left out."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        learner: Any = self.learner
        learner.prepare = lambda batch, ahead=0: batch
        learner.begin = lambda batch: batch
        learner.finish = self.skip
        learner._trunk = None  # another method of a step must fail rather than be measured

    def skip(self, batch: Batch) -> StepResult:
        """Returns priorities as if a step had been computed."""
        self.learner.version += 1
        scores = np.full(len(batch.image), 0.5, np.float32)
        return StepResult({}, scores, scores.astype(np.float64))


class Meter(Reporter):
    """A run's reporter that reads the counters at both ends of a span and ends the phase after it."""

    def measure(self, read: Callable[[], dict[str, float]], seconds: float, phase: Phase) -> None:
        """Sets the span: so many seconds after the prefill, and at least `MIN_SEEN`."""
        self.read, self.span_s, self.measured = read, seconds, phase
        self.first: dict[str, float] = {}
        self.last: dict[str, float] = {}

    def tick(self, tasks: int, *arguments: Any) -> None:
        """See `Reporter.tick`."""
        super().tick(tasks, *arguments)
        batches = MIN_SEEN["batches"] if self.measured.batches[-1] > 1 else 0
        if not self.first:
            if tasks >= self.measured.prefill:
                self.first = self.read()
        elif time.monotonic() - self.first["seconds"] >= self.span_s:
            self.last = self.read()
            span = self.span()
            if span["records"] >= MIN_SEEN["records"] and span["batches"] >= batches:
                self.measured.minutes = 1e-9  # the coordinator finds the phase's time over

    def span(self) -> dict[str, float]:
        """How much each counter rose."""
        return {name: self.last[name] - value for name, value in self.first.items()}


class Bench:
    """The replay buffer, the learner and the actors, which stay for all numbers of actors."""

    def __init__(self, config: TrainConfig, folder: Path, seconds: float, max_actors: int) -> None:
        self.config, self.folder, self.seconds = config, folder, seconds
        self.replay = start_replay(
            {LOCATIONS: location_table(config.replay)},
            folder / REPLAY_FOLDER,
            seed=config.seed,
            actors=max_actors,
            options={"num_cpus": 0},
        )
        make_remote: Any = ray.remote  # the type hints lack max_concurrency
        self.learner = make_remote(max_concurrency=3, num_cpus=0)(Consumer).remote(
            SYSTEM.learner(config), self.replay, config.learner.threads
        )
        self.actors: list[Any] = []
        self.record = ray.put(make_record(0, np.random.default_rng(config.seed)))
        self.replay_process = psutil.Process(ray.get(self.replay.pid.remote()))
        self.daemons: list[psutil.Process] = [
            process
            for process in psutil.Process().children()
            if {"raylet", "gcs_server"} & {Path(word).name for word in process.cmdline()[:1]}
        ]
        self.locations: list[Location] = [
            Location(entry, "FloorPlan1", (0.0, 0.9, 0.0), 0.0, 0.0, entry)
            for entry in range(config.evaluation.dataset.train.locations)
        ]

    def grow(self, count: int) -> None:
        """Starts actors in groups until there are so many, and waits until Ray's processes are quiet."""
        while len(self.actors) < count:
            numbers = range(len(self.actors), min(count, len(self.actors) + GROUP))
            self.actors += [LightActor.remote(number, self.replay, self.record) for number in numbers]
            ray.get([self.actors[number].health.remote() for number in numbers])
        # Ray starts as many idle processes again; do not measure that.
        deadline, before = time.monotonic() + SETTLE_S, self.used_s()
        while time.monotonic() < deadline:
            time.sleep(1.0)
            now = self.used_s()
            if now - before < QUIET_CORES:
                break
            before = now

    def used_s(self) -> float:
        """CPU seconds of all living processes of this Ray session."""
        used = 0.0
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                used += cpu_s(process)
        return used

    def read(self) -> dict[str, float]:
        """Reads the counters: seconds of the clock and of CPU, records and batches."""
        table: dict[str, Any] = ray.get(self.replay.statistics.remote())[LOCATIONS]
        return {
            "seconds": time.monotonic(),
            "records": table["inserted"],
            "batches": table["sampled"],
            "bank": cpu_s(self.replay_process),
            "coordinator": cpu_s(psutil.Process()),
            "daemons": sum(cpu_s(process) for process in self.daemons),
        }

    def span(self, count: int, batches_per_round: int) -> dict[str, float]:
        """Runs the first phase of the schedule for a while, with so many batches a round."""
        schedule = next(iter(self.config.learner.phases.values()))
        schedule = dataclasses.replace(
            schedule,
            prefill=self.config.learner.batch_size,
            batches_first=batches_per_round,
            batches_last=batches_per_round,
            minutes=None,
        )
        phase = phase_of(schedule, self.config.learner.batch_size, {})
        folder = self.folder / f"{count}_{batches_per_round}"
        folder.mkdir()
        config = dataclasses.replace(self.config, cluster=dataclasses.replace(self.config.cluster, actors=count))
        tracker = Tracker(config.tracking, folder, {}, "scale")
        meter = SYSTEM.meter(config)
        reporter = Meter(tracker, folder, config.tracking.log_every_s, meter, SYSTEM.evaluation_sentence)
        reporter.measure(self.read, self.seconds, phase)
        run_light_phase(config, folder, self.replay, self.learner, self.actors, self.locations, reporter, phase)
        stored = object_store_bytes()
        reporter.close()
        reporter.tracker.close()
        rose = reporter.span()
        seconds = rose.pop("seconds")
        rates = {
            f"{name}_{'cores' if f'{name}_cores' in CORES.values() else 'per_s'}": value / seconds
            for name, value in rose.items()
        }
        return {"seconds": seconds, **rates, "object_store_mb": stored / 1e6}

    def broadcast(self, count: int) -> dict[str, float]:
        """Times a few publications to so many actors."""
        walls, cpus, size = [], [], 0
        for _ in range(BROADCASTS):
            weights: Weights = ray.get(self.learner.publish.remote())
            size = ray.get(weights.reference[0]).nbytes
            started = time.perf_counter()
            cpus.append(sum(ray.get([actor.fetch.remote(weights.reference) for actor in self.actors[:count]])))
            walls.append(time.perf_counter() - started)
        return {
            "broadcast_ms_per_actor": 1e3 * float(np.median(walls)) / count,
            "broadcast_cpu_ms_per_actor": 1e3 * float(np.median(cpus)) / count,
            "broadcast_bytes": size,
        }

    def measure(self, count: int) -> dict[str, Any]:
        """Measures everything for one number of actors."""
        self.grow(count)
        schedule = next(iter(self.config.learner.phases.values()))
        return {
            "actors": count,
            "collecting": self.span(count, 1),
            "training": self.span(count, schedule.batches_last),
            **self.broadcast(count),
        }


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds that all threads of a process have used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def step_seconds(config: TrainConfig) -> tuple[float, str]:
    """Seconds of a real step of a whole batch on this machine, and how they were measured."""
    cuda = torch.cuda.is_available()
    size = config.learner.batch_size
    images = size if cuda else min(size, STEP_IMAGES)
    learner = Learner(build_network(config.models, config.seed), config.learner, config.seed, "cuda" if cuda else "cpu")
    learner.start_phase(list(config.learner.phases)[-1])
    batch = made_up_batch(images, STEP_MASKS, config.seed)
    learner.step(batch)
    # On the CPU, measure CPU time, which other load on the machine does not affect.
    clock, threads = (time.perf_counter, 1) if cuda else (time.process_time, torch.get_num_threads())
    started = clock()
    learner.step(batch)  # it has ended when it returns, since its metrics are on the CPU
    where = torch.cuda.get_device_name() if cuda else f"{threads} CPU thread(s)"
    how = f"measured on {where}" + ("" if images == size else f", a batch of {images} times {size / images:g}")
    return (clock() - started) / threads * size / images, how


def show(curve: list[dict[str, Any]], full: dict[str, float], wanted: int) -> None:
    """Prints the measured curve and the forecast."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    table = Table(
        "actors", "", "records/s", "batches/s", *(f"{readable(name)}, cores" for name in CORES), "object store"
    )
    for point in curve:
        for kind in ("collecting", "training"):
            span = point[kind]
            table.add_row(
                f"{point['actors']}",
                kind,
                *(f"{span[name]:.1f}" for name in ("records_per_s", "batches_per_s")),
                *(f"{span[part]:.3f}" for part in CORES.values()),
                f"{span['object_store_mb']:.0f} MB",
            )
    console.print(table)
    costs = Table(
        "part", "f0, cores", "f1, cores an actor", "a, ms a record", "b, ms a record and actor", "c, ms a batch"
    )
    for name, part in CORES.items():
        f0, f1, a, b, c = fitted(curve, part)
        costs.add_row(readable(name), f"{f0:.3f}", f"{f1:.5f}", *(f"{1e3 * value:.3f}" for value in (a, b, c)))
    console.print(costs)
    broadcast = Table("broadcast to", "ms an actor", "CPU ms an actor", "bytes")
    for point in curve:
        shown = (f"{point[name]:.2f}" for name in ("broadcast_ms_per_actor", "broadcast_cpu_ms_per_actor"))
        broadcast.add_row(f"{point['actors']} actors", *shown, f"{point['broadcast_bytes']}")
    console.print(broadcast)
    forecast = Table("part", "full at so many real actors", f"in use at {wanted}")
    for name, actors in sorted(full.items(), key=lambda item: item[1]):
        forecast.add_row(
            readable(name), f"{actors:.1f}" if actors < 10 else f"{actors:.0f}", f"{100 * wanted / actors:.2g} %"
        )
    console.print(forecast)


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints the tables and the RESULT line."""
    parser = argparse.ArgumentParser(
        prog="./playpen bench scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", default=COUNTS, help=f"numbers of actors (default {COUNTS})")
    parser.add_argument("--seconds", type=positive, default=4.0, help="of each of a number's two spans (default 4)")
    parser.add_argument("--rate", type=positive, default=RATE, help=f"locations/s of a real actor (default {RATE})")
    parser.add_argument("--step-s", type=positive, default=None, help="seconds of a learner's step (default: measured)")
    parser.add_argument("--nic-gbit", type=positive, default=10.0, help="link of the learner's node (default 10)")
    parser.add_argument("--actors-per-node", type=whole(1), default=16, help="actors on a node (default 16)")
    parser.add_argument("--records", type=whole(1), default=512, help="capacity of the replay buffer (default 512)")
    options = parser.parse_args(arguments)
    if not options.counts.replace(",", "").isdecimal() or not (
        counts := [int(c) for c in options.counts.split(",") if c]
    ):
        parser.error(f"--counts must be numbers of actors such as 1,2,4, not {options.counts}")
    counts = sorted(set(counts))
    if counts[0] < 1 or counts[-1] * ACTOR_BYTES > psutil.virtual_memory().available:
        parser.error(
            f"--counts must be at least 1 and, with {psutil.virtual_memory().available / 1e9:.1f} GB free, at most "
            f"{psutil.virtual_memory().available // ACTOR_BYTES}"
        )
    config = configuration(
        f"replay.capacity={options.records}",
        "checkpoint_minutes=1e6",
        "evaluation.every_minutes=null",
        "tracking.mode=disabled",
    )
    phase = max(config.learner.phases.values(), key=lambda phase: phase.batches_last / phase.locations_per_round)
    min_records = config.learner.batch_size + phase.locations_per_round
    if options.records < min_records:
        parser.error(f"--records must be at least {min_records}, a batch and a round, not {options.records}")
    step_s, source = (options.step_s, "given") if options.step_s else step_seconds(config)
    given = Assumed(options.rate, step_s, options.nic_gbit, options.actors_per_node)
    measured_in = conditions(
        seconds=options.seconds,
        record_bytes=RECORD_BYTES,
        batch_size=config.learner.batch_size,
        schedule=f"{phase.batches_last} batches a round of {phase.locations_per_round} locations",
        locations_per_s_of_an_actor=given.rate,
        step_s=round(step_s, 4),
        step_s_is=source,
        nic_gbit=given.nic_gbit,
        actors_per_node=given.actors_per_node,
        object_store_bytes=config.cluster.object_store_bytes,
    )
    print("conditions: " + ", ".join(f"{name} {value}" for name, value in measured_in.items()), flush=True)

    # Ray would start a worker for each CPU at once.
    alone = dataclasses.replace(config.cluster, actors=1)
    check_before_start(alone)
    with (
        tempfile.TemporaryDirectory(prefix="playpen-scale-", ignore_cleanup_errors=True) as folder,
        contextlib.redirect_stdout(sys.stderr),  # for Ray's warnings about the number of processes
        ray_session(alone),
    ):
        bench = Bench(config, Path(folder), options.seconds, counts[-1])
        curve = [bench.measure(count) for count in tqdm(counts, desc="numbers of actors", disable=None)]
    full = saturation(curve, config, phase, given)
    show(curve, full, config.cluster.actors)
    order = sorted(full, key=lambda name: full[name])
    sentences = (
        f"The {order[0]} is full at {full[order[0]]:.3g} actors of {given.rate:g} locations/s: {ADVICE[order[0]]}. "
        f"Next would be the {order[1]}, at {full[order[1]]:.3g}: {ADVICE[order[1]]}."
    )
    print(readable(sentences))
    result = {
        "benchmark": "scale",
        "saturates": order[0],
        "at_actors": round(full[order[0]], 2),
        "parts": {name: round(full[name], 2) for name in order},
        "curve": [rounded(point) for point in curve],
        "costs": {name: [round(value, 7) for value in fitted(curve, part)] for name, part in CORES.items()},
        "conditions": measured_in,
    }
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main()
