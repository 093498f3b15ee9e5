"""Measures the embedded simulator's speed and the quality of masks of its touches, through the real client.

    python -m benchmarks.simulator [--touches T] [--looks L] [--set-ups U] [--steps N] [--soak S] [--games G] [--seed S]

Client and simulator share one core. Three rates: touches that all hit a moveable object (rigid-body motion until rest,
then RGB and depth), observations (a teleport, RGB and depth), and set-ups of locations (reset, spawn, teleport,
observation) in rooms in the simulator's cache. The touches are chosen by a first simulator that draws instance masks; a
second one, started as actors start it, repeats them and is timed.

Hide and seek: steps of exploring and mapping (walking, turning, postures, opening, closing) with 224x224 images, hand
actions (MoveHandForce, in front of furniture) and set-ups of games in cached rooms. Three ratios compare
observations, touches and steps with MuJoCo alone, which repeats the same steps of the physics and draws the same states
in one process (`benchmarks._bare`).

Mask quality: B+ of at least T touches that hit a moveable object, against the object's true mask before the touch, and
half as many touches of random cells. A touch is truly a success if it moved what it hit by more than 5 cm or 15
degrees. Precision and recall are the success rule's.

`--soak S` sets up S further locations and `--games G` plays the start of G games; both report the growth of the
simulator's memory.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import psutil
from tqdm import tqdm

from actors.config import SimulatorConfig
from actors.controller import SimulatorProcess
from actors.interaction.config import ActorConfig
from actors.interaction.locations import Location, set_up
from actors.launch import check_launch
from benchmarks._arguments import whole
from benchmarks._bare import BareMujoco
from benchmarks._play import OPTIONS, SIZE, grow, openables, time_play
from benchmarks._report import conditions, configuration, report
from benchmarks.actor import RecordingSimulator
from evaluation.interaction.rooms import StudiedTouch, fullest_views, study_touches
from simulator.things.categories import CATEGORIES

VIEWS = 2
"""Views of each room that are touched."""
OBJECTS, OTHERS = 8, 4
"""Maximum touches of objects, and touches of random cells, in each view."""
TRIES = 8
"""Number of random poses from which the views with most objects are chosen."""
CACHED = 3
"""Number of cached rooms whose set-up is timed."""


def study(
    simulator: RecordingSimulator, config: ActorConfig, touches: int, seed: int
) -> tuple[list[StudiedTouch], list[list[tuple[str, dict[str, Any]]]], list[int], list[Location]]:
    """Makes touches in rooms of all kinds; returns them, and each location's actions and number of objects in reach."""
    random = np.random.default_rng(seed)
    scenes = random.permutation(sorted(simulator.scenes))
    done: list[StudiedTouch] = []
    asked, in_reach, locations = [], [], []
    with tqdm(total=touches, desc="touches of objects", disable=None) as bar:
        for scene in np.tile(scenes, 20):
            for view in fullest_views(simulator, str(scene), int(random.integers(10_000)), config, VIEWS, TRIES):
                simulator.asked.clear()
                made = list(study_touches(simulator, view.location, config, random, OBJECTS, OTHERS))
                asked.append(list(simulator.asked))
                in_reach.append(view.objects)
                locations.append(view.location)
                done += made
                bar.update(sum(touch.mass is not None for touch in made))
            if sum(touch.mass is not None for touch in done) >= touches:
                return done, asked, in_reach, locations
    return done, asked, in_reach, locations


def time_touches(
    simulator: SimulatorProcess,
    bare: BareMujoco,
    asked: list[list[tuple[str, dict[str, Any]]]],
    hits: list[list[bool]],
) -> tuple[float, float]:
    """Returns touches per second and MuJoCo's share of their time; only those that hit a moveable object are timed.

    As for an actor that learns without ground truth, answers do not describe objects.
    """
    seconds, alone, count = 0.0, 0.0, 0
    for actions, of_objects in zip(tqdm(asked, desc="touches, timed", disable=None), hits, strict=True):
        outcomes = iter(of_objects)
        for action, arguments in actions:
            if action == "reset":
                simulator.reset(**arguments)
                simulator.step("SetObjectFilter", objectIds=[], renderImage=False)
                bare.follow(action, **arguments)
                continue
            started = perf_counter()
            event = simulator.step(action, **arguments)
            timed = False
            if action == "TouchThenApplyForce":
                simulator.observe(event)
                if timed := next(outcomes):
                    seconds += perf_counter() - started
                    count += 1
            alone += timed * bare.follow(action, **arguments)
    return count / seconds, alone / seconds


