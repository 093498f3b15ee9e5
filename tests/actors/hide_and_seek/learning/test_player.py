"""Tasks in a real simulator: exact numbers of records, the same each time, and the same as in an evaluation."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from actors.controller import SimulatorError, SimulatorProcess
from actors.hide_and_seek.actions import INDEX, Stage
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.defaults import embedded_simulator, rules
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import Game, GameTask
from actors.hide_and_seek.learning import episodes
from actors.hide_and_seek.learning import player as playing
from actors.hide_and_seek.learning.config import LearningConfig, Orders
from actors.hide_and_seek.learning.network_player import NetworkPlayer
from actors.hide_and_seek.learning.observed import Observed
from actors.hide_and_seek.learning.player import LearningPlayer, MakePlayer
from actors.hide_and_seek.learning.statistics import LearningStatistics
from actors.hide_and_seek.learning.tasks import kind_of
from actors.hide_and_seek.learning.work import Draw, PlayTask, Share, Work
from actors.hide_and_seek.play import play_game
from actors.hide_and_seek.world import World, game_simulator
from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.network import HideAndSeekNetwork
from models.weights import flat_weights
from replay.hide_and_seek.memory import MEMORIES, memory_fields
from replay.hide_and_seek.triplet import TRIPLETS, triplet_fields
from replay.hide_and_seek.unroll import STAGES, UNROLLS, unroll_fields

RULES = {"explore_steps": 12, "hide_steps": 6, "manipulate_steps": 7, "seek_steps": 14}
TASK = PlayTask("FloorPlan205", "Tomato", 0)
SEARCHES = ("firsts", "new_maps", "locations")
"""Fields that tell where searches begin."""
ORDERS: dict[str, Any] = {
    "mixture": {"explore": 1.0}, "unrolls_per_task": 3, "triplets_per_task": 4, "memories_per_task": 0,
    "hide_bonus": False, "past_share": 0.0, "curriculum": 1.0,
}  # fmt: skip
Records = dict[str, list[dict[str, np.ndarray]]]


@pytest.fixture
def config() -> GameConfig:
    return rules(**RULES)


@pytest.fixture
def player(agent: AgentConfig, learning: LearningConfig, config: GameConfig) -> LearningPlayer:
    return make(agent, learning, config)


def make(agent: AgentConfig, learning: LearningConfig, config: GameConfig, actor: int = 0) -> LearningPlayer:
    return MakePlayer(game_simulator(embedded_simulator()), config, agent, learning, seed=3)(actor)


def test_the_network_is_on_the_actors_device(
    monkeypatch: pytest.MonkeyPatch, agent: AgentConfig, learning: LearningConfig, config: GameConfig
) -> None:
    monkeypatch.setattr("actors.hide_and_seek.learning.player.assigned_device", lambda: torch.device("meta"))
    assert {weight.device.type for weight in make(agent, learning, config)._network.parameters()} == {"meta"}


def play(
    player: LearningPlayer, simulator: SimulatorProcess, number: int = 1, fail_after: int | None = None, **orders: Any
) -> tuple[Records, LearningStatistics]:
    """Plays a task; checks each record's fields."""
    agent, learning = player._make.agent, player._make.learning
    shape = agent.unroll_shape(learning.unroll_length)
    fields = {
        UNROLLS: unroll_fields(shape), TRIPLETS: triplet_fields(agent.image_size),
        MEMORIES: memory_fields(shape, learning.memory_steps),
    }  # fmt: skip
    records: Records = defaultdict(list)

    def push(table: str, record: dict[str, np.ndarray]) -> bool:
        if sum(map(len, records.values())) == fail_after:
            raise SimulatorError("as if the simulator had died")
        assert {name: (value.shape, value.dtype) for name, value in record.items()} == fields[table]
        records[table].append(record)
        return True

    try:
        statistics = player.play(simulator, TASK, number, {**ORDERS, **orders}, 7, push)
    except SimulatorError:
        assert fail_after is not None
        statistics = LearningStatistics(number, 0, 7)
    return records, statistics


