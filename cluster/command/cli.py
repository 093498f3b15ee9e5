"""The command line: COMMAND plus Hydra overrides, checked as a whole before anything starts.

Exit codes: 0 done, 1 the run failed, 2 the command was not understood, 130 interrupted. Errors are one sentence on
stderr; PLAYPEN_TRACEBACK=1 adds the traceback.
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

from cluster.command.compose import OWN_FOLDER, check_overrides, resumed_config, resumed_folder
from cluster.command.overrides import CONF, hydra_overrides, multirun, quoted
from cluster.run.checkpoints import how_to_resume
from cluster.run.run_folder import RUN_FILE, claim
from common.errors import Interrupted, RunError, UsageError
from common.output import never_fail
from common.signals import stopping

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

ROOMS = ("actors", "evaluation", "learner", "models", "replay")

HELP = {
    "train": """usage: ./playpen train [-m] [overrides]

Collects locations by touching, trains on them, evaluates, and draws the results.
  reads    conf/ (see conf/train.yaml), the location files of the chosen data set (made on first use)
  writes   outputs/train/<time>_<experiment>/: checkpoints/, config.yaml, metrics.jsonl, metrics.csv, results.json,
           results.md, predictions/ (COCO JSON), figures/, wandb/; outputs/datasets/ (location files, kept between runs)
  prints   progress, a results table, RUN <folder> and RESULT {json}

examples:
  ./playpen train                                        the quickstart
  ./playpen train experiment=smoke seed=3                a minute, to see that everything runs
  ./playpen train experiment=paper cluster.actors=35     the paper's schedule
  ./playpen train -m experiment=smoke learner.lr=1e-4,5e-4   a sweep (Hydra multirun)
  ./playpen train sweep=optuna                           a sweep of conf/sweep/: local, ray, optuna
  ./playpen train resume=outputs/train/RUN               goes on with a run that was stopped or died
  ./playpen train models=mask_rcnn learner=mask_rcnn actors.supervision=full   another model, for comparison

`./playpen train --cfg job` prints the whole configuration; `--hydra-help` explains Hydra's own flags.
""",
    "evaluate": """usage: ./playpen evaluate checkpoint=FOLDER [overrides]

Measures a checkpoint on a data set of locations: box and mask AP, mass accuracy, confusion matrix, six-panel figures.
  reads    a checkpoint folder or a run folder; the data set's test file (made on first use)
  writes   outputs/evaluate/<time>/: results.json, results.md, predictions/ (COCO JSON), figures/
  prints   a results table, RUN <folder> and RESULT {json}

example: ./playpen evaluate checkpoint=outputs/train/RUN evaluation=novel_objects
""",
    "table": """usage: ./playpen table TABLE=NAME [--list] [settings] [overrides of train]

Compares rows of conf/table/NAME.yaml: trains each with several seeds, or takes the runs that are there, measures all of
them on the same locations of each data set, and writes one table. Started again, it goes on where it stopped.
  names    supervision, masks, reach, replay, choice, models, all
  --list   only says which runs are there, which are missing, and how long these may take
  settings seeds=[1,2,3] parallel=N data_sets=[novel_objects,novel_spaces] figures=4 (conf/table.yaml has all)
  reads    conf/, runs in outputs/train/ and outputs/sweeps/ with the same configuration
  writes   outputs/train/ (the runs that were missing), outputs/tables/<name>_<experiment>-<hash>/: table.md, table.csv,
           figures/, logs/, wandb/
  prints   TABLE <folder>, the tables, and RESULT {json}

examples:
  ./playpen table TABLE=reach --list
  ./playpen table TABLE=reach experiment=quickstart seeds=[1,2]
""",
    "predict": """usage: ./playpen predict checkpoint=FOLDER image=IMAGE depth=DEPTH [output=FOLDER]

Finds the objects in one RGB-D image.
  reads    a checkpoint folder or a run folder; a 300x300 colour image (PNG, JPEG, WebP, BMP, TIFF); depth along the
           camera axis: a 16-bit PNG or TIFF (depth_scale metres a unit, default 0.001), or metres in a float TIFF, .npy
           or .npz; docs/predict.md has the conventions
  writes   OUTPUT/predictions.json (COCO: RLE mask, box, score, mass class), OUTPUT/overlay.png

example: ./playpen predict checkpoint=outputs/train/RUN image=rgb.png depth=depth.npy output=found
""",
    "dataset": """usage: ./playpen dataset [evaluation=novel_spaces|novel_objects] [overrides]

