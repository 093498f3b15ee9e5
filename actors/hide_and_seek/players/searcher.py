"""The searcher: looks around all over the room, opens containers, walks to the goal when it sees it, and claims it."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.actions import INDEX, Kind
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import GameObservation
from actors.hide_and_seek.locations import STEP, Location
from actors.hide_and_seek.players.core import Hints, Side
from actors.hide_and_seek.players.roamer import Roamer, change_posture
from actors.hide_and_seek.players.room_map import Pose, facing_poses
from actors.hide_and_seek.players.sight import REACH, Point, crossing, goal_distance, goal_ray, points, to_room
from actors.hide_and_seek.world import Look

APART = 3
"""Steps between the places at which it looks around (ours)."""
LOW = 0.75
"""Metres: into an opened object below this height it looks from both postures (ours)."""
CLAIM_PIXELS = 10
"""Pixels of the goal that a claim needs (paper)."""
DOUBT = 2.0
"""Metres up to which it claims a goal that it cannot go nearer to, because distances are estimates (ours)."""
CHASE = 30
"""Steps for which it follows a goal that it has lost from view (ours)."""
OFTEN = 4
"""How often it follows the goal from the same location; then it goes on looking elsewhere (ours)."""
RAYS = 6
"""Latest sightings of the goal from which it is located (ours)."""
_CLAIM, _TURN = INDEX["ClaimVisible"], INDEX["RotateRight"]


class Searcher(Roamer):
    """Plays the seeker; its eyes for the goal are `Hints.goal_pixels`.

    It goes from place to place, `APART` steps from each other, and looks around at each: standing at one, crouching at
    the next. It looks into what it opens, in both postures if that is low.
    """

    name = "searcher"
    sides = frozenset({Side.SEEKER})

    def begin(self, seed: int, hints: Hints) -> None:
        """See `GamePlayer.begin`."""
        super().begin(seed, hints)
        self._centres: list[tuple[int, int]] = []
        """Places where it has looked around."""
        self._turns = 0
        """Turns that are left to do here."""
        self._peek = False
        """Whether it shall look into what it has opened from the other posture."""
        self._rays: dict[Location, tuple[Point, Point]] = {}
        """Beginning and direction of the ray to the goal from where it saw it."""
        self._claims: set[Location] = set()
        """Where a claim failed."""
        self._goal: Point | None = None
        """Where it believes the goal to be."""
        self._unseen = 0
        """Steps since it has seen the goal."""
        self._given_up: set[Pose] = set()
        """Poses to which the goal has led it in vain."""
        self._passed: Counter[Location] = Counter()
        """How often it was where while it followed the goal."""

    def choose_action(self, observation: GameObservation) -> int:
        """The number of a legal action."""
        mask = self.hints.goal_pixels()
        number = self._pursue(observation, mask)
        return self.roam(observation) if number is None else number

    # --- The goal

    def _pursue(self, observation: GameObservation, mask: NDArray[np.bool_]) -> int | None:
        """Claims the goal or goes nearer to it; None if it was not seen, or is lost."""
        here, count = observation.location, int(mask.sum())
        distance = np.inf
        if count:
            look = self.hints.look()
            self.map.see(here, look)
            self._unseen, self._goal = 0, self._locate(here, mask, look, observation.goal)
            distance = math.dist(self._goal, (here.x * STEP, here.z * STEP))
        elif self._goal is not None:
            self._unseen += 1
            if self._unseen > CHASE:
                self._goal = None
        if self._goal is None:
            return None
        self.map.arrive(here)
        self._passed[here] += 1
        if self._passed[here] > OFTEN:  # each view puts the goal elsewhere, so it would go to and fro
            return None
        if count >= CLAIM_PIXELS and distance <= REACH and here not in self._claims:
            self._claims.add(here)
            return self._take(here, _CLAIM)
        way = self._way_to(here, self._goal)
        if way:
            return self._take(here, way[0])
        if count >= CLAIM_PIXELS and distance <= DOUBT and here not in self._claims:
            self._claims.add(here)
            return self._take(here, _CLAIM)
        self._given_up.add((here.x, here.z, here.rotation))
        self._goal = None
        return None

    def _locate(self, here: Location, mask: NDArray[np.bool_], look: Look, goal: str) -> Point:
        """Where the goal is: where the rays to it cross, or else as far away as what the picture shows there."""
        right, up, ahead = goal_ray(mask)
        level = math.hypot(right, ahead)
        x, z = (
            end - start * STEP for end, start in zip(to_room(here, right / level, ahead / level), here, strict=False)
        )
        self._rays[here] = (here.x * STEP, here.z * STEP), (x, z)
        latest = list(self._rays.values())[-RAYS:]
        found = crossing([origin for origin, _ in latest], [direction for _, direction in latest])
        if found is not None:
            return found
        distance = goal_distance(mask, look, goal) * level
        if here in self._claims:
            distance = max(distance, REACH + STEP)  # the claim failed because the goal is farther away
        return here.x * STEP + distance * x, here.z * STEP + distance * z

    def _take(self, here: Location, number: int) -> int:
        self._before, self._last, self.plan = here, number, []
        return number

    def _way_to(self, here: Location, goal: Point) -> list[int] | None:
        """A way to a pose that faces the goal, the nearer the better; each such pose is tried once."""
        pose = (here.x, here.z, here.rotation)
        for far in (1.0, 1.25, 1.5):
            poses = facing_poses(goal, 0.0, far) - self._given_up
            if pose in poses:
                self._given_up.add(pose)
                poses.discard(pose)
            for careful in (True, False):
                way = self.map.way(here, lambda other, _: other in poses, careful)  # noqa: B023 - used at once
                if way:
                    return way

        def nearer(other: Pose, _: bool) -> bool:
            return math.dist((other[0] * STEP, other[1] * STEP), goal) < distance and other not in self._given_up

        distance = math.dist((here.x * STEP, here.z * STEP), goal) - STEP / 2
        return self.map.way(here, nearer)

    # --- The search

    def wants(self, pose: Pose, known: bool) -> bool:
        """Places that are far from those where it has looked around."""
        return self._is_new(pose[0], pose[1])

    def _is_new(self, x: int, z: int) -> bool:
        return all(abs(x - other) + abs(z - another) >= APART for other, another in self._centres)

    def at_place(self, observation: GameObservation) -> int | None:
        """A turn, or a change of the posture."""
        here = observation.location
        if self._peek:
            self._peek = False
            return change_posture(here)
        if self._is_new(here.x, here.z):
            self._centres.append((here.x, here.z))
            self._turns = 3
            if len(self._centres) > 1 and here.standing == (len(self._centres) % 2 == 0):
                return change_posture(here)
        if self._turns:
            self._turns -= 1
            return _TURN
        return None

    def learn(self, step: Step) -> None:
        """See `GamePlayer.learn`."""
        super().learn(step)
        if step.action.kind is Kind.OPEN and step.succeeded and self.look is not None:
            row, column = step.action.row, step.action.column
            assert row is not None and column is not None and self._before is not None
            height = points(self.look, self._before.standing)[row, column, 1]
            self._peek = self._peek or bool(height < LOW)
