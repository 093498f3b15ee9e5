"""Measures whether memory, disk and object store of a long run stay bounded.

    ./playpen bench soak [--minutes M] [--every S] [overrides]

Runs the smoke experiment's first phase for M minutes (default 30) with the smallest replay buffer that its schedule
allows, a checkpoint and an evaluation a minute, and W&B offline. Every few seconds it samples, from outside:

- memory of the run's processes, by role: private (resident without shared pages; growth is measured on this) and
  resident (each process that touched a shared page counts it: pages of the object store and of the replay buffer);
- bytes on disk: the run's folder, and Ray's session folder (its logs, and objects that did not fit into the store);
- bytes in use in the object store, as the run itself reports them; their bound is cluster.object_store_bytes.

Growth is the slope of a line fitted to the samples after the first third. The table shows its standard error, too,
since the learner's memory rises and falls by a hundred megabytes and a short soak measures it badly. Rows of metrics,
logs and W&B's file grow with time by design; memory should not. Prints the conditions, a table, the run's folder with
soak.png in it, and RESULT {json}. The exit code is 1 if the run failed, the object store's bound was exceeded, or
objects were moved to the disk.
Overrides are those of `./playpen train`; system=hide_and_seek soaks that system's smoke experiment.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from scipy.stats import linregress
from tqdm import tqdm

from benchmarks._arguments import check_overrides, positive
from benchmarks._report import REPLAY, conditions, configuration, readable
from benchmarks._subjects import SUBJECTS, Subject
from cluster.run.status import STATUS, disk_bytes
from cluster.systems import DEFAULT, chosen_name
from evaluation.pictures import save

ROOT = Path(__file__).resolve().parents[1]
ROLES = {
    "ray::LearnerActor": "learner",
    "ray::ReplayActor": REPLAY,
    "ray::PlayerActor": "actors",
    "ray::EvaluatorActor": "evaluator",
    "ray::": "Ray's idle workers",
    "-m simulator": "simulators",
    "wandb": "W&B",
    "/ray/": "Ray's daemons",
}
"""Part of a command line: role of the process. The first match counts."""
ROUNDS_PER_S = 2
"""More rounds per second than any machine plays, so that the phase ends by the clock."""
WARM_UP = 1 / 3
"""Share of the time that passes before growth is measured."""
START_S = 300.0
"""Seconds after which a run that has not begun to collect has failed."""


@dataclass
class Sample:
    """One sample of the run."""

    seconds: float
    """Seconds since the first sample."""
    private: Counter[str]
    """Megabytes of each role's processes, without shared pages."""
    resident: Counter[str]
    processes: Counter[str]
    run_mb: float
    session_mb: float
    spilled_mb: float
    """The part of `session_mb` that did not fit into the object store."""
    store_mb: float


def role_of(command: str) -> str:
    """Role of a process, from its command line."""
    return next((role for text, role in ROLES.items() if text in command), "others")


def take_sample(driver: psutil.Process, folder: Path, session: Path, seconds: float) -> Sample:
    """Samples memory, disk and object store once."""
    private: Counter[str] = Counter()
    resident: Counter[str] = Counter()
    processes: Counter[str] = Counter()
    for process in [driver, *driver.children(recursive=True)]:
        try:
            role = "driver" if process == driver else role_of(" ".join(process.cmdline()))
            memory = process.memory_info()
        except psutil.Error:
            continue  # the process has just ended
        private[role] += (memory.rss - memory.shared) / 1e6
        resident[role] += memory.rss / 1e6
        processes[role] += 1
    row = json.loads((folder / STATUS).read_text()).get("row", {})
    spilled = [disk_bytes(path)["disk/run_bytes"] for path in session.glob("ray_spilled_objects*")]
    return Sample(
        seconds,
        private,
        resident,
        processes,
        disk_bytes(folder)["disk/run_bytes"] / 1e6,
        disk_bytes(session)["disk/run_bytes"] / 1e6,
        sum(spilled) / 1e6,
        (row.get("object_store/bytes") or 0.0) / 1e6,
    )


def growth(samples: list[Sample], values: list[float]) -> tuple[float, float]:
    """Slope of a line fitted to the values after the warm-up, and its standard error, in units per hour.

    Both are 0 for fewer than three values.
    """
    warm = samples[-1].seconds * WARM_UP
    points = [(s.seconds / 3600, value) for s, value in zip(samples, values, strict=True) if s.seconds >= warm]
    if len(points) < 3:
        return 0.0, 0.0
    fitted = linregress(*np.array(points).T)
    return float(fitted.slope), float(fitted.stderr)


