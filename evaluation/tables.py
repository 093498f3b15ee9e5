"""The results table: methods by figures, for terminals, Markdown and CSV (spec section 8; paper, Table 1)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from evaluation.files import write_text

COLUMNS: dict[str, str] = {
    "box_ap50": "box AP50",
    "box_ap": "box AP",
    "mask_ap50": "mask AP50",
    "mask_ap": "mask AP",
    "mass_accuracy": "mass accuracy",
    "mass_ap50": "mass+box AP50",
}
"""Figures of the table, by the names of `Metrics.figures`, in the order of the paper's table."""
DETECTION_COLUMNS = ("box_ap50", "box_ap", "mask_ap50", "mask_ap")
"""Figures that methods have which do not predict mass."""
ABSENT = "–"


@dataclass(frozen=True)
class Row:
    """One method."""

    name: str
    runs: Sequence[Mapping[str, float]]
    """Figures (0-100) of each run or seed; figures a method does not have are left out."""


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (n - 1) over seeds; the latter is None for a single one."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def cells(row: Row) -> list[str]:
    """The figures of a method as text: "24.2", over several runs "23.8 ± 0.8", or a dash if any run lacks it."""
    texts: list[str] = []
    for key in COLUMNS:
        values = [run[key] for run in row.runs if key in run]
        if not values or len(values) < len(row.runs):
            texts.append(ABSENT)
            continue
        mean, deviation = mean_and_deviation(values)
        texts.append(f"{mean:.1f}" if deviation is None else f"{mean:.1f} ± {deviation:.1f}")
    return texts


def terminal_table(title: str, rows: Sequence[Row]) -> Table:
    """A table for `rich.console.Console.print`; the best method of each figure is bold."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right")
    best = _best(rows)
    for number, row in enumerate(rows):
        texts = [f"[bold]{text}[/bold]" if best[i] == number else text for i, text in enumerate(cells(row))]
        table.add_row(escape(row.name), *texts)
    return table


def markdown_table(rows: Sequence[Row]) -> str:
    """The table in Markdown; the best method of each figure is bold."""
    best = _best(rows)
    lines = ["| | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for number, row in enumerate(rows):
        texts = [f"**{text}**" if best[i] == number else text for i, text in enumerate(cells(row))]
        name = row.name.replace("|", "\\|")
        lines.append(f"| {name} | " + " | ".join(texts) + " |")
    return "\n".join(lines) + "\n"


def csv_table(rows: Sequence[Row]) -> str:
    """The table as CSV: for each figure its mean and deviation over the runs, empty where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "runs", *(name for key in COLUMNS for name in (key, f"{key}_std"))])
    for row in rows:
        line: list[str | int] = [row.name, len(row.runs)]
        for key in COLUMNS:
            values = [run[key] for run in row.runs if key in run]
            if not values or len(values) < len(row.runs):
                line += ["", ""]
                continue
            mean, deviation = mean_and_deviation(values)
            line += [f"{mean:.4f}", "" if deviation is None else f"{deviation:.4f}"]
        writer.writerow(line)
    return text.getvalue()


def write_tables(folder: Path, rows: Sequence[Row]) -> None:
    """Writes `results.md` and `results.csv` into a folder, atomically."""
    write_text(folder / "results.md", markdown_table(rows))
    write_text(folder / "results.csv", csv_table(rows))


def _best(rows: Sequence[Row]) -> list[int | None]:
    """For each figure the number of the row with the highest mean, None if fewer than two rows have it."""
    best: list[int | None] = []
    for key in COLUMNS:
        means = {
            number: mean_and_deviation([run[key] for run in row.runs])[0]
            for number, row in enumerate(rows)
            if row.runs and all(key in run for run in row.runs)
        }
        best.append(max(means, key=lambda number: means[number]) if len(means) > 1 else None)
    return best
