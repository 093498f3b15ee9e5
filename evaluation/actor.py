"""The evaluator as a Ray actor: it measures during training, beside actors and learner."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import cv2
import ray
import torch

from common.remote import Handle, RemoteMethod, WeightsReference, concurrency_group
from evaluation.core import FinalReport, MakeEvaluator


class EvaluatorActor:
    """One evaluator, which uses one core; `start_evaluator` starts it as a Ray actor.

    Args:
        make_evaluator: makes the system's evaluator in this process.
    """

    def __init__(self, make_evaluator: MakeEvaluator) -> None:
        # Measuring can wait, learner and actors should not. They share the machine with the baselines at the start.
        os.nice(10)
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self.evaluator = make_evaluator()

    @concurrency_group("control")
    def pid(self) -> int:
        """Returns the process id, also during a measurement; serves as the evaluator's heartbeat."""
        return os.getpid()

    def prepare(self) -> None:
        """See `EvaluatorCore.prepare`."""
        self.evaluator.prepare()

    def evaluate_quickly(self, weights: WeightsReference, version: int, seconds: float) -> dict[str, float]:
        """Measures weights during training.

        Args:
            weights: a list with one reference to the flat vector.
            version: version of these weights.
            seconds: seconds since the run began, for the learning curve.

        Returns:
            the figures of `EvaluatorCore.evaluate_quickly`, with steps and minutes.
        """
        self.evaluator.load(ray.get(weights[0]))
        return {"steps": version, "minutes": seconds / 60, **self.evaluator.evaluate_quickly()}

    def final(self, weights: WeightsReference, folder: str) -> FinalReport:
        """Measures the final weights; arguments as of `evaluate_quickly`, and the run's folder."""
        self.evaluator.load(ray.get(weights[0]))
        return self.evaluator.final(Path(folder))


_remote: Any = ray.remote  # its type hints lack concurrency_groups
_RemoteEvaluatorActor: Any = _remote(concurrency_groups={"control": 1})(EvaluatorActor)


class EvaluatorHandle(Handle):
    """Type of the evaluator actor's handle."""

    pid = RemoteMethod(EvaluatorActor.pid)
    prepare = RemoteMethod(EvaluatorActor.prepare)
    evaluate_quickly = RemoteMethod(EvaluatorActor.evaluate_quickly)
    final = RemoteMethod(EvaluatorActor.final)


def start_evaluator(make_evaluator: MakeEvaluator, options: Mapping[str, Any]) -> EvaluatorHandle:
    """Starts an evaluator as a Ray actor, without waiting for it.

    Args:
        make_evaluator: makes the system's evaluator in the actor's process.
        options: Ray options of the actor, e.g. {"num_cpus": 1}.
    """
    return cast(EvaluatorHandle, _RemoteEvaluatorActor.options(**options).remote(make_evaluator))
