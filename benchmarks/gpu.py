"""Runs the benchmarks that a GPU changes, and a training run, one after the other within a given time.

    python -m benchmarks.gpu [--minutes M] [--out FILE] [--parts learner,train] [--resume] [--quick] [overrides]

Each part is a command of its own with a time limit. After each part FILE is written, so that an interruption loses one
part at most; --resume repeats only the parts that FILE lacks. FILE with the ending .log holds what the parts print.

- learner, learner_mixed, learner_compiled: `bench learner` with the paper's batch, as configured, in bfloat16, and
  through torch.compile (`learner.mixed_precision`, `learner.compile`);
- inference: `bench inference`;
- simulator_gpu, simulator_cpu: `bench simulator`, drawn by the GPU and by Mesa's software renderer;
- touch: `bench touch`, the physics of touches alone;
- actor, replay, broadcast: these benchmarks, with as many actors as the machine has cores, less two;
- overlap, scale: real learner and light actors, in a run's schedule;
- paper, paper_machine: `bench paper` for this machine and for 36 cores and 2 GPUs, composed of the results above;
- train: `train experiment=quickstart` with as many actors and larger batches, for the time that is left.

--quick runs everything at a small size. Without a GPU all parts run on the CPU. The overrides are those of the training
run. A part is `done`, `failed` (the reason is in FILE), `cut` at its time limit, or `skipped`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks._arguments import check_overrides, positive
from benchmarks._report import conditions, rounded
from common.files import write_json
from common.processes import kill_tree
from simulator.world.graphics import loads

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Part:
    """One command of this program."""

    command: str
    """After `./playpen`; {names} are replaced by values of the machine and of the run."""
    quick: str
    """The same at a small size."""
    limit_s: float
    """Longest duration."""
    shown: tuple[str, ...]
    """Keys of its RESULT that the table shows."""


LEARNER = ("step_s", "step_efficiency", "loss_speedup")
SIMULATOR = ("touches_per_s", "looks_per_s")
QUICK_LEARNER = "bench learner --device {device} --batch 2 --masks 2 --repeats 1"
QUICK_SIMULATOR = "bench simulator --touches 4 --looks 6 --set-ups 1"
PAPER = ("hours", "hours_overlapped", "limited_by")
PARTS = {
    "learner": Part("bench learner --device {device} --repeats 4", QUICK_LEARNER, 60, LEARNER),
    "learner_mixed": Part(
        "bench learner --device {device} --repeats 4 learner.mixed_precision=on",
        f"{QUICK_LEARNER} learner.mixed_precision=on",
        60,
        LEARNER,
    ),
    "inference": Part(
        "bench inference --device {device} --seconds 3",
        "bench inference --device {device} --seconds 0.2",
        40,
        ("images_per_s", "network_ms", "clustering_ms"),
    ),
    "simulator_gpu": Part("bench simulator --touches 100 --looks 180 --set-ups 12", QUICK_SIMULATOR, 60, SIMULATOR),
    "simulator_cpu": Part("bench simulator --touches 50 --looks 90 --set-ups 6", QUICK_SIMULATOR, 60, SIMULATOR),
    "touch": Part("bench touch --rooms 4 --touches 60", "bench touch --rooms 1 --touches 9", 40, ("physics_ms",)),
    "actor": Part(
        "bench actor --locations 20", "bench actor --locations 2", 60, ("touches_per_s", "actor_vs_simulator")
    ),
    "replay": Part(
        "bench replay --records 1000 --seconds 2",
        "bench replay --records 70 --seconds 0.2",
        60,
        ("batch_vs_copy", "ray_batches_per_s", "ray_inserts_per_s"),
    ),
    "broadcast": Part(
        "bench broadcast --actors {actors} --repeats 8",
        "bench broadcast --actors 1 --repeats 1",
        60,
        ("ms_to_last_actor",),
    ),
    "overlap": Part(
        "bench overlap --actors {actors} --seconds 6",
        "bench overlap --actors 1 --seconds 0.1 --batch 1 --steps 1",
        75,
        ("wait_share", "idle_share", "strict_wait_share"),
    ),
    "scale": Part(
        "bench scale --counts 1,4,{actors} --seconds 2",
        "bench scale --counts 1 --seconds 0.5 --step-s 1",
        90,
        ("saturates", "at_actors"),
    ),
    "paper": Part(
        "bench paper --cores {cores} --gpus {gpus} --measured {measured}",
        "bench paper --cores {cores} --gpus {gpus} --measured {measured}",
        60,
        PAPER,
    ),
    "paper_machine": Part(
        "bench paper --cores 36 --gpus 2 --measured {measured}",
        "bench paper --cores 36 --gpus 2 --measured {measured}",
        60,
        PAPER,
    ),
    "learner_compiled": Part(
        "bench learner --device {device} --repeats 4 learner.compile=true learner.mixed_precision=on",
        f"{QUICK_LEARNER} learner.compile=true",
        90,
        LEARNER,
    ),
    "train": Part(
        # Two locations an actor and round; batches as large as a GPU needs and, for as many images, fewer of them.
        "train experiment=quickstart experiment_name=gpu cluster.actors={actors} learner.batch_size=16 "
        "replay.capacity=4000 replay.locations_ahead={twice} evaluation.every_minutes=null "
        "evaluation.dataset.workers={actors} tracking.mode=disabled cluster.object_store_bytes=2000000000 "
        "learner.phases.segmentation.rounds=200 learner.phases.segmentation.locations_per_round={twice} "
        "learner.phases.segmentation.batches_first=28 learner.phases.segmentation.batches_last=90 "
        "learner.phases.segmentation.minutes={first_minutes} "
        "learner.phases.joint.rounds=200 learner.phases.joint.locations_per_round={twice} "
        "learner.phases.joint.batches_first=80 learner.phases.joint.batches_last=80 "
        "learner.phases.joint.minutes={second_minutes}",
        "train experiment=smoke cluster.actors=1 tracking.mode=disabled",
        1e9,
        ("mask_ap50", "mask_ap", "box_ap50", "steps", "locations", "wall_s"),
    ),
}
FIRST_PHASE = 0.55
"""Share of the training time that the first phase gets."""
TRAIN_SHARE = 0.35
"""Share of all the time that is kept for the training run: the other parts end or are left out before."""
AROUND_TRAINING_S = 70.0
"""Seconds that a run takes beside its phases: data set, start of all processes, final evaluation, figures."""
SHORTEST_S = 10.0
"""A part that would have less time is left out."""
GRACE_S = 15.0
"""Seconds that an interrupted part has to end by itself."""
MESA_VENDOR = Path("/usr/share/glvnd/egl_vendor.d/50_mesa.json")
"""Names Mesa's library to EGL."""


