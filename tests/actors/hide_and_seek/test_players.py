"""The scripted players: their maps and eyes by hand, and whole games in real rooms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.hide_and_seek.actions import ACTIONS, INDEX, MASKS, Kind, Stage
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.defaults import rules
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import Game, GameObservation, GameTask
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.metrics import coverage, open_share
from actors.hide_and_seek.play import play_choose, play_explore, play_game, play_hide, play_seek
from actors.hide_and_seek.players import NAMES, make_player
from actors.hide_and_seek.players.core import GamePlayer, Hints, Side
from actors.hide_and_seek.players.room_map import RoomMap, facing_poses
from actors.hide_and_seek.players.sight import EYES, cell_of, crossing, goal_ray, place_at, ray, to_room
from actors.hide_and_seek.world import Look, World
from common.errors import UsageError

HERE = Location(0, 0, 0, True)
NOTHING = Look(
    np.full((7, 7), np.inf), (("",) * 7,) * 7, np.zeros((7, 7), dtype=bool), np.zeros((7, 7), dtype=bool)
)  # fmt: skip


def observation(stage: Stage, location: Location = HERE, steps_left: int = 10) -> GameObservation:
    return GameObservation(
        stage=stage, image=np.zeros((224, 224, 3), np.uint8), mask=MASKS[stage], location=location, goal="Cup",
        target=None, last_action=None, last_succeeded=False, step=0, steps_left=steps_left, placed=False,
    )  # fmt: skip


class Blind:
    """Hints of a room in which nothing is to be seen."""

    def look(self) -> Look:
        return NOTHING

    def goal_pixels(self) -> NDArray[np.bool_]:
        return np.zeros((224, 224), dtype=bool)


class Room:
    """A room on a grid: free places, and steps that an open door blocks until it is closed."""

    def __init__(self, free: set[tuple[int, int]], door: set[frozenset[tuple[int, int]]]) -> None:
        self.free, self.door, self.location, self.open = free, door, HERE, True

    def step(self, number: int) -> Step:
        name, before = ACTIONS[number].name, self.location
        match name:
            case "MoveAhead":
                self._move(before.moved(ahead=1))
            case "MoveLeft":
                self._move(before.moved(right=-1))
            case "MoveRight":
                self._move(before.moved(right=1))
            case "RotateLeft" | "RotateRight":
                self.location = before.turned(90 if name == "RotateRight" else 270)
            case "Stand" | "Crouch":
                self.location = before._replace(standing=name == "Stand")
        succeeded = self.location != before
        if name == "CloseObjects":
            succeeded, self.open = self.open, False
        return Step(Stage.EXPLORE, ACTIONS[number], succeeded, 0.0, self.location, False)

    def _move(self, there: Location) -> None:
        blocked = self.open and frozenset({self.location.place, there.place}) in self.door
        if there.place in self.free and not blocked:
            self.location = there


def explore(room: Room, steps: int, seed: int = 0) -> Iterator[tuple[Location, Step]]:
    """Lets the explorer walk in a room; yields where it was and what it did."""
    player = make_player("explorer")
    player.begin(seed, Blind())
    for _ in range(steps):
        before = room.location
        number = player.act(observation(Stage.EXPLORE, before))
        assert MASKS[Stage.EXPLORE][number]
        step = room.step(number)
        player.learn(step)
        yield before, step


# --- Names and sides


def test_each_name_makes_its_player() -> None:
    assert [make_player(name).name for name in NAMES] == ["uniform", "explorer", "greedy", "searcher"]
    assert make_player("uniform", Side.HIDER).name == make_player("uniform", Side.SEEKER).name == "uniform"


def test_unknown_names_and_wrong_sides_are_refused() -> None:
    with pytest.raises(UsageError, match="one of uniform, explorer, greedy, searcher, not chess"):
        make_player("chess")
    with pytest.raises(UsageError, match=r"seeker must be a player of that side \(uniform, searcher\).*greedy"):
        make_player("greedy", Side.SEEKER)
    with pytest.raises(UsageError, match=r"hider must be .* \(uniform, explorer, greedy\), which searcher is not"):
        make_player("searcher", Side.HIDER)


@pytest.mark.parametrize(
    ("name", "stage"), [("greedy", Stage.SEEK), ("explorer", Stage.SEEK), ("searcher", Stage.HIDE)]
)
def test_a_player_of_one_side_says_so(name: str, stage: Stage) -> None:
    player = make_player(name)
    player.begin(0, Blind())
    with pytest.raises(UsageError, match=f"player '{name}' is no "):
        player.act(observation(stage))


def test_the_searcher_chooses_no_hiding_place() -> None:
    player = make_player("searcher")
    player.begin(0, Blind())
    with pytest.raises(UsageError, match="chooses no location"):
        player.choose(observation(Stage.PERSPECTIVE))


# --- Uniform


@pytest.mark.parametrize("stage", [Stage.EXPLORE, Stage.HIDE, Stage.MANIPULATE, Stage.SEEK])
def test_uniform_draws_each_legal_action_equally_often(stage: Stage) -> None:
    player = make_player("uniform")
    player.begin(3, Blind())
    legal = int(MASKS[stage].sum())
    drawn = Counter(player.act(observation(stage)) for _ in range(40 * legal))
    assert set(drawn) == set(np.flatnonzero(MASKS[stage]).tolist())
    # Chi square with `legal` - 1 degrees of freedom: mean legal - 1, standard deviation sqrt(2 (legal - 1)).
    chi = sum((count - 40) ** 2 / 40 for count in drawn.values())
    assert chi < legal - 1 + 4 * math.sqrt(2 * (legal - 1))


def test_uniform_chooses_locations_within_two_metres() -> None:
    player = make_player("uniform")
    player.begin(1, Blind())
    chosen = [player.choose(observation(Stage.PERSPECTIVE)) for _ in range(2000)]
    assert {one.x for one in chosen} == {one.z for one in chosen} == set(range(-8, 9))
    assert {one.rotation for one in chosen} == {0, 90, 180, 270}


# --- Eyes


def test_rays_of_the_picture() -> None:
    # The middle looks 30 degrees down; the top middle 15 degrees up, and the bottom middle 75 degrees down.
    for row, pitch in ((3.5, -30.0), (0.0, 15.0), (7.0, -75.0)):
        expected = (0.0, math.sin(math.radians(pitch)), math.cos(math.radians(pitch)))
        assert ray(row, 3.5) == pytest.approx(expected, abs=1e-12)
    # The middle of the right edge is 45 degrees to the right in the tilted frame.
    assert ray(3.5, 7.0)[0] == pytest.approx(math.sqrt(0.5))


@pytest.mark.parametrize("standing", [True, False])
def test_a_point_on_a_cells_ray_is_in_that_cell(standing: bool) -> None:
    for row in range(7):
        for column in range(7):
            right, up, ahead = (0.8 * part for part in ray(row + 0.3, column + 0.6))
            assert cell_of(right, up + EYES[standing], ahead, standing) == (row, column)
    assert cell_of(0.0, EYES[standing] + 1.0, 0.5, standing) is None


def test_points_of_the_room() -> None:
    # At 1 m to the right of the start, looking right: 0.5 m ahead is +x, 0.25 m to the right is -z.
    assert to_room(Location(4, 0, 90, True), right=0.25, ahead=0.5) == pytest.approx((1.5, -0.25))
    assert to_room(Location(0, 2, 180, True), right=0.25, ahead=0.5) == pytest.approx((-0.25, 0.0))
    assert place_at((1.5, -0.3)) == (6, -1)


def test_where_rays_cross() -> None:
    half = math.sqrt(0.5)
    assert crossing([(0.0, 0.0), (2.0, 0.0)], [(half, half), (-half, half)]) == pytest.approx((1.0, 1.0))
    assert crossing([(0.0, 0.0), (1.0, 0.0)], [(0.0, 1.0), (0.0, 1.0)]) is None  # parallel
    assert crossing([(0.0, 0.0), (2.0, 0.0)], [(-half, -half), (half, -half)]) is None  # behind both


def test_the_ray_to_the_goal_leads_through_the_middle_of_its_pixels() -> None:
    mask = np.zeros((224, 224), dtype=bool)
    mask[100:110, 200:204] = True  # its middle is at 105 and 202 pixels
    assert goal_ray(mask) == pytest.approx(ray(105 / 32, 202 / 32))


def test_poses_that_face_a_point() -> None:
    found = facing_poses((0.0, 1.0), near=0.4, far=1.1)
    assert (0, 0, 0) in found and (0, 8, 180) in found and (4, 4, 270) in found
    assert (0, 0, 90) not in found and (0, 3, 0) not in found and (0, -1, 0) not in found


# --- The map


def test_the_way_to_the_nearest_unknown_place() -> None:
    room = RoomMap()
    for x, z in ((0, 0), (0, 1), (0, 2)):
        room.arrive(Location(x, z, 0, True))
    for location in (Location(0, 0, 0, True), Location(0, 1, 0, True), Location(0, 2, 0, True)):
        room.block(location, INDEX["MoveLeft"])
        room.block(location, INDEX["MoveRight"])
    room.block(Location(0, 0, 180, True), INDEX["MoveAhead"])
    ahead = INDEX["MoveAhead"]
    assert room.way(HERE, lambda _, known: not known) == [ahead, ahead, ahead]
    room.block(Location(0, 2, 0, True), ahead)
    assert room.way(HERE, lambda _, known: not known) is None
    room.forget(0, 2, distance=0)
    assert room.way(HERE, lambda _, known: not known) == [ahead, ahead, ahead]
    assert len(room.blocked) == 10  # both directions of the five obstacles elsewhere


def test_the_map_takes_what_it_sees_into_account() -> None:
    room = RoomMap()
    room.arrive(HERE)
    distances = np.full((7, 7), np.inf)
    walkable = np.zeros((7, 7), dtype=bool)
    distances[6, 3] = EYES[True] / -ray(6.5, 3.5)[1]  # floor, 0.54 m ahead: two places
    look = Look(distances, NOTHING.objects, NOTHING.closed, walkable)
    room.see(HERE, look)
    assert room.doubtful == {(0, 2)} and not room.floor
    walkable[6, 3] = True
    room.see(HERE, look)
    assert room.floor == {(0, 2)} and not room.doubtful


def test_the_explorer_visits_every_place_in_both_postures_and_tries_each_obstacle_once() -> None:
    free = {(x, z) for x in range(-1, 4) for z in range(-1, 3)} - {(1, 1)}
    failed: Counter[frozenset[tuple[int, int]]] = Counter()
    visited = set()
    room = Room(free, set())
    for before, step in explore(room, 110):
        visited.add(step.location.unrotated)
        if step.action.kind is Kind.MOVE and not step.succeeded:
            turn = {"MoveAhead": (1, 0), "MoveLeft": (0, -1), "MoveRight": (0, 1)}[step.action.name]
            failed[frozenset({before.place, before.moved(*turn).place})] += 1
        if len(visited) == 2 * len(free):
            break
    assert visited == {(x, z, standing) for x, z in free for standing in (True, False)}
    assert max(failed.values()) == 1


def test_an_explorer_behind_a_door_closes_it() -> None:
    # Both ways out of the two places at the start are blocked as long as the door is open.
    free = {(0, z) for z in range(-4, 5)}
    door = {frozenset({(0, 1), (0, 2)}), frozenset({(0, 0), (0, -1)})}
    room = Room(free, door)
    steps = [step for _, step in explore(room, 90)]
    assert not room.open
    assert {step.location.place for step in steps} == free


def test_a_walled_in_explorer_goes_on_with_legal_actions() -> None:
    steps = [step for _, step in explore(Room({(0, 0)}, set()), 60)]
    assert {step.location.place for step in steps} == {(0, 0)}


# --- Real rooms

PLAIN: dict[str, bool] = {"turn_worlds": False, "augment_images": False}
TASKS = (GameTask("FloorPlan3", "Knife", 102), GameTask("FloorPlan5", "Tomato", 134))


class Checked:
    """A player whose actions are written down, each of which must be legal."""

    def __init__(self, name: str) -> None:
        self.player: GamePlayer = make_player(name)
        self.name = name
        self.actions: list[int] = []

    def begin(self, seed: int, hints: Hints) -> None:
        self.player.begin(seed, hints)

    def act(self, observation: GameObservation) -> int:
        number = self.player.act(observation)
        assert observation.mask[number]
        self.actions.append(number)
        return number

    def learn(self, step: Step) -> None:
        self.player.learn(step)

    def choose(self, observation: GameObservation) -> Location:
        return self.player.choose(observation)

    def probability(self, observation: GameObservation) -> float:
        return self.player.probability(observation)


def hide(world: World, task: GameTask, name: str, config: GameConfig) -> Game:
    game, hider = Game(world, task, config), Checked(name)
    hider.begin(task.seed, world)
    play_explore(game, hider)
    play_choose(game, hider)
    play_hide(game, hider)
    game.measure()
    return game


def seek(game: Game, name: str) -> int:
    """Steps of a seeker until it found the goal; the whole clock if it did not."""
    seeker = Checked(name)
    seeker.begin(game.task.seed, game.world)
    play_seek(game, seeker)
    return game.result().seeker_steps


@pytest.mark.slow
def test_players_order_as_expected(world: World) -> None:
    config = rules(seek_steps=80, **PLAIN)
    searched, visible = Counter[str](), {"greedy": 0.0, "uniform": 0.0}
    for task in TASKS:
        explored, opened = {}, {}
        for name in ("greedy", "uniform"):
            game = hide(world, task, name, config)
            assert game.exploration is not None and game.hiding is not None
            books = game.exploration.episode
            feasible = {Location(x, z, 0, standing) for x, z in game.facts.places for standing in (True, False)}
            explored[name] = coverage(books.visited, feasible)
            opened[name] = open_share(books.opened, game.facts.openable)
            assert game.hiding.placed or name == "uniform"
            assert game._visibility is not None
            visible[name] += game._visibility[0] / game._visibility[1]
            place = game.place("test")
            searched[name] += seek(game, "searcher")
        searched["uniform by uniform"] += seek(Game.from_place(world, place, config), "uniform")
        assert explored["greedy"] > 4 * explored["uniform"]
        assert opened["greedy"] > opened["uniform"]
    assert visible["greedy"] < visible["uniform"]
    assert searched["greedy"] > searched["uniform"]
    assert searched["uniform by uniform"] > searched["uniform"]


def test_a_seed_determines_a_game(world: World) -> None:
    config = rules(explore_steps=40, seek_steps=40, **PLAIN)
    played = []
    for _ in range(2):
        hider, seeker = Checked("greedy"), Checked("searcher")
        game = Game(world, TASKS[0], config)
        play_game(game, hider, seeker, measure=False)
        played.append((hider.actions, seeker.actions, game.result()))
    assert played[0] == played[1]
