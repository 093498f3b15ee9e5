"""Trains the missing runs of a table in subprocesses, measures each finished run, and writes the comparison."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from cluster.command.child_run import TRAIN_COMMAND
from cluster.command.overrides import quoted
from cluster.machines.joining import query_nodes
from cluster.run.config import ClusterConfig, plain_values
from cluster.run.status import duration, read_status
from cluster.systems import find
from cluster.table.plan import Plan
from cluster.table.runs import FINISHED, RUNNING, UNFINISHED, FoundRun, PlannedRun, state_of
from common.errors import Interrupted, RunError, UsageError
from common.files import locked
from common.output import print_message
from common.processes import last_message

MAX_ATTEMPTS = 2
"""Maximum number of attempts at a run in one call: a machine may be too busy for the first one."""
USAGE_EXIT_CODE = 2
"""Exit code of a UsageError, after which another attempt is useless."""
POLL_INTERVAL_S = 0.5
REPORT_INTERVAL_S = 60.0
"""Seconds between progress messages."""


@dataclass
class Child:
    """A run that this process started."""

    run: PlannedRun
    folder: Path
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    started: float = field(default_factory=time.monotonic)


def work(plan: Plan, interrupted: threading.Event) -> int:
    """Trains missing runs, measures all runs, and writes the comparison. Returns the exit code.

    Raises:
        Interrupted: Ctrl-C; the same command continues.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    with exclusive(plan.folder):
        return _train_and_compare(plan, interrupted, find(plan.base.system).table_results(plan, interrupted))


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Locks a table's folder within the block.

    Raises:
        UsageError: another process has locked it.
    """
    try:
        lock = locked(folder / ".lock")
    except BlockingIOError:
        raise UsageError(f"{folder}: another process is making this table; wait until it ends") from None
    with lock:
        yield


def _train_and_compare(plan: Plan, interrupted: threading.Event, results: Any) -> int:
    for run in plan.runs():
        if run.state == FINISHED:
            results.measure(run)
    results.write(figures=False)
    train_missing(plan, interrupted, results)
    results.write(figures=True)
    results.show()
    failed = [run for run in plan.runs() if run.failed]
    for run in failed:
        print_message(f"{run.label} failed: {run.failed}")
    return 1 if failed else 0


def train_missing(plan: Plan, interrupted: threading.Event, results: Any) -> None:
    """Trains all unfinished runs, several at a time. A failed run does not end the others.

    Raises:
        Interrupted: Ctrl-C, after every run has saved a checkpoint and ended.
    """
    waiting = [run for run in plan.runs() if run.state != FINISHED]
    if not waiting:
        return
    width = plan.request.config.parallel or max_parallel_runs(plan.base.cluster)
    print_message(f"{len(waiting)} of {len(plan.runs())} runs to train, {width} at a time")
    children: list[Child] = []
    last_report = time.monotonic()
    try:
        while waiting or children:
            if interrupted.is_set():
                raise Interrupted
            for child in [child for child in children if child.process.poll() is not None]:
                children.remove(child)
                record_end(child)
                if (
                    child.run.failed
                    and child.run.attempts < MAX_ATTEMPTS
                    and child.process.returncode != USAGE_EXIT_CODE
                ):
                    waiting.append(child.run)  # after all others
                if child.run.state == FINISHED:
                    results.measure(child.run)
                    results.write(figures=False)
            for run in [run for run in waiting if run.state == RUNNING]:
                refresh_state(run)  # another process trains it
                if run.state == FINISHED:
                    waiting.remove(run)
                    results.measure(run)
            for run in [run for run in waiting if run.state != RUNNING][: max(0, width - len(children))]:
                waiting.remove(run)
                children.append(start(run, plan))
            if time.monotonic() - last_report > REPORT_INTERVAL_S:
                last_report = time.monotonic()
                report_progress(plan, children, waiting)
            time.sleep(POLL_INTERVAL_S)
    except (Interrupted, KeyboardInterrupt):
        stop(children)
        done = sum(run.state == FINISHED for run in plan.runs())
        raise Interrupted(f"{done} of {len(plan.runs())} runs are done; the same command continues") from None
    except BaseException:
        stop(children)
        raise


def start(run: PlannedRun, plan: Plan) -> Child:
    """Starts or resumes a run in a subprocess; its output goes to a log file in the table's folder."""
    if run.state == UNFINISHED:
        assert run.found is not None
        folder = run.found.folder
        arguments = [f"resume={quoted(folder)}"]
    else:
        date = time.strftime("%Y-%m-%d_%H-%M-%S")
        folder = Path(plan.request.config.runs[0]).parent / f"{date}_{plan.base.experiment_name}_{run.label}"
        arguments = [*run.overrides, f"hydra.run.dir={quoted(folder)}"]
    run.attempts, run.failed = run.attempts + 1, ""
    logs = plan.folder / "logs"
    logs.mkdir(exist_ok=True)
    log = (logs / f"{run.label}.log").open("ab")
    print_message(f"{'resuming' if run.state == UNFINISHED else 'training'} {run.label} in {folder}")
    process = subprocess.Popen(
        [*TRAIN_COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,  # so that Ctrl-C reaches it only through this process
    )
    return Child(run, folder, process, log)


def record_end(child: Child) -> None:
    """Records and reports how a run ended."""
    child.log.close()
    state = state_of(child.folder)
    child.run.found = FoundRun(child.folder, state, plain_values(child.run.config)) if state else None
    if child.run.state == FINISHED:
        print_message(f"{child.run.label} is done, after {duration(time.monotonic() - child.started)}")
        return
    child.run.failed = last_message(Path(child.log.name)) or f"it ended with code {child.process.returncode}"
    print_message(f"{child.run.label} failed: {child.run.failed}; its log is {child.log.name}")


def refresh_state(run: PlannedRun) -> None:
    """Updates the state of a run that another process trains."""
    assert run.found is not None
    state = state_of(run.found.folder)
    run.found = replace(run.found, state=state) if state else None


def stop(children: list[Child]) -> None:
    """Interrupts all runs and waits until they have saved a checkpoint and ended; a second Ctrl-C ends them at once."""
    for child in children:
        child.process.send_signal(signal.SIGINT)
    for child in children:
        while child.process.poll() is None:
            try:
                child.process.wait()
            except KeyboardInterrupt:
                child.process.send_signal(signal.SIGINT)
        child.log.close()


def max_parallel_runs(cluster: ClusterConfig, nodes: Callable[[str], list[dict[str, Any]]] = query_nodes) -> int:
    """Number of runs that fit at the same time on the CPUs and GPUs of the machine or of the cluster.

    Args:
        cluster: settings of one run.
        nodes: returns the nodes of the cluster at an address.
    """
    cpus = cluster.actors * cluster.actor_cpus + cluster.learner_cpus
    if cluster.address is None:
        import torch

        have, gpus = float(os.cpu_count() or 1), float(torch.cuda.device_count())
    elif cluster.address == "auto":
        return 1  # the cluster's size is unknown before a run connects to it
    else:
        alive = [node["resources"] for node in nodes(cluster.address) if node["alive"]]
        have, gpus = (sum(float(node.get(name, 0)) for node in alive) for name in ("CPU", "GPU"))
    learner_gpus = cluster.learner_gpus if cluster.learner_gpus is not None else min(1.0, gpus)
    if learner_gpus > gpus:
        raise RunError(f"cluster.learner_gpus={learner_gpus:g} is more than the {gpus:g} available GPUs")
    by_gpu = gpus // learner_gpus if learner_gpus else float("inf")
    return max(1, int(min(have // cpus, by_gpu)))


def report_progress(plan: Plan, children: list[Child], waiting: list[PlannedRun]) -> None:
    """Prints a message about the runs in progress."""
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
    print_message(f"{done} of {len(plan.runs())} runs done; {'; '.join(doing)}")
