"""Hide and seek's tab in `./playpen play`: people and players of the program play games step by step.

Messages, by their "do"; each but the last five replies with the game's state:

- start {scene, goal, seed, hider, seeker}: a new game. Each side is "human" or the name of a player.
- start {place, seeker}: a game that begins with seeking at a hiding place, by its number in the list of places.
- act {action}: a person's action by its name, such as "OpenAt(3,4)".
- explored: a person ends exploration early.
- choose {x, z, rotation}: a person's location to hide from, relative to the first pose of the game.
- go {moves}: the player whose turn it is makes up to so many moves.
- seek: begins seeking once the object is hidden.
- save: adds the hiding place to the file of places; replies with its path.
- places: the list of hiding places.
- records: the list of records of games.
- record {name}: one of them, to be shown as a film strip and a map.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from actors.config import SimulatorConfig
from actors.hide_and_seek.actions import ACTIONS, INDEX, MASKS, MODALITY_NAMES, IllegalAction, Kind, Stage
from actors.hide_and_seek.episode import EpisodeEnded, Step
from actors.hide_and_seek.game import Game, GameTask, WrongStage
from actors.hide_and_seek.locations import ROTATIONS, Location
from actors.hide_and_seek.pixels import GRID
from actors.hide_and_seek.places import HidingPlace, load_places, save_places
from actors.hide_and_seek.players.core import GamePlayer, Side
from actors.hide_and_seek.record import Recorder, file_name, load_record, save_record
from actors.hide_and_seek.scenes import GAME_KINDS, GOALS, SPLITS, scenes
from actors.hide_and_seek.stages.perspective import Choice
from actors.hide_and_seek.world import SIZE, World, start_simulator
from cluster.hide_and_seek.film import film
from cluster.hide_and_seek.play_config import GamePlayConfig
from cluster.hide_and_seek.play_files import check_files, record_files
from cluster.hide_and_seek.turns import NotNow, Phase, Turns
from cluster.play.core import BadMessage, SimulatorSlot, png, text, whole
from common.errors import UsageError

HUMAN = "human"
FARTHEST = 1000
"""Steps from the first pose: beyond what any room holds."""
MOST_MOVES = 100
"""Maximum number of moves of a player for one message, so that the page stays alive."""
MOST_SEED = 2**31 - 1
MOST_RECORDS = 200
"""Maximum number of records in the list."""
HIDING = (Phase.EXPLORE, Phase.PERSPECTIVE, Phase.HIDE, Phase.MANIPULATE)
_saving = threading.Lock()
"""Sessions add to the same file of places."""

ROOMS = {
    f"{kind.replace('_', ' ').capitalize()}s, {split}": scenes(split, (kind,))
    for kind in GAME_KINDS
    for split in SPLITS
}
"""The rooms of games, by kind and split."""
ALL_ROOMS = tuple(room for rooms in ROOMS.values() for room in rooms)

MakeGamePlayer = Callable[[str, Side], GamePlayer]
"""Makes the player of a name for a side; raises UsageError if there is none."""


class GameMode:
    """A `cluster.play.core.Mode`.

    Args:
        config: rules, players and files.
        simulator: how to start simulators.
        make_player: makes a new player.

    Raises:
        UsageError: there is no player of a name for its side, a file of places cannot be read, or the files of games
            could not be saved.
    """

    name = "hide_and_seek"
    title = "Hide and seek"
    scripts: tuple[Path, ...] = tuple(Path(__file__).with_name(f"game_{part}.js") for part in ("page", "map", "replay"))

    def __init__(self, config: GamePlayConfig, simulator: SimulatorConfig, make_player: MakeGamePlayer) -> None:
        self.config = config
        self.simulator = simulator
        self._make_player = make_player
        for side, names in ((Side.HIDER, config.hiders), (Side.SEEKER, config.seekers)):
            for name in names:
                make_player(name, side)
        for path in config.places:
            load_places(Path(path))
        check_files(config)

    def about(self) -> dict[str, Any]:
        """See `cluster.play.core.Mode.about`."""
        rules = self.config.actors
        return {
            "scenes": ROOMS,
            "goals": GOALS,
            "hiders": [HUMAN, *self.config.hiders],
            "seekers": [HUMAN, *self.config.seekers],
            "human": HUMAN,
            "size": SIZE,
            "grid": GRID,
            "modalities": list(MODALITY_NAMES.values()),
            "claim_distance": rules.claim_distance,
        }

    def open(self) -> GameSession:
        """See `cluster.play.core.Mode.open`."""
        return GameSession(self.config, self.simulator, self._make_player)


@dataclass(frozen=True)
class Setting:
    """What was asked for, so that it can be begun again."""

    task: GameTask
    hider: str
    """Name, or who hid the object at `place`."""
    seeker: str
    place: HidingPlace | None = None


class GameSession:
    """A `cluster.play.core.Session`; arguments as of `GameMode`."""

    def __init__(self, config: GamePlayConfig, simulator: SimulatorConfig, make_player: MakeGamePlayer) -> None:
        self._config = config
        self._make_player = make_player
        self.simulator = SimulatorSlot(lambda: start_simulator(simulator))
        self._setting: Setting | None = None
        self._turns: Turns | None = None
        self._saved = False
        self._recorder: Recorder | None = None

    def handle(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """See `cluster.play.core.Session.handle`."""
        acts = {
            "start": self._start,
            "act": self._act,
            "explored": self._explored,
            "choose": self._choose,
            "go": self._go,
            "seek": self._seek,
            "save": self._save,
            "places": self._list_places,
            "records": self._list_records,
            "record": self._record,
        }
        try:
            return acts[text(message, "do", tuple(acts))](message)
        except (IllegalAction, EpisodeEnded, WrongStage, NotNow, UsageError) as error:
            raise BadMessage(str(error)) from error

    def restart(self) -> dict[str, Any]:
        """See `cluster.play.core.Session.restart`."""
        self.simulator.drop()
        if self._setting is None:
            raise BadMessage("choose a game to start again")
        return self._begin(self._setting)

    def close(self) -> None:
        """See `cluster.play.core.Session.close`."""
        self.simulator.close()

    # --- Messages

    def _start(self, message: Mapping[str, Any]) -> dict[str, Any]:
        seeker = text(message, "seeker", (HUMAN, *self._config.seekers))
        if "place" in message:
            places = self._places()
            if not places:
                raise BadMessage("there are no hiding places: save one, or name a file in modes.hide_and_seek.places")
            place = places[whole(message, "place", 0, len(places) - 1)]
            task = GameTask(place.scene, place.goal, place.seed)
            return self._begin(Setting(task, place.source, seeker, place))
        scene, goal = text(message, "scene", ALL_ROOMS), text(message, "goal", GOALS)
        task = GameTask(scene, goal, whole(message, "seed", 0, MOST_SEED))
        return self._begin(Setting(task, text(message, "hider", (HUMAN, *self._config.hiders)), seeker))

    def _begin(self, setting: Setting) -> dict[str, Any]:
        self._turns, self._setting, self._saved = None, setting, False
        world = World(self.simulator.get())
        rules = self._config.actors
        seeker = self._player(setting.seeker, Side.SEEKER)
        self._recorder = recorder = Recorder(setting.hider, setting.seeker, place=setting.place)
        if setting.place is None:
            game = Game(world, setting.task, rules)
            self._turns = Turns(game, self._player(setting.hider, Side.HIDER), seeker, recorder.watch)
        else:
            game = Game.from_place(world, setting.place, rules)
            self._turns = Turns(game, None, seeker, recorder.watch, hidden=True)
        return self._state()

    def _player(self, name: str, side: Side) -> GamePlayer | None:
        return None if name == HUMAN else self._make_player(name, side)

    def _act(self, message: Mapping[str, Any]) -> dict[str, Any]:
        turns = self._mine()
        name = text(message, "action")
        if name not in INDEX:
            raise BadMessage(
                f'"action" must be the name of an action such as MoveAhead or OpenAt(3,4), not "{name[:40]}"'
            )
        turns.act(INDEX[name])
        return self._state()

    def _explored(self, message: Mapping[str, Any]) -> dict[str, Any]:
        self._mine().end_exploration()
        return self._state()

    def _choose(self, message: Mapping[str, Any]) -> dict[str, Any]:
        turns = self._mine()
        x, z = (whole(message, name, -FARTHEST, FARTHEST) for name in ("x", "z"))
        rotation = whole(message, "rotation", 0, 270)
        if rotation not in ROTATIONS:
            raise BadMessage(f'"rotation" must be one of {", ".join(map(str, ROTATIONS))}, not {rotation}')
        if turns.game.perspective is None:
            raise BadMessage("a location is chosen after exploration")
        turns.choose(Location(x, z, rotation, True).seen_from(turns.game.perspective.origin))
        return self._state()

    def _go(self, message: Mapping[str, Any]) -> dict[str, Any]:
        turns = self._present()
        if turns.player is None:
            raise BadMessage("no player of the program is to move")
        turns.play_on(whole(message, "moves", 1, MOST_MOVES, default=1))
        return self._state()

    def _seek(self, message: Mapping[str, Any]) -> dict[str, Any]:
        self._present().seek()
        return self._state()

    def _save(self, message: Mapping[str, Any]) -> dict[str, Any]:
        place, path = self._present().place, Path(self._config.save_places)
        if place is None:
            raise BadMessage("there is no hiding place to save before the object is hidden")
        with _saving:
            if self._saved:
                raise BadMessage(f"this hiding place is in {path} already")
            try:
                places, made_from = load_places(path) if path.exists() else ([], {})
                save_places(path, [*places, place], made_from)
            except OSError as error:
                raise BadMessage(f"the hiding place could not be saved in {path}: {error.strerror}") from None
            self._saved = True
        return {"kind": "saved", "path": str(path), "places": len(places) + 1}

    def _list_places(self, message: Mapping[str, Any]) -> dict[str, Any]:
        return {"kind": "places", "places": [described(place) for place in self._places()]}

    def _places(self) -> list[HidingPlace]:
        """All hiding places: those of the configured files, then those that were saved."""
        saved = Path(self._config.save_places)
        files = [*map(Path, self._config.places), *([saved] if saved.exists() else [])]
        return [place for file in files for place in load_places(file)[0]]

    def _list_records(self, message: Mapping[str, Any]) -> dict[str, Any]:
        return {"kind": "records", "records": list(self._record_files())}

    def _record_files(self) -> dict[str, Path]:
        return record_files(Path(self._config.records), MOST_RECORDS)

    def _record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        files, name = self._record_files(), text(message, "name")
        if name not in files:
            raise BadMessage(f'"name" must be one of the records, not "{name[:60]}"')
        return film(load_record(files[name]))

    def _keep_record(self, turns: Turns) -> dict[str, str]:
        """Saves the record of a finished game; returns a notice for the state if that fails, as on a full disk."""
        if self._recorder is None:
            return {}
        record = self._recorder.finish(turns.game)
        self._recorder = None
        path = Path(self._config.records, f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{file_name(record)}.json")
        try:
            save_record(path, record)
        except OSError as error:
            return {"notice": f"The record of this game could not be saved in {path.parent}: {error.strerror}."}
        return {}

    # --- The state

    def _present(self) -> Turns:
        self.simulator.running  # noqa: B018 - raises if the simulator died
        if self._turns is None:
            raise BadMessage("no game is being played: start one first")
        return self._turns

    def _mine(self) -> Turns:
        """The game, if a person is to move."""
        turns = self._present()
        if turns.player is not None:
            raise BadMessage(f"it is the turn of the player '{turns.player.name}'")
        return turns

    def _state(self) -> dict[str, Any]:
        turns, setting = self._present(), self._setting
        assert setting is not None
        game, phase, episode = turns.game, turns.phase, turns.episode
        state: dict[str, Any] = {
            "kind": "game",
            "scene": setting.task.scene,
            "goal": setting.task.goal,
            "seed": setting.task.seed,
            "hider": setting.hider,
            "seeker": setting.seeker,
            "phase": phase.value,
            "turn": None if turns.player is None else turns.player.name,
            "step": 0 if episode is None else len(episode.steps),
            "steps_left": None if episode is None else episode.steps_left,
            "reward": round(turns.reward(), 3),
            "legal": legal(phase),
            "can_save": turns.place is not None and not self._saved,
        }
        if phase is Phase.OVER:
            state["result"] = asdict(game.result())
            state |= self._keep_record(turns)
        if self._secret(turns):
            return state
        location = game.world.location
        state |= {
            "image": png(game.augmentation.apply(game.world.image)),
            "location": list(location),
            "last": None if turns.last is None else shown(turns.last),
            "map": self._map(turns),
        }
        if phase is Phase.MANIPULATE:
            target = game.observe().target
            assert target is not None
            modality, row, column = target
            state["target"] = [MODALITY_NAMES[modality], row, column]
        if phase is Phase.HIDE:
            state["placed"] = game.observe().placed
        if phase is Phase.HIDDEN and turns.place is not None:
            place, placed = turns.place, game.hiding is not None and game.hiding.placed
            state["place"] = described(place) | {"contained_in": place.contained_in.split("|")[0], "placed": placed}
        return state

    @property
    def _person_hides(self) -> bool:
        setting = self._setting
        return setting is not None and setting.place is None and setting.hider == HUMAN

    def _secret(self, turns: Turns) -> bool:
        """Whether what happens is kept from the person, who is going to seek the object."""
        return turns.seeker is None and not self._person_hides and turns.phase in (*HIDING, Phase.HIDDEN)

    def _map(self, turns: Turns) -> dict[str, Any]:
        game = turns.game
        books = game.seeking or game.exploration
        answer: dict[str, Any] = {
            "path": [list(location) for location in turns.path],
            "opened": 0 if books is None else len(books.episode.opened),
            "openable": len(game.facts.openable),
        }
        if turns.phase is Phase.OVER or (turns.phase is Phase.HIDDEN and self._person_hides):
            answer["goal"] = list(game.facts.frame.place(game.world.goal_pose().position))
        return answer


def legal(phase: Phase) -> list[str]:
    """The names of a phase's legal actions; those with a cell are named once, such as "OpenAt" and "PlaceAt"."""
    if phase not in (Phase.EXPLORE, Phase.HIDE, Phase.MANIPULATE, Phase.SEEK):
        return []
    mask = MASKS[Stage(phase.value)]
    return list(dict.fromkeys(action.name.split("(")[0] for action in ACTIONS if mask[INDEX[action.name]]))


def shown(last: Step | Choice) -> dict[str, Any]:
    """What the page says about a move."""
    if isinstance(last, Choice):
        words = "" if last.succeeded else "the agent cannot stand there"
        return {"action": "choose a location", "succeeded": last.succeeded, "reward": None, "words": words}
    words = ""
    if last.opened:
        words = "opened " + ", ".join(name.split("|")[0] for name in last.opened)
    elif last.action.kind is Kind.CLAIM and not last.succeeded:
        words = "in view, but too far away" if last.goal_in_view else "not in view"
    elif last.landing is not None:
        best = last.landing.best
        words = "lost from view" if best is None else f"landed {MODALITY_NAMES[best[0]]} ({best[1] + 1},{best[2] + 1})"
    return {"action": last.action.name, "succeeded": last.succeeded, "reward": round(last.reward, 4), "words": words}


def described(place: HidingPlace) -> dict[str, Any]:
    """What lists say about a hiding place; not where it is."""
    return {
        "scene": place.scene,
        "goal": place.goal,
        "source": place.source,
        "difficulty": place.difficulty,
        "visible_share": place.visible_share,
    }
