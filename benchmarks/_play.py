"""Times what hide and seek needs of the embedded simulator: steps, hand actions and the set-up of games.

A game is set up as hide and seek does: the room in its fresh state, objects placed by a seed, some of them inside
furniture, the native objects of the goal's categories and mugs taken out, and the goal in the agent's hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from tqdm import tqdm

from actors.controller import SimulatorProcess
from benchmarks._bare import BareMujoco
from simulator.things.categories import GOALS

SIZE = 224
"""Width and height of hide and seek's images, pixels (Weihs et al., appendix)."""
OPTIONS: dict[str, Any] = {"gridSize": 0.25, "snapToGrid": True, "visibilityDistance": 1.5, "renderDepthImage": False}
"""Keywords of the controller."""
MOVES = ("MoveAhead", "MoveAhead", "MoveLeft", "MoveRight", "RotateLeft", "RotateRight")
CLOSE_SHARE, OPEN_SHARE, POSTURE_SHARE = 0.05, 0.15, 0.1
"""Shares of the random actions of exploring and mapping."""
MOVED = 0.095
"""Metres: a hand action of 0.1 m that moves the object less has met something or the hand's limits."""
LOWERING = 6
"""Number of hand actions at the start of a game that go straight down."""
STEPS_OF_A_GAME = 40
"""Steps after each set-up."""


def set_up_game(simulator: SimulatorProcess, scene: str, seed: int) -> list[tuple[str, dict[str, Any]]]:
    """Sets up a game and returns the actions that did it."""
    asked: list[tuple[str, dict[str, Any]]] = [
        ("InitialRandomSpawn", {"randomSeed": seed, "forceVisible": False, "renderImage": False}),
        *[("DisableAllObjectsOfType", {"objectId": name, "renderImage": False}) for name in (*GOALS, "Mug")],
        ("GetReachablePositions", {"renderImage": False}),
    ]
    event = simulator.reset(scene)
    for action, arguments in asked:
        event = simulator.step(action, **arguments)
    position, yaw = _before_furniture(event.metadata["actionReturn"], seed)
    pose = {"position": position, "rotation": yaw, "horizon": 30.0, "standing": True, "renderImage": False}
    last = [("TeleportFull", pose), ("CreateObject", {"objectType": GOALS[seed % len(GOALS)], "forceAction": True})]
    for action, arguments in last:
        simulator.step(action, **arguments)
    return [("reset", {"scene": scene}), *asked, *last]


def _before_furniture(places: list[dict[str, float]], seed: int) -> tuple[dict[str, float], float]:
    """A reachable position and a yaw, by the seed, at which the next position ahead is not reachable."""
    known = {(round(place["x"], 2), round(place["z"], 2)) for place in places}
    steps = {0.0: (0.0, 0.25), 90.0: (0.25, 0.0), 180.0: (0.0, -0.25), 270.0: (-0.25, 0.0)}
    fitting = [
        (place, yaw)
        for place in places
        for yaw, (x, z) in steps.items()
        if (round(place["x"] + x, 2), round(place["z"] + z, 2)) not in known
    ]
    return fitting[seed * 7 % len(fitting)]