def same(first: Records, second: Records) -> bool:
    return all(
        np.array_equal(one[name], two[name], equal_nan=one[name].dtype.kind == "f")
        for table in (UNROLLS, TRIPLETS, MEMORIES)
        for one, two in zip(first[table], second[table], strict=True)
        for name in one
    )


def test_an_exploration_is_cut_into_unrolls(player: LearningPlayer, rooms: SimulatorProcess) -> None:
    """15 steps of episodes of 12: one whole one, and 3 steps of the next."""
    records, statistics = play(player, rooms)
    assert (len(records[UNROLLS]), len(records[TRIPLETS])) == (3, 4)
    assert statistics.steps == 15 and statistics.stages["explore"]["episodes"] == 1 and statistics.kind == "explore"
    firsts = np.concatenate([unroll["firsts"][:-1] for unroll in records[UNROLLS]])
    ended = np.concatenate([unroll["ended"] for unroll in records[UNROLLS]])
    assert np.flatnonzero(firsts).tolist() == [0, 12] and np.flatnonzero(ended).tolist() == [11]
    # Unrolls overlap by one observation, and the state is that before the first step: empty at first.
    first, second, third = records[UNROLLS]
    assert (first["images"][-1] == second["images"][0]).all()
    assert not first["grid"].any() and second["grid"].any() and (first["map_written"] == -1).all()
    assert set(map(tuple, second["map_keys"][second["map_written"] >= 0])) == set(map(tuple, first["locations"][:-1]))
    # The last action of an observation is the step before.
    steps = np.concatenate([unroll["actions"] for unroll in records[UNROLLS]])
    success = np.concatenate([unroll["succeeded"] for unroll in records[UNROLLS]])
    last = np.concatenate([unroll["last_actions"][:-1] for unroll in records[UNROLLS]])
    assert (last[1:12] == 1 + 2 * steps[:11] + success[:11]).all() and last[0] == last[12] == 0
    # Turning left and right changes the rotation of the next location.
    assert third["locations"].shape == (6, 4) and (third["logits"][:, INDEX["ClaimVisible"]] == -np.inf).all()


@pytest.mark.parametrize("kind", ["seek", "play"])
def test_a_task_is_the_same_in_another_player(
    player: LearningPlayer, agent: AgentConfig, learning: LearningConfig, config: GameConfig, rooms: SimulatorProcess,
    kind: str,
) -> None:  # fmt: skip
    orders: dict[str, Any] = {"mixture": {kind: 1.0}, "memories_per_task": int(kind == "play")}
    first, _ = play(player, rooms, **orders)
    again, _ = play(make(agent, learning, config, actor=5), rooms, **orders)
    assert same(first, again)
    assert not same(first, play(player, rooms, number=2, **orders)[0])


def test_another_attempt_repeats_the_records_and_their_keys(player: LearningPlayer, rooms: SimulatorProcess) -> None:
    """The first attempt fails at its third record. A table stores none of the first two again, by their keys."""
    undisturbed, _ = play(player, rooms, number=4)
    first, _ = play(player, rooms, number=4, fail_after=2)
    second, _ = play(player, rooms, number=4)
    assert len(first[UNROLLS]) == 2 and same(second, undisturbed)
    for table in (UNROLLS, TRIPLETS):
        keys = [int(record["key"]) for record in second[table]]
        assert len(set(keys)) == len(keys) and min(keys) == 4 << 24
        assert [int(record["key"]) for record in first[table]] == keys[: len(first[table])]
    others = [int(record["key"]) for record in play(player, rooms, number=5)[0][UNROLLS]]
    assert min(others) > max(int(record["key"]) for record in second[UNROLLS])


def test_manipulations_have_targets_and_hindsight(player: LearningPlayer, rooms: SimulatorProcess) -> None:
    records, statistics = play(player, rooms, mixture={"manipulate": 2.0}, unrolls_per_task=8, triplets_per_task=0)
    assert len(records[UNROLLS]) == 8 and not records[TRIPLETS] and statistics.kind == "manipulate"
    joined = {name: np.concatenate([one[name] for one in records[UNROLLS]]) for name in ("hits", "hindsight", "ended")}
    targets = np.concatenate([one["targets"][:-1] for one in records[UNROLLS]])
    assert ((targets >= 0) & (targets < 147)).all()
    for episode in np.split(np.arange(40), np.flatnonzero(joined["ended"]) + 1):
        assert all(len(set(values[episode].tolist())) <= 1 for values in (targets, joined["hits"], joined["hindsight"]))
    ends = int(joined["ended"].sum())
    assert statistics.stages["manipulate"]["episodes"] == ends >= 5
    assert (joined["hits"][: np.flatnonzero(joined["ended"])[-1] + 1] >= 0).all()


