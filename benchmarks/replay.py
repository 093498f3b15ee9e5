"""Measures the speed of the replay buffer, in process and as a Ray actor, on records of the real size.

Prints the conditions and a table, and ends with one line `RESULT {json}`:
- batch_vs_copy: time of sampling a batch of 64 from N records over the time of merely copying as many bytes
  (the median over pairs that are measured in turn, so that other load on the machine cancels);
- index_ms: time of drawing 64 of N indices by priority;
- inserts_per_s in process; ray_batches_per_s and ray_inserts_per_s through Ray (one record in each call, several calls
  in flight);
- bytes_per_record.

    python -m benchmarks.replay                        # 2000 records, about a minute
    python -m benchmarks.replay --records 20000        # the paper's size: 9.5 GB of disk
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks._arguments import positive, whole
from benchmarks._report import conditions, configuration, report
from replay.config import ReplayConfig
from replay.interaction.batch import LOCATIONS, location_table
from replay.interaction.record import MAGNITUDES, MAX_TOUCHES, RECORD_BYTES, RECORD_FIELDS, Choice, LocationRecord
from replay.limiter import Phase
from replay.selectors import sample_without_replacement
from replay.table import Table

IN_FLIGHT = 4
"""Inserts in flight to the Ray actor, as from so many actors."""
FIRST_BATCHES = 8
"""Batches before the measurement, while the object store touches its memory for the first time."""


def make_record(number: int, generator: np.random.Generator) -> LocationRecord:
    """A record of noise: incompressible, with values in the ranges of a real one."""
    values = {name: generator.integers(0, 256, shape).astype(dtype) for name, (shape, dtype) in RECORD_FIELDS.items()}
    values["depth"] = generator.random(RECORD_FIELDS["depth"][0], dtype=np.float32).astype(np.float16)
    values["touches"] = np.array(MAX_TOUCHES, dtype=np.uint8)
    for name, top in (("points", 100), ("magnitudes", MAGNITUDES), ("feedback", 5), ("choices", len(Choice))):
        values[name] = generator.integers(0, top, RECORD_FIELDS[name][0], dtype=np.uint8)
    return renumbered(LocationRecord(**values), number)


def renumbered(record: LocationRecord, number: int) -> LocationRecord:
    """The same arrays as another location of the run."""
    return LocationRecord(**{**vars(record), "location": np.array(number, dtype=np.int64)})


def settings(records: int) -> ReplayConfig:
    """Settings of a table whose limiter blocks neither side, so that only speed is measured."""
    return replace(configuration().replay, capacity=records, locations_ahead=10**9, batches_ahead=10**9)


def unlimited(records: int, batch_size: int) -> Phase:
    """A phase that fills the table, then lets both sides run."""
    return Phase(records - 1, 1, (1,) * 100_000, batch_size)


def rate(call: Callable[[int], object], seconds: float) -> float:
    """Calls per second; `call` gets the number of calls before it."""
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        call(count)
        count += 1
    return count / (time.perf_counter() - began)


def measure_in_process(folder: Path, records: int, seconds: float, batch_size: int) -> dict[str, float]:
    """Fills a table with different records and measures it."""
    generator = np.random.default_rng(0)
    pool = [make_record(number, generator) for number in range(16)]
    table = Table.create(location_table(settings(records)), folder, seed=0)
    table.start_phase(unlimited(records, batch_size), fresh=True)
    for number in range(records):
        table.insert(renumbered(pool[number % len(pool)], number))
    inserts = rate(lambda count: table.insert(renumbered(pool[count % 16], records + count)), seconds)

    source = generator.integers(0, 256, batch_size * RECORD_BYTES, dtype=np.uint8)
    batches: list[float] = []
    copies: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(batches) < 5:
        began = time.perf_counter()
        table.sample(batch_size)
        middle = time.perf_counter()
        source.copy()
        batches.append(middle - began)
        copies.append(time.perf_counter() - middle)

    weights = generator.uniform(0.02, 0.5, records)
    draws = rate(lambda _: sample_without_replacement(weights, batch_size, generator), seconds)
    table.close()
    return {
        "batch_vs_copy": statistics.median(b / c for b, c in zip(batches, copies, strict=True)),
        "batch_ms": 1000 * statistics.median(batches),
        "copy_ms": 1000 * statistics.median(copies),
        "index_ms": 1000 / draws,
        "inserts_per_s": inserts,
    }


def measure_ray(folder: Path, records: int, seconds: float, batch_size: int, prefetch: int) -> dict[str, float]:
    """Measures it through a Ray actor, with IN_FLIGHT inserts, or as many batches as the learner has, in flight."""
    import ray

    from cluster.machines.resources import keep_loopback, local_environment
    from replay.actor import start_replay

    keep_loopback()
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=400_000_000,
        _node_ip_address="127.0.0.1",
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env=local_environment(),
    )
    try:
        generator = np.random.default_rng(0)
        pool = [make_record(number, generator) for number in range(16)]
        actor = start_replay({LOCATIONS: location_table(settings(records))}, folder, seed=0, actors=IN_FLIGHT)
        ray.get(actor.start_phase.remote({LOCATIONS: unlimited(records, batch_size)}, {LOCATIONS}))
        pending: list[ray.ObjectRef] = []
        inserted = 0

        def keep_busy(reference: ray.ObjectRef, at_once: int) -> None:
            pending.append(reference)
            if len(pending) >= at_once:
                ray.get(pending.pop(0))

        def insert(_: int) -> None:
            nonlocal inserted
            keep_busy(actor.insert.remote(LOCATIONS, renumbered(pool[inserted % 16], inserted)), IN_FLIGHT)
            inserted += 1

        for number in range(records):
            insert(number)
        inserts = rate(insert, seconds)
        ray.get(pending)
        pending.clear()
        for _ in range(FIRST_BATCHES):
            keep_busy(actor.sample.remote(LOCATIONS, batch_size), 1 + prefetch)
        batches = rate(lambda _: keep_busy(actor.sample.remote(LOCATIONS, batch_size), 1 + prefetch), seconds)
        ray.get(pending)
        return {"ray_batches_per_s": batches, "ray_inserts_per_s": inserts}
    finally:
        ray.shutdown()


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints the table and the RESULT line."""
    parser = argparse.ArgumentParser(
        prog="./playpen bench replay", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    config = configuration()
    size, prefetch = config.learner.batch_size, config.learner.prefetch
    parser.add_argument("--records", type=whole(1), default=2000, help="records in the table (default 2000)")
    parser.add_argument("--seconds", type=positive, default=5.0, help="seconds for each measurement (default 5)")
    parser.add_argument("--folder", type=Path, default=None, help="folder of the table (default: a temporary one)")
    options = parser.parse_args(arguments)
    if options.records < size:
        parser.error(f"--records must be at least the batch of {size}, not {options.records}")
    if options.folder is not None and not options.folder.is_dir():
        parser.error(f"--folder must be an existing folder, not '{options.folder}'")
    try:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            figures = measure_in_process(Path(folder) / "process", options.records, options.seconds, size)
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            figures |= measure_ray(Path(folder) / "ray", options.records, options.seconds, size, prefetch)
    except OSError as error:
        sys.exit(f"error: {error}")
    sizes = {"records": options.records, "batch_size": size, "seconds": options.seconds}
    sizes |= {"inserts_in_flight": IN_FLIGHT, "batches_in_flight": 1 + prefetch, "numpy": np.__version__}
    report("replay", figures | {"bytes_per_record": RECORD_BYTES + 8}, conditions(**sizes))


if __name__ == "__main__":
    main()
