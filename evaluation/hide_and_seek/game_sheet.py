"""The sheet of one game: maps of both sides, and what they saw, did and were rewarded with. Drawn from its record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from actors.hide_and_seek.actions import ACTIONS, INDEX, MODALITY_NAMES, Action, Kind, Stage
from actors.hide_and_seek.pixels import GRID, Modality
from actors.hide_and_seek.record import SIDE, GameRecord, GameStep, file_name, save_record
from common.progress import plural
from evaluation.hide_and_seek.game_map import CHOSEN, HIDER, SEEKER, WAYS, draw_map, legend
from evaluation.pictures import save

FRAMES = 7
"""Largest number of pictures of a stage."""
HEADER, ROW = 0.85, 2.13
"""Inches of the header, and of each stage's pictures."""
KEY, TARGET_KEY = (
    "Green: succeeded; red: failed. White square: cell of the action",
    "; yellow: target of the manipulation",
)
SUCCEEDED, FAILED = "#208a3c", "#c0392b"
ROWS = {
    Stage.EXPLORE: ("Exploration", HIDER),
    Stage.HIDE: ("Hiding", CHOSEN),
    Stage.MANIPULATE: ("Manipulation", CHOSEN),
    Stage.SEEK: ("Seeking", SEEKER),
}
"""Title and colour of each stage's pictures."""


def game_sheet(path: Path, record: GameRecord) -> None:
    """Draws the sheet of a game as a PNG file.

    Args:
        path: the file.
        record: of the game; no simulator is needed.
    """
    rows = max(2, sum(bool(record.of(stage)) for stage in ROWS))
    figure = Figure(figsize=(16.2, HEADER + ROW * rows))
    across = GridSpec(2, 2, figure, height_ratios=(HEADER, ROW * rows), width_ratios=(1, 2), wspace=0, hspace=0)
    _header(figure.add_subfigure(across[0, :]), record)
    _maps(figure.add_subfigure(across[1, 0]), record, ROW * rows)
    _strips(figure.add_subfigure(across[1, 1]), record, rows)
    save(figure, path, 110)


def key_steps(record: GameRecord, stage: Stage, count: int = FRAMES) -> list[int]:
    """The steps of a stage that tell most: its end, what succeeded, what was opened, what failed, then any.

    Args:
        record: of the game.
        stage: one of those that consist of steps.
        count: largest number of steps.

    Returns:
        Indices into `record.steps`, ascending. Steps without a picture count only if the record has none at all.
    """
    steps = [index for index in record.of(stage) if index in record.thumbnails or not record.thumbnails]
    if not steps:
        return []
    done = (Kind.PLACE, Kind.CLAIM, Kind.READY, Kind.DROP)
    by_weight: list[Callable[[GameStep], bool]] = [
        lambda step: step.succeeded and step.kind in done and step.hits != (),
        lambda step: bool(step.opened),
        lambda step: step.kind in done,
        lambda step: True,
    ]
    chosen = {steps[-1]}
    for matters in by_weight:
        group = [index for index in steps if index not in chosen and matters(record.steps[index])]
        free = count - len(chosen)
        spread = np.linspace(0, len(group) - 1, min(free, len(group))).round().astype(int)
        chosen.update(group[at] for at in spread.tolist())
    return sorted(chosen)


def outcome(record: GameRecord) -> str:
    """One sentence about how the game ended."""
    result = record.result
    if result.found:
        return f"{record.seeker} found it in {_count(result.seeker_steps, 'step')}"
    return f"{record.seeker} did not find it in {result.seeker_steps} steps"


def save_game(folder: Path, record: GameRecord) -> tuple[Path, Path]:
    """Saves a game's record and draws its sheet; returns both files. Games with the same name get numbers."""
    name, number = file_name(record), 1
    path = folder / f"{name}.json"
    while path.exists():
        number += 1
        path = folder / f"{name}_{number}.json"
    sheet = path.with_name(f"{path.stem}.png")
    save_record(path, record)
    game_sheet(sheet, record)
    return path, sheet