def test_seekers_get_an_expert(player: LearningPlayer, rooms: SimulatorProcess) -> None:
    records, statistics = play(player, rooms, mixture={"seek": 1.0}, triplets_per_task=30)
    assert (len(records[UNROLLS]), len(records[TRIPLETS]), statistics.steps) == (3, 30, 30)
    experts = np.concatenate([one["experts"] for one in records[UNROLLS]])
    claimable = np.concatenate([one["claimable"] for one in records[UNROLLS]])
    assert ((experts == INDEX["ClaimVisible"]) == (claimable == 1)).all() and set(claimable) <= {0, 1}
    assert set(experts.tolist()) <= {*range(7), INDEX["ClaimVisible"], -1} and (experts >= 0).any()


def test_searches_of_one_place_begin_anew(
    player: LearningPlayer, agent: AgentConfig, learning: LearningConfig, config: GameConfig, rooms: SimulatorProcess
) -> None:
    """14 steps from the room's first pose, then 1 step of another search; near the goal each one has 4 steps."""
    orders: dict[str, Any] = {"mixture": {"seek": 1.0}}
    far, statistics = play(player, rooms, **orders)
    firsts, maps, locations = (np.concatenate([one[name][:-1] for one in far[UNROLLS]]) for name in SEARCHES)
    assert np.flatnonzero(firsts).tolist() == np.flatnonzero(maps).tolist() == [0, 14]
    assert tuple(locations[0][:3]) == (0, 0, 0) and tuple(locations[14][:3]) != tuple(locations[13][:3])
    assert statistics.steps == 15 and set(statistics.seconds) >= {"set_up", "simulator"}
    near = replace(learning, near_share=1.0, near_m=1.5, near_steps=4, searches_per_place=8)
    records, _ = play(make(agent, near, config), rooms, **orders)
    firsts = np.concatenate([one["firsts"][:-1] for one in records[UNROLLS]])
    assert firsts.sum() >= 4 and (np.diff(np.flatnonzero(firsts)) <= 4).all()


def test_glimpses_show_the_goal_and_leave_the_searches_as_they_are(
    player: LearningPlayer, agent: AgentConfig, learning: LearningConfig, config: GameConfig, rooms: SimulatorProcess
) -> None:
    orders: dict[str, Any] = {"mixture": {"seek": 1.0}, "triplets_per_task": 75}
    plain, _ = play(player, rooms, **orders)
    more, _ = play(make(agent, replace(learning, glimpse_places=3, glimpses=20), config), rooms, **orders)
    for one, other in zip(plain[UNROLLS], more[UNROLLS], strict=True):
        # Objects that come to rest again may change a pixel by a grey level, and what the network says with it.
        for name in ("actions", "succeeded", "locations", "firsts", "claimable"):
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)
        np.testing.assert_allclose(one["images"], other["images"], atol=2)
    few, many = (sum(int(one["claimable"] == 1) for one in records[TRIPLETS]) for records in (plain, more))
    assert many >= few + 3
    for record in more[TRIPLETS]:
        assert record["goal_cells"].any() == (record["claimable"] == 1)
        # A turn or move changes the picture; a failed one does not, and each glimpse has one augmentation.
        if not record["succeeded"]:
            np.testing.assert_array_equal(record["before"], record["after"])


