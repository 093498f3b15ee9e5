"""The greedy hider: it hides the object in a container that it found, closes that, and tries again where it fails."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from actors.hide_and_seek.actions import ACTIONS, INDEX, Kind, Stage, Target, open_at
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import GameObservation
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.pixels import Modality
from actors.hide_and_seek.players.core import Hints
from actors.hide_and_seek.players.explorer import Explorer
from actors.hide_and_seek.players.roamer import change_posture
from actors.hide_and_seek.players.sight import EYES, REACH, cell_of, points
from actors.hide_and_seek.world import Look

HAND_AHEAD, HAND_BELOW = 0.38, 0.34
"""Metres of a new object in the hand ahead of the eyes and below them, with the camera 30 degrees down (ours)."""
HAND_STEP = 0.1
"""Metres by which an action moves the hand (paper)."""
NO_CONTAINERS = ("Laptop", "Book", "Blinds", "Shower")
"""Beginnings of the names of objects that open but hold nothing (ours)."""
BEST = 0.85
"""Metres from a container's front at which the hand reaches into it well (ours)."""
LOW = 0.6
"""Metres: the player crouches before containers that are lower (ours)."""
ASIDE = 0.6
"""Metres to the left or right of the player within which it uses containers (ours)."""
CELLS = 3
"""Attempts at different places of one container (ours)."""
_PLACE = {action.target: number for number, action in enumerate(ACTIONS) if action.kind is Kind.PLACE}
_CLOSE, _READY, _DROP = INDEX["CloseObjects"], INDEX["ReadyForSeeker"], INDEX["DropObject"]

Spot = tuple[float, float, float]
"""(right, up, ahead) of a point in the agent's frame, metres; up is counted from the floor."""


@dataclass(frozen=True)
class Try:
    """A way of the hand, and where the object shall land."""

    moves: tuple[int, ...]
    target: Target