class Skipped(Exception):
    """A part cannot run here; the message says why."""


def environment(name: str) -> dict[str, str]:
    """Environment variables of a part beside those of this process.

    Raises:
        Skipped: the part needs a library that is not there.
    """
    variables = {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    if name == "simulator_gpu":
        if not torch.cuda.is_available():
            raise Skipped("torch finds no GPU")
        variables |= {"MUJOCO_GL": "egl", "MUJOCO_EGL_DEVICE_ID": "0"}
    if name == "simulator_cpu":
        if loads("OSMesa"):
            variables |= {"MUJOCO_GL": "osmesa"}
        elif MESA_VENDOR.is_file():
            variables |= {"MUJOCO_GL": "egl", "__EGL_VENDOR_LIBRARY_FILENAMES": str(MESA_VENDOR)}
        else:
            raise Skipped(f"there is no software renderer: neither OSMesa nor {MESA_VENDOR}")
    if name == "learner_compiled" and not torch.cuda.is_available():
        raise Skipped("compiling for a CPU takes minutes")
    return variables


def renderer(variables: Mapping[str, str]) -> str:
    """Names the OpenGL library and the device that draw in a part with these environment variables."""
    command = [sys.executable, "-m", "simulator", "--check-opengl"]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip()


def budget(name: str, limit_s: float, left_s: float, total_s: float, train_follows: bool) -> float:
    """Seconds that a part may take.

    Args:
        name: of the part.
        limit_s: its own limit.
        left_s: time left for all parts.
        total_s: time of all parts.
        train_follows: whether the training run is still to come.
    """
    reserved = TRAIN_SHARE * total_s if train_follows and name != "train" else 0.0
    return min(limit_s, left_s - reserved)


def machine(device: str) -> dict[str, Any]:
    """Values of the machine that commands contain."""
    cores = len(os.sched_getaffinity(0))
    actors = max(1, min(cores - 2, 35))
    gpus = torch.cuda.device_count() if device == "cuda" else 0
    return {"device": device, "cores": cores, "gpus": gpus, "actors": actors, "twice": max(2, 2 * actors)}


def phase_minutes(seconds: float) -> dict[str, str]:
    """Minutes of the two phases of a training run that may take so many seconds in all."""
    minutes = max(20.0, seconds - AROUND_TRAINING_S) / 60
    shares = {"first_minutes": FIRST_PHASE, "second_minutes": 1 - FIRST_PHASE}
    return {name: f"{share * minutes:.3f}" for name, share in shares.items()}


def run_part(words: list[str], variables: Mapping[str, str], seconds: float, log: Path) -> dict[str, Any]:
    """Runs one command of this program for so many seconds at most; its output is added to the log.

    Returns:
        state (done, failed or cut), seconds, and result or reason.
    """
    # The part is interrupted when this process ends.
    command = [sys.executable, "-m", "cluster.command.ending", str(os.getpid()), *words]
    started = time.monotonic()
    with log.open("a+", encoding="utf-8", errors="replace") as output:
        print(f"\n== {shlex.join(words)}", file=output, flush=True)
        begins = output.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **variables}
        )
        try:
            cut = not ended_within(process, seconds)
            if cut:
                process.send_signal(signal.SIGINT)
                ended_within(process, GRACE_S)
        finally:
            kill_tree(process)
        output.seek(begins)
        text = output.read()
    found: dict[str, Any] = {"state": "done", "seconds": round(time.monotonic() - started, 1)}
    results = [line for line in text.splitlines() if line.startswith("RESULT ")]
    if process.returncode == 0 and results:
        # NaN, which Python's JSON has, becomes null: others do not read it.
        result = json.loads(results[-1].removeprefix("RESULT "), parse_constant=lambda text: None)
        return found | {"result": result}
    last = " ".join(text.split())[-400:]
    reason = f"not ended after {seconds:.0f} s" if cut else f"exit code {process.returncode}"
    return found | {"state": "cut" if cut else "failed", "reason": f"{reason}: {last}"}