def hidden(record: GameRecord) -> str:
    """A few words about where the object is."""
    inside = record.place.contained_in.split("|")[0]
    if record.chosen is None:
        return f"a place of '{record.hider}'" + (f", in a {inside}" if inside else "")
    if not record.result.placed:
        return f"{record.hider} could not place it; it was dropped" + (f" into a {inside}" if inside else "")
    if not inside and record.result.visible_from == 0:  # behind a door that was closed afterwards, say
        return f"{record.hider} hid it out of sight"
    modality = next(attempt.target[0] for attempt in record.attempts if attempt.succeeded)
    how = {Modality.ON_TOP: "in the open", Modality.BEHIND: "behind something"}.get(modality, "in something")
    return f"{record.hider} hid it " + (f"in a {inside}" if inside else how)


def _header(figure: SubFigure, record: GameRecord) -> None:
    result, task = record.result, record.task
    turned = f", room turned by {record.turned}°" if record.turned else ""
    figure.text(0.012, 0.66, f"{task.scene}: {task.goal}", fontsize=15, weight="bold", va="center")
    figure.text(0.345, 0.66, hidden(record), fontsize=12, color=CHOSEN, weight="bold", va="center")
    figure.text(0.993, 0.66, outcome(record), fontsize=12, color=SEEKER, weight="bold", va="center", ha="right")
    words = [f"seed {task.seed}{turned}"]
    if record.of(Stage.EXPLORE):
        words += [f"coverage {result.coverage:.2f}", f"coverage+ {result.coverage_plus:.2f}"]
        if result.open_share is not None:
            words += [f"opened {100 * result.open_share:.0f} % of {len(record.openable)} objects"]
    if result.manipulations:
        words += [f"{result.manipulation_hits} of {result.manipulations} manipulations hit their target"]
    if result.visible_from is not None and result.visible_share is not None:
        words += [f"seen from {result.visible_from} location tuples ({100 * result.visible_share:.0f} %)"]
    if result.bfs_steps is not None:
        words += [
            f"breadth-first search: {_count(result.bfs_steps, 'place')}" + ("" if result.bfs_found else ", not found")
        ]
    figure.text(0.012, 0.2, "   ·   ".join(words), fontsize=9.5, color="0.25", va="center")


def _maps(figure: SubFigure, record: GameRecord, height: float) -> None:
    shown = [stage for stage in (Stage.EXPLORE, Stage.SEEK) if record.of(stage)]
    axes = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    figure.subplots_adjust(left=0.03, right=0.88, top=1 - 0.3 / height, bottom=0.75 / height, hspace=0.1)
    for axis, stage in zip(axes, shown, strict=True):
        draw_map(axis, record, stage)
        who, color = (record.hider, HIDER) if stage is Stage.EXPLORE else (record.seeker, SEEKER)
        side = "Hider" if stage is Stage.EXPLORE else "Seeker"
        axis.set_title(f"{side}: {who}", fontsize=10, color=color, weight="bold", loc="left", pad=3)
        bar = figure.colorbar(
            ScalarMappable(Normalize(0, len(record.of(stage))), WAYS[stage]), ax=axis, shrink=0.6, aspect=28, pad=0.02
        )
        bar.ax.set_title("step", fontsize=7, pad=4)
        bar.ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        bar.ax.tick_params(labelsize=7, length=2)
        bar.outline.set_visible(False)
    figure.legend(
        handles=legend(record), loc="lower center", ncols=4, fontsize=7.5, frameon=False, handletextpad=0.1,
        columnspacing=1.2, bbox_to_anchor=(0.5, 0.0),
    )  # fmt: skip


