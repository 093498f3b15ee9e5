"""Compares smoke runs whose processes are killed at random with the same runs undisturbed.

    python -m benchmarks.faults [--runs R] [--interval S] [--seed N] [--kinds simulator,actor,learner,replay]
                                [system=NAME]

Runs R undisturbed and R disturbed runs in turn, on one data set. In a disturbed run, one process is killed (SIGKILL)
every S seconds on average (drawn between S/2 and 3S/2), from the start of the first simulator to the last step: a
simulator of an actor, an actor, the learner, or the replay buffer, each kind with the same probability. The schedule is
longer than the smoke experiment's own, so that there is time for kills. A checkpoint is written every few seconds.

- kills: killed processes; survived: disturbed runs that succeeded with all steps of their schedule;
- redone: how often a task was played again, because its actor or simulator was lost or the run went back to a
  checkpoint;
- lost: tasks that a run reports as done, but that its replay buffer does not hold (should be 0). A task is a location;
  of hide and seek (system=hide_and_seek), it is one with all its unrolls;
- orphans: processes of a run that still live after its end (should be 0);
- slowdown: time from the start of Ray to the end of training, disturbed over undisturbed (medians).

Prints its conditions, a table, and RESULT {json}. The exit code is 1 if a run failed, or a task was lost, or a process
was left over.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks._arguments import positive, whole
from benchmarks._subjects import SUBJECTS, Subject
from cluster.systems import DEFAULT

ROOT = Path(__file__).resolve().parents[1]
KINDS = {"actor": "ray::PlayerActor", "learner": "ray::LearnerActor", "replay": "ray::ReplayActor"}
"""Titles of Ray's worker processes; simulators are children of the actors."""
OVERRIDES = (
    "tracking.mode=disabled",
    "tracking.log_every_s=1",
    "checkpoint_minutes=0.08",
    "keep_bank=true",
    # Kills are nobody's fault, so they must not use up the attempts of a location, an actor or a part.
    "cluster.location_attempts=50",
    "cluster.actor_restarts=50",
    "cluster.part_restarts=50",
    "cluster.heartbeat_s=1",
)
LIMIT_S = 1200.0
"""A run that takes longer has failed."""
LEFT_AFTER_S = 15.0
"""Processes of a run that live so long after its end count as left over."""


@dataclass
class Outcome:
    """One run."""

    code: int
    seconds: float
    """Seconds of training."""
    result: dict[str, Any]
    kills: Counter[str] = field(default_factory=Counter)
    redone: int = 0
    lost: int = 0
    orphans: list[str] = field(default_factory=list)
    whole: bool = False
    """Whether it succeeded, with all steps of its schedule."""
    errors: str = ""


class Killer(threading.Thread):
    """Kills a random process of a run now and then, while the run trains.

    Args:
        driver: the run's process.
        log: the run's output; the killing ends when it mentions the evaluation.
        kinds: kinds of processes, chosen with the same probability.
        interval: seconds between two kills, on average.
        seed: seed of the choices and times.
    """

    def __init__(self, driver: subprocess.Popen[str], log: Path, kinds: list[str], interval: float, seed: int) -> None:
        super().__init__(daemon=True)
        self.driver, self.log, self.kinds, self.interval = driver, log, kinds, interval
        self.random = np.random.default_rng(seed)
        self.kills: Counter[str] = Counter()

    def run(self) -> None:
        """Kills until the run evaluates or ends."""
        while self.driver.poll() is None and not self.targets("simulator"):
            time.sleep(0.2)
        while self.driver.poll() is None:
            kind = self.kinds[int(self.random.integers(len(self.kinds)))]
            time.sleep(float(self.random.uniform(0.5, 1.5)) * self.interval)
            targets = self.targets(kind)
            while not targets and not self.over():  # they are being restarted
                time.sleep(0.2)
                targets = self.targets(kind)
            if self.over():
                return
            try:
                targets[int(self.random.integers(len(targets)))].kill()
            except psutil.Error:
                continue
            self.kills[kind] += 1

    def over(self) -> bool:
        """Whether the run has stopped training."""
        return self.driver.poll() is not None or "evaluating the final weights" in self.log.read_text()

    def targets(self, kind: str) -> list[psutil.Process]:
        """The run's processes of a kind."""
        found = []
        for process in children(self.driver.pid):
            try:
                words = process.cmdline()
                if kind == "simulator":
                    parent = process.parent()
                    if "simulator" in words and parent is not None and title(parent).startswith(KINDS["actor"]):
                        found.append(process)
                elif title(process).startswith(KINDS[kind]):
                    found.append(process)
            except psutil.Error:
                continue
        return found


def title(process: psutil.Process) -> str:
    """The title of a process: the first word of its command line."""
    return (process.cmdline() or [""])[0]


def children(pid: int) -> list[psutil.Process]:
    """All descendants of a process; none if it has ended."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def processes_of(folder: Path) -> list[str]:
    """Command lines of living processes that a run in this folder started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PLAYPEN_CHAOS") == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline())[:200])
        except (psutil.Error, OSError):
            continue
    return found


