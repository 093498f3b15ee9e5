"""What a system gives the evaluator: an object that measures its model and draws what it sees.

`evaluation.actor.EvaluatorActor` runs it beside the actors and the learner and knows nothing else of a system.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.tables import Row


@dataclass(frozen=True)
class FinalReport:
    """What the evaluation of the final weights gives; small, so that it can be sent between processes."""

    title: str
    """Heading of the results table."""
    rows: list[Row]
    """Of the results table, the trained model first."""
    logged: dict[str, float]
    """Figures of the trained model, for W&B under "final/"."""
    result: dict[str, Any]
    """Keys of the RESULT line, JSON-able."""
    details: dict[str, Any]
    """Further keys of results.json, JSON-able."""
    figures: list[Path]
    """Pictures that were written."""


class EvaluatorCore(Protocol):
    """Measures the model of one system."""

    def prepare(self) -> None:
        """Loads or renders what is measured on, and measures what needs no training."""
        ...

    def load(self, weights: NDArray[np.float32]) -> None:
        """Takes the weights to measure from a flat vector."""
        ...

    def on_the_way(self) -> dict[str, float]:
        """Measures the loaded weights quickly, while the run goes on."""
        ...

    def final(self, folder: Path) -> FinalReport:
        """Measures the loaded weights in full; writes predictions and figures into the run's folder."""
        ...


MakeEvaluator = Callable[[], EvaluatorCore]
"""Makes the evaluator in its process."""