def mixed_actions(random: np.random.Generator, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Random actions as of an untrained agent that explores: walking, turning, postures, opening and closing."""
    crouching = False
    for _ in range(count):
        chance = random.random()
        if chance < CLOSE_SHARE:
            yield "CloseVisibleObjects", {}
        elif chance < CLOSE_SHARE + OPEN_SHARE:
            row, column = random.integers(7, size=2)
            yield "OpenObjectAtLocation", {"x": (column + 0.5) / 7, "y": (row + 0.5) / 7, "z": 0.5 / 7}
        elif chance < CLOSE_SHARE + OPEN_SHARE + POSTURE_SHARE:
            crouching = not crouching
            yield "Crouch" if crouching else "Stand", {}
        else:
            yield MOVES[int(random.integers(len(MOVES)))], {}


def hand_actions(random: np.random.Generator, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Random moves of the held object by 0.1 m along the agent's axes, more often towards things than away."""
    down, ahead = (0.0, -0.1, 0.0), (0.0, 0.0, 0.1)
    directions = [ahead, down, ahead, down, (0.1, 0.0, 0.0), (-0.1, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, -0.1)]
    for number in range(count):
        # The hand starts at the height of the eyes, so it must come down first.
        if number < LOWERING:
            yield "MoveHandForce", dict(zip("xyz", down, strict=True))
            continue
        x, y, z = directions[int(random.integers(len(directions)))]
        yield "MoveHandForce", {"x": x, "y": y, "z": z}


def time_play(
    simulator: SimulatorProcess, bare: BareMujoco, scenes: list[str], steps: int, hands: int, seed: int
) -> dict[str, float]:
    """Returns steps_per_s_224, steps_vs_bare, hand_actions_per_s, game_setup_ms and the shares of successful actions.

    Args:
        simulator: with images of SIZE and OPTIONS.
        bare: repeats its steps.
        scenes: of the games, in turn.
        steps: number of random steps in all.
        hands: number of hand actions in all.
        seed: of games and actions.
    """
    random = np.random.default_rng(seed)
    times: dict[str, list[float]] = {"step": [], "bare": [], "hand": [], "set-up": []}
    succeeded: dict[str, list[bool]] = {"step": [], "hand": []}
    met: list[bool] = []
    games = max(1, steps // STEPS_OF_A_GAME)
    for game in tqdm(range(games), desc="games", disable=None):
        scene = scenes[game % len(scenes)]
        if game < len(scenes):
            set_up_game(simulator, scene, game)  # compiles the room
        started = perf_counter()
        asked = set_up_game(simulator, scene, game)
        times["set-up"].append(perf_counter() - started)
        for action, arguments in asked:
            bare.follow(action, **arguments)
        for action, arguments in hand_actions(random, max(1, hands // games)):
            before = _held_place(simulator)
            started = perf_counter()
            event = simulator.step(action, **arguments)
            times["hand"].append(perf_counter() - started)
            succeeded["hand"].append(event.metadata["lastActionSuccess"])
            met.append(float(np.linalg.norm(_held_place(simulator) - before)) < MOVED)
            bare.follow(action, **arguments)
        for action, arguments in (("DropHeldObject", {"forceAction": True}), *mixed_actions(random, STEPS_OF_A_GAME)):
            started = perf_counter()
            event = simulator.step(action, **arguments)
            if action != "DropHeldObject":
                times["step"].append(perf_counter() - started)
                succeeded["step"].append(event.metadata["lastActionSuccess"])
            alone = bare.follow(action, **arguments)
            if action != "DropHeldObject":
                times["bare"].append(alone)
    return {
        "steps_per_s_224": len(times["step"]) / sum(times["step"]),
        "hand_actions_per_s": len(times["hand"]) / sum(times["hand"]),
        "game_setup_ms": 1000 * float(np.median(times["set-up"])),
        "steps_vs_bare": sum(times["bare"]) / sum(times["step"]),
        "steps_that_succeed": float(np.mean(succeeded["step"])),
        "hand_actions_that_succeed": float(np.mean(succeeded["hand"])),
        "hand_actions_with_contact": float(np.mean(met)),
    }


def _held_place(simulator: SimulatorProcess) -> NDArray[np.float64]:
    """(3,) position of the held object, metres; zeros for an empty hand."""
    for one in simulator.last_event.metadata["objects"]:
        if one["isPickedUp"]:
            return np.array(list(one["position"].values()))
    return np.zeros(3)


def openables(simulator: SimulatorProcess, scenes: list[str]) -> list[int]:
    """Returns the number of objects that open in each scene."""
    return [
        sum(one["openable"] for one in simulator.reset(scene).metadata["objects"])
        for scene in tqdm(scenes, desc="rooms", disable=None)
    ]


def grow(simulator: SimulatorProcess, scenes: list[str], games: int) -> tuple[float, float]:
    """Returns the simulator's memory (MB) after a tenth, and at the end, of this many games with a few steps each."""
    process = psutil.Process(simulator.pid)
    random = np.random.default_rng(games)
    early = 0.0
    for game in tqdm(range(games), desc="games, memory", disable=None):
        set_up_game(simulator, scenes[game % len(scenes)], game)
        for action, arguments in (*hand_actions(random, 2), *mixed_actions(random, 4)):
            simulator.step(action, **arguments)
        if game == games // 10:
            early = process.memory_info().rss / 1e6
    return early, process.memory_info().rss / 1e6
