"""`./playpen train`: checks the configuration, prepares data and Ray, trains, evaluates, and writes the results."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from actors.launch import check_launch, end_abandoned
from cluster.command.overrides import save_config
from cluster.command.result_line import print_result
from cluster.machines.resources import check_before_start, ray_session
from cluster.run.checkpoints import DISK_ERRORS, how_it_ended, how_to_resume
from cluster.run.config import RunConfig, plain_values
from cluster.run.interrupt import interrupt_flag, stop_if
from cluster.run.reporting import Reporter
from cluster.run.run_state import Resumed, find_resumable
from cluster.run.status import is_running
from cluster.run.system import System
from cluster.run.tracking import Tracker
from cluster.systems import find
from common.errors import Interrupted, RunError, UsageError
from common.output import print_message
from replay.layout import remove_tables
from replay.ring import bytes_per_record


def run(config: RunConfig, folder: Path) -> int:
    """Runs the command and returns its exit code."""
    system = find(config.system)
    if config.resume is not None and is_running(folder):
        raise UsageError(f"resume={folder}: that run is still running; stop it first")
    started = time.monotonic()
    resumed = find_resumable(folder, config.seed) if config.resume is not None else None
    check(system, config, folder, resumed)
    if resumed is None:
        save_config(config, folder / "config.yaml")
    print(f"RUN {folder}", flush=True)
    with interrupt_flag() as interrupted:
        data = system.data(config, interrupted)
        phases = system.phases(config, len(data.tasks))
        if resumed is not None:
            save_config(config, folder / "config.yaml")  # not earlier: the run must not keep a change that is refused
        tracker = Tracker(config.tracking, folder, plain_values(config), folder.name)
        meter = system.meter(config)
        reporter = Reporter(tracker, folder, config.tracking.log_every_s, meter, system.evaluation_sentence)
        if resumed is not None:
            reporter.set_state(resumed.state.report, resumed.steps)
            tracker.started_before(reporter.seconds())
            started -= reporter.seconds()
            current = phases[min(resumed.state.phase, len(phases) - 1)].name
            reporter.note(f"resumed from {resumed.checkpoint.name} in phase {current}")
        reporter.status.update(experiment=config.experiment_name)
        unsynced: str | None = None
        try:
            stop_if(interrupted)
            # Ray takes seconds to start, mostly in other processes; slow imports use this time.
            with import_in_background("cluster.run.training"), ray_session(config.cluster) as resources:
                from cluster.run.training import run_training

                stop_if(interrupted)
                result = run_training(
                    system, config, folder, resources, phases, data, reporter, interrupted, resumed, started
                )
            reporter.status.update(state="finished", seconds=reporter.seconds())
        except Interrupted as error:
            sentence = how_it_ended(error, folder)
            reporter.status.update(state="interrupted", sentence=sentence)
            raise Interrupted(sentence) from error
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            sentence = f"{error.filename or folder}: {error.strerror}{how_to_resume(folder)}"
            reporter.status.update(state="failed", sentence=sentence)
            raise RunError(sentence) from error
        except Exception as error:
            reporter.status.update(state="failed", sentence=" ".join(str(error).split()))
            raise
        finally:
            reporter.close()
            try:
                unsynced = tracker.close()
            except OSError as error:
                print_message(f"metrics.csv could not be written: {error.strerror}")
            end_abandoned()
        if not config.keep_bank:
            remove_tables(folder)  # the run is finished, whatever the disk says
        print_message(f"figures: {folder / 'figures'}, table: {folder / 'results.md'}")
        if unsynced:
            print_message(f"W&B run kept on this machine; to send it: {unsynced}")
    print_result(result)
    return 0


@contextlib.contextmanager
def import_in_background(module: str) -> Iterator[None]:
    """Imports a module in a thread, which ends with the block. An import of it in the block waits for the thread."""

    def work() -> None:
        with contextlib.suppress(Exception):  # an import within the block raises it again
            importlib.import_module(module)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def check(system: System, config: RunConfig, folder: Path, resumed: Resumed | None = None) -> None:
    """Checks what can be known before any process starts.

    Raises:
        UsageError: settings are impossible, or the disk is too small.
    """
    check_before_start(config.cluster)
    system.check(config)
    if config.cluster.address is None:
        check_launch(config.simulator)
    tables = system.tables(config)
    bank = 0
    if resumed is None:
        bank = sum(table.capacity * bytes_per_record(table.records.fields) for table in tables.values())
    needed = bank + system.checkpoint_bytes(config) * (config.checkpoints_kept + 1)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UsageError(
            f"{folder} has {free / 1e6:.0f} MB free, but the replay buffer and the checkpoints need "
            f"{needed / 1e6:.0f} MB; lower replay.capacity or choose another disk"
        )
