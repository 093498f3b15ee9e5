"""The handles of Ray actors name the methods that they describe."""

from __future__ import annotations

import pytest

from actors.actor import PlayerActor, PlayerHandle
from common.remote import RemoteMethod
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
