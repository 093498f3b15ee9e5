"""The Gymnasium environments of the four stages; see `stage_env` for what they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from actors.hide_and_seek import metrics
from actors.hide_and_seek.actions import ACTIONS, INDEX, Kind, Stage
from actors.hide_and_seek.environments.players import DEFAULT_HIDER, DEFAULT_MANIPULATOR, PlayerMaker, player_maker
from actors.hide_and_seek.environments.rooms import SCENES, TASK_OPTIONS
from actors.hide_and_seek.environments.stage_env import LegalActions, StageEnv
from actors.hide_and_seek.episode import Episode, Step
from actors.hide_and_seek.game import Game, GameTask
from actors.hide_and_seek.locations import ROTATIONS, Location, all_locations, random_location
from actors.hide_and_seek.places import HidingPlace, check_fits, find_places, from_json
from actors.hide_and_seek.play import hide_step
from actors.hide_and_seek.players.core import GamePlayer
from actors.hide_and_seek.stages.hide import Hiding
from actors.hide_and_seek.stages.manipulate import Manipulation
from actors.hide_and_seek.world import Unplayable, World
from common.errors import UsageError

__all__ = ["ExploreEnv", "HideEnv", "LegalActions", "ManipulateEnv", "SeekEnv"]

LOCATIONS = 200
"""How many random locations are tried at most until the agent can stand at one (ours)."""
PLACE_ATS = np.flatnonzero([action.kind is Kind.PLACE for action in ACTIONS])
"""Numbers of all PlaceAt."""


class ExploreEnv(StageEnv):
    """Exploration and mapping (E&M): walk through a room and open things, from a random start.

    Results: coverage, coverage_plus, and open_share, the share of the openable objects that were opened (0 where there
    are none).
    """

    stage = Stage.EXPLORE

    def _start(self, world: World, task: GameTask, random: np.random.Generator, options: Mapping[str, Any]) -> Game:
        game = Game(world, task, self.rooms.rules)
        game.explore()
        return game

    def _books(self, game: Game) -> Episode:
        assert game.exploration is not None
        return game.exploration.episode

    def _perform(self, game: Game, number: int) -> Step:
        assert game.exploration is not None
        return game.exploration.step(number)

    def _results(self, game: Game) -> dict[str, Any]:
        books, feasible = self._books(game), all_locations(game.facts.places)
        return {
            "coverage": metrics.coverage(books.visited, feasible),
            "coverage_plus": metrics.coverage_plus(books.extrapolated, feasible),
            "open_share": metrics.open_share(books.opened, game.facts.openable),
        }


class ManipulateEnv(StageEnv):
    """Object manipulation (OM): bring the held goal to a target, from a random location.

    Further options of `reset`: location, (x, z, rotation, standing) relative to the game's start in steps of 0.25 m,
    degrees and a truth value; target, the name of a PlaceAt such as "PlaceAt(OnTop,4,4)". Without them both are random;
    half of the locations are crouching.

    Results: dropped; hit, whether the object landed at the target; placed, the same as object hiding counts it.
    """

    stage = Stage.MANIPULATE
    options = (*TASK_OPTIONS, "location", "target")

    def _check(self, options: dict[str, Any]) -> dict[str, Any]:
        if "target" in options:
            number = INDEX.get(str(options["target"]))
            if number is None or ACTIONS[number].kind is not Kind.PLACE:
                raise UsageError(
                    f"the option target must name a PlaceAt such as PlaceAt(OnTop,4,4), not {options['target']!r}"
                )
            options["target"] = number
        return _check_location(options)

    def _start(self, world: World, task: GameTask, random: np.random.Generator, options: Mapping[str, Any]) -> Game:
        game = Game(world, task, self.rooms.rules)
        target = int(random.choice(PLACE_ATS))
        _begin_hiding(game, random, options.get("location"), crouch=True).place(options.get("target", target))
        return game

    def _books(self, game: Game) -> Episode:
        return _manipulation(game).episode

    def _perform(self, game: Game, number: int) -> Step:
        return _manipulation(game).step(number)

    def _results(self, game: Game) -> dict[str, Any]:
        manipulation = _manipulation(game)
        dropped = manipulation.landing is not None
        return {"dropped": dropped, "hit": manipulation.hit, "placed": manipulation.placed}


class HideEnv(StageEnv):
    """Object hiding (OH): choose how and where the object goes, from a random location. The agent begins standing.

    A player of the program moves the object in the manipulation that a PlaceAt starts, which is one step here.

    Further option of `reset`: location, see `ManipulateEnv`.

    Results: placed, whether a PlaceAt succeeded; manipulations and hits, their number and that of those that hit.

    Args:
        manipulator: the player that moves objects: its name, "straight" or a scripted hider's, or a function that makes
            one. `players.Straight` moves them straight to their targets.
        others: see `StageEnv`.
    """

    stage = Stage.HIDE
    options = (*TASK_OPTIONS, "location")

    def __init__(self, *, manipulator: str | Callable[[], GamePlayer] = DEFAULT_MANIPULATOR, **others: Any) -> None:
        super().__init__(**others)
        self._make: PlayerMaker = player_maker(manipulator, "manipulator")
        self._player = self._make()

    def _check(self, options: dict[str, Any]) -> dict[str, Any]:
        return _check_location(options)

    def _start(self, world: World, task: GameTask, random: np.random.Generator, options: Mapping[str, Any]) -> Game:
        game = Game(world, task, self.rooms.rules)
        _begin_hiding(game, random, options.get("location"))
        self._player = self._make()
        self._player.begin(task.seed, world)
        return game

    def _books(self, game: Game) -> Episode:
        return _hiding(game).episode

    def _perform(self, game: Game, number: int) -> Step:
        return hide_step(game, _hiding(game), number, self._player)

    def _results(self, game: Game) -> dict[str, Any]:
        return {"placed": _hiding(game).placed, "manipulations": len(game.hits), "hits": sum(game.hits)}


class SeekEnv(StageEnv):
    """Seeking (S): find the hidden object and claim it.

    Further option of `reset`: place, a `places.HidingPlace` or its JSON form, which fixes scene, goal and seed.

    Results: found; steps, those of the seeker, `rules.seek_steps` if it did not find the object.

    Args:
        places: where objects are hidden: a file of hiding places, a folder of such files, or a list of files, folders
            and places. They may be in any room unless `scenes` is given. None: `hider` hides an object in each episode.
        hider: the player that hides objects from a random location: its name, or a function that makes one.
        others: see `StageEnv`.
    """

    stage = Stage.SEEK
    options = (*TASK_OPTIONS, "place")

    def __init__(
        self,
        *,
        places: str | Path | Sequence[str | Path | HidingPlace] | None = None,
        hider: str | Callable[[], GamePlayer] = DEFAULT_HIDER,
        **others: Any,
    ) -> None:
        if places is not None:
            others = {"scenes": sorted(SCENES)} | others
        super().__init__(**others)
        self._make: PlayerMaker = player_maker(hider, "hider")
        self._places: list[HidingPlace] | None = None
        if places is not None:
            found = _places(places)
            rooms = self.rooms
            self._places = [place for place in found if place.scene in rooms.scenes and place.goal in rooms.goals]
            if not self._places:
                raise UsageError("places must hold a hiding place of the environment's scenes and goals; it holds none")

    def _check(self, options: dict[str, Any]) -> dict[str, Any]:
        if "place" in options:
            place = options["place"]
            if not isinstance(place, HidingPlace):
                place = from_json(place, "the option place")
            check_fits(place, options.get("scene"), options.get("goal"))
            if options.get("seed", place.seed) != place.seed:
                raise UsageError(f"the hiding place is for seed {place.seed}, but the game has seed {options['seed']}")
            options |= {"place": place, "scene": place.scene, "goal": place.goal, "seed": place.seed}
        elif self._places is not None and not self._fitting(options):
            wanted = ", ".join(f"{name} {value}" for name, value in options.items())
            raise UsageError(f"places must hold a hiding place of {wanted}; it holds none")
        return options

    def _fitting(self, options: Mapping[str, Any]) -> list[HidingPlace]:
        return [
            place for place in self._places or []
            if all(getattr(place, name) == value for name, value in options.items())
        ]  # fmt: skip

    def _start(self, world: World, task: GameTask, random: np.random.Generator, options: Mapping[str, Any]) -> Game:
        rules = self.rooms.rules
        place = options.get("place")
        if place is None and self._places is not None:
            fixed = {name: value for name, value in options.items() if name in TASK_OPTIONS}
            fitting = self._fitting(fixed)
            place = fitting[int(random.integers(len(fitting)))]
        if place is not None:
            game = Game.from_place(world, place, rules, seed=task.seed)
        else:
            game = Game(world, task, rules)
            hiding, hider = _begin_hiding(game, random, None), self._make()
            hider.begin(task.seed, world)
            while not hiding.episode.ended:
                hide_step(game, hiding, hider.act(game.observe()), hider)
        game.seek()
        return game

    def _books(self, game: Game) -> Episode:
        assert game.seeking is not None
        return game.seeking.episode

    def _perform(self, game: Game, number: int) -> Step:
        assert game.seeking is not None
        return game.seeking.step(number)

    def _results(self, game: Game) -> dict[str, Any]:
        result = game.result()
        return {"found": result.found, "steps": result.seeker_steps}


def _begin_hiding(game: Game, random: np.random.Generator, wanted: Location | None, crouch: bool = False) -> Hiding:
    """Begins object hiding at a location, or at a random one; `crouch`: half of the random ones are crouching."""
    if wanted is not None:
        hiding = game.hide_at(wanted)
        if hiding is None:
            raise Unplayable(f"the agent cannot stand at the option location {tuple(wanted)} in {game.task}")
        return hiding
    for _ in range(LOCATIONS):
        location = random_location(random, game.facts.places)
        hiding = game.hide_at(location._replace(standing=not (crouch and random.random() < 0.5)))
        if hiding is not None:
            return hiding
    raise Unplayable(f"the agent can stand nowhere in {game.task}")


def _hiding(game: Game) -> Hiding:
    assert game.hiding is not None
    return game.hiding


def _manipulation(game: Game) -> Manipulation:
    manipulation = _hiding(game).manipulation
    assert manipulation is not None
    return manipulation


def _check_location(options: dict[str, Any]) -> dict[str, Any]:
    """Converts the option location to a Location."""
    if "location" in options:
        value = options["location"]
        good = (
            isinstance(value, (tuple, list))
            and len(value) == 4
            and all(isinstance(one, (int, np.integer)) for one in value)
            and value[2] in ROTATIONS
            and value[3] in (0, 1)
        )
        if not good:
            raise UsageError(
                "the option location must be (x, z, rotation, standing): whole steps, 0, 90, 180 or 270 degrees, and "
                f"a truth value, not {value!r}"
            )
        options["location"] = Location(int(value[0]), int(value[1]), int(value[2]), bool(value[3]))
    return options


def _places(places: Any) -> list[HidingPlace]:
    """The hiding places of the argument places."""
    given = list(places) if isinstance(places, (list, tuple)) else [places]
    for one in given:
        if not isinstance(one, (str, Path, HidingPlace)):
            raise UsageError(f"places must be a file, a folder or a list of files, folders and places, not {places!r}")
    return [place for one in given for place in ([one] if isinstance(one, HidingPlace) else find_places(one))]
