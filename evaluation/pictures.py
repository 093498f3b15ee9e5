"""Writes matplotlib's figures."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from common.files import atomic


def save(figure: Figure, path: Path, dpi: int) -> None:
    """Writes a figure as PNG, atomically and without metadata, so that equal figures give equal files."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(buffer, format="png", dpi=dpi, metadata={"Software": None})
    with atomic(path) as file:
        file.write(buffer.getvalue())
