"""Tasks for a seeker without a hider, and the expert that it imitates.

The paper's seeker is trained on places found exhaustively, and it imitates the shortest path in the hider's mental map
to a place that sees the object (appendix C.4). The expert knows where the goal is: it is for training alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.actions import INDEX, Kind
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.learning.config import LearningConfig
from actors.hide_and_seek.learning.geometry import Point, Tuple, distance_and_bearing, facing, to_point
from actors.hide_and_seek.locations import ROTATIONS, STEP, Location, Place
from actors.hide_and_seek.world import Facts, Pose, World
from replay.hide_and_seek.triplet import SIGHT_GRID
from replay.hide_and_seek.unroll import UNKNOWN

MOVED = 0.1
"""Metres: a goal that was moved farther, such as in a drawer, gets a new way (ours)."""
RADIUS = 0.2
"""Metres: bounds how far the goal's pixels are from its position (ours)."""
_CLAIM, _STAND, _CROUCH = INDEX["ClaimVisible"], INDEX["Stand"], INDEX["Crouch"]
_MOVES = {INDEX["MoveAhead"]: (1, 0), INDEX["MoveLeft"]: (0, -1), INDEX["MoveRight"]: (0, 1)}
_WAYS_BACK = {
    rotation: [
        (action, Location(0, 0, rotation, True).moved(-ahead, -right).place)
        for action, (ahead, right) in _MOVES.items()
    ]
    for rotation in ROTATIONS
}
"""For each rotation and move, the steps in x and z to where the move began."""
_TURNS = {INDEX["RotateLeft"]: 270, INDEX["RotateRight"]: 90}


def hide_somewhere(
    world: World, facts: Facts, goal: str, config: LearningConfig, easy: bool, random: np.random.Generator
) -> bool:
    """Puts the goal at a random resting place.

    Args:
        world: the room, without the goal.
        facts: of this room.
        goal: type of the goal object.
        config: of the places.
        easy: whether it takes the place that is seen from most of `config.seek_sample` random places of the room,
            among `config.seek_candidates`.
        random: draws everything.

    Returns:
        whether it found such a place.
    """
    seed = int(random.integers(2**31))
    resting = [one.pose for one in world.resting_places(goal, seed, config.seek_candidates)]
    if not easy:
        return any(world.put_new(goal, pose) for pose in resting)
    places = sorted(facts.places)
    chosen = random.choice(len(places), min(config.seek_sample, len(places)), replace=False)
    sample = [places[index] for index in chosen]
    best: tuple[int, Pose] | None = None
    for pose in resting:
        if world.put_new(goal, pose):
            seen, _ = world.visible_from(sample)
            world.take_out()
            if best is None or seen > best[0]:
                best = seen, pose
    return best is not None and world.put_new(goal, best[1])


def start_within(world: World, facts: Facts, distance: float, random: np.random.Generator) -> None:
    """Moves the agent to a random location at most so far from the goal; it stays where it is if it finds none.

    Args:
        world: the room, with the goal in it.
        facts: of this room.
        distance: largest distance, metres; infinite: anywhere.
        random: draws the location.
    """
    x, z = to_point(world.frame, world.goal_pose().position)
    inside = sorted(place for place in facts.places if np.hypot(STEP * place.x - x, STEP * place.z - z) <= distance)
    for index in random.permutation(len(inside))[:5].tolist():
        at = inside[index]
        location = Location(at.x, at.z, int(random.choice(ROTATIONS)), bool(random.integers(2)))
        if world.stand_at(location):
            return


