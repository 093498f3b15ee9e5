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
from typing import Any

from cluster.errors import Interrupted, RunError, UsageError

CONF = Path(__file__).resolve().parent.parent / "conf"
BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"

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
    "predict": """usage: ./playpen predict checkpoint=FOLDER image=RGB.png depth=DEPTH.(png|npy) [output=FOLDER]

Finds the objects in one RGB-D image.
  reads    a checkpoint folder or a run folder; a 300x300 RGB image; depth along the camera axis, as a 16-bit PNG
           (depth_scale metres a unit, default 0.001) or a .npy array in metres
  writes   OUTPUT/predictions.json (COCO: RLE mask, box, score, mass class), OUTPUT/overlay.png

example: ./playpen predict checkpoint=outputs/train/RUN image=rgb.png depth=depth.npy output=found
""",
    "dataset": """usage: ./playpen dataset [evaluation=novel_spaces|novel_objects] [overrides]

Makes the location files of a data set for the embedded rooms: a training file, and a test file with ground truth.
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
    # As Ctrl-C: simulators and workers are ended on the way out. `train` has its own way.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
        from cluster.status import run

        return run(arguments)
    if command == "cluster":
        from cluster import nodes

        return nodes.run(arguments)
    if command == "table":
        from cluster import table

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

    from cluster.config import SCHEMAS, instantiate, register
    from cluster.resources import use_ray_token

    register()
    use_ray_token()
    if not any(argument in ("--cfg", "-c", "--info", "-i", "--hydra-help") for argument in arguments):
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
        from cluster import sweep

        folder = Path(HydraConfig.get().runtime.output_dir)
        if sweep.inside_ray():
            return sweep.run_apart(HydraConfig.get().overrides.task, folder)
        module = importlib.import_module(f"cluster.{command}")
        if run_folder is not None:
            config = resumed_config(run_folder, changes)
        codes.append(guarded(lambda: int(module.run(instantiate(config, SCHEMAS[command]), folder)), folder))
        if codes[-1]:
            if run_folder is None:  # else it is another run's, which may just be making its data set
                remove_unused(folder)
            if HydraConfig.get().mode == RunMode.MULTIRUN and codes[-1] != 130:
                raise JobFailed(f"{folder} failed")
            raise SystemExit(codes[-1])
        return sweep.objective(folder) if command == "train" else None

    # Hydra would print the errors of its own steps (such as a full disk) with a traceback.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    # argparse takes overrides on one side of a flag alone.
    sys.argv = [f"playpen {command}", *sorted(arguments, key=lambda argument: argument not in ("-m", "--multirun"))]
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=command)(job)()
    except Exception:
        if not any(codes):
            raise
        # Each failed job has told its sentence; a sweeper may have one more to say of having nothing to go by.
        print(f"playpen: {sum(map(bool, codes))} of {len(codes)} runs failed", file=sys.stderr)
    return max(codes, default=0)


def resumed_folder(arguments: Sequence[str]) -> Path | None:
    """The run's folder that `resume=FOLDER` names, if any.

    Raises:
        UsageError: there is no run in it, or several are to be resumed at once.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    named = [
        parse(OverridesParser.create(), text).value() for text in arguments if text.lstrip("+").startswith("resume=")
    ]
    if not named or named[-1] is None:
        return None
    if any(argument in ("-m", "--multirun") for argument in arguments):
        raise UsageError("resume goes on with one run: leave -m out")
    folder = Path(str(named[-1])).resolve()
    if not (folder / "config.yaml").is_file():
        raise UsageError(f"resume={named[-1]} is no run folder: it has no config.yaml")
    return folder


