"""Measures how fast agents of hide and seek play and learn: the parts, and a whole training run.

    ./playpen bench play [--models NAME] [--simulators K] [--device cpu|cuda] [--seconds S] [--phase NAME]
                         [--parts] [--processes P] [--cores C] [--gpus G] [overrides]

All parts use the experiment hide_and_seek/quickstart; S seconds go to each of them:

- game: the game alone, with uniform actions in the same kinds of tasks, set-ups included;
- act: the player of training with an untrained network, whose records are dropped. Tasks of both take turns, so that a
  busy machine harms both alike; act_vs_game is the ratio of their steps a second;
- learner: steps of the learner on batches of these records. Its frames are steps of the game, each as often as it is
  learned from; learner.unroll_reuse says how often that is in training;
- together (with --processes P): P acting processes, each with K simulators and a policy of its own, beside the learner,
  at the same time and without Ray. The slower one bounds a training run (together_bound_per_s);
- train (without --parts): a real run with Ray, of about so many seconds after its prefill. wait_share is the learner's
  share of waiting, push_share the actors'. Lags are optimiser steps between the weights that made an unroll and those
  that learn from it: the median of the rows' means, and the largest of all. A short run plays more than it learns,
  because tasks may come ahead of the learner (replay.tasks_ahead).

act_steps_per_s and game_steps_per_s are of one process; it uses one thread for its network and its simulators' cores.

The forecast says what C cores and G GPUs would reach by these parts. With GPUs, all cores but one for each GPU act, and
each GPU learns as fast as --device did, which must be cuda then; without, cores are shared between acting and learning
so that neither waits. It stands beside the paper's figures, whose simulator was AI2-THOR: at most 413 steps a
second on 8 GPUs, and AllenAct's about 500 on two.

Nothing but the training run needs Ray.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from tqdm import tqdm

from actors.hide_and_seek.metrics import Estimate
from actors.launch import check_launch
from benchmarks._arguments import positive, torch_device, whole
from benchmarks._game_learning import Kept, Learning, kept_for, together
from benchmarks._game_parts import Acting, GameAlone, Turns
from benchmarks._report import CONF, conditions, report
from cluster.hide_and_seek.schedule import check_schedule
from cluster.hide_and_seek.train_config import GameTrainConfig
from cluster.run.config import first_line, instantiate
from cluster.systems import register
from common.errors import UsageError
from evaluation.hide_and_seek.estimates import bootstrap
from learner.hide_and_seek.schedule import pattern
from replay.hide_and_seek.unroll import STAGES, UNROLLS

ROOT = Path(__file__).resolve().parents[1]
PAPER_STEPS_PER_S = 413
"""Weihs et al.: what three days for 85 000 episodes of exploring and 1.8 million of manipulating come to at most."""
ALLENACT_STEPS_PER_S = 500
"""AllenAct's report of AI2-THOR tasks on two GPUs, about."""
LIMIT_S = 900.0
"""A training run whose start and end take longer has failed."""
NO_EVALUATION = (
    "evaluation.every_minutes=null", "evaluation.final={explore: 1, manipulate: 2, seek: 1}",
    "evaluation.quick={explore: 1, manipulate: 2, seek: 1}", "evaluation.seek_steps=20",
    "evaluation.place_candidates=3", "evaluation.triplets=48", "evaluation.walks=2", "evaluation.walk_steps=40",
    "evaluation.games=0", "evaluation.shown=0",
)  # fmt: skip
"""The smallest evaluation, so that the run ends soon."""


def overrides_of(options: argparse.Namespace) -> list[str]:
    """Overrides of `./playpen train` that the options ask for."""
    return [
        "experiment=hide_and_seek/quickstart",
        f"models={options.models}",
        f"actors.learning.simulators={options.simulators}",
        f"seed={options.seed}",
        *options.overrides,
    ]


def configuration(overrides: list[str], phase: str) -> GameTrainConfig:
    """Composes the configuration as `./playpen train system=hide_and_seek` would, with one phase alone.

    Raises:
        UsageError: one sentence that names the override or the field.
    """
    register()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config: GameTrainConfig = instantiate(compose("game_train", overrides=overrides), GameTrainConfig)
    except HydraException as error:
        raise UsageError(first_line(error)) from error
    phases = config.learner.phases
    if phase not in phases:
        raise UsageError(f"--phase must be one of {', '.join(phases)}, not '{phase}'")
    for name, settings in phases.items():
        settings.rounds = max(1, settings.rounds) if name == phase else 0
    check_schedule(config)
    return config


