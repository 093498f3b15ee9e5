"""The results of an agent's evaluation: tables, bars of skills with intervals, and keys of the RESULT line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from actors.hide_and_seek.metrics import Estimate
from common.files import write_text
from evaluation.core import FinalReport
from evaluation.hide_and_seek.columns import COLUMNS
from evaluation.hide_and_seek.estimates import paired_ratio
from evaluation.hide_and_seek.skills import PAIRED, SkillResults, paired
from evaluation.pictures import save
from evaluation.tables import ABSENT, Column, Row

Figures = Mapping[str, Estimate]
"""Figures of a player with their intervals."""

TRAINED, UNTRAINED, RANDOM = "trained", "untrained", "uniform"
NAMES = {TRAINED: "trained", UNTRAINED: "untrained network", RANDOM: "uniform over legal actions"}
"""Names of the table's rows."""
BARS = ("coverage", "om_hit", "om_hit_behind", "om_hit_contained", "found", "claim_precision")
"""Figures that the bars show."""
COLORS = {TRAINED: "#1f5fbf", UNTRAINED: "#9aa7b8", RANDOM: "#d9a05b"}


def final_report(
    rows: Mapping[str, Figures],
    skills: Mapping[str, SkillResults],
    split: str,
    figures: Sequence[Path],
    facts: Mapping[str, Any],
) -> FinalReport:
    """Converts figures into the form that the chassis writes and prints.

    Args:
        rows: figures of `TRAINED`, `UNTRAINED` and `RANDOM`; only the first two have those of a network.
        skills: episodes of the same players, for paired ratios.
        split: of the rooms.
        figures: files that were drawn.
        facts: further details, JSON-able.
    """
    # Figures that cannot be measured, such as the precision of no claim, are left out.
    rows = {name: {key: one for key, one in found.items() if math.isfinite(one.value)} for name, found in rows.items()}
    trained, random = rows[TRAINED], rows[RANDOM]
    result: dict[str, Any] = {key: trained[key].value for key in COLUMNS if key in trained}
    result |= {f"{key}_random": random[key].value for key in PAIRED if key in random}
    ratios = {key: ratio_over(skills[TRAINED], skills[RANDOM], key) for key in PAIRED}
    result |= {f"{key}_ratio": one.value for key, one in ratios.items() if one is not None}
    return FinalReport(
        title=f"{split} rooms",
        rows=[Row(NAMES[name], [{key: found[key].value for key in COLUMNS if key in found}])
              for name, found in rows.items()],
        logged={key: float(value) for key, value in result.items()},
        result=result,
        details={
            "intervals": {name: {key: asdict(one) for key, one in found.items()} for name, found in rows.items()},
            "trained_over_random": {key: None if one is None else asdict(one) for key, one in ratios.items()},
            **facts,
        },
        figures=list(figures),
    )  # fmt: skip


def ratio_over(ours: SkillResults, theirs: SkillResults, figure: str) -> Estimate | None:
    """How many times as large a figure of `PAIRED` is as another player's in the same episodes; None: not known."""
    first, second = paired(ours, theirs, figure)
    return paired_ratio(first, second) if first else None


def cell(one: Estimate | None, digits: int) -> str:
    """A figure with its interval and number of observations, such as "0.44 [0.35, 0.53], n = 50"."""
    if one is None:
        return ABSENT
    if one.low is None or one.high is None:
        return f"{one.value:.{digits}f}, n = {one.n}"
    return f"{one.value:.{digits}f} [{one.low:.{digits}f}, {one.high:.{digits}f}], n = {one.n}"


def write_intervals(path: Path, rows: Mapping[str, Figures]) -> None:
    """Writes the table with 95 % intervals as Markdown: a line for each figure, a column for each player."""
    lines = ["| 95 % intervals | " + " | ".join(NAMES[name] for name in rows) + " |", "|---" * (len(rows) + 1) + "|"]
    extra = sorted({key for found in rows.values() for key in found} - set(COLUMNS))
    for key in (*COLUMNS, *extra):
        if any(key in found for found in rows.values()):
            column = COLUMNS.get(key, Column(key, 3))
            texts = [cell(found.get(key), column.digits) for found in rows.values()]
            lines.append(f"| {column.heading} | " + " | ".join(texts) + " |")
    write_text(path, "\n".join(lines) + "\n")


def draw_bars(path: Path, rows: Mapping[str, Figures]) -> None:
    """Draws the skills of all players as bars with 95 % intervals."""
    shown = [key for key in BARS if any(key in found for found in rows.values())]
    figure = Figure(figsize=(1.7 * len(shown) + 1.6, 3.6), layout="constrained")
    axis = figure.subplots()
    width = 0.8 / len(rows)
    for number, (name, found) in enumerate(rows.items()):
        for at, key in enumerate(shown):
            x = at + (number - (len(rows) - 1) / 2) * width
            one = found.get(key)
            label = NAMES[name] if at == 0 else None
            if one is None:
                axis.bar(x, 0, width, color=COLORS[name], label=label)
                axis.text(x, 0.01, ABSENT, ha="center", va="bottom", fontsize=8, color="0.4")
                continue
            axis.bar(x, one.value, width * 0.92, color=COLORS[name], label=label)
            if one.low is not None and one.high is not None:
                axis.plot([x, x], [one.low, one.high], color="0.2", lw=1.2)
            top = one.value if one.high is None else one.high
            axis.text(x, top + 0.01, f"{one.value:.2f}", ha="center", va="bottom", fontsize=7)
    axis.set_xticks(range(len(shown)), [COLUMNS[key].heading for key in shown], fontsize=8)
    axis.set_ylim(0, 1.08)
    axis.grid(axis="y", alpha=0.3)
    axis.set_axisbelow(True)
    axis.legend(fontsize=8, frameon=False, ncols=len(rows), loc="upper right")
    axis.set_title("Skills in held-out rooms, 95 % intervals", fontsize=10, loc="left")
    save(figure, path, 130)


def sentence(metrics: Mapping[str, float]) -> str:
    """Describes an evaluation during training, for the run's log."""
    names = {
        "coverage": "coverage",
        "om_hit": "OnTop hits",
        "found": "found",
        "vdr_inverse_accuracy": "VDR inverse",
        "vdr_forward_gain": "VDR forward gain",
    }
    return ", ".join(f"{text} {metrics[key]:.2f}" for key, text in names.items() if key in metrics)
