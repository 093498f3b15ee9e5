"""Compares the runs of a table of hide and seek by the final evaluations in their results.json.

All rows of a table have the same evaluation (`cluster.table.plan.compose_row`), so their agents play the same episodes.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, cast

from rich.console import Console

from cluster.hide_and_seek.schedule import played
from cluster.hide_and_seek.train_config import GameTrainConfig
from cluster.table.output import print_table_result, track
from cluster.table.plan import Plan
from cluster.table.runs import FINISHED, PlannedRun, read_results
from common.files import write_text
from evaluation.hide_and_seek.columns import COLUMNS
from evaluation.hide_and_seek.comparison import (
    COSTS,
    Comparison,
    FinishedRun,
    Variant,
    difference,
    draw,
    mark,
    markdown,
    named,
)
from evaluation.tables import csv_head, csv_line, csv_text, terminal_table

ALL_COLUMNS = {**COLUMNS, **COSTS}


class Results:
    """The results of a plan's runs, and the files that compare them.

    Args:
        plan: with the runs.
        interrupted: set by Ctrl-C; not needed, because nothing is measured here.
    """

    def __init__(self, plan: Plan, interrupted: threading.Event) -> None:
        self.plan = plan

    def measure(self, run: PlannedRun) -> None:
        """Reads the results of a finished run.

        Raises:
            UsageError: they are damaged.
        """
        finished(run)

    def comparison(self, table: str) -> Comparison:
        """The comparison of one table.

        Raises:
            UsageError: the results of a run are damaged.
        """
        rows = [row for row in self.plan.rows if row.table == table]
        variants = [
            Variant(row.name, [finished(run) for run in row.runs if run.state == FINISHED], row.note()) for row in rows
        ]
        return Comparison(self.plan.request.config.tables[table].title, variants)

    def conditions(self) -> str:
        """Sentences about the conditions of the comparison."""
        request, base = self.plan.request, cast(GameTrainConfig, self.plan.base)
        seeds = ", ".join(map(str, request.config.seeds))
        several = len(request.config.seeds) > 1
        runs = f"Mean ± standard deviation over seeds {seeds}" if several else f"One run of each row, of seed {seeds}"
        phases = ", ".join(
            f"{phase.name} phase of {phase.rounds} rounds" + (f" or {phase.minutes:g} minutes" if phase.minutes else "")
            for phase in played(base)
        )
        counts = base.evaluation.final
        return (
            f"{runs}; experiment {base.experiment_name}: {phases}. Every agent plays the same episodes in "
            f"{base.evaluation.split} rooms: {counts.explore} of exploring, {counts.manipulate} of manipulating, "
            f"{counts.seek} of seeking. Made by `{request.command}`."
        )

    def write(self, figures: bool) -> None:
        """Writes table.md and table.csv, and pictures if asked for; these are also sent to W&B."""
        comparisons = {name: self.comparison(name) for name in self.plan.request.config.tables}
        text = "\n".join(markdown(found, self.conditions()) for found in comparisons.values())
        write_text(self.plan.folder / "table.md", text)
        lines: list[list[Any]] = [["table", *csv_head(ALL_COLUMNS)]]
        for name, found in comparisons.items():
            lines += [[name, *csv_line(row, ALL_COLUMNS)] for row in found.rows()]
        write_text(self.plan.folder / "table.csv", csv_text(lines))
        if figures:
            paths = {name: self.plan.folder / "figures" / f"{name}.png" for name in comparisons}
            track(self.plan, lines, {name: path for name, path in paths.items() if draw(path, comparisons[name])})

    def show(self) -> None:
        """Prints the tables and the RESULT line."""
        console = Console(width=None if sys.stdout.isatty() else 220)
        tables: dict[str, Any] = {}
        noise: dict[str, Any] = {}
        for name in self.plan.request.config.tables:
            found = self.comparison(name)
            console.print(terminal_table(found.title, named(found), ALL_COLUMNS))
            tables[name] = {
                row.name: {key: round(s[0], 4) for key in ALL_COLUMNS if (s := row.statistic(key))}
                for row in found.rows()
            }
            first, *others = found.variants
            noise[name] = {
                variant.name: [
                    key for key in COLUMNS if (one := difference(variant, first, key)) is not None and mark(one)
                ]
                for variant in others
            }
        print_table_result(self.plan, tables, not_beyond_noise=noise)


def finished(run: PlannedRun) -> FinishedRun:
    """A finished run's results.

    Raises:
        UsageError: they are damaged.
    """
    assert run.found is not None
    return FinishedRun(run.config.seed, read_results(run.found.folder, ["env_steps"]))
