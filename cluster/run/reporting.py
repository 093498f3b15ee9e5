"""Reports a run in progress: progress bars, rows of metrics, `run.log` and `status.json`."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from actors.core import Statistics
from cluster.run.checkpoints import SavedCheckpoint
from cluster.run.status import StatusFile, actor_rows, disk_bytes
from cluster.run.system import Meter
from cluster.run.tracking import Tracker
from cluster.workers.actor_pool import ActorPool
from cluster.workers.health import object_store_bytes
from common.progress import Progress, plural
from learner.schedule import Phase

if TYPE_CHECKING:  # importing torch takes seconds
    from learner.actor import TrainReport
TableStatistics = Mapping[str, Mapping[str, Any]]
"""Statistics of the replay buffer, by table."""


class Reporter:
    """Receives a run's events and passes them on to the terminal, the log and the tracker."""

    def __init__(
        self,
        tracker: Tracker,
        folder: Path,
        every_s: float,
        meter: Meter,
        evaluation_sentence: Callable[[Mapping[str, float]], str],
    ) -> None:
        """Opens the log.

        Args:
            tracker: metrics and W&B.
            folder: the run's folder, where `run.log` lies.
            every_s: minimum seconds between two rows of metrics.
            meter: turns the actors' statistics into metrics.
            evaluation_sentence: describes an evaluation during training.
        """
        self.tracker, self.folder, self.every_s = tracker, folder, every_s
        self.meter, self.evaluation_sentence = meter, evaluation_sentence
        self.log_file = (folder / "run.log").open("a", encoding="utf-8")
        self.started = time.monotonic()
        self.training_seconds = 0.0
        self.progress: list[Progress] = []
        """One bar during the prefill, then one of tasks, if there are more of them, and one of steps."""
        self.prefilling = True
        self.prefill = self.phase_tasks = self.phase_batches = 0
        self.phase = ""
        self.ends: float | None = None
        """When the phase's minutes are over, by `time.monotonic`; None: it has no limit."""
        self.done = (0, 0)
        """Tasks and steps done in the phase."""
        self.steps = self.given_up = self.simulator_restarts = 0
        self.last_train: dict[str, float] = {}
        self.last_row = 0.0
        self.faults: Counter[str] = Counter()
        """Number of recovered faults, by kind."""
        self.redone = 0
        """How often a task was played again."""
        self.newest_number = -1
        """The highest running number assigned; a number that is not higher is played again."""
        self.quarantined: dict[str, str] = {}
        """The run's `RunState.quarantined`."""
        self.actors = (0, 0)
        """Number of actors that are alive, and that are configured."""
        self.status = StatusFile(folder)
        self.row_statistics: list[Statistics] = []
        self.row_reports: list[TrainReport] = []
        self.row_started = self.started

    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.started

    def note(self, line: str) -> None:
        """Writes a line to the log and the terminal."""
        # A full disk does not end the run: the terminal still shows the line.
        with contextlib.suppress(OSError):
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}", file=self.log_file, flush=True)
        if self.progress:
            self.progress[0].note(line)
        else:
            print(line, file=sys.stderr, flush=True)

    def get_state(self) -> dict[str, Any]:
        """State for a checkpoint, JSON-able."""
        return {
            "seconds": self.seconds(),
            "given_up": self.given_up,
            "simulator_restarts": self.simulator_restarts,
            "faults": dict(self.faults),
            "redone": self.redone,
            "newest_number": self.newest_number,
            **self.meter.get_state(),
        }

    def set_state(self, state: Mapping[str, Any], steps: int) -> None:
        """Continues a resumed run, including its clock and faults.

        Args:
            state: from `get_state`.
            steps: optimiser steps done.
        """
        self.started -= float(state["seconds"])
        self.faults.update({str(kind): int(number) for kind, number in state["faults"].items()})
        self.redone, self.newest_number = int(state["redone"]), int(state["newest_number"])
        self.roll_back(state, steps)

    def roll_back(self, state: Mapping[str, Any], steps: int) -> None:
        """Restores the counts of a checkpoint; the clock and the faults continue.

        Args:
            state: from `get_state`.
            steps: optimiser steps done.
        """
        self.close_progress()
        self.steps = steps
        for name in ("given_up", "simulator_restarts"):
            setattr(self, name, int(state[name]))
        self.meter.set_state(state)
        self.row_statistics, self.row_reports = [], []

    # ---- phases ----------------------------------------------------------------------------------------------

    def start_phase(self, phase: Phase) -> None:
        """Opens the phase's progress bar for the prefill."""
        self.prefill = phase.prefill
        self.phase, self.phase_tasks, self.phase_batches = phase.name, phase.total_tasks, phase.total_batches
        self.done = (0, 0)
        self.prefilling = True
        self.ends = None if phase.minutes is None else time.monotonic() + 60 * phase.minutes
        what = "prefill" if phase.total_batches else plural(self.meter.unit)
        self.progress = [self._bar(what, phase.prefill, self.meter.unit)]

    def end_phase(self) -> None:
        """Closes the phase's progress bars and writes a row of metrics."""
        self.close_progress()
        self.training_seconds = self.seconds()
        self.row()

    def close_progress(self) -> None:
        """Closes the open progress bars."""
        for progress in self.progress:
            progress.close()
        self.progress = []

    def tick(self, tasks: int, batches: int, pool: ActorPool, replay: Callable[[], TableStatistics]) -> None:
        """Brings the progress up to date; writes a row of metrics when it is time.

        Args:
            tasks, batches: done in this phase.
            pool: for the actors' health.
            replay: gives the replay buffer's statistics, by table; called once a row.
        """
        self.actors = (pool.alive, pool.config.actors)
        self.done = (tasks, batches)
        if self.prefilling and tasks >= self.prefill and self.phase_batches:
            self.progress[0].update(self.prefill, self.figures())
            self.close_progress()
            self.prefilling = False
            if left := self.phase_tasks - self.prefill:
                self.progress.append(self._bar(plural(self.meter.unit), left, self.meter.unit))
            self.progress.append(self._bar("training", self.phase_batches, "step"))
        figures = self.figures()
        if self.prefilling:
            self.progress[0].update(tasks, figures)
        else:
            if self.phase_tasks > self.prefill:
                self.progress[0].update(tasks - self.prefill, figures)
            self.progress[-1].update(batches, self.last_train)
        if time.monotonic() - self.last_row > self.every_s:
            self.row(pool, replay())

    def _bar(self, what: str, total: int, unit: str) -> Progress:
        """A progress bar of the phase."""
        limit = None if self.ends is None else self.ends - time.monotonic()
        return Progress(f"{self.phase}: {what}", total, unit, limit_s=limit)

    def figures(self) -> dict[str, float]:
        """Values shown beside the progress bar: the meter's, and missing actors and faults if there are any."""
        figures = self.meter.progress(self.seconds())
        alive, wanted = self.actors
        if alive < wanted:
            figures[f"actors of {wanted}"] = alive
        if self.faults:
            figures["faults"] = self.faults.total()
        return figures

    # ---- events ----------------------------------------------------------------------------------------------

    def handed_out(self, number: int) -> None:
        """Counts a task that is assigned again."""
        self.redone += number <= self.newest_number
        self.newest_number = max(number, self.newest_number)

    def played(self, statistics: Statistics) -> None:
        """Reports a task that was played and stored."""
        self.meter.add(statistics)
        self.row_statistics.append(statistics)
        self.simulator_restarts += statistics.restarts
        if statistics.fault:
            self.redone += 1
            self.fault("wrong_frame" if statistics.wrong_frame else "simulator_failed")
            self.note(f"actor {statistics.actor}, {self.meter.unit} {statistics.number}, redone: {statistics.fault}")

    def fault(self, kind: str) -> None:
        """Counts a recovered fault."""
        self.faults[kind] += 1

    def task_given_up(self, number: int, error: str) -> None:
        """Reports a task that failed too often and is quarantined."""
        self.given_up += 1
        self.faults["location_quarantined"] += 1
        self.note(f"{self.meter.unit} {number} is quarantined after repeated failure: {error}")

    def trained(self, report: TrainReport, steps: int) -> None:
        """Reports trained batches.

        Args:
            report: of the learner's call.
            steps: optimiser steps done in all.
        """
        self.row_reports.append(report)
        self.steps = steps
        total = report.wait_s + report.compute_s
        if report.batches:
            self.last_train = {
                "steps/s": report.batches / max(1e-9, total),
                "waiting": report.wait_s / max(1e-9, total),
                "stale": sum(report.staleness) / max(1, len(report.staleness)),
                **{shown: report.metrics.get(name, float("nan")) for shown, name in self.meter.shown_metrics.items()},
            }

    def evaluated(self, metrics: dict[str, float], folder: Path) -> None:
        """Reports an evaluation during training."""
        self.note(f"evaluation at step {metrics['steps']:.0f}: {self.evaluation_sentence(metrics)}")
        self.log({f"evaluation/{name}": value for name, value in metrics.items()})

    def checkpointed(self, saved: SavedCheckpoint) -> None:
        """Reports a checkpoint that was written."""
        written = saved.learner_bytes + saved.bank_state_bytes + saved.bank_record_bytes
        self.note(
            f"checkpoint {saved.path.name} saved in {saved.seconds:.1f} s: {written / 1e6:.1f} MB, of which "
            f"{(saved.bank_state_bytes + saved.bank_record_bytes) / 1e6:.1f} MB of the replay buffer; "
            f"the learner waited {saved.pause_s:.1f} s"
        )
        row = {
            "checkpoint/seconds": saved.seconds,
            "checkpoint/learner_pause_s": saved.pause_s,
            "checkpoint/bytes": float(written),
            "checkpoint/learner_bytes": float(saved.learner_bytes),
            "checkpoint/bank_state_bytes": float(saved.bank_state_bytes),
            "checkpoint/bank_record_bytes": float(saved.bank_record_bytes),
        }
        self.log(row)
        self.status.update(checkpoint={"name": saved.path.name, "at": time.time(), "steps": self.steps, **row})

    def log(self, row: Mapping[str, float], histograms: Mapping[str, Any] | None = None) -> None:
        """Writes a row of metrics; if the disk refuses it, the log says so once and the run continues."""
        try:
            self.tracker.log(row, histograms)
        except OSError as error:
            if not self.faults["metrics_lost"]:
                self.note(f"a row of metrics could not be written: {error.strerror}")
            self.fault("metrics_lost")

    # ---- metrics ---------------------------------------------------------------------------------------------

    def row(self, pool: ActorPool | None = None, replay: TableStatistics | None = None) -> None:
        """Writes one row of metrics from what happened since the last one.

        Args:
            pool: for the actors' health.
            replay: statistics of the replay buffer, by table.
        """
        now = time.monotonic()
        span = max(1e-9, now - self.row_started)
        row: dict[str, float] = {
            "steps": self.steps,
            **self.meter.row(span),
            "actors/given_up": self.given_up,
            "actors/simulator_restarts": self.simulator_restarts,
        }
        histograms: dict[str, Any] = {}
        seconds: dict[str, float] = {}
        for statistics in self.row_statistics:
            for part, spent in statistics.seconds.items():
                seconds[part] = seconds.get(part, 0.0) + spent
        total = sum(seconds.values())
        row.update({f"actors/share_{part}": spent / total for part, spent in seconds.items() if total})
        batches = sum(report.batches for report in self.row_reports)
        if batches:
            waited = sum(report.wait_s for report in self.row_reports)
            computed = sum(report.compute_s for report in self.row_reports)
            staleness = [age for report in self.row_reports for age in report.staleness]
            row["rate/steps_per_s"] = batches / span
            row["learner/wait_share"] = waited / max(1e-9, waited + computed)
            if staleness:
                row["learner/staleness_mean"] = sum(staleness) / len(staleness)
                row["learner/staleness_max"] = max(staleness)
                histograms["learner/staleness"] = np.histogram(staleness, bins=20)
            for name in sorted({name for report in self.row_reports for name in report.metrics}):
                pairs = [(r.metrics[name], r.batches) for r in self.row_reports if name in r.metrics]
                mean = sum(v * n for v, n in pairs) / max(1, sum(n for _, n in pairs))
                row[f"learner/{name}"] = max(v for v, _ in pairs) if name.endswith("_max") else mean
        row.update({f"faults/{kind}": number for kind, number in self.faults.items()})
        row["actors/quarantined"] = len(self.quarantined)
        row["actors/redone"] = self.redone
        if pool is not None:
            row["actors/alive"] = pool.alive
            row["actors/busy"] = pool.busy
            answers = [actor.heartbeat.answer or {} for actor in pool.actors]
            row["actors/waiting_to_push"] = sum(bool(answer.get("pushing")) for answer in answers)
            row["actors/queue"] = len(pool.waiting)
            row["object_store/bytes"] = object_store_bytes()
        row.update(disk_bytes(self.folder))
        for name, value in replay_values(replay or {}):
            if isinstance(value, int | float) and not isinstance(value, bool):
                row[f"replay/{name}"] = value
            elif name.rpartition("/")[2] in ("priorities", "staleness") and value and value["counts"]:
                row[f"replay/{name}_mean"] = value["mean"]
                histograms[f"replay/{name}"] = (value["counts"], value["edges"])
        self.log(row, histograms)
        self.write_status(row, pool)
        self.row_statistics, self.row_reports = [], []
        self.last_row = self.row_started = now

    def write_status(self, row: Mapping[str, float], pool: ActorPool | None) -> None:
        """Updates `status.json` with a row of metrics."""
        tasks, batches = self.done
        merged = self.status.values.get("row", {}) | dict(row)
        values: dict[str, Any] = {
            "seconds": self.seconds(),
            "phase": self.phase,
            "unit": self.meter.unit,
            "tasks": [tasks, self.phase_tasks],
            "steps": [batches, self.phase_batches],
            "row": merged,
            "summary": self.meter.summary(merged),
            "faults": dict(self.faults),
            "quarantined": self.quarantined,
        }
        if pool is not None:
            values |= {"actors": actor_rows(pool), "nodes_out_of_use": pool.excluded_nodes}
        self.status.update(**values)

    def close(self) -> None:
        """Closes the log."""
        self.close_progress()
        with contextlib.suppress(OSError):
            self.log_file.close()


def replay_values(tables: TableStatistics) -> Iterator[tuple[str, Any]]:
    """Names and values of all tables' statistics; the table's name stands before them where there are several."""
    for table, values in tables.items():
        for name, value in values.items():
            yield (name if len(tables) == 1 else f"{table}/{name}"), value
