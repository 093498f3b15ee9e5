"""Types of Ray actors' handles, so that mypy checks each remote call against the method that it calls.

Ray's own hints describe an actor only if every method has Ray's decorator, and they drop the keywords and defaults of
the methods. Here a subclass of `Handle` beside each actor lists the methods that others call:

    class LearnerHandle(Handle):
        train = RemoteMethod(LearnerActor.train)

These classes are for mypy only: at run time a handle is Ray's `ActorHandle`. The function that starts the actor casts
its handle, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeAlias, TypeVar, cast

import ray

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from ray import ActorID, ObjectRef

P = ParamSpec("P")
R = TypeVar("R")
Method = TypeVar("Method", bound=Callable[..., Any])

WeightsReference: TypeAlias = "list[ObjectRef[NDArray[np.float32]]]"
"""One reference of a model's flat weight vector, in a list so that Ray does not resolve it when it is passed."""


class RemoteMethod(Generic[P, R]):
    """Describes a method of an actor's handle; Ray's `ActorMethod` takes its place at run time.

    Args:
        method: the method of the actor's class.
    """

    def __init__(self, method: Callable[Concatenate[Any, P], R]) -> None:
        self.method = method

    def remote(self, *args: P.args, **kwargs: P.kwargs) -> ObjectRef[R]:
        """Calls the method in the actor's process; returns the reference of its result."""
        raise NotImplementedError("this class only describes a type; use the handle of a started actor")


class Handle:
    """Describes the handle of an actor; Ray's `ActorHandle` takes its place at run time."""

    _actor_id: ActorID


def kill(handle: Handle) -> None:
    """Kills an actor, whatever its state: `ray.kill` for a typed handle."""
    ray.kill(cast("ray.actor.ActorHandle[Any]", handle))


def concurrency_group(name: str) -> Callable[[Method], Method]:
    """Decorates a method of an actor: its calls take the threads of the group `name`.

    This is `ray.method(concurrency_group=name)`, but the method keeps its signature for mypy.
    """
    return cast("Callable[[Method], Method]", ray.method(concurrency_group=name))
