"""The figures of the interaction system's tables (paper, Table 1)."""

from __future__ import annotations

from evaluation.tables import Column

DETECTION_COLUMNS = {
    "box_ap50": Column("box AP50", interval=True),
    "box_ap": Column("box AP", interval=True),
    "mask_ap50": Column("mask AP50", interval=True),
    "mask_ap": Column("mask AP", interval=True),
}
"""Columns of every method, by the names of `Metrics.figures`."""
MASS_COLUMNS = {
    "mass_accuracy": Column("mass accuracy", interval=True),
    "mass_ap50": Column("mass+box AP50", interval=True),
}
"""Columns of methods that predict mass."""
COLUMNS = DETECTION_COLUMNS | MASS_COLUMNS
"""All columns, in the order of the paper's table."""
COUNTS = {name: Column(name, digits=0, best=False) for name in ("touches", "steps", "minutes")}
"""Columns of a run's costs."""