def play(config: GameTrainConfig, phase: str, device: torch.device, seconds: float) -> tuple[dict[str, Any], Kept]:
    """Measures the game alone and acting, whose tasks take turns, for `seconds` each; returns the kept records, too."""
    turns, alone, acting = Turns(config, phase), GameAlone(config, phase), Acting(config, phase, device)
    kept = kept_for(config)
    rounds: list[list[float]] = []
    """Of each round, in which each kind has a task: steps and seconds of acting, then of the game alone."""
    try:
        acting.warm_up(turns)
        with tqdm(total=round(2 * seconds), desc="playing", unit="s", disable=None) as bar:
            while sum(one[1] + one[3] for one in rounds) < 2 * seconds or len(rounds) < 2:
                sums = [0.0] * 4
                for _ in turns.kinds:
                    turn = turns.next()
                    started = perf_counter()
                    steps = acting.play(turn, kept.push)
                    sums[0], sums[1] = sums[0] + steps, sums[1] + perf_counter() - started
                    started = perf_counter()
                    steps = alone.play(turn, steps)
                    sums[2], sums[3] = sums[2] + steps, sums[3] + perf_counter() - started
                rounds.append(sums)
                bar.update(min(round(sums[1] + sums[3]), bar.total - bar.n))
    finally:
        acting.stop()
        alone.stop()
    found = np.array(rounds)
    total = found.sum(axis=0)
    ratio = act_vs_game(found)
    return {
        "game_steps_per_s": total[2] / total[3],
        "act_steps_per_s": total[0] / total[1],
        "act_vs_game": ratio.value,
        "act_vs_game_low": ratio.low,
        "act_vs_game_high": ratio.high,
        "steps": int(total[0]),
    }, kept


def act_vs_game(rounds: np.ndarray) -> Estimate:
    """Ratio of the rates of acting and of the game alone, with a bootstrap interval over rounds.

    Args:
        rounds: (n, 4) steps and seconds of acting, steps and seconds of the game alone.
    """

    def ratio(at: np.ndarray) -> float:
        steps, seconds, alone_steps, alone_seconds = rounds[at].sum(axis=0)
        return float(steps / seconds / (alone_steps / alone_seconds))

    return bootstrap(ratio, list(range(len(rounds))), len(rounds))


def learn(
    config: GameTrainConfig, phase: str, kept: Kept, device: torch.device, seconds: float
) -> tuple[float, dict[str, float]]:
    """Frames a second of the learner alone, and median milliseconds of a step by table.

    The frames are those of a round divided by the medians of its steps.
    """
    learning = Learning(config, phase, kept.records, device)
    steps = Counter(pattern(config.learner.phases[phase], config.learner.batch_sizes))
    learning.warm_up(steps)
    learning.run(seconds, set(steps))
    median = {table: statistics.median(spent) for table, spent in learning.seconds.items()}
    frames = steps[UNROLLS] * config.learner.batch_unrolls * config.actors.learning.unroll_length
    duration = sum(count * median[table] for table, count in steps.items())
    return frames / duration, {table: 1000 * value for table, value in median.items()}


def train(overrides: list[str], config: GameTrainConfig, phase: str, act: float, seconds: float) -> dict[str, Any]:
    """A real training run of one phase; returns its figures.

    Args:
        overrides: of `./playpen train`.
        config: that these give.
        phase: of the run.
        act: steps a second that one process plays, by which the time of the prefill is estimated.
        seconds: after the prefill, about.

    Raises:
        SystemExit: the run failed.
    """
    settings = config.learner.phases[phase]
    prefill = settings.prefill * settings.unrolls * config.actors.learning.unroll_length
    # The clock of the phase begins before the prefill, in which Ray's processes still start.
    seconds += 2 * prefill / act
    others = [f"learner.phases.{name}.rounds=0" for name in config.learner.phases if name != phase]
    rounds = max(1, math.ceil(10 * seconds))  # more than any machine plays, so that the phase ends by the clock
    with tempfile.TemporaryDirectory(prefix="playpen-play-", ignore_cleanup_errors=True) as scratch:
        run = Path(scratch) / "run"
        command = [
            *(sys.executable, "-m", "cluster", "train", "system=hide_and_seek", *overrides, *others, *NO_EVALUATION),
            *(f"learner.phases.{phase}.rounds={rounds}", f"learner.phases.{phase}.minutes={seconds / 60}"),
            *("tracking.mode=disabled", "tracking.log_every_s=1", f"hydra.run.dir={run}"),
        ]
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
            timeout=seconds + LIMIT_S,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"playpen: the training run failed (exit code {done.returncode}): {done.stderr[-2000:]}")
        return figures_of([json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()], prefill)