class Greedy(Explorer):
    """Explores as `Explorer`. It stands before containers that it has opened, as far from its start as there are some.

    It opens one, moves the object in, and drops it. The picture of the dropped object tells where it has landed; if it
    lies in the container, but elsewhere than the target said, the player repeats the same movements with that target.
    """

    name = "greedy"

    def begin(self, seed: int, hints: Hints) -> None:
        """See `GamePlayer.begin`."""
        super().begin(seed, hints)
        self._sightings: dict[Location, dict[str, float]] = {}
        """Containers within reach of the hand from where the player was, and how well they serve."""
        self._choices: list[Location] | None = None
        self._fronts: dict[str, Spot] = {}
        """Middle of the front of each container in view, seen while it was closed."""
        self._current = ""
        """Id of the container that is open now."""
        self._spots: list[tuple[str, Spot]] = []
        """Where to try next in the container, with its id."""
        self._tried: Counter[str] = Counter()
        self._try: Try | None = None
        self._next: Try | None = None
        """What to try next, because it landed there before."""
        self._fallbacks: list[tuple[int, Try]] = []
        """What would succeed outside of containers, with the number of pixels that would be visible."""
        self._moves: list[int] = []
        self._posture: set[tuple[bool, str]] = set()
        """Postures that it wanted to leave, each with the container for whose sake."""
        self._closed = False

    def choose_action(self, observation: GameObservation) -> int:
        """The number of a legal action."""
        match observation.stage:
            case Stage.HIDE:
                return self._hide(observation)
            case Stage.MANIPULATE:
                return self._manipulate()
        number = super().choose_action(observation)
        if self.look is not None:
            self._remember(observation.location, self.look)
        return number

    def learn(self, step: Step) -> None:
        """See `GamePlayer.learn`."""
        if step.stage is Stage.EXPLORE:
            super().learn(step)
        elif step.stage is Stage.MANIPULATE:
            self._learn_manipulation(step)
        elif step.stage is Stage.HIDE and step.action.kind is Kind.OPEN and not step.succeeded:
            self._tried[self._current] += 1
            self._current = ""

    # --- Exploration and perspective simulation

    def _remember(self, here: Location, look: Look) -> None:
        """Remembers which closed containers the hand could reach from here."""
        if not here.standing:
            return  # hiding begins standing
        names = {look.objects[row][column] for row, column in np.argwhere(look.closed).tolist()}
        for name in names:
            right, up, ahead = _middle(look, name, True)
            if abs(right) < 0.5 and 0.55 < ahead < 1.15 and not name.startswith(NO_CONTAINERS):
                value = _worth(name, up) * (1.0 - 2.0 * abs(ahead - BEST)) * (1.0 - abs(right))
                self._sightings.setdefault(here, {})[name] = value

    def choose_location(self, observation: GameObservation) -> Location:
        """A place before containers, relative to the agent's pose; a random one if it knows none."""
        if self._choices is None:
            self._choices = self._rank()
        if self._choices:
            return self._choices.pop(0).seen_from(observation.location)
        return super().choose_location(observation)

    def _rank(self) -> list[Location]:
        """Locations before containers, the best first: central, at the right distance, far from the start."""
        scores = {}
        for location, seen in self._sightings.items():
            # What it could not open may be jammed.
            found = [value if name in self.opened else 0.5 * value for name, value in seen.items()]
            far = abs(location.x) + abs(location.z)
            scores[location] = max(found) + 0.2 * min(sum(found), 2.0) + 0.02 * min(far, 16)
        return sorted(scores, key=lambda location: (-scores[location], location))

    # --- Object hiding

    def _hide(self, observation: GameObservation) -> int:
        if observation.placed:
            if not self._closed and self._current:
                self._closed = True
                return _CLOSE
            return _READY
        if self._next is not None:
            again, self._next = self._next, None
            return self._place(again)
        if observation.steps_left <= 2 and self._fallbacks:
            self._fallbacks.sort(key=lambda one: one[0])
            return self._place(self._fallbacks.pop(0)[1])
        look, here = self.hints.look(), observation.location
        if self._current and not self._spots and not self._tried[self._current]:
            self._spots = self._inside(look, here.standing)
        while self._spots:
            name, spot = self._spots.pop(0)
            if (attempt := self._reach(name, spot, here.standing)) is not None:
                self._tried[name] += 1
                return self._place(attempt)
        return self._open_next(look, here) or self._put_down(look, here.standing)

    def _place(self, attempt: Try) -> int:
        self._try, self._moves = attempt, list(attempt.moves)
        return _PLACE[attempt.target]

    def _open_next(self, look: Look, here: Location) -> int | None:
        """Opens the best closed container within reach; crouches before low ones that do not slide out."""
        found = points(look, here.standing)
        cells: dict[str, tuple[float, int, int]] = {}
        for row, column in np.argwhere(look.closed).tolist():
            name = look.objects[row][column]
            right, up, ahead = found[row, column].tolist()
            if name.startswith(NO_CONTAINERS) or self._tried[name] or np.hypot(right, ahead) > REACH:
                continue
            self._fronts[name] = _middle(look, name, here.standing)
            if abs(self._fronts[name][0]) > ASIDE:
                continue
            rank = abs(self._fronts[name][0]) - _worth(name, self._fronts[name][1])
            cells[name] = min(cells.get(name, (np.inf, 0, 0)), (rank, row, column))
        if not cells:
            return None
        name = min(cells, key=lambda one: cells[one])
        standing = name.startswith("Drawer") or self._fronts[name][1] >= LOW
        if here.standing != standing and (here.standing, name) not in self._posture:
            self._posture.add((here.standing, name))
            return change_posture(here)
        self._current = name
        self._tried[name] = 0
        _, row, column = cells[name]
        return open_at(row, column)

    def _inside(self, look: Look, standing: bool) -> list[tuple[str, Spot]]:
        """Where in the open container the object may go, the best first."""
        name, front = self._current, self._fronts[self._current]
        self._tried[name] += 1
        found = points(look, standing)
        mine = np.array([[one == name for one in row] for row in look.objects]) & np.isfinite(look.distances)
        shown = found[mine]
        blind = name, (front[0], front[1], front[2] + 0.12)
        if not len(shown):
            return [blind]
        if shown[:, 2].min() < front[2] - 0.1 and not name.startswith("Cabinet"):
            # It slides out: its inside is between its front now and before.
            nearest = float(shown[:, 2].min())
            floor = shown[shown[:, 2] > nearest + 0.05]
            up = float(floor[:, 1].min()) if len(floor) else float(shown[:, 1].max()) - 0.1
            depths = (0.5, 0.35, 0.7)
            return [(name, (front[0], up + 0.15, nearest + share * (front[2] - nearest))) for share in depths]
        inner = shown[shown[:, 2] > front[2] + 0.04]
        order = np.argsort(np.abs(inner[:, 0] - front[0]) + 0.3 * inner[:, 1])
        spots = []
        for right, up, ahead in inner[order][:CELLS].tolist():
            spots.append((name, (right, up + 0.12, min(ahead - 0.06, front[2] + 0.15))))
        return [*spots, blind]

    def _reach(self, name: str, spot: Spot, standing: bool) -> Try | None:
        """The hand's way to a place in a container, with the cell where the object should land."""
        right, up, ahead = spot
        cell = cell_of(right, up - 0.08, ahead, standing)
        if cell is None:
            return None
        slides = name.startswith("Drawer")
        return Try(_way(spot, standing, ahead_first=slides), (Modality.CONTAINED_IN, *cell))

    def _put_down(self, look: Look, standing: bool) -> int:
        """Puts the object down somewhere in view, the farther away the better."""
        found = points(look, standing)
        level = np.hypot(found[..., 0], found[..., 2])
        cells = np.argwhere((level < REACH - 0.1) & (found[..., 1] < EYES[standing]))
        if not len(cells):
            return int(self.random.choice(list(_PLACE.values())))
        row, column = self.random.choice(cells).tolist()
        right, up, ahead = found[row, column].tolist()
        moves = _way((right, up + 0.1, ahead - 0.05), standing, ahead_first=True)
        return self._place(Try(moves, (Modality.ON_TOP, row, column)))

    # --- Object manipulation

    def _manipulate(self) -> int:
        if self._moves:
            return self._moves.pop(0)
        return _DROP

    def _learn_manipulation(self, step: Step) -> None:
        number = INDEX[step.action.name]
        if step.action.kind is Kind.MOVE_HAND and not step.succeeded:
            while self._moves and self._moves[0] == number:
                self._moves.pop(0)
        if step.landing is None or self._try is None:
            return
        best = step.landing.best
        if best is None or best == self._try.target:
            return
        again = Try(self._try.moves, best)
        if best[0] is Modality.CONTAINED_IN:
            if not step.landing.hit(*self._try.target, neighbours=True):
                self._next = again
        else:
            self._fallbacks.append((int(step.landing.counts[Modality.ON_TOP].sum()), again))


