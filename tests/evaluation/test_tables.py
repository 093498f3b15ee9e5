"""The results table in its three forms."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from evaluation.interaction.columns import COLUMNS
from evaluation.tables import (
    MARKED,
    Column,
    Row,
    cells,
    csv_table,
    markdown_table,
    mean_and_deviation,
    terminal_table,
    write_tables,
)

ALL = ("box_ap50", "box_ap", "mask_ap50", "mask_ap", "mass_accuracy", "mass_ap50")
ROWS = [
    Row("trained", [dict.fromkeys(ALL, 40.0), dict.fromkeys(ALL, 44.0)]),
    Row("superpixels | random", [{"box_ap50": 12.34, "box_ap": 5.0, "mask_ap50": 50.0, "mask_ap": 6.6}]),
]


def test_mean_and_sample_deviation() -> None:
    # The paper's three further seeds would be reported like this: 1, 2, 6 have mean 3 and variance (4+1+9)/2 = 7.
    assert mean_and_deviation([1, 2, 6]) == (3, pytest.approx(7**0.5))
    assert mean_and_deviation([5.0]) == (5.0, None)


def test_cells_show_deviation_only_over_several_runs_and_a_dash_for_what_is_absent() -> None:
    assert cells(ROWS[0], COLUMNS) == ["42.0 ± 2.8"] * 6
    assert cells(ROWS[1], COLUMNS) == ["12.3", "5.0", "50.0", "6.6", "–", "–"]
    assert cells(Row("nothing", []), COLUMNS) == ["–"] * 6
    assert cells(Row("partly", [{"box_ap": 1.0}, {}]), COLUMNS)[1] == "–"


def test_markdown_marks_the_best_and_escapes_names() -> None:
    lines = markdown_table(ROWS, COLUMNS).splitlines()
    assert (
        lines[2]
        == "| trained | **42.0 ± 2.8** | **42.0 ± 2.8** | 42.0 ± 2.8 | **42.0 ± 2.8** | 42.0 ± 2.8 | 42.0 ± 2.8 |"
    )
    assert lines[3] == "| superpixels \\| random | 12.3 | 5.0 | **50.0** | 6.6 | – | – |"
    assert lines[0].count("|") == lines[1].count("|") == 8


def test_the_best_are_all_of_equal_rows_unless_no_row_is_worse() -> None:
    rows = [Row(name, [{"box_ap50": value, "box_ap": 0.0}]) for name, value in (("a", 2.0), ("b", 2.0), ("c", 1.0))]
    lines = markdown_table(rows, COLUMNS).splitlines()[2:]
    assert [line.split(" | ")[1] for line in lines] == ["**2.0**", "**2.0**", "1.0"]
    assert [line.split(" | ")[2] for line in lines] == ["0.0"] * 3


def resampled(*values: float) -> dict[str, np.ndarray]:
    """One thousand resamples of box AP50: each value as often."""
    return {"box_ap50": np.resize(values, 1000)}


def with_intervals() -> list[Row]:
    """A noise that all rows share, and one of the third row alone; box AP50 of 30, 29, 28, 10 and a published 50."""
    return [
        Row("best", [{"box_ap50": 30.0}], resamples=resampled(20, 20, 40, 40)),
        Row("always less", [{"box_ap50": 29.0}], resamples=resampled(19, 19, 39, 39)),
        Row("within", [{"box_ap50": 28.0}], resamples=resampled(15, 25, 30, 41)),
        Row("no interval", [{"box_ap50": 10.0}]),
        Row("published", [], {"box_ap50": (50.0, None)}),
    ]


def test_rows_within_the_noise_of_the_best_are_marked_by_paired_differences() -> None:
    """The second row is closer to the best than the third one, but less in each resample."""
    shown = {"box_ap50": COLUMNS["box_ap50"]}
    text = markdown_table(with_intervals(), shown)
    assert text.splitlines()[2:] == [
        "| best | **30.0 [20.0, 40.0]** |",
        "| always less | 29.0 [19.0, 39.0] |",
        "| within | **28.0 [15.0, 41.0]** |",
        "| no interval | 10.0 |",
        "| published | 50.0 |",
        "",
        MARKED,
    ]
    assert MARKED not in markdown_table(ROWS, COLUMNS)
    printed = _printed(with_intervals(), shown)
    assert "28.0 [15.0, 41.0]" in printed and " ".join(MARKED.split()[:6]) in printed
    costs = {"box_ap50": Column("box AP50", best=False)}
    assert "**" not in markdown_table(with_intervals(), costs)


def test_with_intervals_fewer_figures_become_lines() -> None:
    columns = {key: COLUMNS[key] for key in ALL[:5]}
    rows = [Row("first", [dict.fromkeys(ALL, 2.0)], resamples=resampled(1, 3)), Row("second", [{"box_ap50": 1.5}])]
    first = next(line for line in _printed(rows, columns).splitlines() if "box AP50" in line)
    assert first.split() == ["│", "box", "AP50", "│", "2.0", "[1.0,", "3.0]", "│", "1.5", "│"]


def test_intervals_ignore_resamples_without_a_value() -> None:
    row = Row("a", [{"box_ap50": 2.0}], resamples=resampled(1, 1, np.nan, 3, 3))
    assert row.interval("box_ap50") == (1, 3) and row.interval("box_ap") is None


def test_csv_holds_intervals_of_columns_that_have_them() -> None:
    columns = {"box_ap50": COLUMNS["box_ap50"], "touches": Column("touches")}
    first, *_, fourth, _ = list(csv.DictReader(io.StringIO(csv_table(with_intervals(), columns))))
    assert list(first) == ["method", "runs", "box_ap50", "box_ap50_std", "box_ap50_low", "box_ap50_high", "touches",
                           "touches_std"]  # fmt: skip
    assert (first["box_ap50_low"], first["box_ap50_high"]) == ("20.0000", "40.0000") and fourth["box_ap50_low"] == ""


def test_csv_holds_means_deviations_and_empty_fields() -> None:
    first, second = list(csv.DictReader(io.StringIO(csv_table(ROWS, COLUMNS))))
    assert (
        first["runs"] == "2"
        and float(first["mask_ap50"]) == 42
        and float(first["mask_ap50_std"]) == pytest.approx(8**0.5, abs=1e-4)
    )
    assert second["mask_ap50"] == "50.0000" and second["mask_ap50_std"] == "" and second["mass_accuracy"] == ""


def test_terminal_and_files(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(terminal_table("NovelSpaces", ROWS, COLUMNS))
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "NovelSpaces" in printed and "42.0 ± 2.8" in printed and "mass accuracy" in printed
    assert "mass accuracy" not in _printed([Row("a", [{"box_ap50": 2.0}])], COLUMNS)
    write_tables(tmp_path / "new", ROWS, COLUMNS)
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["results.csv", "results.md"]
    assert (tmp_path / "new" / "results.md").read_text() == markdown_table(ROWS, COLUMNS)


def test_many_figures_are_lines_of_the_terminal() -> None:
    """Fourteen columns would leave each three letters."""
    many = {f"f{number}": Column(f"figure number {number}") for number in range(14)}
    lines = _printed([Row("first", [dict.fromkeys(many, 2.0)]), Row("second", [{"f3": 1.5}])], many).splitlines()
    assert [line.split() for line in lines if "figure number 3" in line] == [
        ["│", "figure", "number", "3", "│", "2.0", "│", "1.5", "│"]
    ]
    assert max(map(len, lines)) < 60 and sum("figure number" in line for line in lines) == 14


def _printed(rows: list[Row], columns: dict[str, Column]) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(terminal_table("title", rows, columns))
    return console.file.getvalue()  # type: ignore[attr-defined]
