"""An actor's copy of the agent: one step at a time, for one game or for several games at once.

Draws come from each game's own generator, so that a game is the same whatever runs beside it, up to how the sums of a
larger batch are rounded.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from actors.hide_and_seek.learning.observed import Observed
from actors.hide_and_seek.learning.unrolls import Recurrent
from models.hide_and_seek.agent import Agent, AgentState
from models.hide_and_seek.inputs import Observations
from models.hide_and_seek.metric_map import MapState


class Decision(NamedTuple):
    """What the network says before a step."""

    action: int
    logits: NDArray[np.float32]
    """(219,) -inf where the stage forbids the action."""
    probabilities: NDArray[np.float64]
    """(219,)"""
    value: float
    hittable: NDArray[np.float32]
    """(147,) probability that each target would be hit; it has a meaning in object manipulation alone."""

    @property
    def entropy(self) -> float:
        """Of the policy, nats."""
        positive = self.probabilities[self.probabilities > 0]
        return float(-(positive * np.log(positive)).sum())


class _Answer(NamedTuple):
    logits: NDArray[np.float32]
    value: float
    hittable: NDArray[np.float32]
    state: AgentState


class Policy:
    """The agent as a policy.

    Args:
        agent: on its device; it is put into evaluation mode.
    """

    def __init__(self, agent: Agent) -> None:
        self.agent = agent.eval().requires_grad_(False)
        self._device = next(agent.parameters()).device

    def fresh(self) -> AgentState:
        """The state of one game before its first step."""
        return self.agent.initial_state(1)

    def look(self, seen: Observed, state: AgentState, stage: int) -> tuple[Decision, AgentState]:
        """What the network says, with its likeliest action, and the state after it."""
        answer = self.answers([(seen, state, stage)])[0]
        return _decision(answer, None), answer.state

    def act(
        self, seen: Observed, state: AgentState, stage: int, random: np.random.Generator
    ) -> tuple[Decision, AgentState]:
        """Draws an action.

        Args:
            seen: before the step.
            state: of one game, before the step.
            stage: index into `replay.hide_and_seek.unroll.STAGES`.
            random: the game's generator.

        Returns:
            the decision, and the state after it.
        """
        answer = self.answers([(seen, state, stage)])[0]
        return _decision(answer, random), answer.state

    def answers(self, requests: Sequence[tuple[Observed, AgentState, int]]) -> list[_Answer]:
        """Runs the network once for the steps of several games."""
        with torch.inference_mode():
            stages = torch.tensor([stage for _, _, stage in requests], device=self._device)
            observations = to_observations([seen for seen, _, _ in requests], self._device)
            outputs, after = self.agent.unroll(observations, _join([state for _, state, _ in requests]), stages)
            logits = outputs.logits[0].float().cpu().numpy()
            values = outputs.value[0].float().cpu().numpy()
            hittable = outputs.hittable[0].float().sigmoid().cpu().numpy()
            states = _split(after, len(requests))
        return [_Answer(logits[i], float(values[i]), hittable[i], states[i]) for i in range(len(requests))]


class SharedPolicy(Policy):
    """A policy that several threads use, each for one game. Their steps run as one batch.

    A step waits until all threads want one, or until `wait` seconds have passed.

    Args:
        agent: see `Policy`.
        threads: number of threads; each calls `leave` when it wants no more steps.
        wait: seconds.
    """

    def __init__(self, agent: Agent, threads: int, wait: float) -> None:
        super().__init__(agent)
        self._active, self._wait = threads, wait
        self._changed = threading.Condition()
        self._requests: dict[int, tuple[Observed, AgentState, int]] = {}
        self._answers: dict[int, _Answer | BaseException] = {}
        self._running = False

    def leave(self) -> None:
        """Says that the calling thread wants no more steps, so that the others do not wait for it."""
        with self._changed:
            self._active -= 1
            self._changed.notify_all()

    def answers(self, requests: Sequence[tuple[Observed, AgentState, int]]) -> list[_Answer]:
        """The answer of the calling thread's step, once its batch has run."""
        (request,) = requests
        me = threading.get_ident()
        with self._changed:
            self._requests[me] = request
            self._changed.notify_all()
            self._changed.wait_for(lambda: me in self._answers or self._complete, self._wait)
            while me not in self._answers and self._running:
                self._changed.wait()
            if me in self._answers:
                return [_checked(self._answers.pop(me))]
            # Each batch is run by the thread that finds it complete, in the order of the threads' numbers.
            batch = dict(sorted(self._requests.items()))
            self._requests, self._running = {}, True
        results: Sequence[_Answer | BaseException]
        try:
            results = super().answers(list(batch.values()))
        except BaseException as error:
            results = [error] * len(batch)
        with self._changed:
            self._answers.update(zip(batch, results, strict=True))
            self._running = False
            self._changed.notify_all()
            return [_checked(self._answers.pop(me))]

    @property
    def _complete(self) -> bool:
        return not self._running and len(self._requests) >= self._active