def _worth(name: str, height: float) -> float:
    """How well a container serves whose front is at a height, metres: best is what the hand reaches from above."""
    if name.startswith("Drawer"):
        return 1.0 if 0.4 <= height <= 1.05 else 0.5
    return 0.5 if height < 1.2 else 0.1


def _middle(look: Look, name: str, standing: bool) -> Spot:
    """The middle of the cells that show an object."""
    mine = np.array([[one == name for one in row] for row in look.objects])
    right, up, ahead = points(look, standing)[mine].mean(axis=0).tolist()
    return right, up, ahead


def _way(spot: Spot, standing: bool, ahead_first: bool) -> tuple[int, ...]:
    """Numbers of the actions that move the hand from its default place to a spot."""
    right, up, ahead = spot
    aside = hand_moves(right, "Right", "Left")
    height = hand_moves(up - (EYES[standing] - HAND_BELOW), "Up", "Down")
    depth = hand_moves(ahead - HAND_AHEAD, "Ahead", "Back")
    return (*aside, *depth, *height) if ahead_first else (*aside, *height, *depth)


def hand_moves(distance: float, positive: str, negative: str) -> tuple[int, ...]:
    """Numbers of the actions that move the hand along an axis.

    Args:
        distance: metres.
        positive: way of MoveHand for distances above 0, such as "Right".
        negative: way for others.
    """
    number = INDEX[f"MoveHand{positive if distance > 0 else negative}"]
    return (number,) * round(abs(distance) / HAND_STEP)
