"""Measures how fast one actor plays, where its time goes, and how that compares with the simulator alone.

    python -m benchmarks.actor [--locations N] [--simulator rooms] [--seed S]

One actor plays N locations completely: set-up, observation, inference with an untrained network, 10 greedy and 10
random touches, masks, push to a replay buffer (in the same process, without Ray). After each location a second
simulator repeats exactly the actor's actions, through the same client and without other work. `actor_vs_simulator` is
the ratio of the two rates of touches in this run: the closer to 1, the less the actor's own work costs. Touches out of
reach count, although they are not sent to the simulator. Torch uses one thread.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import torch
from ai2thor.server import Event
from tqdm import tqdm

from actors.config import SimulatorConfig
from actors.controller import SimulatorProcess
from actors.interaction.choose import TouchPlan
from actors.interaction.config import ActorConfig
from actors.interaction.geometry import reach_mask
from actors.interaction.interact import Visitor
from actors.interaction.locations import Location, LocationError
from actors.launch import check_launch
from benchmarks._arguments import whole
from benchmarks._report import CONF, conditions, configuration, report
from models.interaction.inference import Predictor
from models.interaction.network import InteractionNetwork
from replay.interaction.batch import location_table
from replay.limiter import Phase
from replay.table import Table

POSES = 6
"""Poses tried for each location of the benchmark."""
UNTRAINED_DISTANCE = 1e-4
"""An untrained network's embeddings lie close together: with the paper's distance its first instance fills the grid."""


class RecordingSimulator(SimulatorProcess):
    """Records its actions, so that another simulator can repeat them."""

    def __init__(self, config: SimulatorConfig, **keywords: Any) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        super().__init__(config, **keywords)

    def reset(self, scene: str) -> Event:
        self.asked.append(("reset", {"scene": scene}))
        return super().reset(scene)

    def step(self, action: str, **arguments: Any) -> Event:
        self.asked.append((action, arguments))
        return super().step(action, **arguments)


def repeat(simulator: SimulatorProcess, asked: list[tuple[str, dict[str, Any]]]) -> None:
    """Repeats recorded actions in a simulator."""
    for action, arguments in asked:
        if action == "reset":
            simulator.reset(**arguments)
        else:
            simulator.step(action, **arguments)


def draw_locations(simulator: SimulatorProcess, config: ActorConfig, count: int, seed: int) -> list[Location]:
    """Draws locations, in different rooms if possible; each has the most cells in reach of POSES random poses."""
    rng = np.random.default_rng(seed)
    scenes = rng.permutation(sorted(simulator.scenes))
    locations = []
    for entry in range(count):
        scene, spawn = str(scenes[entry % len(scenes)]), int(rng.integers(10_000))
        simulator.reset(scene)
        attempts = config.placement_attempts
        simulator.step("InitialRandomSpawn", randomSeed=spawn, forceVisible=True, numPlacementAttempts=attempts)
        places = simulator.step("GetReachablePositions").metadata["actionReturn"]
        best, max_reachable = None, -1
        for _ in range(POSES if places else 0):
            place = places[rng.integers(len(places))]
            position, rotation = (place["x"], place["y"], place["z"]), float(rng.integers(8) * 45)
            event = simulator.step(
                "TeleportFull", position=place, rotation={"x": 0, "y": rotation, "z": 0}, horizon=30.0, standing=True
            )
            depth = simulator.observe(event).depth
            reachable = reach_mask(depth, 30.0, config.reach, simulator.config.field_of_view).sum()
            if event.metadata["lastActionSuccess"] and reachable > max_reachable:
                best = Location(entry, scene, position, rotation, 30.0, spawn)
                max_reachable = reachable
        if best is not None:
            locations.append(best)
    return locations


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints the table and the RESULT line."""
    simulators = sorted(path.stem for path in (CONF / "simulator").glob("*.yaml"))
    parser = argparse.ArgumentParser(prog="./playpen bench actor", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--locations", type=whole(2), default=40, help="locations to play, the first of them not timed (40)"
    )
    parser.add_argument("--simulator", default="rooms", choices=simulators, help="a file of conf/simulator (rooms)")
    parser.add_argument("--seed", type=whole(0), default=0, help="seed of the locations and touches (0)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    chosen = configuration(
        f"simulator={options.simulator}", f"actors.cluster_distance={UNTRAINED_DISTANCE}", "replay.capacity=64"
    )
    simulator_config, config = chosen.simulator, chosen.actors
    check_launch(simulator_config)
    torch.manual_seed(options.seed)
    predictor = Predictor(InteractionNetwork(chosen.models))
    phase = next(iter(chosen.learner.phases.values()))
    plan = TouchPlan(phase.greedy, phase.random, phase.force_trials)

    seconds: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        table = Table.create(location_table(chosen.replay), folder, options.seed)
        table.start_phase(Phase(options.locations + 1, 1, (1,), 1), True)
        chooser = SimulatorProcess(simulator_config)
        try:
            locations = draw_locations(chooser, config, options.locations, options.seed)
        finally:
            chooser.stop()
        # Neither simulator has visited any of the rooms.
        played, bare = RecordingSimulator(simulator_config), SimulatorProcess(simulator_config)
        stack.callback(bare.stop)
        stack.callback(played.stop)
        player = Visitor(played, predictor, config, options.seed)
        for number, location in enumerate(tqdm(locations, desc="locations", disable=None)):
            played.asked.clear()
            start = perf_counter()
            try:
                record, statistics = player.play(location, number, plan, 0)
            except LocationError:
                counts["refused"] += 1
                continue
            with statistics.clock("push"):
                table.insert(record)
            between = perf_counter()
            repeat(bare, played.asked)
            if number == 0:
                continue  # warm-up
            seconds["simulator alone"] += perf_counter() - between
            seconds["actor"] += between - start
            for part, spent in statistics.seconds.items():
                seconds[part] += spent
            counts.update(
                locations=1,
                touches=statistics.touches,
                trials=statistics.trials,
                successes=sum(statistics.successes_by_choice.values()),
            )

    number = counts["locations"]
    rate, alone = counts["touches"] / seconds["actor"], counts["touches"] / seconds["simulator alone"]
    parts = {part: 1000 * seconds[part] / number for part in ("set_up", "simulator", "inference", "masks", "push")}
    total = 1000 * seconds["actor"] / number
    parts["rest"] = total - sum(parts.values())
    figures = {
        "touches_per_s": rate,
        "simulator_touches_per_s": alone,
        "actor_vs_simulator": rate / alone,
        "parts": parts,
        "ms_a_location": total,
        "simulator_ms_a_location": 1000 * seconds["simulator alone"] / number,
        **{name: counts[name] for name in ("locations", "touches", "trials", "successes", "refused")},
    }
    sizes = {"simulator": simulator_config.command or simulator_config.name, "seed": options.seed}
    report("actor", figures, conditions(**sizes), "parts: milliseconds a location.")


if __name__ == "__main__":
    main()
