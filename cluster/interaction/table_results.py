"""Measures the runs of a table on each test set, stores the measurements in the runs' folders, and writes the
comparison."""

from __future__ import annotations

import hashlib
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from rich.console import Console

from cluster.interaction.config import TrainConfig
from cluster.interaction.dataset import find_locations, find_test_locations
from cluster.interaction.predictors import trained_predictor
from cluster.run.checkpoints import find_checkpoint
from cluster.run.tracking import read_metrics as read_rows
from cluster.table.output import print_table_result, track
from cluster.table.plan import Plan, compose_train
from cluster.table.runs import FINISHED, PlannedRun, read_results
from common.errors import Interrupted
from common.files import write_text
from common.output import print_message
from evaluation.interaction.coco import Metrics
from evaluation.interaction.columns import COLUMNS, COUNTS
from evaluation.interaction.comparison import Comparison, MeasuredRun, Method, Reported, heading, markdown, table_lines
from evaluation.interaction.comparison_figures import comparison_figures
from evaluation.interaction.config import EvaluationConfig, chosen_entries
from evaluation.interaction.evaluate import Evaluator
from evaluation.interaction.final import intervals, touches_over_time
from evaluation.interaction.measured import METRICS, measure_key, write_measured
from evaluation.interaction.metrics_file import read_metrics, write_metrics
from evaluation.interaction.report import make_panels
from evaluation.tables import csv_text, terminal_table
from models.interaction.build import build_network
from models.interaction.inference import Predictor

BASELINES = {
    "untrained": "untrained network",
    "superpixels": "superpixels, no priors",
    "depth_edges": "depth edges, with priors",
}
"""Baselines without training: key -> heading."""


class TestSetMeasurements:
    """Measurements of runs and baselines on the test set of one data set.

    Args:
        config: of the evaluation on this data set.
        plan: holds the simulator and the network.
        interrupted: set by Ctrl-C.
    """

    def __init__(self, config: EvaluationConfig, plan: Plan, interrupted: threading.Event) -> None:
        test = find_test_locations(config, plan.base.simulator, interrupted)
        self.config, self.plan, self.test = config, plan, test
        self.name = config.dataset.name
        self.key = measure_key(config, test.path, plan.request.config.figures)
        self._evaluator: Evaluator | None = None

    @property
    def evaluator(self) -> Evaluator:
        """The evaluator with all observations, created on first use."""
        if self._evaluator is None:
            self._evaluator = Evaluator(
                self.config, self.test.path, self.test.entries, self.plan.base.simulator, self.plan.base.seed
            )
        return self._evaluator

    def folder(self, run: PlannedRun) -> Path:
        """The folder with the measurements of a run."""
        assert run.found is not None
        return run.found.folder / "comparison" / self.key

    def measure(self, run: PlannedRun) -> None:
        """Measures a finished run, unless it was measured before."""
        folder = self.folder(run)
        if read_metrics(folder / METRICS) is not None:
            return
        assert run.found is not None
        print_message(f"measuring {run.label} on {self.name}")
        evaluator, count = self.evaluator, self.plan.request.config.figures
        predictor, _ = trained_predictor(
            run.config.models, find_checkpoint(str(run.found.folder)), run.config.actors.confidence
        )
        evaluation = evaluator.evaluate(predictor, run.config.actors.cluster_distance, show=False)
        chosen = chosen_entries(len(evaluator.entries), count) if count else []
        simulator, actors = self.plan.base.simulator, run.config.actors
        write_measured(
            folder, evaluation, make_panels(evaluator, predictor, simulator, actors, run.config.seed, chosen)
        )

    def baseline_files(self) -> dict[str, Path]:
        """Files of the baselines' metrics, shared by all tables; the untrained network's depends on model and seed."""
        folder = Path(self.plan.request.config.folder) / "baselines" / self.key
        base = self.plan.base
        decisive = (base.models, base.seed, base.actors.cluster_distance, base.actors.confidence)
        network = hashlib.sha256(repr(decisive).encode()).hexdigest()[:8]
        return {name: folder / f"{name}.json" for name in BASELINES} | {
            "untrained": folder / f"untrained-{network}.json"
        }

    def baselines(self) -> dict[str, Metrics]:
        """Metrics of the baselines by heading; measured on first use."""
        files = self.baseline_files()
        found = {name: read_metrics(path) for name, path in files.items()}
        if None in found.values():
            print_message(f"measuring the baselines on {self.name}")
            untrained = Predictor(
                build_network(self.plan.base.models, self.plan.base.seed), confidence=self.plan.base.actors.confidence
            )
            measured = {name: result.metrics for name, result in self.evaluator.baselines().items()}
            distance = self.plan.base.actors.cluster_distance
            measured["untrained"] = self.evaluator.evaluate(untrained, distance, show=False).metrics
            for name in BASELINES:
                write_metrics(files[name], measured[name])
            found = {name: measured[name] for name in BASELINES}
        return {BASELINES[name]: metrics for name, metrics in found.items() if metrics is not None}


