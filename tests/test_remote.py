"""The handles of Ray actors name the methods that they describe."""

from __future__ import annotations

import pytest
import ray
import torch

from actors.actor import PlayerActor, PlayerHandle
from common.remote import RemoteMethod, assigned_device
from evaluation.actor import EvaluatorActor, EvaluatorHandle
from learner.actor import LearnerActor, LearnerHandle
from replay.actor import ReplayActor, ReplayHandle


@pytest.mark.parametrize(
    ("handle", "actor"),
    [
        (PlayerHandle, PlayerActor),
        (EvaluatorHandle, EvaluatorActor),
        (LearnerHandle, LearnerActor),
        (ReplayHandle, ReplayActor),
    ],
)
def test_each_method_of_a_handle_describes_the_actors_method_of_that_name(handle: type, actor: type) -> None:
    described = {name: value.method for name, value in vars(handle).items() if isinstance(value, RemoteMethod)}
    assert described
    assert described == {name: getattr(actor, name) for name in described}


@pytest.mark.parametrize(
    ("started", "assigned", "available", "expected"),
    [(False, [0], True, "cpu"), (True, [], True, "cpu"), (True, [0], False, "cpu"), (True, [0], True, "cuda")],
)
def test_a_process_computes_on_the_gpu_that_ray_assigned(
    monkeypatch: pytest.MonkeyPatch, started: bool, assigned: list[int], available: bool, expected: str
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: started)
    monkeypatch.setattr(ray, "get_gpu_ids", lambda: assigned)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert assigned_device() == torch.device(expected)