def figures_of(rows: list[dict[str, Any]], prefill: float) -> dict[str, Any]:
    """Figures of a run from its rows of metrics, from the first row after the prefill.

    Args:
        rows: of metrics.jsonl.
        prefill: steps of the game before the first batch.

    Raises:
        SystemExit: the run was too short.
    """
    counted = [row for row in rows if "env_steps" in row]
    within = [row for row in counted if row["env_steps"] >= prefill]
    learned = [row for row in within if "learner/wait_share" in row]
    if len(within) < 2 or not learned:
        raise SystemExit("playpen: the training run was too short to measure; give more --seconds")
    first, last = within[0], within[-1]
    lags = {stage: [row[f"learner/{stage}/lag_mean"] for row in counted if f"learner/{stage}/lag_mean" in row]
            for stage in STAGES}  # fmt: skip
    most = [row[f"learner/{stage}/lag_max"] for stage in STAGES for row in counted if f"learner/{stage}/lag_max" in row]
    pushing = [row["actors/share_push"] for row in within[1:] if "actors/share_push" in row]
    span = last["seconds"] - first["seconds"]
    return {
        "train_steps_per_s": (last["env_steps"] - first["env_steps"]) / span,
        "wait_share": statistics.fmean(row["learner/wait_share"] for row in learned),
        "push_share": statistics.fmean(pushing) if pushing else 0.0,
        "lag_median": statistics.median([lag for found in lags.values() for lag in found]),
        "lag_max": max(most),
        "lag_by_stage": {stage: statistics.median(found) for stage, found in lags.items() if found},
        "train_s": span,
    }


def forecast(act: float, learner: float, cores: int, gpus: int, on_gpu: bool) -> float | None:
    """Steps a second that a machine would reach by the measured parts.

    Args:
        act: steps a second that one core plays.
        learner: new steps a second that one GPU learns from, or one core.
        cores: of the machine.
        gpus: of the machine.
        on_gpu: whether `learner` was measured on a GPU.

    Returns:
        None if the learner's rate on the machine's GPUs is not known.
    """
    if gpus:
        return min(act * max(0, cores - gpus), learner * gpus) if on_gpu else None
    # Of each second of a core, a share s acts and the rest learns: s act = (1 - s) learner.
    return cores * act * learner / (act + learner)


def main(arguments: list[str] | None = None) -> None:
    """Runs the benchmark and prints its table and RESULT."""
    parser = argparse.ArgumentParser(
        prog="./playpen bench play", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models", choices=("hide_and_seek", "hide_and_seek_small"), default="hide_and_seek_small", help="the network"
    )
    parser.add_argument("--simulators", type=whole(1), default=1, help="simulators of an actor (1)")
    parser.add_argument("--device", type=torch_device, default="cpu", help="cpu or cuda (cpu)")
    parser.add_argument("--seconds", type=positive, default=60.0, help="seconds of each part (60)")
    parser.add_argument("--phase", default="skills", help="phase of conf/learner/hide_and_seek.yaml (skills)")
    parser.add_argument("--parts", action="store_true", help="measures only the parts, without Ray")
    parser.add_argument("--processes", type=whole(0), default=0, help="acting processes beside the learner (0: none)")
    parser.add_argument("--cores", type=whole(1), default=os.cpu_count(), help="cores of the forecast (this machine's)")
    parser.add_argument("--gpus", type=whole(0), default=torch.cuda.device_count(), help="its GPUs (this machine's)")
    parser.add_argument("--seed", type=whole(0), default=1, help="seed of the tasks and the network (1)")
    parser.add_argument("overrides", nargs="*", help="overrides of ./playpen train system=hide_and_seek")
    options = parser.parse_args(arguments)
    overrides = overrides_of(options)
    try:
        config = configuration(overrides, options.phase)
    except UsageError as error:
        parser.error(str(error))
    check_launch(config.simulator)
    cv2.setNumThreads(1)
    device, threads = torch.device(options.device), torch.get_num_threads()
    reuse = config.learner.unroll_reuse
    torch.set_num_threads(1)  # as an actor has
    figures, kept = play(config, options.phase, device, options.seconds)
    torch.set_num_threads(config.learner.threads or int(config.cluster.learner_cpus))
    figures["learner_frames_per_s"], figures["learner_ms"] = learn(config, options.phase, kept, device, options.seconds)
    if options.processes:
        both = together(config, options.phase, kept.records, device, options.processes, options.seconds)
        figures |= {f"together_{name}": value for name, value in both.items()}
        figures["together_bound_per_s"] = min(both["act_steps_per_s"], both["learner_frames_per_s"] / reuse)
    torch.set_num_threads(threads)
    if not options.parts:
        figures |= train(overrides, config, options.phase, figures["act_steps_per_s"], options.seconds)
    reached = forecast(
        figures["act_steps_per_s"], figures["learner_frames_per_s"] / reuse, options.cores, options.gpus,
        device.type == "cuda",
    )  # fmt: skip
    figures["forecast_steps_per_s"] = reached
    where = f"{options.cores} cores and {options.gpus} GPUs"
    sentence = (
        f"forecast for {where}: {reached:.0f} steps a second"
        if reached is not None
        else f"no forecast for {where}: the learner was measured without a GPU (--device cuda, or --gpus 0)"
    )
    sizes = {
        name: getattr(options, name)
        for name in ("models", "simulators", "device", "seconds", "phase", "processes", "seed", "overrides")
    }
    report(
        "play", figures, conditions(**sizes),
        f"{sentence}; the paper reached at most {PAPER_STEPS_PER_S} on 8 GPUs, AllenAct about {ALLENACT_STEPS_PER_S} "
        "on two, both with AI2-THOR",
    )  # fmt: skip


if __name__ == "__main__":
    main()