def _strips(figure: SubFigure, record: GameRecord, rows: int) -> None:
    shown = [stage for stage in ROWS if record.of(stage)]
    axes = figure.subplots(rows, FRAMES, squeeze=False)
    height = ROW * rows
    figure.subplots_adjust(left=0.012, right=0.99, top=1 - 0.36 / height, bottom=0.4 / height, hspace=0.42, wspace=0.07)
    for row in axes:
        for axis in row:
            axis.set_axis_off()
    key = KEY + (TARGET_KEY if Stage.MANIPULATE in shown else "")
    figure.text(0.99, 1 - 0.28 / height, key, fontsize=7, color="0.35", ha="right", va="bottom")
    # A game that began with seeking has one stage, which gets both rows.
    rows_each = rows // len(shown)
    for at, stage in enumerate(shown):
        cells = axes[at * rows_each : (at + 1) * rows_each].ravel()
        steps = record.of(stage)
        title, color = ROWS[stage]
        total = sum(record.steps[index].reward for index in steps)
        cells[0].set_title(f"{title}: {_amount(record, stage)}, reward {total:+.2f}", fontsize=10, color=color,
                         weight="bold", loc="left", pad=4)  # fmt: skip
        for axis, index in zip(cells, key_steps(record, stage, len(cells)), strict=False):
            _frame(axis, record, index, number=steps.index(index) + 1)


def _count(number: int, unit: str) -> str:
    return f"{number} {unit if number == 1 else plural(unit)}"


def _amount(record: GameRecord, stage: Stage) -> str:
    steps = _count(len(record.of(stage)), "step")
    if stage is Stage.MANIPULATE:
        return f"{steps} of {record.result.manipulations} PlaceAt"
    return steps


def _frame(axis: Axes, record: GameRecord, index: int, number: int) -> None:
    """Draws the view after a step, with what was done and what it was worth."""
    step, image = record.steps[index], record.thumbnail(index)
    axis.imshow(np.full((SIDE, SIDE, 3), 235, np.uint8) if image is None else image)
    color = SUCCEEDED if step.succeeded else FAILED
    axis.add_patch(Rectangle((-0.5, -0.5), SIDE, SIDE, fill=False, edgecolor=color, lw=2.5, clip_on=False))
    _cell(axis, ACTIONS[INDEX[step.action]], "white")
    if step.stage is Stage.MANIPULATE and step.attempt is not None and step.attempt < len(record.attempts):
        modality, row, column = record.attempts[step.attempt].target
        target = next(one for one in ACTIONS if one.kind is Kind.PLACE and one.target == (modality, row, column))
        _cell(axis, target, "#ffe066")
        axis.text(2, 3, f"for {MODALITY_NAMES[modality]},{row + 1},{column + 1}", fontsize=6, va="top", color="#ffe066",
                  bbox={"facecolor": "0.1", "alpha": 0.75, "edgecolor": "none", "pad": 1.2})  # fmt: skip
    mark = "✓" if step.succeeded else "✗"
    axis.text(0, 1.03 * SIDE, f"{number}  {step.action}", fontsize=7, va="top")
    axis.text(0, 1.14 * SIDE, f"{mark} {_reward(step.reward)}{_effect(step)}", fontsize=7, va="top", color=color)


def _reward(reward: float) -> str:
    return f"{reward:+.3f}" if 0 < abs(reward) < 0.005 else f"{reward:+.2f}"


def _effect(step: GameStep) -> str:
    """What a step led to, for its caption."""
    if step.opened:
        return "  opens " + ", ".join(name.split("|")[0] for name in step.opened)
    if step.hits is not None:
        return "  lands " + (" ".join(f"{MODALITY_NAMES[m]},{r + 1},{c + 1}" for m, r, c in step.hits[:1]) or "lost")
    if step.kind is Kind.CLAIM and not step.succeeded:
        return "  too far away" if step.goal_in_view else "  not in view"
    return ""


def _cell(axis: Axes, action: Action, color: str) -> None:
    """Outlines the cell that an action names."""
    if action.row is None or action.column is None:
        return
    side = SIDE / GRID
    at = (action.column * side - 0.5, action.row * side - 0.5)
    for width, edge in ((2.2, "black"), (1.1, color)):
        axis.add_patch(Rectangle(at, side, side, fill=False, edgecolor=edge, lw=width))
