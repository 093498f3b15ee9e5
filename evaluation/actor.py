"""The evaluator as a Ray actor: it measures during training, beside actors and learner."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import ray
import torch

from evaluation.core import FinalReport, MakeEvaluator


class EvaluatorActor:
    """One evaluator, which uses one core; `RemoteEvaluatorActor` is this class as a Ray actor.

    Args:
        make_evaluator: makes the system's evaluator in this process.
    """

    def __init__(self, make_evaluator: MakeEvaluator) -> None:
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self.evaluator = make_evaluator()

    @ray.method(concurrency_group="control")
    def pid(self) -> int:
        """Returns the process id, also during a measurement; serves as the evaluator's heartbeat."""
        return os.getpid()

    def prepare(self) -> None:
        """See `EvaluatorCore.prepare`."""
        self.evaluator.prepare()

    def evaluate_quickly(self, weights: list[Any], version: int, seconds: float) -> dict[str, float]:
        """Measures weights during training.

        Args:
            weights: a list with one reference to the flat vector.
            version: version of these weights.
            seconds: seconds since the run began, for the learning curve.

        Returns:
            the figures of `EvaluatorCore.on_the_way`, with steps and minutes.
        """
        self.evaluator.load(ray.get(weights[0]))
        return {"steps": version, "minutes": seconds / 60, **self.evaluator.evaluate_quickly()}

    def final(self, weights: list[Any], folder: str) -> FinalReport:
        """Measures the final weights; arguments as of `on_the_way`, and the run's folder."""
        self.evaluator.load(ray.get(weights[0]))
        return self.evaluator.final(Path(folder))


_remote: Any = ray.remote  # its type hints lack concurrency_groups
RemoteEvaluatorActor: Any = _remote(concurrency_groups={"control": 1})(EvaluatorActor)
"""Start it with `RemoteEvaluatorActor.options(...).remote(...)`."""