def ended_within(process: subprocess.Popen, seconds: float) -> bool:
    """Waits for a process, so many seconds at most."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None


def run_all(
    names: list[str],
    found: dict[str, dict[str, Any]],
    values: Mapping[str, Any],
    options: argparse.Namespace,
    save: Callable[[], None],
) -> None:
    """Runs the parts that `found` lacks and adds them to it.

    Args:
        names: of the parts.
        found: outcomes by name; those that are done are kept.
        values: see `machine`.
        options: of the command line.
        save: called after each part.
    """
    total_s = 60 * options.minutes
    ends = time.monotonic() + total_s
    for name in names:
        if found.get(name, {}).get("state") == "done":
            continue
        part, left_s = PARTS[name], ends - time.monotonic()
        seconds = budget(name, part.limit_s, left_s, total_s, "train" in names)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as measured:
            # `bench paper` reads RESULT lines; of the learner's it is to see the one that is as configured.
            for earlier in ("learner", "actor", "replay", "broadcast"):
                if "result" in found.get(earlier, {}):
                    print(f"RESULT {json.dumps(found[earlier]['result'])}", file=measured, flush=True)
            template = part.quick if options.quick else part.command
            text = template.format(**values, **phase_minutes(seconds), measured=measured.name)
            words = shlex.split(text) + (options.overrides if name == "train" else [])
            try:
                variables = environment(name)
                if seconds < SHORTEST_S:
                    raise Skipped("no time was left")
                if name.startswith("paper") and "learner" not in found:
                    raise Skipped("it is composed of the learner's result, which is missing")
                print(f"{name}: {shlex.join(words)}", file=sys.stderr, flush=True)
                drawn = {"renderer": renderer(variables)} if name.startswith("simulator") else {}
                outcome = drawn | run_part(words, variables, seconds, options.out.with_suffix(".log"))
            except Skipped as reason:
                outcome = {"state": "skipped", "seconds": 0.0, "reason": str(reason)}
        found[name] = {"command": shlex.join(words), **outcome}
        print(f"{name}: {outcome['state']} after {outcome['seconds']:.0f} s", file=sys.stderr, flush=True)
        save()


def show(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints the table of all parts."""
    table = Table("part", "state", "seconds", "figures")
    for name, outcome in found.items():
        result = outcome.get("result", {})
        figures = ", ".join(f"{key} {rounded(result[key])}" for key in PARTS[name].shown if key in result)
        table.add_row(name, outcome["state"], f"{outcome['seconds']:.0f}", figures or outcome.get("reason", "")[:200])
        if "renderer" in outcome:
            table.add_row("", "", "", outcome["renderer"])
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def main(arguments: list[str] | None = None) -> None:
    """Runs the parts, prints the table and the RESULT line."""
    parser = argparse.ArgumentParser(
        prog="./playpen bench gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=positive, default=9.0, help="for all parts together (default 9)")
    parser.add_argument("--out", type=Path, default=Path("outputs/bench/gpu.json"), help="the results' file")
    parser.add_argument("--parts", default=",".join(PARTS), help="names, with commas (default: all)")
    parser.add_argument("--resume", action="store_true", help="repeat only the parts that FILE lacks")
    parser.add_argument("--quick", action="store_true", help="everything at a small size")
    parser.add_argument("overrides", nargs="*", help="of the training run, as for ./playpen train")
    options = parser.parse_args(arguments)
    names = [name for name in options.parts.split(",") if name]
    if not names or (unknown := sorted(set(names) - set(PARTS))):
        parser.error(f"--parts must be some of {', '.join(PARTS)}, not '{', '.join(unknown) if names else ''}'")
    check_overrides(parser, options.overrides)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sizes = {"device": device, "quick": options.quick}
    found: dict[str, dict[str, Any]] = {}
    if options.resume and options.out.is_file():
        saved = json.loads(options.out.read_text(encoding="utf-8"))
        if {key: saved["conditions"].get(key) for key in sizes} != sizes:
            parser.error(f"--resume: {options.out} was measured with another device, or another --quick")
        found = saved["parts"]
    else:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.with_suffix(".log").unlink(missing_ok=True)

    measured_in = conditions(**sizes, minutes=options.minutes)
    result = {"benchmark": "gpu", "parts": found, "conditions": measured_in}
    run_all(names, found, machine(device), options, lambda: write_json(options.out, result))
    print("conditions: " + ", ".join(f"{name} {value}" for name, value in measured_in.items()))
    show(found)
    print("RESULT " + json.dumps(result), flush=True)
    if any(outcome["state"] in ("failed", "cut") for outcome in found.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
