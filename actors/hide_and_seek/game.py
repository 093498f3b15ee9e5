"""One game of hide and seek: its set-up, the order of its stages, what passes from one to the next, and its score.

    game = Game(world, GameTask("FloorPlan1", "Cup", seed=1), config)
    exploration = game.explore()        # step until it has ended
    perspective = game.choose()
    hiding = game.hide()
    seeking = game.seek()
    result = game.result()              # only a finished game has a score

`actors.hide_and_seek.play.play_game` does this with players.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek import metrics
from actors.hide_and_seek.actions import INDEX, MASKS, Stage, Target
from actors.hide_and_seek.augmentation import Augmentation
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.episode import Episode
from actors.hide_and_seek.locations import Location, all_locations
from actors.hide_and_seek.places import HidingPlace
from actors.hide_and_seek.scenes import GOALS
from actors.hide_and_seek.stages.explore import Exploration
from actors.hide_and_seek.stages.hide import Hiding
from actors.hide_and_seek.stages.manipulate import Manipulation
from actors.hide_and_seek.stages.perspective import Perspective
from actors.hide_and_seek.stages.seek import Seeking
from actors.hide_and_seek.world import Facts, Pose, Unplayable, World

MOVED = 0.02
"""Metres: an object that was moved less counts as where it was (ours)."""
TURNED = 5.0
"""Degrees: the same for rotations (ours)."""


@dataclass(frozen=True)
class GameTask:
    """A game: a room, a goal object and a seed. It determines everything but the players' moves."""

    scene: str
    goal: str
    seed: int

    def __post_init__(self) -> None:
        if self.goal not in GOALS:
            raise ValueError(f"goal must be one of {', '.join(GOALS)}, not {self.goal}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed}")

    @property
    def key(self) -> str:
        """Identifies the game within a run."""
        return f"{self.scene}/{self.goal}/{self.seed}"

    def __str__(self) -> str:
        return f"the game of {self.goal} in {self.scene} with seed {self.seed}"


@dataclass(frozen=True)
class GameObservation:
    """What a player sees before an action."""

    stage: Stage
    image: NDArray[np.uint8]
    """(224, 224, 3) RGB, with the game's augmentation."""
    mask: NDArray[np.bool_]
    """(219,) legal actions."""
    location: Location
    """Of the agent, relative to its first pose."""
    goal: str
    """Type of the goal object."""
    target: Target | None
    """Where the object shall land; only in object manipulation."""
    last_action: int | None
    """Number of the episode's last action; None before the first."""
    last_succeeded: bool
    """Whether it succeeded."""
    step: int
    """Number of steps since the episode began."""
    steps_left: int
    placed: bool
    """Whether a PlaceAt has succeeded; only in object hiding."""


@dataclass(frozen=True)
class Result:
    """The score of a finished game. The hider wins if the seeker does not find the object."""

    found: bool
    seeker_steps: int
    """Steps of the seeker until it found the object; the budget if it did not."""
    placed: bool
    """Whether the hider hid the object by a PlaceAt, rather than dropping it at the end."""
    manipulations: int
    """Number of object manipulations."""
    manipulation_hits: int
    """Number of those that hit their target."""
    coverage: float | None
    """Of exploration, see `metrics.coverage`; None if no hider played."""
    coverage_plus: float | None
    open_share: float | None
    """Share of the openable objects that the hider opened; None in a room without one, or without a hider."""
    visible_from: int | None
    """Number of location tuples from which a pixel of the goal is seen; None if it was not counted."""
    visible_share: float | None
    bfs_found: bool | None
    """Whether the breadth-first search finds the goal; None if it was not made."""
    bfs_steps: int | None
    bfs_share: float | None


class WrongStage(RuntimeError):
    """A stage was asked for before the one that it follows has ended."""


