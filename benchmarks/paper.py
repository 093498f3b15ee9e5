"""Forecasts from measured parts how long `experiment=paper` would take on given cores and GPUs.

    python -m benchmarks.paper --cores N --gpus M [--measured FILE] [--step-s S | --gpu-tflops T]

FILE holds RESULT lines of `./playpen bench actor`, `learner`, `replay` and `broadcast` from the machine in question.
Other lines are ignored, and the last of several results of a benchmark counts. What FILE lacks is measured here, by the
same benchmarks at a small size, except the broadcast, which needs the actors' processes and then counts as nothing.

The schedule is the configuration's: each phase collects its prefill, then come its rounds. Parts of a round:

- collecting: the round's locations, by as many actors as there are cores for them, at most cluster.actors, each with a
  core for itself and its simulator; the cost of a location is what bench actor measured, by its number of touches;
- learning: the round's batches, one step after the other;
- the replay buffer: the round's records in and batches out, through Ray.

The paper alternates: a round takes its collecting and then its learning, and the replay buffer works beside each.
With replay.strict=false all parts of a round work at the same time, and it takes as long as the slowest of them.

hours is the sum over all rounds with the paper's alternation, hours_overlapped the sum with overlap, and limited_by the
part that takes most of the hours. Values that were assumed or calculated rather than measured are printed, and listed
under `assumptions` in RESULT. Evaluations during training are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks._arguments import positive, whole
from benchmarks._report import REPLAY, conditions, configuration, report
from cluster.interaction.config import TrainConfig
from learner.interaction.schedule import PhaseConfig, batches_in_round, total_batches, total_locations
from models.interaction.build import build_network
from replay.interaction.record import IMAGE_SIZE, MAGNITUDES

PAPER_HOURS, PAPER_THREADS, PAPER_GPUS = 36.0, 36, 2
GPU_TFLOPS = 4.0
"""Sustained float32 TFLOP/s of a GPU if no step was measured on one: 30 % of the peak of an RTX 2080 Ti."""
QUICK = {
    "actor": ("--locations", "6"),
    "learner": ("--batch", "8", "--repeats", "1", "--threads", "1"),
    "replay": ("--records", "128", "--seconds", "1"),
}
"""Benchmarks that are needed, and their options if they are run here."""
PARTS = {"learner": "loss_speedup", "replay": "ray_batches_per_s", "actor": "actor_vs_simulator"}
PARTS |= {"broadcast": "ms_to_last_actor"}
"""A key that identifies each benchmark's RESULT."""


@dataclass(frozen=True)
class Costs:
    """Seconds that each part takes."""

    location_s: float
    """Seconds of an actor's core for a location without its touches."""
    touch_s: float
    """Seconds of an actor's core for each touch sent to the simulator."""
    asked_share: float
    """Share of the planned touches that are sent to the simulator: the others are out of reach."""
    step_s: float
    """Seconds of the learner for a batch."""
    record_s: float
    """Seconds of the replay buffer for a record."""
    batch_s: float
    """Seconds of the replay buffer for a batch."""
    broadcast_s: float
    """Seconds until all actors have new weights. The actors wait for them, the learner does not."""

    def trials(self, phase: PhaseConfig) -> float:
        """Maximum touches sent to the simulator for each planned touch in reach.

        With force trials, a touch that fails is tried with the magnitude below the predicted one, the predicted one and
        the largest, none twice: with 2, 3 or 2 magnitudes.
        """
        return (3 * MAGNITUDES - 2) / MAGNITUDES if phase.force_trials else 1.0

    def visit_s(self, phase: PhaseConfig) -> float:
        """Seconds of an actor's core for a location of a phase."""
        touches = (phase.greedy + phase.random) * self.asked_share * self.trials(phase)
        return self.location_s + touches * self.touch_s


@dataclass(frozen=True)
class Forecast:
    """Forecast hours of a run."""

    hours: float
    limited_by: str
    hours_by_part: dict[str, float]
    """Hours in which each part was the slowest of the parts that worked at the same time."""
    busy: dict[str, float]
    """Hours that each part would take if the others took no time."""