def resumed_config(folder: Path, overrides: Sequence[str]) -> Any:
    """The configuration of a run that goes on, with single values overridden.

    Raises:
        UsageError: the run's configuration is not of this version, or an override names a group or an unknown value.
    """
    import yaml
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from cluster.config import first_line, schema_like

    try:
        saved = OmegaConf.load(folder / "config.yaml")
        config = OmegaConf.merge(schema_like(saved), saved)
    except (OmegaConfBaseException, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{folder / 'config.yaml'} is not the configuration of a run: {first_line(error)}") from error
    for text in overrides:
        override = parse(OverridesParser.create(), text)
        key = override.get_key_element().lstrip("+~")
        if not override.is_delete() and (CONF / key).is_dir():
            raise UsageError(f"resume goes on with the run's {key}: only single values such as {key}.NAME can change")
        try:
            OmegaConf.update(config, key, override.value(), force_add=False)
        except OmegaConfBaseException as error:
            raise UsageError(first_line(error)) from error
    return config


def quoted(path: Path) -> str:
    """A path as the value of an override."""
    escaped = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def remove_unused(folder: Path) -> None:
    """Removes a run's folder if nothing but its configuration was written: what was asked for did not start."""
    contents = {path.name for path in folder.iterdir()}
    if contents <= {".hydra", "config.yaml"} and ".hydra" in contents:
        shutil.rmtree(folder)


def check_overrides(command: str, arguments: list[str]) -> None:
    """Composes the configuration with the overrides, each value of a sweep in turn, so that a mistake costs nothing.

    Raises:
        UsageError: one sentence naming the override or the field.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    from cluster.config import SCHEMAS, first_line, instantiate
    from cluster.schedule import check_schedule

    overrides = [argument for argument in arguments if not argument.startswith("-")]
    run_folder = resumed_folder(arguments) if command == "train" else None
    if run_folder is not None:
        resumed: Any = instantiate(resumed_config(run_folder, overrides), SCHEMAS[command])
        check_schedule(resumed)
        return
    multirun = any(argument in ("-m", "--multirun") or argument.startswith("sweep=") for argument in arguments)
    parser = OverridesParser.create()
    if command == "train" and multirun:
        from cluster.sweep import swept

        overrides += swept(overrides)
    try:
        parsed = [parse(parser, override) for override in overrides]
        variants: list[list[str]] = [[]]
        for override in parsed:
            values = [override.input_line or ""]
            if override.is_sweep_override():
                if not multirun:
                    raise UsageError(
                        f"'{override.input_line}' has several values; add -m to run each, or quote the list"
                    )
                if override.is_discrete_sweep():
                    values = [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
                else:
                    values = []  # a continuous interval: the sweeper draws from it
            # Every value once, beside the first value of the others: all values are checked without their product.
            head = [variant + values[:1] for variant in variants]
            variants = head + [variants[0] + [value] for value in values[1:]]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            for variant in variants:
                config = compose(command, overrides=variant, return_hydra_config=False)
                built: Any = instantiate(config, SCHEMAS[command])
                if command == "train":
                    check_schedule(built)
    except UsageError:
        raise
    except (HydraException, ValueError) as error:  # Hydra has no type of its own for 'learner=5'
        raise UsageError(first_line(error) + suggestion(command, error)) from error


def parse(parser: Any, override: str) -> Any:
    """One override, parsed.

    Raises:
        UsageError: it is no KEY=VALUE.
    """
    from hydra.errors import HydraException

    key = override.split("=")[0].lstrip("+~")
    try:
        if not key or ("=" not in override and not override.startswith("~")):
            raise HydraException
        return parser.parse_override(override)
    except HydraException as error:
        raise UsageError(f"'{override}' is no override; write KEY=VALUE, quoted if VALUE has spaces") from error


def suggestion(command: str, error: BaseException) -> str:
    """ "; did you mean ...?" for a misspelt key, else nothing."""
    import difflib

    from hydra import compose, initialize_config_dir
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import ConfigAttributeError, ConfigKeyError

    cause = error.__cause__
    if not isinstance(cause, ConfigAttributeError | ConfigKeyError) or not cause.full_key:
        return ""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(command)
    parent, _, key = str(cause.full_key).rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    if not isinstance(node, DictConfig):
        return ""
    close = difflib.get_close_matches(key, [str(name) for name in node], n=1, cutoff=0.5)
    whole = f"{parent}." if parent else ""
    return (
        f"; did you mean {whole}{close[0]}?"
        if close
        else f"; {parent or 'the top level'} has {', '.join(map(str, node))}"
    )
