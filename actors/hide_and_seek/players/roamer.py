"""Roaming a room and opening what is in it: what the explorer and the searcher share."""

from __future__ import annotations

from collections import Counter

import numpy as np

from actors.hide_and_seek.actions import INDEX, Kind, open_at
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import GameObservation
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.players.core import Hints
from actors.hide_and_seek.players.room_map import MOVES, Pose, RoomMap, facing_poses
from actors.hide_and_seek.players.scripted import ScriptedPlayer
from actors.hide_and_seek.players.sight import REACH, points, to_room
from actors.hide_and_seek.world import Look

NEAR, FAR = 0.4, 1.25
"""Metres from a closed object between which the player walks to open it (ours)."""
TRIES = 3
"""Failures after which it gives an object up (ours)."""
DOORS = 8
"""Steps around it within which an obstacle may be a door that it has closed (ours)."""

_CLOSE, _STAND, _CROUCH = INDEX["CloseObjects"], INDEX["Stand"], INDEX["Crouch"]
_STEPS = tuple(sorted(MOVES)) + (INDEX["RotateLeft"], INDEX["RotateRight"])


class Roamer(ScriptedPlayer):
    """Walks about, opens closed things within reach, and closes them again so that their doors do not stop it.

    A subclass says in `wants` where it wants to be, and in `at_place` what it does there before it walks on.
    """

    def begin(self, seed: int, hints: Hints) -> None:
        """See `GamePlayer.begin`."""
        super().begin(seed, hints)
        self.map = RoomMap()
        self.settled: set[str] = set()
        """Ids of the objects that it has opened or given up."""
        self.opened: set[str] = set()
        """Ids of the objects that it has opened."""
        self.left_open: set[str] = set()
        """Ids of the objects that it has opened and not closed again."""
        self.look: Look | None = None
        self.plan: list[int] = []
        self._failures: Counter[str] = Counter()
        self._failed_here: set[tuple[str, Location]] = set()
        self._opening = ""
        """Id of the object that it is opening."""
        self._wanted: dict[Pose, set[str]] = {}
        """Objects that it can probably open from a pose."""
        self._sighted: set[str] = set()
        """Ids of the objects for which `_wanted` has poses."""
        self._stuck = 0
        """Number of actions since it last knew where to go."""
        self._before: Location | None = None
        self._last: int | None = None

    # --- What a subclass decides

    def wants(self, pose: Pose, known: bool) -> bool:
        """Whether it wants to go to a pose, given whether it has been at its place."""
        return not known

    def at_place(self, observation: GameObservation) -> int | None:
        """An action to do here before it walks on; None if there is none."""
        return None

    # --- Acting

    def roam(self, observation: GameObservation) -> int:
        """The next action."""
        here = observation.location
        self.map.arrive(here)
        self.look = self.hints.look()
        self.map.see(here, self.look)
        number = self._open_something(here, self.look)
        if number is None:
            number = self.at_place(observation)
        if number is None and self.left_open:
            number = _CLOSE
        if number is None:
            number = self._walk(here)
        self._before, self._last = here, number
        return number

    def learn(self, step: Step) -> None:
        """See `GamePlayer.learn`."""
        if self._last is None or self._before is None:
            return
        kind = step.action.kind
        if kind is Kind.MOVE and not step.succeeded:
            self.map.block(self._before, self._last)
        if kind in (Kind.MOVE, Kind.ROTATE) and not step.succeeded:
            self.plan = []
        if kind is Kind.OPEN:
            self._note_opening(step.succeeded)
        if kind is Kind.CLOSE:
            # After a failure nothing in view can be closed; then the doors stay open.
            self.left_open.clear()
            if step.succeeded:
                self.map.forget(self._before.x, self._before.z, DOORS)

    def _note_opening(self, succeeded: bool) -> None:
        name = self._opening
        if succeeded:
            self._settle(name)
            self.opened.add(name)
            self.left_open.add(name)
            return
        self._failures[name] += 1
        assert self._before is not None
        self._failed_here.add((name, self._before))
        if self._failures[name] >= TRIES:
            self._settle(name)

    def _settle(self, name: str) -> None:
        self.settled.add(name)
        for pose in [pose for pose, names in self._wanted.items() if name in names]:
            self._drop(pose, name)

    def _drop(self, pose: Pose, name: str) -> None:
        self._wanted[pose].discard(name)
        if not self._wanted[pose]:
            del self._wanted[pose]

    def _open_something(self, here: Location, look: Look) -> int | None:
        """Opens the nearest closed object within reach, and takes note of others."""
        pose = (here.x, here.z, here.rotation)
        seen: dict[str, tuple[float, int, int]] = {}
        found = points(look, here.standing)
        for row, column in np.argwhere(look.closed).tolist():
            name = look.objects[row][column]
            if name in self.settled:
                continue
            right, _, ahead = found[row, column].tolist()
            distance = float(np.hypot(right, ahead))
            if name not in self._sighted:
                self._sighted.add(name)
                for other in facing_poses(to_room(here, right, ahead), NEAR, FAR):
                    self._wanted.setdefault(other, set()).add(name)
                self.plan = []
            if distance <= REACH and (name, here) not in self._failed_here:
                seen[name] = min(seen.get(name, (np.inf, 0, 0)), (distance, row, column))
        if seen:
            name = min(seen, key=lambda one: seen[one])
            _, row, column = seen[name]
            self._opening = name
            return open_at(row, column)
        for name in list(self._wanted.get(pose, ())):
            # It is not to be seen or opened from here after all.
            self._drop(pose, name)
            self._failures[name] += 1
            if self._failures[name] >= TRIES:
                self._settle(name)
        return None

    def _walk(self, here: Location) -> int:
        if not self.plan:
            self.plan = self._way(here)
        if self.plan:
            self._stuck = 0
            return self.plan.pop(0)
        return self._free_itself(here)

    def _way(self, here: Location) -> list[int]:
        def goal(pose: Pose, known: bool) -> bool:
            return pose in self._wanted or self.wants(pose, known)

        return (
            self.map.way(here, goal)
            or self.map.way(here, lambda _, known: not known)
            or self.map.way(here, goal, careful=False)
            or self.map.way(here, lambda _, known: not known, careful=False)
            or []
        )

    def _free_itself(self, here: Location) -> int:
        """What to do without a goal that can be reached: close doors all around, forget obstacles, walk at random."""
        self._stuck += 1
        if self._stuck < 8:
            return _CLOSE if self._stuck % 2 else INDEX["RotateRight"]
        if self._stuck == 8:
            self.map.forget(here.x, here.z, 10**6)
            self.plan = self._way(here)
            if self.plan:
                return self.plan.pop(0)
        return int(self.random.choice(_STEPS))


def change_posture(location: Location) -> int:
    """The number of the action that leads to the other posture."""
    return _CROUCH if location.standing else _STAND