def min_capacity() -> int:
    """Minimum number of records that the replay buffer must hold in the first phase of the smoke experiment."""
    config = configuration("experiment=smoke")
    phase = next(iter(config.learner.phases.values()))
    return max(config.learner.batch_size, phase.prefill + phase.locations_per_round)


def overrides(minutes: float, system: str = DEFAULT) -> list[str]:
    """Overrides for a smoke experiment whose first phase lasts so many minutes."""
    subject = SUBJECTS[system]
    rounds = math.ceil(60 * minutes * ROUNDS_PER_S)
    return [
        f"experiment={subject.experiment}",
        # That of the smoke experiment of hide and seek is small already.
        *([f"replay.capacity={min_capacity()}"] if system == DEFAULT else []),
        f"learner.phases.{subject.phase}.rounds={rounds}",
        f"learner.phases.{subject.phase}.minutes={minutes}",
        *(f"learner.phases.{name}.rounds=0" for name in subject.others),
        *subject.short,
        "evaluation.every_minutes=1",
        "checkpoint_minutes=1",
        "tracking.mode=offline",
        "tracking.log_every_s=2",
    ]


def run_folder(output: Path, collected: str) -> Path | None:
    """The run's folder; None until the run has collected something, which the row of metrics counts as `collected`."""
    found = re.search(r"^RUN (.+)$", output.read_text(), re.MULTILINE)
    folder = Path(found[1]) if found else None
    if folder is None or not (folder / STATUS).exists():
        return None
    return folder if json.loads((folder / STATUS).read_text()).get("row", {}).get(collected) else None


def session_folder(driver: psutil.Process) -> Path:
    """Ray's session folder of a run, from its daemons' command lines."""
    for process in driver.children():
        if found := re.search(r"/[^\s=]*/session_[0-9_-]+", " ".join(process.cmdline())):
            return Path(found[0])
    raise SystemExit("playpen: the run has no Ray session")


def watch(
    process: subprocess.Popen[bytes], output: Path, collected: str, minutes: float, every_s: float
) -> tuple[Path, list[Sample]]:
    """Samples a run until its phase is over; returns the run's folder and the samples.

    Raises:
        SystemExit: the run did not begin to collect, or has no Ray session.
    """
    driver = psutil.Process(process.pid)
    deadline = time.monotonic() + START_S
    while (folder := run_folder(output, collected)) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("playpen: the run did not begin to collect")
        time.sleep(0.5)
    session = session_folder(driver)
    samples: list[Sample] = []
    started = time.monotonic()
    with tqdm(total=round(60 * minutes), desc="soak", unit="s", disable=None) as bar:
        while process.poll() is None and "evaluating the final weights" not in (folder / "run.log").read_text():
            samples.append(take_sample(driver, folder, session, time.monotonic() - started))
            bar.update(min(bar.total, round(samples[-1].seconds)) - bar.n)
            time.sleep(every_s)
    return folder, samples


def draw(path: Path, samples: list[Sample], roles: list[str], bound_mb: float) -> None:
    """Draws memory, disk and object store over time, as PNG."""
    minutes = [sample.seconds / 60 for sample in samples]
    figure = Figure(figsize=(8.4, 8.4), layout="constrained")
    memory, disk, store = figure.subplots(3, 1, sharex=True)
    for role in roles:
        memory.plot(minutes, [sample.private[role] for sample in samples], linewidth=1.4, label=readable(role))
    memory.set(ylabel="private memory, MB", ylim=(0, None))
    disk.plot(minutes, [sample.run_mb for sample in samples], linewidth=1.4, label="run's folder")
    disk.plot(minutes, [sample.session_mb for sample in samples], linewidth=1.4, label="Ray's session")
    disk.set(ylabel="disk, MB", ylim=(0, None))
    store.plot(minutes, [sample.store_mb for sample in samples], linewidth=1.4, label="in use")
    store.axhline(bound_mb, color="0.5", linestyle="--", label="cluster.object_store_bytes")
    store.set(ylabel="object store, MB", xlabel="minutes", ylim=(0, None))
    for axis in (memory, disk, store):
        axis.axvspan(0, minutes[-1] * WARM_UP, color="0.93")
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, path, dpi=110)