def forecast(config: TrainConfig, costs: Costs, actors: int) -> Forecast:
    """Adds up the parts over the whole schedule, in turn or overlapping as `config.replay.strict` says.

    So many `actors` play at the same time, each on a core of its own.
    """
    slowest = {"collecting": 0.0, "learning": 0.0, REPLAY: 0.0}
    busy = dict(slowest)
    for phase in config.learner.phases.values():
        if not phase.rounds:
            continue
        spans = [(phase.prefill, 0)]
        spans += [(phase.locations_per_round, batches_in_round(phase, r)) for r in range(phase.rounds)]
        for locations, batches in spans:
            collecting = {
                "collecting": locations * costs.visit_s(phase) / actors + (costs.broadcast_s if batches else 0.0),
                REPLAY: locations * costs.record_s,
            }
            learning = {"learning": batches * costs.step_s, REPLAY: batches * costs.batch_s}
            at_once = [collecting, learning]
            if not config.replay.strict:
                both = collecting[REPLAY] + learning[REPLAY]
                at_once = [{**collecting, **learning, REPLAY: both}]
            for seconds in at_once:
                part = max(seconds, key=lambda name: seconds[name])
                slowest[part] += seconds[part] / 3600
                for name, spent in seconds.items():
                    busy[name] += spent / 3600
    return Forecast(sum(slowest.values()), max(slowest, key=lambda name: slowest[name]), slowest, busy)


def results(lines: Iterable[str]) -> dict[str, dict[str, Any]]:
    """RESULT lines by benchmark.

    Raises:
        ValueError: a RESULT line does not hold a JSON object.
    """
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        if match := re.match(r"\s*RESULT (.*)", line):
            try:
                result = dict(json.loads(match[1]))
            except (ValueError, TypeError) as error:
                raise ValueError(f"no JSON object in the line {line.strip()[:80]}") from error
            found |= {name: result for name, key in PARTS.items() if key in result}
    return found


def measure(name: str) -> dict[str, Any]:
    """Runs a benchmark at a small size.

    Raises:
        RuntimeError: it failed.
    """
    print(f"measuring: bench {name} {' '.join(QUICK[name])}", file=sys.stderr, flush=True)
    device = ("--device", "cuda") if name == "learner" and torch.cuda.is_available() else ()
    command = [sys.executable, "-m", f"benchmarks.{name}", *QUICK[name], *device]
    root = Path(__file__).resolve().parents[1]
    environment = {"OMP_WAIT_POLICY": "PASSIVE"} | os.environ
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"bench {name} failed: {' '.join(done.stderr.split())[-400:]}")
    return results(done.stdout.splitlines())[name]


def training_tflop(config: TrainConfig) -> float:
    """TFLOP of the network's forward and backward pass for one image, counted by torch."""
    network = build_network(config.models, config.seed)
    counter = FlopCounterMode(display=False)
    with counter:
        output = network(torch.zeros(1, 4, IMAGE_SIZE, IMAGE_SIZE))
        torch.stack([x.sum() for x in output]).sum().backward()
    return counter.get_total_flops() / 1e12


def step_seconds(
    config: TrainConfig, learner: dict[str, Any], gpus: int, given: float | None, tflops: float
) -> tuple[float, str]:
    """Seconds of a step of a whole batch on one GPU or one core, and a sentence about their source."""
    size, measured = config.learner.batch_size, learner["conditions"]
    step = learner["step_s"] * size / measured["batch"]
    scaled = "" if measured["batch"] == size else f", {size / measured['batch']:g} times a batch of {measured['batch']}"
    if given is not None:
        return given, "a step: as given by --step-s"
    if gpus and measured["device"] == "cuda":
        return step, f"a step: measured on {measured['gpu']}{scaled}"
    if gpus:
        work = training_tflop(config) * size
        return work / tflops, (
            f"a step, CALCULATED, not measured: {work:.2f} TFLOP (counted) at {tflops:g} TFLOP/s of the GPU (assumed: "
            "--gpu-tflops), with losses and augmentation hidden"
        )
    threads = measured["torch_threads"]
    return step * threads, f"a step: measured on {threads} CPU thread(s){scaled}; assumed to take 1/n on n cores"


def share_cores(config: TrainConfig, cores: int, gpus: int) -> list[tuple[int, int]]:
    """Possible (cores of the learner and the replay buffer, actors): with a GPU one core serves both of them."""
    max_actors = config.cluster.actors
    if gpus:
        return [(1, max(1, min(max_actors, cores - 1)))]
    return [(own, max(1, min(max_actors, cores - own))) for own in range(1, max(2, cores))]


