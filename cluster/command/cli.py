"""The command line: COMMAND and Hydra overrides, checked completely before anything starts.

Exit codes: 0 success, 1 the run failed, 2 wrong usage, 130 interrupted. An error is one sentence on stderr;
PLAYPEN_TRACEBACK=1 adds the traceback.
"""

from __future__ import annotations

import importlib
import os
import runpy
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cluster.command.compose import COMMANDS_WITH_FOLDER, check_overrides, resumed_config, resumed_folder
from cluster.command.help import HELP, USAGE
from cluster.command.overrides import CONF, hydra_overrides, multirun, quoted
from cluster.run.checkpoints import how_to_resume
from cluster.run.run_folder import RUN_FILE, claim
from common.errors import Interrupted, RunError, UsageError
from common.output import never_fail, print_message
from common.signals import stopping

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

PACKAGES = ("actors", "evaluation", "learner", "models", "replay")
"""Packages whose own errors are sentences for the user."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits with its code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        raise SystemExit(0)
    command, rest = arguments[0], arguments[1:]
    if command not in HELP:
        print_message(f"unknown command '{command}'; one of {', '.join(HELP)}")
        raise SystemExit(2)
    never_fail()
    # All stopping signals act like Ctrl-C, so that simulators and workers are stopped. `train` has its own handler.
    for number in stopping():
        if number != signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
    with writable_home():
        code = guarded(lambda: dispatch(command, rest))
    sys.stdout.flush()
    # Ctrl-C within an `exec` of source text (such as a dataclass definition) sets a flag in the interpreter, which then
    # would end by SIGINT instead of with this code; executing any text clears the flag.
    eval("None")
    raise SystemExit(code)


@contextmanager
def writable_home() -> Iterator[None]:
    """Replaces a home folder that cannot be written by a temporary one: Ray, W&B and Matplotlib write there."""
    home = os.path.expanduser("~")
    try:
        os.makedirs(home, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError:
        pass
    else:
        yield
        return
    print_message(f"the home folder {home} cannot be written; a temporary one replaces it")
    with tempfile.TemporaryDirectory(prefix="playpen-home-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("NETRC", os.path.join(home, ".netrc"))  # keeps a login that can still be read
        os.environ["HOME"] = folder
        yield


def dispatch(command: str, arguments: list[str]) -> int:
    """Runs a command with its arguments and returns the exit code."""
    if command == "bench":
        return bench(arguments)
    if any(argument in ("-h", "--help") for argument in arguments):
        print(HELP[command], end="")
        return 0
    if command == "status":
        from cluster.run.status import run

        return run(arguments)
    if command == "cluster":
        from cluster.machines import nodes

        return nodes.run(arguments)
    if command == "pack":
        from cluster.command import pack

        return pack.run(arguments)
    if command == "table":
        from cluster.table import command as table

        return table.run(arguments)
    return hydra_command(command, arguments)


def guarded(work: Callable[[], int], folder: Path | None = None) -> int:
    """Runs `work` and turns its errors into one sentence and an exit code.

    Args:
        work: returns an exit code.
        folder: named if a system error names no file, such as that of a full disk.
    """
    try:
        return work()
    except UsageError as error:
        return report(error, 2)
    except RunError as error:
        return report(error, 1)
    except (Interrupted, KeyboardInterrupt) as error:
        print_message(f"interrupted{': ' + str(error) if str(error) else ''}")
        return 130
    except OSError as error:
        if error.strerror and folder is not None and error.filename is None:
            error.filename = folder
        return report(error, 1)
    except Exception as error:
        # Errors of our packages are sentences for the user; anything else is a defect.
        if type(error).__module__.split(".")[0] in PACKAGES or os.environ.get("PLAYPEN_TRACEBACK"):
            return report(error, 1)
        return report(
            RuntimeError(f"unexpected {type(error).__name__}: {error} (PLAYPEN_TRACEBACK=1 shows the traceback)"), 1
        )


def report(error: BaseException, code: int) -> int:
    """Prints an error as one sentence, and the traceback if asked for; returns the exit code."""
    if os.environ.get("PLAYPEN_TRACEBACK"):
        traceback.print_exception(error)
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"
    print_message(" ".join(text.split()) or type(error).__name__)
    return code


def bench(arguments: list[str]) -> int:
    """Runs benchmarks/NAME.py as a program."""
    names = sorted(path.stem for path in BENCHMARKS.glob("*.py") if not path.stem.startswith("_"))
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP["bench"].replace("{names}", ", ".join(names)), end="")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in names:
        raise UsageError(f"unknown benchmark '{name}'; one of {', '.join(names)}")
    sys.argv = [f"playpen bench {name}", *rest]
    runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)
    return 0


def hydra_command(command: str, arguments: list[str]) -> int:
    """Composes and checks the configuration; then Hydra runs the command, once or for each job of a sweep."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import DictConfig

    from cluster.machines.resources import use_ray_token
    from cluster.run.config import instantiate
    from cluster.systems import chosen_name, find, register, with_command

    register()
    use_ray_token()
    arguments = hydra_overrides(arguments)
    system = with_command(chosen_name(arguments, command), command)
    shown_only = any(argument in ("--cfg", "-c", "--info", "-i", "--hydra-help") for argument in arguments)
    if not shown_only:
        check_overrides(command, arguments)
    codes: list[int] = []

    class JobFailed(RuntimeError):
        """A job of a sweep failed; unlike after SystemExit, Hydra continues with the other jobs."""

    run_folder = resumed_folder(arguments) if command == "train" else None
    changes: list[str] = []
    if run_folder is not None:
        # The overrides change the saved configuration. The one that Hydra composes may lack their keys.
        changes = [argument for argument in arguments if not argument.startswith(("-", "hydra."))]
        flags = [argument for argument in arguments if argument not in changes]
        arguments = [*flags, f"hydra.run.dir={quoted(run_folder)}", "hydra.output_subdir=null"]

    def job(config: DictConfig) -> float | None:
        from cluster.command import sweep

        folder = Path(HydraConfig.get().runtime.output_dir)
        if run_folder is not None:
            config = resumed_config(run_folder, changes)
        objective = find(config.system).objective if command == "train" else ""
        if sweep.inside_ray():
            return sweep.run_in_subprocess(HydraConfig.get().overrides.task, folder, objective)
        entry = (system if run_folder is None else find(config.system)).commands[command]
        module = importlib.import_module(entry.module)
        claimed = False

        def work() -> int:
            nonlocal claimed
            if command in COMMANDS_WITH_FOLDER and run_folder is None:
                claim(folder, command)
                claimed = True
            return int(module.run(instantiate(config, entry.schema), folder))

        codes.append(guarded(work, folder))
        if codes[-1]:
            if claimed:
                remove_unused(folder)
            if HydraConfig.get().mode == RunMode.MULTIRUN and codes[-1] != 130:
                raise JobFailed(f"{folder} failed")
            raise SystemExit(codes[-1])
        # A run by itself needs none, and has none if its evaluation leaves out that skill.
        swept = command == "train" and HydraConfig.get().mode == RunMode.MULTIRUN
        return sweep.objective(folder, objective) if swept else None

    if command == "train" and run_folder is None and multirun(arguments) and not shown_only:
        from cluster.command import sweep
        from cluster.command.sweep_config import ray_launcher

        if (settings := ray_launcher(arguments)) is not None:
            sweep.start_launcher(settings)
    # Without this, Hydra prints errors of its own steps (such as a full disk) itself.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    # argparse accepts overrides only on one side of a flag.
    sys.argv = [f"playpen {command}", *sorted(arguments, key=lambda argument: argument not in ("-m", "--multirun"))]
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=system.commands[command].config)(job)()
    except KeyboardInterrupt:
        from cluster.command import sweep

        for folder in sweep.stop_runs():
            print_message(f"{folder}{how_to_resume(Path(folder))}")
        raise
    except Exception:
        if not any(codes):
            raise
        # Each failed job has reported its error; a sweeper may add one about missing objectives, which is dropped.
        print_message(f"{sum(map(bool, codes))} of {len(codes)} runs failed")
    return max(codes, default=0)


def remove_unused(folder: Path) -> None:
    """Removes the folder of a run that did not start: one that holds only its configuration."""
    metrics = folder / "metrics.jsonl"
    if metrics.is_file() and not metrics.stat().st_size:
        metrics.unlink()
    if {path.name for path in folder.iterdir()} <= {".hydra", "config.yaml", RUN_FILE}:
        shutil.rmtree(folder)
