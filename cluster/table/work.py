"""The work of a table: its runs as processes of their own, each measured when it is done; then the comparison."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from cluster.command.child_run import TRAIN
from cluster.command.overrides import quoted
from cluster.machines.nodes import ask
from cluster.run.config import ClusterConfig, plain_values
from cluster.run.status import duration, read_status
from cluster.systems import find
from cluster.table.plan import Plan
from cluster.table.runs import FINISHED, RUNNING, UNFINISHED, FoundRun, PlannedRun, state_of
from common.errors import Interrupted, RunError, UsageError
from common.files import locked
from common.processes import last_words

TRIES = 2
"""How often a run is started in one call: a machine that is too busy for a start may well be free later."""
USAGE = 2
"""Exit code of what cannot be done as asked, however often."""
LOOK_EVERY_S = 0.5
SAY_EVERY_S = 60.0
"""Seconds between two lines on how the runs are doing."""


def say(text: str) -> None:
    """A line on standard error."""
    print(f"playpen: {text}", file=sys.stderr, flush=True)


@dataclass
class Child:
    """A run that this process started."""

    run: PlannedRun
    folder: Path
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    started: float = field(default_factory=time.monotonic)


def work(plan: Plan, interrupted: threading.Event) -> int:
    """Trains what is missing, measures each run, writes the comparison. Returns the exit code.

    Raises:
        Interrupted: Ctrl-C; the same command goes on.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    with alone_in(plan.folder):
        return _work(plan, interrupted, find(plan.base.system).table_results(plan, interrupted))


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keeps other processes from making the same table meanwhile.

    Raises:
        UsageError: one does so already.
    """
    try:
        lock = locked(folder / ".lock")
    except BlockingIOError:
        raise UsageError(f"{folder}: another process makes this table; wait for its end") from None
    with lock:
        yield


def _work(plan: Plan, interrupted: threading.Event, results: Any) -> int:
    for run in plan.runs():
        if run.state == FINISHED:
            results.measure(run)
    results.write(figures=False)
    train_missing(plan, interrupted, results)
    results.write(figures=True)
    results.show()
    failed = [run for run in plan.runs() if run.failed]
    for run in failed:
        say(f"{run.label} failed: {run.failed}")
    return 1 if failed else 0


def train_missing(plan: Plan, interrupted: threading.Event, results: Any) -> None:
    """Runs what is not finished, as many at a time as there is room for. A run that fails ends no other.

    Raises:
        Interrupted: Ctrl-C, when every run has saved a checkpoint and ended.
    """
    waiting = [run for run in plan.runs() if run.state != FINISHED]
    if not waiting:
        return
    width = plan.request.config.parallel or room(plan.base.cluster)
    say(f"{len(waiting)} of {len(plan.runs())} runs to train, {width} at a time")
    children: list[Child] = []
    said = time.monotonic()
    try:
        while waiting or children:
            if interrupted.is_set():
                raise Interrupted
            for child in [child for child in children if child.process.poll() is not None]:
                children.remove(child)
                ended(child)
                if child.run.failed and child.run.tries < TRIES and child.process.returncode != USAGE:
                    waiting.append(child.run)  # when the others have begun
                if child.run.state == FINISHED:
                    results.measure(child.run)
                    results.write(figures=False)
            for run in [run for run in waiting if run.state == RUNNING]:
                look_again(run)  # another process trains it
                if run.state == FINISHED:
                    waiting.remove(run)
                    results.measure(run)
            for run in [run for run in waiting if run.state != RUNNING][: max(0, width - len(children))]:
                waiting.remove(run)
                children.append(start(run, plan))
            if time.monotonic() - said > SAY_EVERY_S:
                said = time.monotonic()
                tell(plan, children, waiting)
            time.sleep(LOOK_EVERY_S)
    except (Interrupted, KeyboardInterrupt):
        stop(children)
        done = sum(run.state == FINISHED for run in plan.runs())
        raise Interrupted(f"{done} of {len(plan.runs())} runs are done; the same command goes on") from None
    except BaseException:
        stop(children)
        raise


def start(run: PlannedRun, plan: Plan) -> Child:
    """Starts a run, or goes on with it, in a session of its own; its output goes to a log of the table."""
    if run.state == UNFINISHED:
        assert run.found is not None
        folder = run.found.folder
        arguments = [f"resume={quoted(folder)}"]
    else:
        stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
        folder = Path(plan.request.config.runs[0]).parent / f"{stamp}_{plan.base.experiment_name}_{run.label}"
        arguments = [*run.overrides, f"hydra.run.dir={quoted(folder)}"]
    run.tries, run.failed = run.tries + 1, ""
    logs = plan.folder / "logs"
    logs.mkdir(exist_ok=True)
    log = (logs / f"{run.label}.log").open("ab")
    say(f"{'going on with' if run.state == UNFINISHED else 'training'} {run.label} in {folder}")
    process = subprocess.Popen(
        [*TRAIN, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,  # Ctrl-C reaches it through this process, once
    )
    return Child(run, folder, process, log)


def ended(child: Child) -> None:
    """Notes how a run ended."""
    child.log.close()
    state = state_of(child.folder, child.run.collects)
    child.run.found = FoundRun(child.folder, state, plain_values(child.run.config)) if state else None
    if child.run.state == FINISHED:
        say(f"{child.run.label} is done, after {duration(time.monotonic() - child.started)}")
        return
    child.run.failed = last_words(Path(child.log.name)) or f"it ended with code {child.process.returncode}"
    say(f"{child.run.label} failed: {child.run.failed}; its log is {child.log.name}")


def look_again(run: PlannedRun) -> None:
    """Updates the state of a run that another process works on."""
    assert run.found is not None
    state = state_of(run.found.folder, run.collects)
    run.found = replace(run.found, state=state) if state else None


def stop(children: list[Child]) -> None:
    """Lets every run save a checkpoint and end; a second Ctrl-C ends them at once."""
    for child in children:
        child.process.send_signal(signal.SIGINT)
    for child in children:
        while child.process.poll() is None:
            try:
                child.process.wait()
            except KeyboardInterrupt:
                child.process.send_signal(signal.SIGINT)
        child.log.close()


def room(cluster: ClusterConfig, nodes: Callable[[str], list[dict[str, Any]]] = ask) -> int:
    """How many runs go beside each other: by the CPUs and GPUs of the machine, or of the cluster."""
    cpus = cluster.actors * cluster.actor_cpus + cluster.learner_cpus
    if cluster.address is None:
        import torch

        have, gpus = float(os.cpu_count() or 1), float(torch.cuda.device_count())
    elif cluster.address == "auto":
        return 1  # its size is not known before a run is connected
    else:
        alive = [node["resources"] for node in nodes(cluster.address) if node["alive"]]
        have, gpus = (sum(float(node.get(name, 0)) for node in alive) for name in ("CPU", "GPU"))
    learner_gpus = cluster.learner_gpus if cluster.learner_gpus is not None else min(1.0, gpus)
    if learner_gpus > gpus:
        raise RunError(f"cluster.learner_gpus={learner_gpus:g} is more than the {gpus:g} GPUs there are")
    by_gpu = gpus // learner_gpus if learner_gpus else float("inf")
    return max(1, int(min(have // cpus, by_gpu)))


def tell(plan: Plan, children: list[Child], waiting: list[PlannedRun]) -> None:
    """A line on how the runs are doing."""
    doing = []
    for child in children:
        line = f"{child.run.label} for {duration(time.monotonic() - child.started)}"
        try:
            status = read_status(child.folder)
            (steps, batches) = status["steps"]
            line += f", phase {status['phase']}, {steps}/{batches} steps"
        except (ValueError, KeyError):
            pass
        doing.append(line)
    elsewhere = [run.label for run in waiting if run.state == RUNNING]
    if elsewhere:
        doing.append(f"waiting for {', '.join(elsewhere)}, which another process trains")
    done = sum(run.state == FINISHED for run in plan.runs())
    say(f"{done} of {len(plan.runs())} runs done; {'; '.join(doing)}")
