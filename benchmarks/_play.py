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
STEPS_OF_A_GAME = 40
"""Steps after each set-up."""


def set_up_game(simulator: SimulatorProcess, scene: str, seed: int) -> list[tuple[str, dict[str, Any]]]:
    """Sets up a game and returns the actions that did it."""
    asked: list[tuple[str, dict[str, Any]]] = [
        ("InitialRandomSpawn", {"randomSeed": seed, "forceVisible": False, "renderImage": False}),
        *[("DisableAllObjectsOfType", {"objectId": name, "renderImage": False}) for name in (*GOALS, "Mug")],
        ("TeleportFull", {"rotation": 90.0 * (seed % 4), "horizon": 30.0, "standing": True, "renderImage": False}),
        ("CreateObject", {"objectType": GOALS[seed % len(GOALS)], "forceAction": True}),
    ]
    simulator.reset(scene)
    places = simulator.step("GetReachablePositions", renderImage=False).metadata["actionReturn"]
    asked[-2][1]["position"] = places[seed % len(places)]
    for action, arguments in asked:
        simulator.step(action, **arguments)
    return [("reset", {"scene": scene}), *asked]


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
    """Random pushes of the held object by 0.1 m along the agent's axes, ahead and down more often than back."""
    directions = [(0, 0, 0.1), (0, -0.1, 0), (0.1, 0, 0), (-0.1, 0, 0), (0, 0, 0.1), (0, -0.1, 0), (0, 0.1, 0)]
    for _ in range(count):
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
        for action, arguments in hand_actions(random, hands // games):
            started = perf_counter()
            event = simulator.step(action, **arguments)
            times["hand"].append(perf_counter() - started)
            succeeded["hand"].append(event.metadata["lastActionSuccess"])
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
    }


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
