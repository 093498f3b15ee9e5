"""Assignment of tasks, failures and replacement, with real Ray actors that only pretend to play."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.exceptions import RayActorError

from actors.interaction.locations import LocationError
from cluster.workers.actor_pool import SLOW_START_S, ActorPool, Assignment, Finished
from common.errors import RunError
from tests.cluster.test_resources import LOCAL
from tests.machine import small_ray


@pytest.fixture(scope="module")
def session() -> Iterator[None]:
    with small_ray(cpus=4):
        yield


class Pretender:
    """Behaves by the task's number: 1 raises, 2 dies, 3 hangs, 4 is refused, 5 stops the process, 6 misses the replay
    buffer. 2, 3, 5 and 6 fail only once, which a marker file records."""

    def __init__(self, index: int, folder: str) -> None:
        self.index, self.folder = index, Path(folder)

    def play(self, number: int) -> int:
        marker = self.folder / str(number)
        if number == 1:
            raise ValueError("a bad room")
        if number == 4:
            raise LocationError("no such place")
        if number in (2, 3, 5, 6) and not marker.exists():
            marker.touch()
            if number == 2:
                os._exit(1)
            if number == 5:
                os.kill(os.getpid(), signal.SIGSTOP)
            if number == 6:
                raise RayActorError
            time.sleep(60)
        return 100 + number

    @ray.method(concurrency_group="control")
    def health(self) -> dict[str, Any]:
        return {"pushing": False, "node": ray.get_runtime_context().get_node_id()}

    @ray.method(concurrency_group="control")
    def stop(self) -> None:
        pass


remote: Any = ray.remote
PretendingActor = remote(num_cpus=0, concurrency_groups={"control": 2})(Pretender)


def assignment(number: int) -> Assignment:
    """A task of `Pretender`, whose `play` takes only the number."""
    arguments: Any = (number,)
    return Assignment(number, arguments)


def play_all(numbers: list[int], folder: Path, **changes: Any) -> tuple[list[Finished], list[str], ActorPool]:
    log: list[str] = []
    kinds: list[str] = []
    settings = {"actors": 2, "location_timeout_s": 60, "location_attempts": 2, "actor_restarts": 5} | changes
    config = dataclasses.replace(LOCAL, **settings)
    pool = ActorPool(
        lambda index, excluded_nodes: PretendingActor.remote(index, str(folder)),
        config,
        log.append,
        kinds.append,
        lambda number: None,
    )
    try:
        for number in numbers:
            pool.submit(assignment(number))
        finished: list[Finished] = []
        while pool.in_flight:
            pool.dispatch()
            assert all(actor.handle is not None for actor in pool.actors)
            ready, _ = ray.wait(pool.futures, timeout=0.5)
            finished += pool.collect(ready)
        return finished, log + kinds, pool
    finally:
        pool.stop(1)


def results_of(finished: list[Finished]) -> list[Any]:
    """What `Pretender.play` returned, or None."""
    return [f.statistics for f in finished]


def test_every_task_is_played_once(session: None, tmp_path: Path) -> None:
    finished, log, pool = play_all(list(range(10, 20)), tmp_path)
    assert sorted((f.number, f.statistics) for f in finished) == [(n, 100 + n) for n in range(10, 20)]
    assert log == []
    assert sum(actor.tasks_done for actor in pool.actors) == 10


def test_actors_start_one_by_one_on_few_cores(session: None, tmp_path: Path) -> None:
    config = dataclasses.replace(LOCAL, actors=3)
    started: list[int] = []

    def make(index: int, excluded_nodes: frozenset[str]) -> Any:
        started.append(index)
        return PretendingActor.remote(index, str(tmp_path))

    pool = ActorPool(make, config, print, print, lambda number: None, max_starting=1)
    try:
        while pool.alive < 3:
            assert sum(not actor.heartbeat.started for actor in pool.actors) == 1
            ready, _ = ray.wait(pool.futures, timeout=0.5)
            pool.collect(ready)
        pool.collect([])
        assert started == [0, 1, 2]
    finally:
        pool.stop(1)


def test_an_actor_that_hangs_at_its_start_does_not_block_the_others(session: None, tmp_path: Path) -> None:
    config = dataclasses.replace(LOCAL, actors=2)
    pool = ActorPool(
        # No node has the CPUs that the first actor requests, so it never starts.
        lambda index, excluded_nodes: PretendingActor.options(num_cpus=0 if index else 1000).remote(
            index, str(tmp_path)
        ),
        config,
        print,
        print,
        lambda number: None,
        max_starting=1,
    )
    try:
        pool.collect([])
        assert not pool.complete
        pool.actors[0].created -= SLOW_START_S
        while not pool.alive:
            pool.collect([])
        assert pool.complete
    finally:
        pool.stop(1)


def test_a_task_that_always_fails_is_given_up_with_its_error(session: None, tmp_path: Path) -> None:
    finished, log, _ = play_all([1, 10], tmp_path)
    failed = next(f for f in finished if f.number == 1)
    assert failed.statistics is None
    assert failed.error == "ValueError: a bad room"
    assert log[2:] == ["location_failed"] * 2


def test_a_dead_actor_is_replaced_and_its_task_is_played_again(session: None, tmp_path: Path) -> None:
    finished, log, pool = play_all([2, 10, 11], tmp_path)
    assert sorted(results_of(finished)) == [102, 110, 111]
    assert pool.restarts == 1
    assert "the actor died" in log[0]


def test_a_stuck_actor_is_replaced(session: None, tmp_path: Path) -> None:
    # A busy machine may take seconds to start an actor, so the task has several attempts.
    finished, log, pool = play_all([3], tmp_path, location_timeout_s=6, location_attempts=9, actor_restarts=9)
    assert results_of(finished) == [103]
    assert pool.restarts >= 1
    assert "the actor was busy for 6 s" in log[0] and "location_timeout" in log


def test_a_stopped_actor_is_detected_and_replaced(session: None, tmp_path: Path) -> None:
    finished, log, pool = play_all([5, 10], tmp_path, heartbeat_s=0.5, silent_after_s=3)
    assert sorted(results_of(finished)) == [105, 110]
    assert pool.restarts == 1
    assert "the actor has been silent for 3 s" in log[0] and log[1] == "actor_silent"


def test_a_lost_replay_buffer_counts_against_neither_task_nor_actor(session: None, tmp_path: Path) -> None:
    finished, log, pool = play_all([6], tmp_path, location_attempts=1, actor_restarts=0)
    assert results_of(finished) == [106]
    assert pool.restarts == 0 and log[1:] == ["part_missing"]


def test_an_actor_that_always_fails_ends_the_run_with_its_error(session: None, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="failed 2 times in a row; last: ValueError: a bad room"):
        play_all([1, 1, 1], tmp_path, actors=1, actor_restarts=1)


def test_a_refused_task_does_not_count_against_the_actor(session: None, tmp_path: Path) -> None:
    finished, _, _ = play_all([4, 4, 4, 10], tmp_path, actors=1, actor_restarts=1)
    assert results_of(finished) == [None, None, None, 110]