Makes the location files of a data set for the embedded rooms: a training file, and a test file with ground truth.
Stopped or killed, the same command goes on.
  reads    conf/evaluation/
  writes   outputs/datasets/<name>-<hash of the settings>/: train.json, test.json
  prints   the paths and RESULT {json}

example: ./playpen dataset evaluation=novel_objects
""",
    "rooms": """usage: ./playpen rooms [overrides]

Draws contact sheets: rooms (colour, depth, instances) and touches (before, after, changed cells, mask, true mask).
  reads    conf/rooms.yaml
  writes   outputs/rooms/<time>/: views.png, touches.png
  prints   RUN <folder> and RESULT {json}

example: ./playpen rooms 'scenes=[FloorPlan1,FloorPlan30]' views=3
""",
    "status": """usage: ./playpen status [RUN]

Tells how a run is doing, from its folder alone: running or died, progress, rates, what each actor does, restarts and
their reasons, quarantined locations, bytes, the last checkpoint and how to go on from it.
  reads    RUN/status.json, RUN/checkpoints/ (without RUN: the newest run in outputs/train/)
  writes   nothing

example: ./playpen status outputs/train/RUN
""",
    "cluster": """usage: ./playpen cluster head [options] | join HOST:PORT [options] | status [HOST:PORT] | stop

Makes a Ray cluster of the machines one has (cluster/README.md; clouds and Kubernetes: cluster/deploy/).
  head     starts the cluster's first node here, in the background, and prints how the others join.
           --address IP|auto   address of this machine; default 127.0.0.1, which no other machine reaches
           --port 6379  --dashboard-port 8265 (always on 127.0.0.1)
  join     starts a node here, in the background, that joins the head at HOST:PORT.
           --node-address IP   address of this machine; default: the one on the way to the head
  status   prints the nodes, their roles, and what is free; without HOST:PORT of the cluster that was started here
  stop     ends what head and join started on this machine, and nothing else
  --role learner|simulation|both   what may run there: learner and memory bank, actors; default: head both, join
           simulation
  --token-file FILE   of head, join, status: Ray's token, the same file on all machines; head makes it if it is not
           there; default RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token; RAY_AUTH_MODE=disabled: none
  --cpus N  --gpus N  --object-store-bytes N   of head and join; default: Ray's own count
  writes   ~/.cache/playpen/cluster/ (a note and a log for each node), the token file
  prints   what to do next, RESULT {json}

examples:
  ./playpen cluster head --address auto --role learner
  ./playpen cluster join 10.0.0.1:6379 --token-file token
  ./playpen train cluster=ray cluster.address=10.0.0.1:6379
""",
    "bench": """usage: ./playpen bench NAME [options]

Runs a benchmark of benchmarks/: it prints its conditions, a table, and RESULT {json}.
  names    {names}
  `./playpen bench NAME --help` says what it measures.

