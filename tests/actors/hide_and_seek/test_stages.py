"""The five stages in real rooms: success, books, rewards, clocks, hand-overs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from actors.hide_and_seek.actions import ACTIONS, INDEX, MODALITY_NAMES, IllegalAction, Kind, Target
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.defaults import rules
from actors.hide_and_seek.episode import EpisodeEnded
from actors.hide_and_seek.game import Game, GameTask, WrongStage
from actors.hide_and_seek.locations import Location, Place, extrapolated
from actors.hide_and_seek.rewards import explore_reward
from actors.hide_and_seek.stages.explore import Exploration, reward
from actors.hide_and_seek.stages.hide import Hiding
from actors.hide_and_seek.stages.manipulate import Manipulation
from actors.hide_and_seek.world import Unplayable, World

PLAIN: dict[str, bool] = {"turn_worlds": False, "augment_images": False}
TASK = GameTask("FloorPlan2", "Cup", 1)


def quick(**changes: int) -> GameConfig:
    """Rules with short clocks and pictures as they are."""
    return rules(**{"explore_steps": 6, **PLAIN, **changes})


def new_game(world: World, config: GameConfig, task: GameTask = TASK) -> Game:
    return Game(world, task, config)


def explored(world: World, config: GameConfig) -> Game:
    """A game whose exploration is over: the agent turned left all the time."""
    game = new_game(world, config)
    exploration = game.explore()
    while not exploration.episode.ended:
        exploration.step(INDEX["RotateLeft"])
    return game


def hiding(world: World, config: GameConfig) -> tuple[Game, Hiding]:
    """A game whose hider stands where it began, with the goal in its hand."""
    game = explored(world, config)
    perspective = game.choose()
    perspective.step(Location(0, 0, 0, True).seen_from(perspective.origin))
    assert perspective.chosen == (0, 0, 0, True)
    return game, game.hide()


def drop(manipulation: Manipulation) -> None:
    """Drops the object in the agent's view, 0.4 m farther than the hand's default place."""
    for _ in range(4):
        manipulation.step(INDEX["MoveHandAhead"])
    manipulation.step(INDEX["DropObject"])


def hidden(world: World, config: GameConfig) -> Game:
    """A game whose hider has dropped the object in front of itself."""
    game, stage = hiding(world, config)
    first = stage.place(INDEX["PlaceAt(OnTop,1,1)"])
    assert first is not None
    drop(first)
    game.end_placing()
    if not stage.placed:
        landed = stage.attempts[0].landed
        assert landed is not None
        second = stage.place(INDEX[name_of(landed)])
        assert second is not None
        drop(second)
        assert game.end_placing()
    stage.step(INDEX["ReadyForSeeker"])
    return game


def name_of(target: Target) -> str:
    return f"PlaceAt({MODALITY_NAMES[target[0]]},{target[1] + 1},{target[2] + 1})"


def test_exploration_keeps_the_books_of_the_paper(world: World) -> None:
    game = new_game(world, quick(explore_steps=40))
    exploration, random = game.explore(), np.random.default_rng(0)
    start = exploration.episode.start
    assert start == (0, 0, 0, True)
    seen, opened = {start}, set[str]()
    grown = {*extrapolated(start)}
    while not exploration.episode.ended:
        moves = [INDEX[name] for name in ("MoveAhead", "RotateLeft", "RotateRight", "Crouch", "Stand")]
        number = int(random.choice([*moves, *(INDEX[f"OpenAt({i},{j})"] for i in (3, 4, 5) for j in (3, 4, 5))]))
        step = exploration.step(number)
        before = len(grown)
        assert step.new_location == (step.location not in seen)
        assert step.new_place == (step.location.unrotated not in {one.unrotated for one in seen})
        seen.add(step.location)
        grown |= {*extrapolated(step.location)}
        assert step.extrapolated_gain == len(grown) - before
        assert not opened & set(step.opened)
        opened |= set(step.opened)
        facts = {
            "succeeded": step.succeeded, "opens": ACTIONS[number].kind is Kind.OPEN, "newly_opened": bool(step.opened),
            "extrapolated_gain": step.extrapolated_gain, "new_location": step.new_location,
        }  # fmt: skip
        assert step.reward == explore_reward(**facts)  # type: ignore[arg-type]
        assert reward(step, 0.1) == explore_reward(**facts, hide_bonus=0.1)  # type: ignore[arg-type]
    assert len(exploration.episode.steps) == 40
    assert (exploration.episode.visited, exploration.episode.opened) == (seen, opened)
    assert opened and opened <= game.facts.openable
    with pytest.raises(EpisodeEnded, match="has ended after 40 steps"):
        exploration.step(INDEX["MoveAhead"])


def test_an_illegal_action_does_nothing(world: World) -> None:
    exploration = new_game(world, quick()).explore()
    with pytest.raises(IllegalAction):
        exploration.step(INDEX["DropObject"])
    assert not exploration.episode.steps


def test_open_doors_are_closed_again(world: World) -> None:
    """Closing fails without an open object in reach."""
    exploration = new_game(world, quick(explore_steps=200)).explore()
    assert not exploration.step(INDEX["CloseObjects"]).succeeded
    cells = [INDEX[f"OpenAt({i},{j})"] for i in range(1, 8) for j in range(1, 8)]
    for _ in range(4):
        if any(exploration.step(number).succeeded for number in cells[::3]):
            break
        exploration.step(INDEX["RotateLeft"])
    assert world.open_objects
    assert exploration.step(INDEX["CloseObjects"]).succeeded
    assert not exploration.step(INDEX["CloseObjects"]).succeeded


def test_the_hider_chooses_relative_to_its_final_pose(world: World) -> None:
    game = explored(world, quick(explore_steps=1))
    perspective = game.choose()
    assert perspective.origin == (0, 0, 270, True)
    target = sorted(game.facts.places)[0]
    assert not perspective.step(Location(90, 0, 0, True)).succeeded
    with pytest.raises(WrongStage, match="a location must have been chosen"):
        game.hide()
    # With the agent looking left, x to its right is the first pose's z.
    choice = perspective.step(Location(target.z, -target.x, 180, False))
    assert choice.succeeded and choice.location == (target.x, target.z, 90, True)
    assert world.location == choice.location
    with pytest.raises(EpisodeEnded):
        perspective.step(Location(0, 0, 0, True))


def test_a_hider_that_finds_no_place_stays(world: World) -> None:
    perspective = explored(world, quick(choices=3)).choose()
    for _ in range(3):
        assert not perspective.step(Location(99, 99, 0, True)).succeeded
    assert perspective.ended and perspective.chosen == perspective.origin


def test_placing(world: World) -> None:
    """A drop is judged by its own pixels; the first success makes later ones fail."""
    game, stage = hiding(world, quick())
    assert world.holding
    assert stage.step(INDEX["ReadyForSeeker"]).reward == pytest.approx(-0.11)
    first = stage.place(INDEX["PlaceAt(OnTop,1,1)"])
    assert first is not None
    with pytest.raises(EpisodeEnded, match="a manipulation is under way"):
        stage.step(INDEX["Crouch"])
    with pytest.raises(RuntimeError, match="has ended"):
        game.end_placing(0.5)
    assert not game.hits
    drop(first)
    assert first.landing is not None and not first.hit
    with pytest.raises(ValueError, match=r"probability must be in \[0, 1\], not 1.5"):
        game.end_placing(1.5)
    assert stage.manipulation is first and not game.hits and not stage.attempts, "nothing was done"
    assert game.end_placing(0.5) is False
    step = stage.episode.steps[-1]
    assert (step.succeeded, step.reward) == (False, pytest.approx(-0.02))
    assert world.holding, "the object returns to the hand"
    landed = stage.attempts[0].landed
    assert landed is not None and landed == first.landing.best
    # The object falls to the same place again, which hindsight told.
    number = INDEX[name_of(landed)]
    second = stage.place(number)
    assert second is not None
    drop(second)
    assert second.hit
    assert game.end_placing(0.5)
    # 0.02 + 1/2 min(0.5^-2, 100) / 100 - 0.01
    assert stage.episode.steps[-1].reward == pytest.approx(0.03)
    assert stage.placed and not world.holding
    assert stage.place(number) is None
    assert stage.step(number).reward == pytest.approx(-0.11)
    ready = stage.step(INDEX["ReadyForSeeker"])
    assert ready.succeeded and ready.ended and ready.reward == pytest.approx(-0.01)
    # 5 (-1 + 2 * 1/2) for the last success, which is the placement.
    assert stage.final_bonus([10, 400], 300) == (2, pytest.approx(0.0))
    assert game.hits == [False, True]


def test_the_object_is_dropped_if_it_was_never_placed(world: World) -> None:
    game, stage = hiding(world, quick(hide_steps=2))
    stage.step(INDEX["Crouch"])
    assert stage.step(INDEX["Stand"]).ended
    assert not world.holding and not stage.placed
    assert stage.final_bonus([10], 300) is None
    pose = world.goal_pose()
    game.measure()
    assert game.place("agent").pose == pose


def test_manipulation_fails_with_its_clock(world: World) -> None:
    _, stage = hiding(world, quick(manipulate_steps=2, hide_steps=1))
    manipulation = stage.place(INDEX["PlaceAt(OnTop,4,4)"])
    assert manipulation is not None
    assert manipulation.step(INDEX["MoveHandUp"]).ended is False
    last = manipulation.step(INDEX["RotateHand+Y"])
    assert last.ended and last.reward == pytest.approx(-1.01)
    with pytest.raises(EpisodeEnded):
        manipulation.step(INDEX["DropObject"])
    before = world.all_poses()
    world.take_back()
    after = world.all_poses()
    assert {name: before[name] for name in after if name != world.goal} == {
        name: after[name] for name in after if name != world.goal
    }, "an object that returns from the hand to the hand moves no other"
    step = stage.finish_placing(1.0)
    assert not step.succeeded and step.ended
    assert not world.holding, "the last failure drops the object"


def test_the_seeker_begins_where_the_hider_did_and_finds_what_it_sees(world: World) -> None:
    game = hidden(world, quick())
    seeking = game.seek()
    assert world.location == (0, 0, 0, True)
    seeking.step(INDEX["RotateLeft"])
    missed = seeking.step(INDEX["ClaimVisible"])
    assert (missed.succeeded, missed.goal_in_view, missed.reward) == (False, False, pytest.approx(-0.06))
    seeking.step(INDEX["RotateRight"])
    with pytest.raises(WrongStage, match="not finished"):
        game.result()
    claim = seeking.step(INDEX["ClaimVisible"])
    assert (claim.succeeded, claim.ended, claim.reward) == (True, True, pytest.approx(0.99))
    result = game.result()
    assert result.found and result.seeker_steps == len(seeking.episode.steps)
    assert result.visible_from is None and result.bfs_found is None


def test_a_claim_from_afar_costs_the_step_alone(world: World) -> None:
    seeking = hidden(world, replace(quick(), claim_distance=1e-3)).seek()
    claim = seeking.step(INDEX["ClaimVisible"])
    assert (claim.succeeded, claim.goal_in_view, claim.reward) == (False, True, pytest.approx(-0.01))


def test_stages_come_in_order(world: World) -> None:
    game = new_game(world, quick())
    for ask in (game.choose, game.hide, game.seek, game.measure, game.end_placing, game.observe, game.result):
        with pytest.raises(WrongStage):
            ask()
    game.explore()
    with pytest.raises(WrongStage, match="it comes first, and once"):
        game.explore()


def test_what_players_see(world: World) -> None:
    game = new_game(world, quick())
    exploration = game.explore()
    first = game.observe()
    assert first.image.shape == (224, 224, 3) and first.image.std() > 10
    assert (first.last_action, first.step, first.steps_left) == (None, 0, 6)
    exploration.step(INDEX["RotateLeft"])
    second = game.observe()
    assert (second.last_action, second.last_succeeded, second.step) == (INDEX["RotateLeft"], True, 1)
    assert second.location == (0, 0, 270, True)
    assert not np.array_equal(first.image, second.image)


def test_unknown_rooms_and_goals() -> None:
    with pytest.raises(ValueError, match="goal must be one of Bread, Cup, Knife, Plunger, Tomato, not Sofa"):
        GameTask("FloorPlan1", "Sofa", 1)
    with pytest.raises(ValueError, match="seed must be at least 0"):
        GameTask("FloorPlan1", "Cup", -1)


def test_an_unknown_room_is_unplayable(world: World) -> None:
    with pytest.raises(Unplayable, match="FloorPlan999"):
        new_game(world, quick(), GameTask("FloorPlan999", "Cup", 1))


def test_a_start_where_nobody_can_stand_is_refused(world: World) -> None:
    with pytest.raises(Unplayable, match="start must be a place"):
        world.set_up("FloorPlan2", 1, {"x": 50.0, "z": 0.0, "yaw": 0.0})


def test_turned_rooms_keep_the_grid(world: World) -> None:
    """The agent keeps its pose and its four rotations; the places around it are others."""
    plain = world.set_up("FloorPlan2", 1)
    turned = world.set_up("FloorPlan2", 1, turned=37)
    assert turned.frame == plain.frame and turned.turned == 37
    assert turned.places != plain.places and Place(0, 0) in turned.places
    assert world.location == (0, 0, 0, True)
    episode = Exploration(world, quick(explore_steps=4)).episode
    for _ in range(4):
        episode.perform(ACTIONS[INDEX["RotateRight"]])
    assert world.location == (0, 0, 0, True)