def test_games_give_all_kinds_of_records(player: LearningPlayer, rooms: SimulatorProcess) -> None:
    """A game has 12 + 6 + 7 n + at most 14 steps, in unrolls of 5: at least one of hiding and two of exploration."""
    orders: dict[str, Any] = {
        "mixture": {"play": 1.0},
        "unrolls_per_task": 4,
        "memories_per_task": 1,
        "hide_bonus": True,
    }
    records, statistics = play(player, rooms, **orders)
    counts = {table: len(records[table]) for table in (UNROLLS, TRIPLETS, MEMORIES)}
    assert counts == {UNROLLS: 4, TRIPLETS: 4, MEMORIES: 1}
    assert {STAGES[int(one["stage"])] for one in records[UNROLLS]} >= {"explore", "hide", "seek"}
    (memory,) = records[MEMORIES]
    assert memory["length"] == min(memory["seeker_steps"], 8) and statistics.games >= 1
    assert (memory["map_written"] >= 0).any() and (memory["claimable"][: memory["length"]] >= 0).all()
    np.testing.assert_allclose(memory["policy"][: memory["length"]].sum(axis=1), 1, rtol=1e-5)
    hide = next(one for one in records[UNROLLS] if STAGES[int(one["stage"])] == "hide")
    assert np.isfinite(hide["feasible"]).all() and (hide["contained"] >= 0).all()


def test_past_weights_play_one_side(player: LearningPlayer, rooms: SimulatorProcess) -> None:
    """Only the other side makes unrolls: either seeks, or the hider's stages."""
    orders: dict[str, Any] = {"mixture": {"play": 1.0}, "unrolls_per_task": 2, "past_share": 1.0}
    _, statistics = play(player, rooms, **orders)
    assert statistics.stages["play"]["with_past"] == 0  # there are none yet
    network = player._network
    network.past[0] = network.past.new_tensor(flat_weights(network.agent))
    for number in range(2, 6):
        records, statistics = play(player, rooms, number=number, **orders)
        assert statistics.stages["play"]["with_past"] == statistics.games
        if statistics.games == 1:
            stages = {STAGES[int(one["stage"])] for one in records[UNROLLS]}
            assert stages == {"seek"} or "seek" not in stages
            return
    raise AssertionError("no task had a single game")


