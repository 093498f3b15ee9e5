"""Learning curves: which points are drawn, and that missing metrics are no error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.image import imread

from evaluation.hide_and_seek.curves import PANELS, draw_curves, lines_of

ROWS: list[dict[str, Any]] = [
    {
        "seconds": 120.0,
        "actors/explore/return_per_step": -1.0,
        "actors/seek/entropy": 2.5,
        "learner/dynamics/inverse": 3.0,
        "learner/dynamics/gradient_norm": 9.0,
    },
    {"seconds": 300.0, "evaluation/minutes": 4.0, "evaluation/coverage": 0.2, "evaluation/om_hit": 0.1},
    {"seconds": 60.0, "actors/explore/return_per_step": -2.0, "actors/seek/return_per_step": -3.0, "stage": "explore"},
]


def panel(title: str) -> dict[str, list[tuple[float, float]]]:
    return lines_of(next(one for one in PANELS if one.title == title), ROWS)


def test_points_are_sorted_by_time_and_named() -> None:
    assert panel("coverage of exploration") == {"first episodes": [(4.0, 0.2)]}
    assert panel("mean reward of a step") == {"explore": [(1.0, -2.0), (2.0, -1.0)], "seek": [(1.0, -3.0)]}
    assert panel("entropy of the policy, nats") == {"seek": [(2.0, 2.5)]}
    assert panel("VDR, training") == {"inverse": [(2.0, 3.0)]}
    assert panel("found at easy places") == {}


def test_curves_need_no_key(tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    assert not draw_curves(path, [], {}, 5.0)
    assert not path.exists()
    assert draw_curves(path, ROWS, {"coverage": 0.3, "coverage_random": 0.1, "found": 0.5}, 5.0)
    few = imread(path).shape
    assert draw_curves(path, ROWS[1:2], {}, 5.0)
    assert imread(path).shape != few