def main(arguments: list[str] | None = None) -> None:
    """Forecasts, prints the table and the RESULT line."""
    parser = argparse.ArgumentParser(
        prog="./playpen bench paper", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cores", type=whole(1), required=True, help="CPU cores")
    parser.add_argument("--gpus", type=whole(0), required=True, help="GPUs; the learner uses one")
    parser.add_argument("--measured", type=Path, default=None, help="file of RESULT lines (default: measured here)")
    parser.add_argument("--step-s", type=positive, default=None, help="seconds of a step of 64 (default: see above)")
    parser.add_argument(
        "--gpu-tflops",
        type=positive,
        default=GPU_TFLOPS,
        help=f"TFLOP/s of a GPU that was not measured (default {GPU_TFLOPS:g})",
    )
    options = parser.parse_args(arguments)
    try:
        found = results(options.measured.read_text().splitlines()) if options.measured else {}
    except (OSError, ValueError) as error:
        parser.error(f"--measured {options.measured}: {error}")
    if options.measured and not found:
        parser.error(f"--measured {options.measured} holds no RESULT line of {', '.join(PARTS)}")
    here = [name for name in QUICK if name not in found]
    try:
        found |= {name: measure(name) for name in here}
    except RuntimeError as error:
        sys.exit(f"error: {error}")

    config = configuration("replay.strict=true")
    actor, replay = found["actor"], found["replay"]
    step_s, source = step_seconds(config, found["learner"], options.gpus, options.step_s, options.gpu_tflops)
    parts, visits = actor["parts"], actor["locations"]
    touch_ms = (parts["simulator"] + parts["masks"]) / (actor["trials"] / visits)
    costs = Costs(
        location_s=(sum(parts.values()) - parts["simulator"] - parts["masks"]) / 1e3,
        touch_s=touch_ms / 1e3,
        asked_share=actor["trials"] / actor["touches"],
        step_s=step_s,
        record_s=1 / replay["ray_inserts_per_s"],
        batch_s=1 / replay["ray_batches_per_s"],
        broadcast_s=found["broadcast"]["ms_to_last_actor"] / 1e3 if "broadcast" in found else 0.0,
    )
    choices = []
    for own, count in share_cores(config, options.cores, options.gpus):
        on_cores = own if not options.gpus and options.step_s is None else 1
        shared = Costs(**vars(costs) | {"step_s": step_s / on_cores})
        choices.append((forecast(config, shared, count), own, count, shared))
    best, own, count, shared = min(choices, key=lambda choice: choice[0].hours)
    overlapped = forecast(configuration(), shared, count)
    phases = config.learner.phases.values()
    actors_s = {phase.name: costs.visit_s(phase) for phase in phases if phase.rounds}
    assumptions = [
        source,
        f"{count} actors, each with a core of its own, are as fast as the one that was measured, whose superpixels a "
        f"second core may have computed; learner and replay buffer have {own} core(s)",
        f"collecting: {100 * costs.asked_share:.0f} % of the touches are in reach as with the untrained network "
        f"measured, and with force trials each is tried {costs.trials(list(phases)[-1]):.2f} times (all fail)",
        *([] if "broadcast" in found else ["broadcasts take no time: none was measured"]),
        *([f"measured here at a small size: {', '.join(here)}"] if here else []),
        *(["simulators draw on the CPU, as measured"] if options.gpus > 1 else []),
    ]
    figures = {
        "hours": best.hours,
        "hours_overlapped": overlapped.hours,
        "limited_by": best.limited_by,
        "paper_hours": PAPER_HOURS,
        "times_faster_than_the_paper": PAPER_HOURS / best.hours,
        "hours_limited_by_part": best.hours_by_part,
        "hours_of_part_alone": best.busy,
        "seconds_a_location": actors_s,
        "seconds_a_step": shared.step_s,
        "locations": sum(total_locations(phase) for phase in phases),
        "steps": sum(total_batches(phase) for phase in phases if phase.rounds),
        "actors": count,
        "assumptions": assumptions,
    }
    asked = {"asked_cores": options.cores, "asked_gpus": options.gpus}
    report(
        "paper",
        figures,
        conditions(**asked),
        *(f"assumed: {text}." for text in assumptions),
        f"The paper: {PAPER_HOURS:g} hours on {PAPER_THREADS} threads and {PAPER_GPUS} GPUs. Calculated here: "
        f"{best.hours:.3g} hours, limited by {best.limited_by}; {overlapped.hours:.3g} with replay.strict=false.",
    )


if __name__ == "__main__":
    main()