def show(samples: list[Sample], roles: list[str], grown: dict[str, tuple[float, float]]) -> None:
    """Prints a row for each role."""
    table = Table("processes", "number", "private MB, first", "last", "most", "growth MB/h", "resident MB, most")
    for role in roles:
        private = [sample.private[role] for sample in samples]
        table.add_row(
            readable(role),
            str(max(sample.processes[role] for sample in samples)),
            *(f"{value:.0f}" for value in (private[0], private[-1], max(private))),
            "{:+.1f} ± {:.1f}".format(*grown[role]),
            f"{max(sample.resident[role] for sample in samples):.0f}",
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def main(arguments: list[str] | None = None) -> None:
    """Runs the benchmark and prints its table and RESULT."""
    parser = argparse.ArgumentParser(
        prog="./playpen bench soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=positive, default=30.0, help="minutes of the run (default 30)")
    parser.add_argument("--every", type=positive, default=3.0, help="seconds between two samples (default 3)")
    parser.add_argument("overrides", nargs="*", help="overrides of the configuration, as for ./playpen train")
    options = parser.parse_args(arguments)
    check_overrides(parser, options.overrides)
    system = chosen_name(options.overrides)
    subject = SUBJECTS[system]
    measured_in = conditions(every_s=options.every, overrides=options.overrides)
    with tempfile.TemporaryDirectory(prefix="playpen-soak-") as scratch:
        output, errors = Path(scratch) / "output.txt", Path(scratch) / "errors.txt"
        with output.open("wb") as out, errors.open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "cluster", "train", *overrides(options.minutes, system), *options.overrides],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        try:
            folder, samples = watch(process, output, subject.collected, options.minutes, options.every)
            code = process.wait(START_S)
        except (SystemExit, subprocess.TimeoutExpired):
            print(errors.read_text(), file=sys.stderr)
            raise
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
        if code or not samples:
            raise SystemExit(f"playpen: the run failed (exit code {code}): {errors.read_text()[-2000:]}")
    roles = sorted({role for sample in samples for role in sample.private}, key=lambda role: -samples[-1].private[role])
    grown = {role: growth(samples, [sample.private[role] for sample in samples]) for role in roles}
    result = summary(folder, subject, samples, grown, options.minutes)
    result["conditions"] = measured_in | {"looks": len(samples)}
    print("conditions: " + ", ".join(f"{name} {value}" for name, value in result["conditions"].items()))
    show(samples, roles, grown)
    print(
        f"disk: run's folder {samples[0].run_mb:.1f} -> {samples[-1].run_mb:.1f} MB, "
        f"{result['run_growth_mb_per_h']:+.1f} MB/h; Ray's session {samples[0].session_mb:.1f} -> "
        f"{samples[-1].session_mb:.1f} MB, {result['session_growth_mb_per_h']:+.1f} MB/h"
    )
    print(
        f"object store: at most {result['object_store_peak_mb']:.1f} MB in use of a bound of "
        f"{result['object_store_bound_mb']:.0f} MB (cluster.object_store_bytes); {result['spilled_mb']:.1f} MB on disk"
    )
    draw(folder / "soak.png", samples, roles, result["object_store_bound_mb"])
    print(f"RUN {folder} (soak.png)")
    print(f"RESULT {json.dumps(result)}")
    if result["object_store_peak_mb"] > result["object_store_bound_mb"] or result["spilled_mb"]:
        raise SystemExit(1)


def summary(
    folder: Path, subject: Subject, samples: list[Sample], grown: dict[str, tuple[float, float]], minutes: float
) -> dict[str, Any]:
    """Values of the RESULT line."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    finished = json.loads((folder / "results.json").read_text())
    run, session = ([getattr(sample, name) for sample in samples] for name in ("run_mb", "session_mb"))
    totals = [float(sum(sample.private.values())) for sample in samples]
    return {
        "benchmark": "soak",
        "minutes": minutes,
        "growth_mb_per_h": {role: round(slope, 2) for role, (slope, _) in grown.items()},
        "growth_error_mb_per_h": {role: round(error, 2) for role, (_, error) in grown.items()},
        "total_growth_mb_per_h": round(growth(samples, totals)[0], 2),
        "disk_growth_mb_per_h": round(growth(samples, [a + b for a, b in zip(run, session, strict=True)])[0], 2),
        "run_growth_mb_per_h": round(growth(samples, run)[0], 2),
        "session_growth_mb_per_h": round(growth(samples, session)[0], 2),
        "object_store_peak_mb": round(max(sample.store_mb for sample in samples), 2),
        "object_store_bound_mb": config["cluster"]["object_store_bytes"] / 1e6,
        "spilled_mb": round(max(sample.spilled_mb for sample in samples), 2),
        subject.collected: finished[subject.collected],
        "steps": finished["steps"],
        "faults": finished["faults"],
        "capacity": config["replay"][subject.capacity],
    }


if __name__ == "__main__":
    main()