example: ./playpen bench replay
""",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits with its code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command not in HELP:
        fail(f"unknown command '{command}'; one of {', '.join(HELP)}", 2)
    never_fail()
    # As Ctrl-C: simulators and workers are ended on the way out. `train` has its own way.
    for number in stopping():
        if number != signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
    with writable_home():
        code = guarded(lambda: dispatch(command, rest))
    sys.stdout.flush()
    # Ctrl-C within an `exec` of source text (a dataclass being made) leaves a note in the interpreter, which would then
    # end by SIGINT instead of with the code; running any text takes it back.
    eval("None")
    raise SystemExit(code)


@contextmanager
def writable_home() -> Iterator[None]:
    """A temporary home folder if the user's cannot be written: Ray, W&B and Matplotlib each want to write there."""
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
    print(f"playpen: the home folder {home} cannot be written; a temporary one takes its place", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="playpen-home-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("NETRC", os.path.join(home, ".netrc"))  # a login that can be read still counts
        os.environ["HOME"] = folder
        yield


def dispatch(command: str, arguments: list[str]) -> int:
    """Routes to the benchmark runner, to a run's status, or to Hydra. Returns the exit code."""
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
    if command == "table":
        from cluster.table import command as table

        return table.run(arguments)
    return hydra_command(command, arguments)


def guarded(work: Callable[[], int], folder: Path | None = None) -> int:
    """Runs `work` and turns its errors into one sentence and an exit code.

    Args:
        work: returns an exit code.
        folder: named where a system's error names no file, as that of a full disk.
    """
    try:
        return work()
    except UsageError as error:
        return report(error, 2)
    except RunError as error:
        return report(error, 1)
    except (Interrupted, KeyboardInterrupt) as error:
        print(f"playpen: interrupted{': ' + str(error) if str(error) else ''}", file=sys.stderr)
        return 130
    except OSError as error:
        if error.strerror and folder is not None and error.filename is None:
            error.filename = folder
        return report(error, 1)
    except Exception as error:
        # The rooms' own errors are sentences; anything else is a defect, and says where it can be looked into.
        if type(error).__module__.split(".")[0] in ROOMS or os.environ.get("PLAYPEN_TRACEBACK"):
            return report(error, 1)
        return report(RuntimeError(f"unexpected {type(error).__name__}: {error} (PLAYPEN_TRACEBACK=1 shows where)"), 1)


def report(error: BaseException, code: int) -> int:
    """Prints the sentence (and the traceback if asked for)."""
    if os.environ.get("PLAYPEN_TRACEBACK"):
        traceback.print_exception(error)
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"
    message = " ".join(text.split()) or type(error).__name__
    print(f"playpen: {message}", file=sys.stderr)
    return code


def fail(message: str, code: int) -> None:
    """Ends the process with one sentence."""
    print(f"playpen: {message}", file=sys.stderr)
    raise SystemExit(code)


def bench(arguments: list[str]) -> int:
    """Runs benchmarks/NAME.py as a program of its own."""
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
    """Composes and checks the configuration, then lets Hydra run the command (once, or for each job of a sweep)."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import DictConfig

    from cluster.machines.resources import use_ray_token
    from cluster.run.config import instantiate
    from cluster.systems import chosen, register

    register()
    use_ray_token()
    arguments = hydra_overrides(arguments)
    system = chosen(arguments)
    shown_only = any(argument in ("--cfg", "-c", "--info", "-i", "--hydra-help") for argument in arguments)
    if not shown_only:
        check_overrides(command, arguments)
    codes: list[int] = []

    class JobFailed(RuntimeError):
        """One of several: Hydra goes on with the others, as it would not after SystemExit."""

    run_folder = resumed_folder(arguments) if command == "train" else None
    changes: list[str] = []
    if run_folder is not None:
        # Hydra would look for what is changed in the configuration that it composes, which may be of another model.
        changes = [argument for argument in arguments if not argument.startswith(("-", "hydra."))]
        flags = [argument for argument in arguments if argument not in changes]
        arguments = [*flags, f"hydra.run.dir={quoted(run_folder)}", "hydra.output_subdir=null"]

    def job(config: DictConfig) -> float | None:
        from cluster.command import sweep

        folder = Path(HydraConfig.get().runtime.output_dir)
        if sweep.inside_ray():
            return sweep.run_apart(HydraConfig.get().overrides.task, folder, system.objective)
        entry = system.commands[command]
        module = importlib.import_module(entry.module)
        if run_folder is not None:
            config = resumed_config(run_folder, changes)
        claimed = False

        def work() -> int:
            nonlocal claimed
            if command in OWN_FOLDER and run_folder is None:
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
        return sweep.objective(folder, system.objective) if command == "train" else None

    if command == "train" and run_folder is None and multirun(arguments) and not shown_only:
        from cluster.command import sweep
        from cluster.command.sweep_config import ray_launcher

        if (settings := ray_launcher(arguments)) is not None:
            sweep.start_launcher(settings)
    # Hydra would print the errors of its own steps (such as a full disk) with a traceback.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    # argparse takes overrides on one side of a flag alone.
    sys.argv = [f"playpen {command}", *sorted(arguments, key=lambda argument: argument not in ("-m", "--multirun"))]
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=command)(job)()
    except KeyboardInterrupt:
        from cluster.command import sweep

        for folder in sweep.stop_runs():
            print(f"playpen: {folder}{how_to_resume(Path(folder))}", file=sys.stderr)
        raise
    except Exception:
        if not any(codes):
            raise
        # Each failed job has told its sentence; a sweeper may have one more to say of having nothing to go by.
        print(f"playpen: {sum(map(bool, codes))} of {len(codes)} runs failed", file=sys.stderr)
    return max(codes, default=0)


def remove_unused(folder: Path) -> None:
    """Removes a run's folder if nothing but its configuration was written: what was asked for did not start."""
    metrics = folder / "metrics.jsonl"
    if metrics.is_file() and not metrics.stat().st_size:
        metrics.unlink()
    if {path.name for path in folder.iterdir()} <= {".hydra", "config.yaml", RUN_FILE}:
        shutil.rmtree(folder)