class Expert:
    """Knows the way to where the goal can be claimed, over places that are given.

    It walks to the nearest tuple (x, z, rotation) that faces the goal within the distance of a claim. Where it stands
    at such a tuple and cannot claim, it goes on to the next one, and when none is left it changes its posture. After
    something was opened or closed all tuples count again; it opens nothing itself.

    Args:
        world: the room, with the goal in it.
        places: on which it may walk, beside those to which the seeker comes.
        rules: of the game.
        config: of the expert.
    """

    def __init__(self, world: World, places: Collection[Place], rules: GameConfig, config: LearningConfig) -> None:
        self._world, self._places, self._rules, self._config = world, set(places), rules, config
        self._blocked: set[tuple[Place, Place]] = set()
        self._vain: set[Location] = set()
        """Where it stood and could not claim."""
        self._goal: Point | None = None
        self._first: dict[bool, dict[Tuple, int]] = {}
        """For each posture, the first action of the way from each tuple."""

    def sees(self, here: Location) -> NDArray[np.uint8] | None:
        """Where the goal is seen if ClaimVisible would succeed now.

        Pixels are counted only where the goal is near and ahead.

        Args:
            here: where the agent is.

        Returns:
            (14, 14) pixels of the goal in each cell of the view, at most 255; None: a claim would fail. The game's
            augmentation is left out: it moves pixels by less than a cell.
        """
        world, rules = self._world, self._rules
        if world.goal_distance() > rules.claim_distance:
            return None
        distance, bearing = distance_and_bearing(here.x, here.z, here.rotation, self._goal_point())
        # The view ends at 45 degrees; nearer than its radius the goal may be in view at any bearing.
        if distance > RADIUS and bearing > 45 + np.degrees(np.arcsin(RADIUS / distance)):
            return None
        pixels = world.goal_pixels()
        if pixels.sum() < rules.claim_pixels:
            return None
        height, width = (size // SIGHT_GRID for size in pixels.shape)
        cells = pixels.reshape(SIGHT_GRID, height, SIGHT_GRID, width).sum((1, 3))
        return np.minimum(cells, 255).astype(np.uint8)

    def label(self, here: Location, claimable: bool) -> int:
        """The number of the next action; UNKNOWN if there is no way.

        Args:
            here: where the agent is.
            claimable: whether ClaimVisible would succeed now.
        """
        if claimable:
            return _CLAIM
        goal = self._goal_point()
        if self._goal is None or np.hypot(goal[0] - self._goal[0], goal[1] - self._goal[1]) > MOVED:
            self._forget()
            self._goal = goal
        at, standing = (here.x, here.z, here.rotation), here.standing
        if self._ways(standing).get(at) == _CLAIM:
            self._vain.add(here)
            del self._first[standing]
        change = _CROUCH if standing else _STAND
        return self._ways(standing).get(at, change if at in self._ways(not standing) else UNKNOWN)

    def learn(self, before: Location, step: Step) -> None:
        """Takes note of what an action did.

        Args:
            before: where the agent was before it.
            step: what it did.
        """
        if step.action.kind in (Kind.OPEN, Kind.CLOSE) and step.succeeded:
            self._forget()
        if step.action.kind is not Kind.MOVE:
            return
        if step.succeeded:
            if step.location.place not in self._places:
                self._places.add(step.location.place)
                self._first = {}
            return
        ahead, right = _MOVES[INDEX[step.action.name]]
        edge = before.place, before.moved(ahead, right).place
        if edge not in self._blocked:
            self._blocked |= {edge, edge[::-1]}
            self._first = {}

    def _forget(self) -> None:
        self._vain, self._blocked, self._first = set(), set(), {}

    def _goal_point(self) -> Point:
        return to_point(self._world.frame, self._world.goal_pose().position)

    def _ways(self, standing: bool) -> dict[Tuple, int]:
        """The first action of a shortest way from each tuple; ClaimVisible at the tuples where ways end."""
        if standing not in self._first:
            self._first[standing] = self._search(standing)
        return self._first[standing]

    def _search(self, standing: bool) -> dict[Tuple, int]:
        assert self._goal is not None
        far = self._rules.claim_distance - self._config.expert_margin_m
        ends = facing(self._places, self._goal, 0.0, far, self._config.facing_degrees)
        first = {at: _CLAIM for at in ends if Location(*at, standing) not in self._vain}
        queue = deque(first)
        while queue:
            x, z, rotation = queue.popleft()
            for action, (right, ahead) in _WAYS_BACK[rotation]:
                back, other = (x + right, z + ahead), (x + right, z + ahead, rotation)
                if other not in first and back in self._places and (back, (x, z)) not in self._blocked:
                    first[other] = action
                    queue.append(other)
            for action, turn in _TURNS.items():
                other = (x, z, (rotation - turn) % 360)
                if other not in first:
                    first[other] = action
                    queue.append(other)
        return first
