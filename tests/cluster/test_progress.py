"""Progress if the output is not a terminal: whole lines with the steps done, the rate and the remaining time."""

from __future__ import annotations

import io
from typing import Any

import pytest

from cluster.run.config import first_line
from common.progress import Progress
from evaluation.interaction.final import learning_points


def test_lines_are_whole_and_show_the_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    progress = Progress("prefill", 10, "location", stream)
    progress.update(4, {"touches/s": 12.345})
    progress.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("prefill: 4/10 locations")
    assert lines[0].endswith("touches/s 12.3")


def test_the_last_line_is_not_printed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.progress.LINE_EVERY_S", -1.0)
    stream = io.StringIO()
    progress = Progress("data set", 2, "location", stream)
    progress.step(2)
    progress.close()
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize(("unit", "units"), [("image", "images"), ("touch", "touches"), ("match", "matches")])
def test_units_are_in_the_plural(unit: str, units: str) -> None:
    stream = io.StringIO()
    progress = Progress("work", 8, unit, stream)
    progress.step(8)
    progress.close()
    assert stream.getvalue().startswith(f"work: 8/8 {units} in ")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("limit_s", "left"), [(None, "1:00:"), (100.5, "01:00"), (30.0, "00:00")], ids=["none", "sooner", "over"]
)
def test_remaining_time_knows_of_a_limit(limit_s: float | None, left: str) -> None:
    # 4 of 364 steps in 40 s: the others take an hour.
    terminal, file = _Terminal(), io.StringIO()
    for stream in (terminal, file):
        progress = Progress("training", 364, "step", stream, limit_s=limit_s)
        progress.started -= 40
        if progress.bar is not None:
            progress.bar.start_t -= 40
            progress.bar.last_print_t -= 40
        progress.update(4)
        progress.close()
    assert f"<{left}" in terminal.getvalue()
    assert f", {left}" in file.getvalue()


def test_learning_points_come_in_order_and_carry_images_and_touches() -> None:
    rows: list[dict[str, Any]] = [
        {"seconds": 60.0, "steps": 5, "touches": 30, "actors/greedy_success": 0.2, "actors/random_success": 0.1},
        {"seconds": 130.0, "evaluation/minutes": 1.5, "evaluation/steps": 7, "evaluation/mask_ap50": 3.0},
        {"seconds": 100.0, "steps": 9, "touches": 70, "actors/greedy_success": 0.3, "actors/random_success": None},
        {"seconds": 110.0, "checkpoint/seconds": 1.0},
    ]
    points = learning_points(rows, batch_size=8)
    assert [point.minutes for point in points] == [1.0, 1.5, 100 / 60]
    assert [point.images for point in points] == [40, 56, 72]
    assert [point.touches for point in points] == [30, 60, 70], "an evaluation after 90 of 60 to 100 seconds"
    assert [point.mask_ap50 for point in points] == [None, 3.0, None]


def test_first_line_follows_the_cause() -> None:
    try:
        try:
            raise ValueError("learner.lr must be positive, not -1.0\n    full_key: learner")
        except ValueError as cause:
            raise RuntimeError("Error merging") from cause
    except RuntimeError as error:
        assert first_line(error) == "learner.lr must be positive, not -1.0"
