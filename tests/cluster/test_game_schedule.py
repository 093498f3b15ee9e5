"""The schedule of hide and seek: any number of actors and the learner never wait for each other."""

from __future__ import annotations

from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from cluster.command.overrides import CONF
from cluster.hide_and_seek.schedule import check_schedule, phases, tables
from cluster.hide_and_seek.train_config import GameTrainConfig
from cluster.systems import register
from common.errors import UsageError
from learner.hide_and_seek.schedule import pattern
from replay.limiter import make_limiter


def configuration(*overrides: str) -> GameTrainConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        found: Any = OmegaConf.to_object(compose("game_train", overrides=list(overrides)))
    assert isinstance(found, GameTrainConfig)
    return found


ORDER = ("unrolls", "memories", "triplets")
"""In which a task pushes its records, see `actors.hide_and_seek.learning.tasks`."""


def finished(config: GameTrainConfig, name: str, tasks: int) -> int:
    """How many of a phase's tasks get done if each side goes on whenever its rate limiters let it."""
    phase = next(one for one in phases(config) if one.name == name)
    settings, specs = config.learner.phases[name], tables(config)
    limiters = {table: make_limiter(specs[table], limits, 0) for table, limits in phase.limits.items()}
    steps = pattern(settings, config.learner.batch_sizes)
    records = [table for table in ORDER if table in limiters for _ in range(getattr(settings, table))]
    capacity = config.replay.unrolls if specs["unrolls"].selector.kind == "queue" else 10**9
    held = taken = done = 0
    at = [0] * min(config.cluster.actors, tasks)
    moved = True
    while moved and done < tasks:
        moved = False
        for actor, position in enumerate(at):
            table = records[position]
            if limiters[table].can_insert() and (table != "unrolls" or held < capacity):
                limiters[table].inserted()
                held += table == "unrolls"
                done += position + 1 == len(records)
                at[actor], moved = (position + 1) % len(records), True
        table = steps[taken % len(steps)]
        size = config.learner.batch_unrolls
        if limiters[table].can_sample() and (table != "unrolls" or capacity == 10**9 or held >= size):
            limiters[table].sampled()
            held -= size * (table == "unrolls")
            taken, moved = taken + 1, True
    return done


@pytest.mark.parametrize("actors", [1, 2, 7, 35])
@pytest.mark.parametrize(
    ("experiment", "name"), [("explore", "explore"), ("seek", "seek"), ("play", "play"), ("quickstart", "skills")]
)
def test_no_number_of_actors_locks_the_tables(experiment: str, name: str, actors: int) -> None:
    config = configuration(f"experiment=hide_and_seek/{experiment}", f"cluster.actors={actors}", "replay.unrolls=4000")
    check_schedule(config)
    assert finished(config, name, 3 * actors + 40) >= 3 * actors + 40


def test_a_queue_that_actors_could_fill_is_refused() -> None:
    config = configuration("experiment=hide_and_seek/explore", "cluster.actors=35")
    sentence = r"replay\.unrolls must be at least 400 for learner\.phases\.explore with cluster"
    with pytest.raises(UsageError, match=sentence):
        check_schedule(config)


def test_the_paper_plays_the_papers_amounts() -> None:
    config = configuration("experiment=hide_and_seek/paper")
    explore, manipulate, play = phases(config)
    # An exploration has 10 unrolls of 20 steps; a game is five episodes or more.
    assert (explore.rounds * explore.tasks_per_round, explore.player_orders["unrolls_per_task"]) == (85_000, 10)
    assert manipulate.rounds * manipulate.tasks_per_round * 8 == 1_800_000
    assert play.rounds * play.tasks_per_round * 5 == 4_500_000
    assert config.actors.learning.games_per_task == play.player_orders["memories_per_task"] == 1