def train(
    subject: Subject, system: str, folder: Path, data_sets: Path, seed: int, kinds: list[str], interval: float
) -> Outcome:
    """Trains in a folder of its own, and kills processes meanwhile if `kinds` are given.

    Args:
        subject: what is run.
        system: its system's name.
        folder: folder of the run, made here.
        data_sets: folder kept between runs; the first run makes the data set there.
        seed: seed of the run and of the kills.
        kinds: kinds of processes that are killed; empty for an undisturbed run.
        interval: seconds between two kills, on average.
    """
    (folder / "outputs").mkdir(parents=True)
    (folder / "outputs" / "datasets").symlink_to(data_sets)
    log = folder / "errors.txt"
    with log.open("w") as errors, (folder / "output.txt").open("w") as output:
        driver = subprocess.Popen(
            [
                *(sys.executable, "-m", "cluster", "train", f"system={system}", f"experiment={subject.experiment}"),
                *(*subject.longer, *OVERRIDES, f"seed={seed}"),
            ],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PLAYPEN_CHAOS": str(folder)},
            stdout=output,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        killer = Killer(driver, log, kinds, interval, seed) if kinds else None
        if killer is not None:
            killer.start()
        try:
            code = driver.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            driver.kill()
            driver.wait()
    deadline = time.monotonic() + LEFT_AFTER_S
    while (orphans := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.5)
    run = next((folder / "outputs" / "train").glob("*"))
    results = run / "results.json"
    result = json.loads(results.read_text()) if results.exists() else {}
    outcome = Outcome(code, training_seconds(run, subject.collected), result, orphans=orphans, errors=log.read_text())
    if killer is not None:
        killer.join(10)
        outcome.kills = killer.kills
    if code == 0:
        outcome.lost = subject.missing(run, result)
        outcome.redone = int(result["redone"])
        outcome.whole = int(result["steps"]) == subject.scheduled_steps(run)
    return outcome


def training_seconds(run: Path, collected: str) -> float:
    """Seconds from the start of the run's clock to its last step; `collected` is a key of rows during training."""
    seconds = 0.0
    for line in (run / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        if collected in row:
            seconds = float(row["seconds"])
    return seconds


def show(plain: list[Outcome], disturbed: list[Outcome]) -> None:
    """Prints a row for each run."""
    table = Table("run", "exit code", "training s", "kills", "redone", "lost", "left over", "resumed from a checkpoint")
    for name, outcomes in (("undisturbed", plain), ("disturbed", disturbed)):
        for outcome in outcomes:
            kills = ", ".join(f"{kind} {times}" for kind, times in sorted(outcome.kills.items()))
            table.add_row(
                name,
                str(outcome.code),
                f"{outcome.seconds:.0f}",
                kills or "0",
                str(outcome.redone),
                str(outcome.lost),
                str(len(outcome.orphans)),
                str(outcome.result.get("faults", {}).get("part_lost", 0)),
            )
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def main() -> None:
    """Runs the benchmark and prints its table and RESULT."""
    parser = argparse.ArgumentParser(
        prog="./playpen bench faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=whole(1), default=3, help="pairs of an undisturbed and a disturbed run (3)")
    usual = ", ".join(f"{one.interval:g} for {name}" for name, one in SUBJECTS.items())
    parser.add_argument("--interval", type=positive, help=f"seconds between two kills, on average ({usual})")
    parser.add_argument("--seed", type=whole(0), default=1, help="seed of the first pair (1)")
    parser.add_argument(
        "--kinds", default="simulator,actor,learner,replay", help="kinds of processes that are killed (%(default)s)"
    )
    systems = [f"system={name}" for name in SUBJECTS]
    parser.add_argument(
        "system", nargs="?", choices=systems, default=f"system={DEFAULT}", help="what is trained (%(default)s)"
    )
    arguments = parser.parse_args()
    system = arguments.system.removeprefix("system=")
    subject = SUBJECTS[system]
    interval = arguments.interval or subject.interval
    kinds = arguments.kinds.split(",")
    if unknown := set(kinds) - {"simulator", *KINDS}:
        parser.error(f"--kinds has {min(unknown)}; it may have simulator, {', '.join(KINDS)}")

    print(
        f"conditions: {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start, a kill "
        f"every {interval:g} s on average of {', '.join(kinds)}, {arguments.system}, " + " ".join(subject.longer)
    )
    plain: list[Outcome] = []
    disturbed: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="playpen-faults-", ignore_cleanup_errors=True) as folder:
        data_sets = Path(folder) / "datasets"
        data_sets.mkdir()
        for run in range(arguments.runs):
            seed = arguments.seed + run
            for name, killed, outcomes in (("plain", [], plain), ("disturbed", kinds, disturbed)):
                place = Path(folder) / f"{name}_{run}"
                outcomes.append(train(subject, system, place, data_sets, seed, killed, interval))
            for outcome in (plain[-1], disturbed[-1]):
                if outcome.code or outcome.orphans:
                    print(outcome.errors, *outcome.orphans, sep="\n", file=sys.stderr)
    show(plain, disturbed)
    result = {
        "benchmark": "faults",
        "system": system,
        "kills": sum(sum(outcome.kills.values()) for outcome in disturbed),
        "kills_by_kind": dict(sum((outcome.kills for outcome in disturbed), Counter())),
        "survived": sum(outcome.whole for outcome in disturbed),
        "redone": sum(outcome.redone for outcome in disturbed),
        "lost": sum(outcome.lost for outcome in disturbed),
        "orphans": sum(len(outcome.orphans) for outcome in disturbed),
        "slowdown": round(
            statistics.median(outcome.seconds for outcome in disturbed)
            / statistics.median(outcome.seconds for outcome in plain),
            2,
        ),
        "training_s_undisturbed": [round(outcome.seconds, 1) for outcome in plain],
        "training_s_disturbed": [round(outcome.seconds, 1) for outcome in disturbed],
        "runs": arguments.runs,
        "interval_s": interval,
        "seed": arguments.seed,
        "cores": os.cpu_count(),
    }
    print(f"RESULT {json.dumps(result)}")
    if result["lost"] or result["orphans"] or not all(outcome.whole for outcome in plain + disturbed):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
