"""Shares independent pieces of work, such as games, among several simulators."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

from actors.config import SimulatorConfig
from actors.controller import SimulatorError
from actors.hide_and_seek.play import Simulators
from actors.hide_and_seek.world import World

Item = TypeVar("Item")
Done = TypeVar("Done")


def share(
    items: Iterable[Item], simulator: SimulatorConfig, workers: int, work: Callable[[World, Item], Done]
) -> Generator[Done, None, None]:
    """Does a piece of work for each item and yields each result as it ends; simulators stop with the generator.

    Args:
        items: what is worked on.
        simulator: its settings.
        workers: number of simulators; each has a thread.
        work: is called in one of these threads, again from its beginning if the simulator fails.

    Raises:
        SimulatorError: a simulator failed several times with the same item.
    """
    local, running, lock, stopped = threading.local(), [], threading.Lock(), threading.Event()

    def do(item: Item) -> Done:
        if not hasattr(local, "simulators"):
            local.simulators = Simulators(simulator)
            with lock:
                running.append(local.simulators)
        if stopped.is_set():
            raise SimulatorError("the evaluation was stopped")
        found: Done = local.simulators.run(lambda world: work(world, item))
        return found

    executor = ThreadPoolExecutor(workers)
    pending: set[Future[Done]] = set()
    waiting = iter(items)
    try:
        while True:
            # Few items wait in the pool, so that a failure or Ctrl-C ends soon.
            pending |= {executor.submit(do, item) for item in islice(waiting, 2 * workers - len(pending))}
            if not pending:
                return
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        stopped.set()
        with lock:
            for simulators in running:
                simulators.close()
        executor.shutdown(wait=True, cancel_futures=True)
