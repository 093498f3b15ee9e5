"""What all stages share: performing an action, and the books on what was visited and opened."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.hide_and_seek.actions import Action, Kind, Stage, legal_action
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.locations import Location, extrapolated
from actors.hide_and_seek.pixels import Landing
from actors.hide_and_seek.world import World

_HAND_AXES = {
    "Ahead": (0, 0, 1),
    "Back": (0, 0, -1),
    "Left": (-1, 0, 0),
    "Right": (1, 0, 0),
    "Up": (0, 1, 0),
    "Down": (0, -1, 0),
}
_HAND_TURNS = {"X": "pitch", "Y": "yaw", "Z": "roll"}


class EpisodeEnded(RuntimeError):
    """An action after the end of its episode; nothing was done."""


@dataclass(frozen=True)
class Step:
    """What one action did. One action, successful or not, is one step of its episode's clock."""

    stage: Stage
    action: Action
    succeeded: bool
    reward: float
    """The reward (Algorithms 1 to 4) without the parts that come from networks; see the stages' functions."""
    location: Location
    """Where the agent is now."""
    ended: bool
    """Whether this was the episode's last step."""
    opened: tuple[str, ...] = ()
    """Ids of the objects that this action opened for the first time in the episode."""
    new_location: bool = False
    """Whether the agent entered a location tuple for the first time in the episode."""
    new_place: bool = False
    """The same, ignoring the rotation."""
    extrapolated_gain: int = 0
    """Number of location tuples by which the extrapolated set grew."""
    landing: Landing | None = None
    """Where the object landed, if this action dropped it."""
    goal_in_view: bool | None = None
    """Whether enough of the goal's pixels are in view; None for actions other than ClaimVisible."""


@dataclass
class Episode:
    """The books of one stage."""

    world: World
    config: GameConfig
    stage: Stage
    max_steps: int
    steps: list[Step] = field(default_factory=list)
    visited: set[Location] = field(default_factory=set)
    """Location tuples where the agent has been, with the first."""
    extrapolated: set[Location] = field(default_factory=set)
    """Location tuples reached from visited ones by a step ahead and none or one to the side, through objects."""
    opened: set[str] = field(default_factory=set)
    """Ids of the objects that the agent has opened."""
    ended: bool = False

    def __post_init__(self) -> None:
        self.start = self.world.location
        self._visit(self.start)

    @property
    def steps_left(self) -> int:
        """Number of steps until the clock ends the episode."""
        return 0 if self.ended else self.max_steps - len(self.steps)

    def check(self, number: int) -> Action:
        """The action of a number, if the episode allows it now.

        Raises:
            EpisodeEnded: the episode has ended.
            IllegalAction: the stage does not allow the action.
        """
        if self.ended:
            raise EpisodeEnded(f"the episode '{self.stage.value}' has ended after {len(self.steps)} steps")
        return legal_action(number, self.stage)

    def perform(self, action: Action) -> tuple[bool, tuple[str, ...]]:
        """Performs an action that the simulator knows.

        Returns:
            whether it succeeded, and the ids of the objects that it opened for the first time in the episode.
        """
        if action.kind is not Kind.OPEN:
            return self._act(action), ()
        before = self.world.open_objects
        assert action.row is not None and action.column is not None
        succeeded = self.world.open_at(action.row, action.column)
        new = self.world.open_objects - before - self.opened
        self.opened |= new
        return succeeded, tuple(sorted(new))

    def _act(self, action: Action) -> bool:
        world = self.world
        match action.kind:
            case Kind.MOVE | Kind.ROTATE | Kind.POSTURE:
                return world.act(action.name)
            case Kind.CLOSE:
                return world.close_all()
            case Kind.MOVE_HAND:
                axes = _HAND_AXES[action.name.removeprefix("MoveHand")]
                x, y, z = (self.config.hand_step * axis for axis in axes)
                return world.holding and world.act("MoveHandForce", x=x, y=y, z=z)
            case Kind.ROTATE_HAND:
                angle = self.config.hand_turn if "+" in action.name else -self.config.hand_turn
                return world.holding and world.act("RotateHeldObject", **{_HAND_TURNS[action.name[-1]]: angle})
            case Kind.DROP:
                if world.holding:
                    world.drop()
                    return True
                return False
        raise ValueError(f"the simulator has no action for {action.name}")

    def visit(self) -> tuple[Location, bool, bool, int]:
        """Enters where the agent is now in the books.

        Returns:
            the location, whether it is new, whether it is new without its rotation, and the growth of `extrapolated`.
        """
        location = self.world.location
        new = location not in self.visited
        if not new:
            return location, False, False, 0
        turned = (location.turned(angle) for angle in (90, 180, 270))
        new_place = not any(other in self.visited for other in turned)
        return location, True, new_place, self._visit(location)

    def _visit(self, location: Location) -> int:
        self.visited.add(location)
        before = len(self.extrapolated)
        self.extrapolated.update(extrapolated(location))
        return len(self.extrapolated) - before

    def finish(self, step: Step) -> Step:
        """Enters a step in the books and ends the episode if the step did."""
        self.steps.append(step)
        self.ended = step.ended
        return step

    @property
    def is_last(self) -> bool:
        """Whether the next step is the last that the clock allows."""
        return len(self.steps) + 1 >= self.max_steps