def test_r_hide_is_added_to_new_locations_only(
    player: LearningPlayer, rooms: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values 0, 1, 2, ... of the new locations: the first is worth 0.2 min(1, 1 - 0), later ones at most 0.2."""
    plain, _ = play(player, rooms, number=6, triplets_per_task=0, unrolls_per_task=2)
    asked: list[int] = []

    def value_of(*_: Any) -> float:
        asked.append(len(asked))
        return float(asked[-1])

    monkeypatch.setattr(episodes, "value_of", value_of)
    play(player, rooms, number=7)  # forgets task 6
    asked.clear()
    bonus, _ = play(player, rooms, number=6, triplets_per_task=0, unrolls_per_task=2, hide_bonus=True)
    before, after = (np.concatenate([one["rewards"] for one in records[UNROLLS]]) for records in (plain, bonus))
    gains = (after - before).astype(np.float64).round(5)
    assert set(gains.tolist()) == {0.0, 0.2}
    locations = np.concatenate([bonus[UNROLLS][0]["locations"][:-1], bonus[UNROLLS][1]["locations"]])
    seen = [tuple(one) for one in locations.tolist()]
    new = [seen[at + 1] not in seen[: at + 1] for at in range(10)]
    assert new == (gains > 0).tolist() and len(asked) == 1 + sum(new)


def test_an_evaluation_plays_as_training_does(
    player: LearningPlayer, network: HideAndSeekNetwork, agent: AgentConfig, config: GameConfig, rooms: SimulatorProcess
) -> None:
    """The network as a player of `play_game`, with the draws of a task's first game, makes the same game."""
    player.load(flat_weights(network))
    records, _ = play(player, rooms, mixture={"play": 1.0}, unrolls_per_task=4, triplets_per_task=0)
    sides = [np.random.default_rng([3, 1, 0, int(side), 0]) for side in (Draw.HIDER, Draw.SEEKER)]

    class Same(NetworkPlayer):
        def begin(self, seed: int, hints: Any) -> None:
            super().begin(seed, hints)
            if hints is not None:
                self._random = sides.pop(0)

    steps: dict[Stage, list[int]] = defaultdict(list)
    rewards: dict[Stage, list[float]] = defaultdict(list)

    def watch(_: Game, step: Step) -> None:
        steps[step.stage].append(INDEX[step.action.name])
        rewards[step.stage].append(step.reward)

    seed = int(np.random.default_rng([3, 1, 0, int(Draw.ROOM), 0]).integers(2**31))
    same_player = Same(network, agent)
    game = Game(World(rooms), GameTask(TASK.scene, TASK.goal, seed), config)
    play_game(game, same_player, same_player, measure=False, watch=watch)
    for unroll in records[UNROLLS]:
        stage = Stage(STAGES[int(unroll["stage"])])
        # The last unroll of hiding and of manipulation goes on with the stage's first steps.
        joined = ",".join(map(str, steps[stage] + steps[stage][:5]))
        assert ",".join(map(str, unroll["actions"].tolist())) in joined, stage
    assert {Stage(STAGES[int(one["stage"])]) for one in records[UNROLLS]} >= {Stage.EXPLORE, Stage.HIDE, Stage.SEEK}


def test_several_simulators_share_a_task(
    agent: AgentConfig, learning: LearningConfig, config: GameConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads, whose steps are one batch, make 2 and 1 of 3 unrolls; no simulator is started."""
    learning.simulators = 2
    made: list[tuple[int, int]] = []

    def work_on(work: Work, kind: str, share: Share, *rest: Any) -> None:
        _, _, statistics, send = rest
        image = np.zeros((agent.image_size, agent.image_size, 3), np.uint8)
        state = work.newest.fresh()
        for index in range(share.unrolls):
            seen = Observed(image, 0, True, 0, (0, 0, 0, 1), -1, -1, index == 0, index == 0)
            _, state = work.newest.act(seen, state, 0, work.random(Draw.HIDER))
            statistics.add("explore", steps=5)
            made.append((work.seed[-1], share.triplets))
            send(UNROLLS, {})

    monkeypatch.setattr(playing, "work_on", work_on)
    monkeypatch.setattr(playing, "start_simulator", lambda _: None)
    pushed: list[str] = []

    def push(table: str, _: Any) -> bool:
        pushed.append(table)
        return len(pushed) < 3

    statistics = make(agent, learning, config).play(None, TASK, 1, ORDERS, 7, push)  # type: ignore[arg-type]
    assert sorted(made) == [(0, 2), (0, 2), (1, 2)] and pushed == [UNROLLS] * 3
    assert statistics.stages == {"explore": {"steps": 15}} and not statistics.stored


def test_a_simulator_that_does_not_start_fails_the_task(
    agent: AgentConfig, learning: LearningConfig, config: GameConfig, rooms: SimulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The other share is finished; another attempt pushes it again, under the same keys."""

    def start(_: Any) -> None:
        raise SimulatorError("no simulator")

    learning.simulators = 2
    monkeypatch.setattr(playing, "start_simulator", start)
    pushed: list[tuple[str, int]] = []

    def push(table: str, record: Any) -> bool:
        pushed.append((table, int(record["key"])))
        return True

    player = make(agent, learning, config)
    for _ in range(2):
        with pytest.raises(SimulatorError, match="no simulator"):
            player.play(rooms, TASK, 1, ORDERS, 7, push)
    assert [table for table, _ in pushed[:4]] == [UNROLLS] * 2 + [TRIPLETS] * 2
    assert pushed[4:] == pushed[:4]


def test_orders_are_checked() -> None:
    for wrong, message in (
        ({"mixture": {"dance": 1.0}}, "mixture must give"),
        ({"memories_per_task": 1}, "only games have memories"),
        ({"past_share": 2}, r"past_share must be in \[0, 1\]"),
        ({"unrolls": 2}, "orders must be"),
        ({"unrolls_per_task": 0, "triplets_per_task": 0}, "must make"),
    ):
        with pytest.raises(ValueError, match=message):
            Orders.parse({**ORDERS, **wrong})


def test_kinds_are_drawn_from_the_mixture() -> None:
    """3 : 1 in 1000 tasks: 750 give or take 5 deviations of 13.7."""
    orders = Orders.parse({**ORDERS, "mixture": {"seek": 3.0, "explore": 1.0, "play": 0.0}})
    kinds = [kind_of(orders, 5, number) for number in range(1000)]
    assert abs(kinds.count("seek") - 750) < 69 and set(kinds) == {"seek", "explore"}
