"""Exhaustive hiding places: many places of a goal object in one room, classified as easy, medium or hard.

Source: Weihs et al., appendix B.5. docs/hiding_places.md describes the choices that the paper leaves open.

Every candidate is measured in the room as its spawn seed makes it. What a candidate changes, such as a bowl that it
pushes, is undone before the next one. So `Game.from_place` finds exactly what was measured here.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.locations import Location, Place, random_location
from actors.hide_and_seek.metrics import Difficulty, classify
from actors.hide_and_seek.places import HidingPlace
from actors.hide_and_seek.scenes import GOALS
from actors.hide_and_seek.world import Facts, Pose, Resting, World
from common.errors import UsageError

SEED_LIMIT = 2**31
"""Spawn seeds are below it."""
REQUESTS = 10
"""How often a spawn is asked for more candidates."""
MOVED = 0.01
"""Metres: a candidate that comes to rest farther from where it was put is left out."""
GOOD_VIEW = 0.8
"""Metres from which a near object is usually well in view; such locations are tried first."""


@dataclass(frozen=True)
class PlaceRules:
    """What decides which places are made, beside the room and the rules of the game."""

    count: int = 20
    """Number of places of each difficulty (paper: about 20)."""
    candidates: int = 440
    """Number of places that are measured. 5 % of those that can be found are hard, so 20 hard ones need 400."""
    spawns: int = 8
    """Number of arrangements of the room's objects among which the candidates are spread."""
    inside_share: float = 0.05
    """Share of the candidates that are in or on furniture that opens; see docs/hiding_places.md."""
    seed: int = 0
    """Of everything that is random."""

    def __post_init__(self) -> None:
        for name in ("count", "candidates", "spawns"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.spawns > self.candidates:
            raise ValueError(f"spawns must be at most candidates, {self.candidates}, not {self.spawns}")
        if not 0 <= self.inside_share <= 1:
            raise ValueError(f"inside_share must be between 0 and 1, not {self.inside_share}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed}")


@dataclass(frozen=True)
class MadePlaces:
    """The places of one scene and goal."""

    places: tuple[HidingPlace, ...]
    """Equal numbers of each difficulty that occurs: easy, medium, hard."""
    statistics: dict[str, int]
    """Numbers of candidates: all, those that did not stay where they were put, those that a seeker cannot find, and
    those of each difficulty."""


def make_places(
    world: World,
    scene: str,
    goal: str,
    rules: PlaceRules,
    config: GameConfig,
    step: Callable[[], None] = lambda: None,
) -> MadePlaces:
    """Makes the places of one scene and goal; the same arguments give the same places.

    Args:
        world: a running simulator.
        scene: name of the room.
        goal: type of the goal object.
        rules: how many places.
        config: of the game: what counts as seen and as found.
        step: called for each candidate; what it raises ends the work.

    Raises:
        Unplayable: there is no such scene, or the agent can walk nowhere.
        UsageError: the goal fits nowhere, or could be found nowhere.
        SimulatorError: the simulator failed.
    """
    random = np.random.default_rng([rules.seed, zlib.crc32(scene.encode()), GOALS.index(goal)])
    found: list[HidingPlace] = []
    numbers = {"candidates": 0, "moved": 0, "unseeable": 0}
    for first, after in _shares(rules.candidates, rules.spawns):
        inside = round(after * rules.inside_share) - round(first * rules.inside_share)
        spawn = Spawn(world, scene, goal, int(random.integers(SEED_LIMIT)), config)
        for candidate in spawn.candidates(random, inside, after - first - inside):
            step()
            numbers["candidates"] += 1
            start = random_location(random, spawn.facts.places)
            found_here, place = spawn.measure(candidate, start)
            if place is None:
                numbers["moved"] += 1
            elif not found_here:
                numbers["unseeable"] += 1
            else:
                found.append(place)
    if not numbers["candidates"]:
        raise UsageError(f"the {goal} fits nowhere in {scene}; leave out this scene or goal")
    if not found:
        raise UsageError(
            f"{scene} has no feasible place for the {goal}: none of {numbers['candidates']} could be found by a seeker;"
            " leave out this scene or goal"
        )
    return draw(found, numbers, rules.count, random)


def draw(found: list[HidingPlace], numbers: dict[str, int], count: int, random: np.random.Generator) -> MadePlaces:
    """Classifies places and draws equally many of each difficulty that occurs.

    Args:
        found: all places of a scene and goal that could be found, with their counts.
        numbers: statistics so far.
        count: largest number of places of each difficulty.
        random: draws them.
    """
    classes = classify([place.visible_share or 0.0 for place in found])
    members = {
        difficulty: [number for number, one in enumerate(classes) if one == difficulty] for difficulty in Difficulty
    }
    equal = min([count, *(len(some) for some in members.values() if some)])
    drawn = [
        replace(found[number], difficulty=difficulty.value)
        for difficulty, some in members.items()
        if some
        for number in sorted(random.choice(some, equal, replace=False).tolist())
    ]
    return MadePlaces(tuple(drawn), numbers | {one.value: len(some) for one, some in members.items()})


def _shares(total: int, parts: int) -> Iterable[tuple[int, int]]:
    """Splits `total` candidates into nearly equal ranges: the first number of each, and the one after its last."""
    ends = [total * part // parts for part in range(parts + 1)]
    return zip(ends[:-1], ends[1:], strict=True)


class Spawn:
    """One arrangement of a room's objects, in which candidates are measured.

    Args:
        world: a running simulator; its room is set up anew.
        scene: name of the room.
        goal: type of the goal object.
        seed: of the arrangement.
        config: what counts as seen and as found.
    """

    def __init__(self, world: World, scene: str, goal: str, seed: int, config: GameConfig) -> None:
        self._world, self._scene, self._goal, self._seed, self._config = world, scene, goal, seed, config
        self.facts: Facts = world.set_up(scene, seed)
        self._poses = world.all_poses()

    def candidates(self, random: np.random.Generator, inside: int, outside: int) -> list[Resting]:
        """Draws places at which the goal comes to rest.

        Args:
            random: draws them.
            inside: number of those in or on furniture that opens. All of it is closed.
            outside: number of the others; more, if the goal fits into too little furniture that opens.

        Returns:
            fewer than both together, if the room has fewer.
        """
        found: dict[bool, list[Resting]] = {True: [], False: []}
        wanted = {True: inside, False: outside}
        for _ in range(REQUESTS):
            if all(len(found[kind]) >= number for kind, number in wanted.items()):
                break
            for one in self._world.resting_places(self._goal, int(random.integers(SEED_LIMIT)), 100):
                found[not self.facts.openable.isdisjoint(one.supports)].append(one)
        kept = found[True][:inside]
        return [*kept, *found[False][: inside + outside - len(kept)]]

    def measure(self, candidate: Resting, start: Location) -> tuple[bool, HidingPlace | None]:
        """Puts the goal at a candidate, counts from where it is seen, and takes it out again.

        Args:
            candidate: where the goal comes to rest.
            start: of hider and seeker, relative to this spawn's own first pose.

        Returns:
            whether a seeker could find the goal, and the place; None if the goal does not stay there.
        """
        world, facts = self._world, self.facts
        if not world.stand_at(start) or not world.put_new(self._goal, candidate.pose):
            return False, None
        try:
            if _distance(world.goal_pose(), candidate.pose) > MOVED:
                return False, None
            seen = world.seen_from(facts.places, self._config.seen_by)
            container = world.container()
            pose = facts.frame.to_world(start)
            place = HidingPlace(
                scene=self._scene,
                seed=self._seed,
                goal=self._goal,
                start={**pose["position"], "yaw": pose["rotation"]},
                pose=candidate.pose,
                contained_in=container,
                visible_from=len(seen),
                tuples=8 * len(facts.places),
            )
            return self._findable(seen, candidate.supports), place
        finally:
            self._restore()

    def _findable(self, seen: list[Location], supports: tuple[str, ...]) -> bool:
        """Whether a seeker could claim the goal from a feasible location, perhaps after opening what it is in."""
        if self._config.seen_by != "pixels":  # by which claims are judged in any case
            seen = self._seen_nearby()
        if can_claim(self._world, seen, self._config):
            return True
        closed = [name for name in supports if name in self.facts.openable]
        if not closed:
            return False
        for name in closed:
            self._world.act("OpenObject", objectId=name, forceAction=True)
        return can_claim(self._world, self._seen_nearby(), self._config)

    def _seen_nearby(self) -> list[Location]:
        """The locations near enough for a claim from which a pixel of the goal is seen."""
        near = near_places(self._world, self.facts.places, self._config.claim_distance)
        return self._world.seen_from(near) if near else []

    def _restore(self) -> None:
        """Makes the room what it was before the goal was put."""
        world = self._world
        for name in world.open_objects:
            world.act("CloseObject", objectId=name, forceAction=True)
        if world.goal:
            world.take_out()
        if world.open_objects or world.all_poses() != self._poses:
            self.facts = world.set_up(self._scene, self._seed)


def near_places(world: World, places: Iterable[Place], distance: float) -> list[Place]:
    """The places from which the goal is within a distance, metres, seen from above."""
    goal = world.goal_pose().position
    return [
        place for place in places
        if math.dist(world.frame.position(place), (goal["x"], goal["z"])) <= distance
    ]  # fmt: skip


def can_claim(world: World, seen: Iterable[Location], config: GameConfig) -> bool:
    """Whether ClaimVisible would succeed at one of the locations from which the goal is seen. It moves the agent."""
    goal = world.goal_pose().position
    far = {one: math.dist(world.frame.position(one.place), (goal["x"], goal["z"])) for one in seen}
    near = [one for one, distance in far.items() if distance <= config.claim_distance]
    for location in sorted(near, key=lambda one: (abs(far[one] - GOOD_VIEW), one)):
        if world.stand_at(location) and world.goal_pixels().sum() >= config.claim_pixels:
            return True
    return False


def _distance(one: Pose, other: Pose) -> float:
    return max(abs(one.position[axis] - other.position[axis]) for axis in "xyz")
