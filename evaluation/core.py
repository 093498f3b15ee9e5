"""The interface between the evaluator and a system: an object that measures the model and draws figures.

`evaluation.actor.EvaluatorActor` runs it beside the actors and the learner and uses nothing else of a system.
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
    """Results of evaluating the final weights; small, so that it can be sent between processes."""

    title: str
    """Heading of the results table."""
    rows: list[Row]
    """Rows of the results table, the trained model first."""
    logged: dict[str, float]
    """Figures of the trained model, for W&B under "final/"."""
    result: dict[str, Any]
    """Keys of the RESULT line, JSON-able."""
    details: dict[str, Any]
    """Further keys of results.json, JSON-able."""
    figures: list[Path]
    """Figure files that were written."""


class EvaluatorCore(Protocol):
    """Measures the model of one system."""

    def prepare(self) -> None:
        """Loads or renders the test observations, and measures the baselines that need no training."""
        ...

    def load(self, weights: NDArray[np.float32]) -> None:
        """Loads the weights to measure from a flat vector."""
        ...

    def evaluate_quickly(self) -> dict[str, float]:
        """Measures the loaded weights on few locations, during training."""
        ...

    def final(self, folder: Path) -> FinalReport:
        """Measures the loaded weights in full; writes predictions and figures into the run's folder."""
        ...


MakeEvaluator = Callable[[], EvaluatorCore]
"""Makes the evaluator in its process."""