class Game:
    """A game in a room. Stages come in the order explore, choose, hide, seek; each once.

    Args:
        world: a running simulator. Its room is set up anew.
        task: what is played.
        config: the rules.

    Raises:
        Unplayable: the room cannot be played.
        SimulatorError: the simulator failed, here or in any later call. The game is then lost and has no score.
    """

    def __init__(self, world: World, task: GameTask, config: GameConfig) -> None:
        self._begin(world, task, config)
        drawn = Augmentation.draw(np.random.default_rng([task.seed, GOALS.index(task.goal)]))
        turned = drawn.world_rotation if config.turn_worlds else 0
        self._augment(drawn)
        self.facts = world.set_up(task.scene, task.seed, turned=turned)

    @classmethod
    def from_place(cls, world: World, place: HidingPlace, config: GameConfig, seed: int = 0) -> Game:
        """A game that begins with seeking: the goal is where a hiding place says.

        Args:
            world: a running simulator.
            place: where the goal is.
            config: the rules; the place decides whether the room is turned.
            seed: of the augmentation of images.

        Raises:
            Unplayable: the place does not fit into the room.
        """
        game = cls.__new__(cls)
        game._begin(world, GameTask(place.scene, place.goal, place.seed), config)
        game._restored = True
        game._augment(Augmentation.draw(np.random.default_rng([seed, place.seed, GOALS.index(place.goal)])))
        game.facts = world.set_up(place.scene, place.seed, place.start, place.turned)
        # The agent must not stand where an object shall lie.
        world.stand_at(_aside(game.facts, [place.pose, *place.moved.values()]))
        failed = world.restore(place.opened, place.moved)
        if failed:
            raise Unplayable(f"the hiding place does not fit {place.scene}: '{failed[0]}' cannot be put as it was")
        if not world.put_new(place.goal, place.pose):
            raise Unplayable(f"the hiding place does not fit {place.scene}: the {place.goal} finds no room at it")
        return game

    facts: Facts
    """The room as it was when the game began."""

    def _begin(self, world: World, task: GameTask, config: GameConfig) -> None:
        self.world, self.task, self.config = world, task, config
        self.exploration: Exploration | None = None
        self.perspective: Perspective | None = None
        self.hiding: Hiding | None = None
        self.seeking: Seeking | None = None
        self.hits: list[bool] = []
        """Whether each object manipulation hit its target."""
        self._restored = False
        self._visibility: tuple[int, int] | None = None
        self._search: tuple[bool, int] | None = None

    def _augment(self, drawn: Augmentation) -> None:
        self.augmentation = drawn if self.config.augment_images else Augmentation.none()

    # --- The stages

    def explore(self) -> Exploration:
        """Begins exploration and mapping."""
        self._ready(self.exploration is None and not self._restored, "exploration", "it comes first, and once")
        self.exploration = Exploration(self.world, self.config)
        return self.exploration

    def choose(self) -> Perspective:
        """Begins perspective simulation."""
        done = self.exploration is not None and self.exploration.episode.ended
        self._ready(done and self.perspective is None, "perspective simulation", "exploration must have ended")
        self.perspective = Perspective(self.world, self.config, self.facts.places)
        return self.perspective

    def hide(self) -> Hiding:
        """Gives the hider the goal object and begins object hiding."""
        done = self.perspective is not None and self.perspective.ended
        self._ready(done and self.hiding is None, "object hiding", "a location must have been chosen")
        self.world.take_new(self.task.goal)
        self.hiding = Hiding(self.world, self.config)
        return self.hiding

    def hide_at(self, location: Location) -> Hiding | None:
        """Begins object hiding at a location, without the stages before it, so that it can be trained by itself.

        Returns:
            None if the agent cannot stand there; nothing has begun then.
        """
        unplayed = self.exploration is None and self.hiding is None and not self._restored
        self._ready(unplayed, "object hiding", "no other stage may have begun")
        if location.place not in self.facts.places or not self.world.stand_at(location):
            return None
        self.world.take_new(self.task.goal)
        self.hiding = Hiding(self.world, self.config)
        return self.hiding

    def end_placing(self, probability: float = 1.0) -> bool:
        """Ends the PlaceAt that is under way; returns whether it succeeded. See `Hiding.finish_placing`."""
        if self.hiding is None or self.hiding.manipulation is None:
            raise WrongStage("no PlaceAt is under way")
        manipulation = self.hiding.manipulation
        step = self.hiding.finish_placing(probability)
        self.hits.append(manipulation.hit)
        return step.succeeded

    def measure(self) -> None:
        """Counts from where the hidden goal is seen, and searches for it; takes some tenths of a second."""
        self._ready(self._hidden and self.seeking is None, "measuring", "the object must be hidden, and not sought yet")
        self._stand_at_start()
        self._visibility = self.world.visible_from(self.facts.places, self.config.seen_by)
        self._search = self.world.search(sorted(self.facts.places), self.task.seed)

    def seek(self) -> Seeking:
        """Puts the seeker at the hider's first pose, in the room as the hider left it, and begins seeking."""
        self._ready(self._hidden and self.seeking is None, "seeking", "the object must be hidden")
        self._stand_at_start()
        self.seeking = Seeking(self.world, self.config)
        return self.seeking

    @property
    def _hidden(self) -> bool:
        return self._restored or (self.hiding is not None and self.hiding.episode.ended)

    def _stand_at_start(self) -> None:
        # A door or an object may stand there now; then the nearest free place serves.
        nearest = sorted(self.facts.places, key=lambda place: (place.x**2 + place.z**2, place))
        if not any(self.world.stand_at(Location(*place, 0, True)) for place in nearest):
            raise Unplayable(f"the seeker can stand nowhere in {self.task.scene}")

    @staticmethod
    def _ready(good: bool, stage: str, rule: str) -> None:
        if not good:
            raise WrongStage(f"{stage} cannot begin: {rule}")

    # --- What players see

    @property
    def current(self) -> Exploration | Perspective | Hiding | Manipulation | Seeking | None:
        """The stage that began last; an object manipulation while one is under way."""
        if self.hiding is not None and self.hiding.manipulation is not None and self.seeking is None:
            return self.hiding.manipulation
        return self.seeking or self.hiding or self.perspective or self.exploration

    def observe(self) -> GameObservation:
        """What the player of the current stage sees.

        Raises:
            WrongStage: no stage has begun.
        """
        stage = self.current
        if stage is None:
            raise WrongStage("no stage has begun")
        episode: Episode | None = None if isinstance(stage, Perspective) else stage.episode
        last = episode.steps[-1] if episode is not None and episode.steps else None
        return GameObservation(
            stage=stage.stage,
            image=self.augmentation.apply(self.world.image),
            mask=MASKS[stage.stage],
            location=self.world.location,
            goal=self.task.goal,
            target=stage.target if isinstance(stage, Manipulation) else None,
            last_action=None if last is None else INDEX[last.action.name],
            last_succeeded=last is not None and last.succeeded,
            step=0 if episode is None else len(episode.steps),
            steps_left=1 if episode is None else episode.steps_left,
            placed=isinstance(stage, Hiding) and stage.placed,
        )

    # --- Score

    def result(self) -> Result:
        """The score.

        Raises:
            WrongStage: the game is not finished.
        """
        seeking = self.seeking
        if seeking is None or not seeking.episode.ended:
            raise WrongStage("the game is not finished, so it has no score")
        feasible = all_locations(self.facts.places)
        books = None if self.exploration is None else self.exploration.episode
        openable = self.facts.openable
        visible = None if self._visibility is None else self._visibility[0]
        search = self._search
        return Result(
            found=seeking.found,
            seeker_steps=len(seeking.episode.steps) if seeking.found else self.config.seek_steps,
            placed=self.hiding is not None and self.hiding.placed,
            manipulations=len(self.hits),
            manipulation_hits=sum(self.hits),
            coverage=None if books is None else metrics.coverage(books.visited, feasible),
            coverage_plus=None if books is None else metrics.coverage_plus(books.extrapolated, feasible),
            open_share=None if books is None or not openable else metrics.open_share(books.opened, openable),
            visible_from=visible,
            visible_share=None if self._visibility is None else metrics.visible_share(*self._visibility),
            bfs_found=None if search is None else search[0],
            bfs_steps=None if search is None else search[1],
            bfs_share=None if search is None else metrics.bfs_share(search[1], len(self.facts.places)),
        )

    def place(self, source: str) -> HidingPlace:
        """The hiding place, once the object is hidden and before it is sought.

        Args:
            source: who hid the object.
        """
        self._ready(
            self._hidden and self.seeking is None, "a hiding place", "the object must be hidden, and not sought"
        )
        now, frame = self.world.all_poses(), self.facts.frame
        carried = self.world.goal
        moved = {
            name: pose for name, pose in now.items()
            if name != carried and name in self.facts.poses and _moved(self.facts.poses[name], pose)
        }  # fmt: skip
        counted = self._visibility
        return HidingPlace(
            scene=self.task.scene,
            seed=self.task.seed,
            goal=self.task.goal,
            start={"x": frame.x, "y": frame.y, "z": frame.z, "yaw": float(frame.yaw)},
            pose=self.world.goal_pose(),
            turned=self.facts.turned,
            opened=tuple(sorted(self.world.open_objects)),
            moved=moved,
            contained_in=self.world.container(),
            source=source,
            visible_from=None if counted is None else counted[0],
            tuples=None if counted is None else counted[1],
        )


def _aside(facts: Facts, poses: Sequence[Pose]) -> Location:
    """The location that is farthest from the nearest of these poses."""
    at = np.array([[pose.position["x"], pose.position["z"]] for pose in poses])
    places = sorted(facts.places)
    from_them = [float(np.hypot(*(at - facts.frame.position(place)).T).min()) for place in places]
    return Location(*places[int(np.argmax(from_them))], 0, True)


def _moved(before: Pose, after: Pose) -> bool:
    """Whether a pose differs by more than the physics' rest."""
    distance = max(abs(before.position[axis] - after.position[axis]) for axis in "xyz")
    turn = max(abs((before.rotation[axis] - after.rotation[axis] + 180) % 360 - 180) for axis in "xyz")
    return distance > MOVED or turn > TURNED