class Results:
    """Measurements of a plan's runs, and the files that compare them."""

    def __init__(self, plan: Plan, interrupted: threading.Event) -> None:
        """Generates missing data sets and measures the baselines.

        Raises:
            UsageError: a data set cannot be generated.
            Interrupted: Ctrl-C.
        """
        self.plan, self.interrupted = plan, interrupted
        configs = [compose_train([*plan.request.base, f"evaluation={n}"]) for n in plan.request.config.data_sets]
        if any(run.state != FINISHED for run in plan.runs()):  # generates the training data once, for all runs
            find_locations(plan.base.evaluation, plan.base.simulator, interrupted)
        self.test_sets = [TestSetMeasurements(config.evaluation, plan, interrupted) for config in configs]
        self.baselines = [test_set.baselines() for test_set in self.test_sets]

    def measure(self, run: PlannedRun) -> None:
        """Measures a finished run on every data set, unless it was measured before.

        Raises:
            Interrupted: Ctrl-C, between two data sets.
        """
        for test_set in self.test_sets:
            if self.interrupted.is_set():
                raise Interrupted("the same command continues")
            test_set.measure(run)

    def comparisons(self, table: str) -> list[Comparison]:
        """The comparisons of one table, one per data set."""
        rows = [row for row in self.plan.rows if row.table == table]
        found = []
        for test_set, baselines in zip(self.test_sets, self.baselines, strict=True):
            methods = [
                Method(
                    row.name, [self.measured(test_set, run) for run in row.runs if run.state == FINISHED], row.note()
                )
                for row in rows
            ]
            paper = self.plan.request.config.paper.get(test_set.name)
            reported = [
                Reported(
                    f"paper, {name} (other rooms)",
                    {key: (values[0], values[1] if len(values) > 1 else None) for key, values in line.figures.items()},
                    np.array(line.confusion) if line.confusion else None,
                )
                for name, line in (paper.lines.items() if paper else ())
            ]
            title = self.plan.request.config.tables[table].title
            found.append(Comparison(title, test_set.name, methods, reported, baselines))
        return found

    def measured(self, test_set: TestSetMeasurements, run: PlannedRun) -> MeasuredRun:
        """The measurements of a run on a test set."""
        assert run.found is not None
        metrics = read_metrics(test_set.folder(run) / METRICS)
        assert metrics is not None, "the run must be measured first"
        results = read_results(run.found.folder, ["touches"])
        return MeasuredRun(
            seed=run.config.seed,
            folder=test_set.folder(run),
            metrics=metrics,
            knows_mass="mass_accuracy" in results,
            touches=results["touches"],
            steps=results["steps"],
            minutes=results["wall_s"] / 60,
            # During training a run is evaluated only on its own data set.
            curve=curve_of(read_rows(run.found.folder / "metrics.jsonl"))
            if run.config.evaluation.dataset.name == test_set.name
            else [],
        )

    def conditions(self) -> str:
        """Sentences about the conditions of the comparison."""
        request = self.plan.request
        seeds = ", ".join(map(str, request.config.seeds))
        several = len(request.config.seeds) > 1
        runs = f"Mean over seeds {seeds}; ± standard deviation" if several else f"One run of each row, of seed {seeds}"
        images = ", ".join(f"{len(test_set.test.entries)} of {test_set.name}" for test_set in self.test_sets)
        return (
            f"{runs}; {budget(cast(TrainConfig, self.plan.base))}. Every row is measured on the "
            f"same test locations ({images}). Made by `{request.command}`. The paper's figures are of AI2-THOR's rooms "
            "and of its own budget: they stand beside, not in comparison."
        )

    def write(self, figures: bool) -> None:
        """Writes table.md and table.csv, and figures if asked for; figures are also sent to W&B."""
        comparisons = {name: self.comparisons(name) for name in self.plan.request.config.tables}
        text = "\n".join(markdown(found, self.conditions()) for found in comparisons.values())
        write_text(self.plan.folder / "table.md", text)
        lines: list[list[Any]] = []
        for name, found in comparisons.items():
            lines += table_lines(name, found)[1 if lines else 0 :]
        write_text(self.plan.folder / "table.csv", csv_text(lines))
        if figures:
            drawn: dict[str, Path] = {}
            for name, found in comparisons.items():
                folder = self.plan.folder / "figures" / name
                for comparison in found:
                    drawn |= {f"{name}/{path.stem}": path for path in comparison_figures(folder, comparison)}
            track(self.plan, lines, drawn)

    def show(self) -> None:
        """Prints the tables and the RESULT line."""
        console = Console(width=None if sys.stdout.isatty() else 160)
        tables: dict[str, Any] = {}
        for name in self.plan.request.config.tables:
            for found in self.comparisons(name):
                rows = found.rows()
                named = [replace(row, name=heading(row)) for row in rows]
                console.print(terminal_table(f"{found.title}, {found.data_set}", named, COLUMNS | COUNTS))
                tables.setdefault(name, {})[found.data_set] = {
                    row.name: {key: round(s[0], 3) for key in COLUMNS | COUNTS if (s := row.statistic(key))}
                    | ({"intervals": intervals(row)} if row.resamples else {})
                    for row in rows
                }
        print_table_result(self.plan, tables)


def curve_of(rows: list[dict[str, Any]]) -> list[tuple[int, float]]:
    """(touches, mask AP50) of each evaluation during training, from the rows of metrics.jsonl."""
    touches = touches_over_time(rows)
    return [
        (touches(60 * row["evaluation/minutes"]), row["evaluation/mask_ap50"])
        for row in rows
        if "evaluation/mask_ap50" in row
    ]


def budget(config: TrainConfig) -> str:
    """Describes the budget of a run."""
    phases = [phase for phase in config.learner.phases.values() if phase.rounds]
    words = [
        f"{phase.name} phase of {phase.rounds} rounds" + (f" or {phase.minutes:g} minutes" if phase.minutes else "")
        for phase in phases
    ]
    return f"experiment {config.experiment_name}: {', '.join(words)}, batches of {config.learner.batch_size}"
