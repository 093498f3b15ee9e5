"""The end of a run: final evaluation, results table, figures and results.json."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

from rich.console import Console

from cluster.run.config import RunConfig
from cluster.run.evaluator import RunEvaluator
from cluster.run.interrupt import wait_for_result
from cluster.run.reporting import Reporter
from cluster.run.system import System
from cluster.run.tracking import read_metrics
from common.files import write_json
from evaluation.core import FinalReport
from evaluation.tables import Columns, terminal_table, write_tables
from learner.actor import Weights


def finish(
    system: System,
    config: RunConfig,
    folder: Path,
    evaluator: RunEvaluator,
    weights: Weights,
    reporter: Reporter,
    seconds_before: float,
    interrupted: threading.Event,
) -> dict[str, Any]:
    """Evaluates the final weights, writes the results, and prints the table.

    Args:
        system: that was trained.
        config: the run's.
        folder: the run's.
        evaluator: prepared.
        weights: the final weights.
        reporter: holds the counts.
        seconds_before: duration of the command until the end of training; the evaluation's time is added.
        interrupted: set by Ctrl-C.

    Returns:
        the values of the RESULT line.

    Raises:
        Interrupted: Ctrl-C before the evaluation was finished.
        PartLost: the evaluator fell silent.
        RayActorError: the evaluator died.
    """
    started = reporter.seconds()
    reporter.note("evaluating the final weights and drawing the figures")
    reference = evaluator.handle.final.remote(weights.reference, str(folder))
    report = wait_for_result(reference, interrupted, check=evaluator.check)
    figures = [*report.figures]
    rows = read_metrics(folder / "metrics.jsonl")
    figures += system.curves(config, folder / "figures", rows, report, reporter.training_seconds, reporter.steps)
    result = {
        "command": "train",
        **report.result,
        **reporter.meter.results(),
        "steps": reporter.steps,
        "faults": dict(reporter.faults),
        "redone": reporter.redone,
        "quarantined": len(reporter.quarantined),
        "wall_s": round(seconds_before + reporter.seconds() - started, 1),
        "seed": config.seed,
        "experiment": config.experiment_name,
        **system.facts(config),
        "simulator": config.simulator.name,
        "actors": config.cluster.actors,
    }
    reporter.tracker.log(
        {f"final/{key}": value for key, value in report.logged.items()},
        images={f"figures/{path.stem}": path for path in figures},
    )
    reporter.tracker.summary(result)
    show_table(folder, report, system.columns)
    # This file comes last: a folder that holds it is a finished run.
    write_json(folder / "results.json", result | report.details | {"quarantined": reporter.quarantined})
    return result


def show_table(folder: Path, report: FinalReport, columns: Columns) -> None:
    """Prints the results table and writes it as Markdown and CSV."""
    write_tables(folder, report.rows, columns)
    sys.stderr.flush()
    Console(width=None if sys.stdout.isatty() else 100).print(terminal_table(report.title, report.rows, columns))
