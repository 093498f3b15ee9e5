"""The end of a run: results table, figures, results.json, and the RESULT line."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

from rich.console import Console

from cluster.run.config import RunConfig
from cluster.run.evaluator import RunEvaluator
from cluster.run.interrupt import awaited
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
    """Evaluates the final weights, writes everything that a run ends with, and prints the table.

    Args:
        system: whose figures these are.
        config: the run's.
        folder: the run's.
        evaluator: prepared.
        weights: the final ones.
        reporter: knows the counts and the curve.
        seconds_before: how long the command had taken when training ended; the evaluation's time is added.
        interrupted: set by Ctrl-C.

    Returns:
        what the RESULT line holds.

    Raises:
        Interrupted: Ctrl-C, before the evaluation was done.
        PartLost, RayActorError: the evaluator fell silent or died.
    """
    started = reporter.seconds()
    reporter.note("evaluating the final weights and drawing the figures")
    reference = evaluator.handle.final.remote(weights.reference, str(folder))
    report: FinalReport = awaited(reference, interrupted, look=evaluator.look)
    figures = [*report.figures]
    figures += system.curves(
        folder / "figures", read_metrics(folder / "metrics.jsonl"), report, reporter.training_seconds, reporter.steps
    )
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
    # The last file that a run writes: where it lies the run is finished.
    write_json(folder / "results.json", result | report.details | {"quarantined": reporter.quarantined})
    return result


def show_table(folder: Path, report: FinalReport, columns: Columns) -> None:
    """Prints the table and writes it as Markdown and CSV."""
    write_tables(folder, report.rows, columns)
    sys.stderr.flush()
    Console(width=None if sys.stdout.isatty() else 100).print(terminal_table(report.title, report.rows, columns))