def time_observations(
    simulator: RecordingSimulator, bare: BareMujoco, locations: list[Location], count: int, seed: int
) -> tuple[float, float]:
    """Returns observations per second and MuJoCo's share of their time.

    They are teleports to random poses of some rooms, RGB and depth.
    """
    random = np.random.default_rng(seed)
    seconds = alone = 0.0
    for location in locations:
        simulator.asked.clear()
        set_up(simulator, location, describe_objects=False)
        for action, arguments in simulator.asked:
            bare.follow(action, **arguments)
        places = simulator.step("GetReachablePositions", renderImage=False).metadata["actionReturn"]
        for _ in range(count // len(locations)):
            place = places[random.integers(len(places))]
            turn = {"x": 0.0, "y": float(random.integers(8) * 45), "z": 0.0}
            pose = {"position": place, "rotation": turn, "horizon": 30.0, "standing": True}
            started = perf_counter()
            simulator.observe(simulator.step("TeleportFull", **pose))
            seconds += perf_counter() - started
            alone += bare.follow("TeleportFull", **pose)
    return count // len(locations) * len(locations) / seconds, alone / seconds


def time_set_ups(simulator: SimulatorProcess, locations: list[Location], count: int) -> float:
    """Returns the median milliseconds of setting up a location, in turn in cached rooms."""
    few = {location.scene: location for location in locations[: 2 * CACHED]}
    chosen = list(few.values())[:CACHED]
    times = []
    for number in range(count + len(chosen)):
        started = perf_counter()
        set_up(simulator, chosen[number % len(chosen)], describe_objects=False)
        times.append(perf_counter() - started)
    return 1000 * float(np.median(times[len(chosen) :]))


def soak(simulator: SimulatorProcess, locations: list[Location], count: int) -> tuple[float, float]:
    """Returns the simulator's memory (MB) after a tenth, and at the end, of `count` set-ups in all visited rooms."""
    process = psutil.Process(simulator.pid)
    early = 0.0
    for number in tqdm(range(count), desc="soak", disable=None):
        set_up(simulator, locations[number % len(locations)], describe_objects=False)
        if number == count // 10:
            early = process.memory_info().rss / 1e6
    return early, process.memory_info().rss / 1e6


def quality(touches: list[StudiedTouch]) -> dict[str, Any]:
    """Precision and recall of the success rule, and the IoUs of the successful touches' masks."""
    outcomes = [touch.moved for touch in touches if touch.successful]
    moved = [touch.successful for touch in touches if touch.moved]
    ious = [touch.iou for touch in touches if touch.mass is not None and touch.successful]
    low, median, high = np.percentile(ious, [25, 50, 75])
    return {
        "success_precision": round(float(np.mean(outcomes)), 3),
        "success_recall": round(float(np.mean(moved)), 3),
        "mask_iou_median": round(float(median), 3),
        "mask_iou_quartiles": (round(float(low), 3), round(float(high), 3)),
        "mask_iou_mean": round(float(np.mean(ious)), 3),
        "hits": sum(touch.mass is not None for touch in touches),
        "touches": len(touches),
        "ious": np.histogram(ious, bins=10, range=(0, 1))[0].tolist(),
    }


def bare_mujoco(config: SimulatorConfig, depth: bool, **keywords: Any) -> BareMujoco:
    """MuJoCo alone with the same size, physics and options of Initialize as a client of this configuration."""
    options = {
        "fieldOfView": config.field_of_view, "visibilityDistance": config.visibility_distance,
        "renderDepthImage": depth, **keywords,
    }  # fmt: skip
    time_step, rest_timeout = config.options["time_step"], config.options["rest_timeout"]
    spares = config.options["spare_objects"]
    return BareMujoco(config.width, config.height, depth, time_step, rest_timeout, spares, **options)


def play(config: SimulatorConfig, arguments: argparse.Namespace) -> dict[str, float]:
    """The figures of hide and seek."""
    config = dataclasses.replace(config, width=SIZE, height=SIZE, options={**config.options, "spare_objects": True})
    simulator = SimulatorProcess(config, **OPTIONS)
    bare = bare_mujoco(config, depth=False, **{key: value for key, value in OPTIONS.items() if key[0] != "r"})
    try:
        random = np.random.default_rng(arguments.seed)
        numbers = random.integers(1, 31, 2)
        scenes = [f"FloorPlan{base + number}" for base in (0, 200) for number in numbers]
        figures = time_play(simulator, bare, scenes, arguments.steps, arguments.hands, arguments.seed)
        counts = openables(simulator, sorted(simulator.scenes))
        figures |= {"openables_median": float(np.median(counts))}
        if arguments.games:
            early, late = grow(simulator, scenes, arguments.games)
            figures |= {"games_rss_mb_early": round(early, 1), "games_rss_mb_late": round(late, 1)}
    finally:
        simulator.stop()
        bare.close()
    return figures


def main() -> int:
    """Runs the benchmark and prints its table and RESULT."""
    parser = argparse.ArgumentParser(prog="./playpen bench simulator", description=__doc__.split("\n\n")[0])
    parser.add_argument("--touches", type=whole(1), default=500, help="touches that hit a moveable object (500)")
    parser.add_argument("--looks", type=whole(6), default=600, help="observations (600)")
    parser.add_argument("--set-ups", type=whole(1), default=60, help="locations set up in cached rooms (60)")
    parser.add_argument("--steps", type=whole(40), default=800, help="steps of hide and seek (800)")
    parser.add_argument("--hands", type=whole(1), default=300, help="hand actions (300)")
    parser.add_argument("--games", type=whole(0), default=0, help="games set up to see whether memory grows (0)")
    parser.add_argument("--soak", type=whole(0), default=0, help="locations set up to see whether memory grows (0)")
    parser.add_argument("--seed", type=whole(0), default=0, help="seed of rooms, poses and touches (0)")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})  # the simulators inherit it
    simulator_config, config = (chosen := configuration()).simulator, chosen.actors
    check_launch(simulator_config)
    chooser = RecordingSimulator(simulator_config, renderInstanceSegmentation=True)
    try:
        touches, asked, in_reach, locations = study(chooser, config, arguments.touches, arguments.seed)
    finally:
        chooser.stop()
    hits: list[list[bool]] = []
    remaining = iter(touches)
    for actions in asked:
        hits.append([next(remaining).mass is not None for action, _ in actions if action == "TouchThenApplyForce"])
    timed = RecordingSimulator(simulator_config)
    bare = bare_mujoco(simulator_config, depth=True, **simulator_config.controller)
    try:
        touches_per_s, touches_vs_bare = time_touches(timed, bare, asked, hits)
        observations_per_s, looks_vs_bare = time_observations(
            timed, bare, locations[:6], arguments.looks, arguments.seed
        )
        setup_ms = time_set_ups(timed, locations, arguments.set_ups)
        grown = soak(timed, locations, arguments.soak) if arguments.soak else None
        rss_mb = psutil.Process(timed.pid).memory_info().rss / 1e6
    finally:
        timed.stop()
        bare.close()
    played = play(simulator_config, arguments)
    figures = {
        "touches_per_s": round(touches_per_s, 1),
        "looks_per_s": round(observations_per_s, 1),
        "setup_ms": round(setup_ms, 1),
        "rss_mb": round(rss_mb, 1),
        "looks_vs_bare": round(looks_vs_bare, 3),
        "touches_vs_bare": round(touches_vs_bare, 3),
        **played,
        **quality(touches),
        "things_in_reach_median": float(np.median(in_reach)),
        "categories": len(CATEGORIES),
        **({"rss_mb_early": round(grown[0], 1), "rss_mb_late": round(grown[1], 1)} if grown else {}),
    }
    sizes = {
        "image": f"{simulator_config.width}x{simulator_config.height}",
        "locations": len(locations),
        "soak": arguments.soak,
        "seed": arguments.seed,
        "command": simulator_config.command,
    }
    report("simulator", figures, conditions(**sizes))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