def to_observations(seen: Sequence[Observed], device: torch.device) -> Observations:
    """One step of B games as (1, B, ...) tensors."""

    def numbers(values: list[int]) -> torch.Tensor:
        return torch.tensor([values], dtype=torch.long, device=device)

    def flags(values: list[bool]) -> torch.Tensor:
        return torch.tensor([values], dtype=torch.bool, device=device)

    return Observations(
        images=torch.from_numpy(np.stack([one.image for one in seen])[None]).to(device),
        last_actions=numbers([one.last_action for one in seen]),
        standing=flags([one.standing for one in seen]),
        goals=numbers([one.goal for one in seen]),
        locations=torch.tensor([[one.location for one in seen]], dtype=torch.long, device=device),
        targets=numbers([one.target for one in seen]),
        landed=numbers([one.landed for one in seen]),
        firsts=flags([one.first for one in seen]),
        new_maps=flags([one.new_map for one in seen]),
    )


def to_recurrent(state: AgentState) -> Recurrent:
    """A copy of one game's state, as an unroll keeps it."""

    def numbers(tensor: torch.Tensor) -> NDArray[Any]:
        return tensor[0].cpu().numpy()

    return Recurrent(
        # astype copies
        grid=numbers(state.grid).astype(np.float32),
        hidden=numbers(state.hidden).astype(np.float32),
        cell=numbers(state.cell).astype(np.float32),
        map_values=numbers(state.map.values).astype(np.float32),
        map_keys=numbers(state.map.keys).astype(np.int16),
        map_written=numbers(state.map.written).astype(np.int32),
    )


def _decision(answer: _Answer, random: np.random.Generator | None) -> Decision:
    logits = answer.logits.astype(np.float64)
    odds = np.exp(logits - logits.max())
    probabilities = odds / odds.sum()
    if random is None:
        action = int(probabilities.argmax())
    else:
        # The inverse of the cumulative distribution; side "right" skips actions of probability 0.
        total = np.cumsum(odds)
        action = int(np.searchsorted(total, random.random() * total[-1], side="right"))
    return Decision(action, answer.logits, probabilities, answer.value, answer.hittable)


def _checked(answer: _Answer | BaseException) -> _Answer:
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _join(states: Sequence[AgentState]) -> AgentState:
    if len(states) == 1:
        return states[0]
    return AgentState(
        torch.cat([state.grid for state in states]),
        torch.cat([state.hidden for state in states]),
        torch.cat([state.cell for state in states]),
        MapState(*(torch.cat(parts) for parts in zip(*(state.map for state in states), strict=True))),
    )


def _split(state: AgentState, count: int) -> list[AgentState]:
    if count == 1:
        return [state]
    return [
        AgentState(
            state.grid[i : i + 1], state.hidden[i : i + 1], state.cell[i : i + 1],
            MapState(*(part[i : i + 1] for part in state.map)),
        )
        for i in range(count)
    ]  # fmt: skip
