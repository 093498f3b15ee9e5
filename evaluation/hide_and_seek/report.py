"""The table of an evaluation of games, as text, Markdown and CSV, and its figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from rich.table import Table

from actors.hide_and_seek.metrics import Estimate
from common.files import write_text
from evaluation.hide_and_seek.evaluate import FIGURES
from evaluation.pictures import save
from evaluation.tables import ABSENT, csv_text

Summary = Mapping[str, Mapping[str, Estimate]]
"""Figures by pair; see `evaluate.summarise`."""


def cell(figure: Estimate | None, name: str) -> str:
    """A figure with its interval, such as "0.44 [0.35, 0.53]"."""
    if figure is None:
        return ABSENT
    digits = 0 if name == "steps" else 2
    text = f"{figure.value:.{digits}f}"
    if figure.low is None or figure.high is None:
        return text
    return f"{text} [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"


def terminal_table(summary: Summary) -> Table:
    """The table for `rich.console.Console.print`."""
    table = Table(title="Games (95 % intervals)", title_justify="left")
    table.add_column("hider/seeker", no_wrap=True)
    table.add_column("games", justify="right")
    for heading in FIGURES.values():
        table.add_column(heading, justify="right")
    for pair, figures in summary.items():
        cells = [cell(figures.get(name), name).replace(" [", "\n[") for name in FIGURES]
        table.add_row(pair, str(figures["found"].n), *cells)
    return table


def write_tables(folder: Path, summary: Summary) -> None:
    """Writes `results.md` and `results.csv`."""
    lines = ["| hider/seeker | games | " + " | ".join(FIGURES.values()) + " |", "|---" * (len(FIGURES) + 2) + "|"]
    rows: list[list[str | int | float | None]] = [
        ["pair", "games", *(f"{name}{end}" for name in FIGURES for end in ("", "_low", "_high", "_n"))]
    ]
    for pair, figures in summary.items():
        texts = [cell(figures.get(name), name) for name in FIGURES]
        lines.append(f"| {pair} | {figures['found'].n} | " + " | ".join(texts) + " |")
        row: list[str | int | float | None] = [pair, figures["found"].n]
        for name in FIGURES:
            figure = figures.get(name)
            row += [None] * 4 if figure is None else [figure.value, figure.low, figure.high, figure.n]
        rows.append(row)
    write_text(folder / "results.md", "\n".join(lines) + "\n")
    write_text(folder / "results.csv", csv_text(rows))


def found_matrix(summary: Summary) -> tuple[list[str], list[str], dict[tuple[str, str], Estimate]]:
    """Hiders and seekers in the order of the pairs, and how often each seeker found what each hider hid.

    Names of hiders may have slashes; those of seekers have none.
    """
    found = {(pair.rpartition("/")[0], pair.rpartition("/")[2]): figures["found"] for pair, figures in summary.items()}
    return list(dict.fromkeys(one for one, _ in found)), list(dict.fromkeys(other for _, other in found)), found


def write_matrix(path: Path, summary: Summary) -> None:
    """Writes how often the object was found, hiders by seekers, with 95 % intervals, as Markdown (paper, Figure 4)."""
    hiders, seekers, found = found_matrix(summary)
    lines = ["| hider \\ seeker | " + " | ".join(seekers) + " |", "|---" * (len(seekers) + 1) + "|"]
    for hider in hiders:
        lines.append(f"| {hider} | " + " | ".join(cell(found.get((hider, one)), "found") for one in seekers) + " |")
    write_text(path, "\n".join(lines) + "\n")


def draw_matrix(path: Path, summary: Summary) -> None:
    """Draws the same as a matrix of shades."""
    hiders, seekers, found = found_matrix(summary)
    figure = Figure(figsize=(1.5 * len(seekers) + 2.6, 0.6 * len(hiders) + 1.5), layout="constrained")
    axis = figure.subplots()
    values = [[found[pair].value if (pair := (hider, one)) in found else math.nan for one in seekers]
              for hider in hiders]  # fmt: skip
    axis.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (hider, seeker), one in found.items():
        at = (seekers.index(seeker), hiders.index(hider))
        color = "white" if one.value > 0.6 else "black"
        axis.text(*at, cell(one, "found").replace(" [", "\n["), ha="center", va="center", fontsize=8, color=color)
    axis.set_xticks(range(len(seekers)), seekers, fontsize=8)
    axis.set_yticks(range(len(hiders)), hiders, fontsize=8)
    axis.set_xlabel("seeker")
    axis.set_ylabel("hider")
    axis.set_title("Share of games in which the object was found", fontsize=9)
    save(figure, path, 150)


def draw(path: Path, summary: Summary) -> None:
    """Draws found, steps, coverage, opened and OM hits of each pair, with their intervals."""
    shown = [
        name
        for name in ("found", "steps", "coverage", "open_share", "om_hit")
        if any(name in one for one in summary.values())
    ]
    figure = Figure(figsize=(2.6 * len(shown) + 1.5, 0.4 * len(summary) + 1.4))
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)
    pairs = list(summary)
    for axis, name in zip(axes[0], shown, strict=True):
        for row, pair in enumerate(pairs):
            one = summary[pair].get(name)
            if one is None:
                continue
            low, high = one.value if one.low is None else one.low, one.value if one.high is None else one.high
            axis.plot([low, high], [row, row], color="tab:blue", linewidth=2, alpha=0.5)
            axis.plot(one.value, row, "o", color="tab:blue")
        axis.set_title(FIGURES[name], fontsize=10)
        axis.grid(axis="x", alpha=0.3)
        axis.set_ylim(len(pairs) - 0.5, -0.5)
        if name != "steps":
            axis.set_xlim(-0.03, 1.03)
    axes[0][0].set_yticks(range(len(pairs)), pairs)
    figure.tight_layout()
    save(figure, path, 150)
