"""Whole games of an agent against itself in held-out rooms, and what its perspective simulation expected of them.

Source: Weihs et al., appendix C.3. Before the hider hides the object, P says how likely each outcome is at the chosen
location, and V ranks imagined outcomes by how long a mental seeker would need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actors.config import SimulatorConfig
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.game import Game, GameTask
from actors.hide_and_seek.learning.memories import outcome_of
from actors.hide_and_seek.learning.network_player import NetworkPlayer
from actors.hide_and_seek.learning.observed import location_key
from actors.hide_and_seek.metrics import Estimate, estimate_mean, estimate_share
from actors.hide_and_seek.play import play_choose, play_explore, play_hide, play_seek
from actors.hide_and_seek.record import GameRecord, Recorder
from actors.hide_and_seek.world import Unplayable, World
from evaluation.hide_and_seek.estimates import bootstrap, ratio
from evaluation.hide_and_seek.parallel import share
from models.hide_and_seek.metric_map import MapState
from models.hide_and_seek.network import HideAndSeekNetwork
from replay.hide_and_seek.memory import NO_OUTCOME


@dataclass(frozen=True)
class Played:
    """A game that was played."""

    result: dict[str, Any]
    """The fields of `game.Result`, the task, and what perspective simulation expected."""
    record: GameRecord | None


def play_games(
    games: Sequence[GameTask],
    make: Callable[[], NetworkPlayer],
    simulator: SimulatorConfig,
    rules: GameConfig,
    network: HideAndSeekNetwork,
    workers: int,
) -> list[Played]:
    """Plays whole games; the first one is recorded. Those that cannot be played are left out.

    Args:
        games: to play.
        make: makes the player of both sides.
        simulator: its settings.
        rules: of the game.
        network: of the player, for perspective simulation.
        workers: number of simulators.
    """

    def work(world: World, item: tuple[int, GameTask]) -> tuple[int, Played | None]:
        number, task = item
        try:
            return number, _play(world, task, make(), rules, network, recorded=number == 0)
        except Unplayable:
            return number, None

    found = sorted(share(enumerate(games), simulator, workers, work), key=lambda one: one[0])
    return [played for _, played in found if played is not None]


def _play(
    world: World, task: GameTask, player: NetworkPlayer, rules: GameConfig, network: HideAndSeekNetwork, recorded: bool
) -> Played:
    recorder = Recorder(player.name, player.name) if recorded else None
    watch = None if recorder is None else recorder.watch
    game = Game(world, task, rules)
    player.begin(task.seed, world)
    play_explore(game, player, watch)
    known, origin = player.places, location_key(world.location)
    play_choose(game, player)
    play_hide(game, player, watch)
    game.measure()
    player.begin(task.seed, world)
    play_seek(game, player, watch)
    perspective, hiding = game.perspective, game.hiding
    assert perspective is not None and perspective.chosen is not None and hiding is not None
    chosen = torch.tensor(location_key(perspective.chosen))
    expected = expectations(network, known, torch.tensor([origin]), chosen, outcome_of(hiding))
    result = asdict(game.result()) | asdict(task) | expected
    return Played(result, None if recorder is None else recorder.finish(game))


@torch.inference_mode()
def expectations(
    network: HideAndSeekNetwork, known: MapState, origin: Tensor, chosen: Tensor, outcome: int
) -> dict[str, Any]:
    """What perspective simulation expected of one game.

    Args:
        network: with perspective simulation.
        known: the hider's map after exploration; B = 1.
        origin: (1, 4) long, where exploration ended.
        chosen: (4,) long, from where the object was hidden.
        outcome: that occurred.

    Returns:
        ps_cross_entropy: -log P(outcome), nats; ps_pairs: number of pairs of imagined outcomes whose mean lengths
        differ; ps_right: how many of them V ranks as the lengths do.
    """
    simulation = network.perspective
    room = simulation.encode(known, origin)
    logits = simulation.outcome_logits(simulation.features_at(room, chosen[None, None])[0, 0])
    generator = torch.Generator(device=logits.device).manual_seed(0)
    evaluation, _ = simulation.evaluate(room, network.config.perspective.ranking_rollouts, generator)
    values = simulation.outcome_values(simulation.features_at(room, evaluation.locations))
    ranked = values.gather(-1, evaluation.outcomes).flatten()
    right, pairs = ranking(ranked, evaluation.lengths.flatten())
    return {
        "outcome": outcome,
        "ps_cross_entropy": float(-logits.log_softmax(-1)[outcome]),
        "ps_right": right,
        "ps_pairs": pairs,
    }


def ranking(values: Tensor, lengths: Tensor) -> tuple[int, int]:
    """How many pairs with different lengths (N,) the values (N,) rank as the lengths do, and how many there are."""
    longer = lengths[:, None] > lengths
    return int((longer & (values[:, None] > values)).sum()), int(longer.sum())


def summarise_games(games: Sequence[Played]) -> dict[str, Estimate]:
    """The figures of whole games with 95 % intervals.

    Keys: game_found; ps_cross_entropy; ps_marginal_cross_entropy: see `marginal_cross_entropy`;
    ps_ranking_accuracy.
    """
    results = [one.result for one in games]
    if not results:
        return {}
    figures = {
        "game_found": estimate_share(sum(one["found"] for one in results), len(results)),
        "ps_cross_entropy": estimate_mean([one["ps_cross_entropy"] for one in results]),
        "ps_marginal_cross_entropy": estimate_mean(marginal_cross_entropy([one["outcome"] for one in results])),
    }
    right, pairs = (np.array([one[name] for one in results]) for name in ("ps_right", "ps_pairs"))
    if pairs.sum():
        figures["ps_ranking_accuracy"] = bootstrap(
            lambda at: ratio(right[at].sum(), pairs[at].sum()), list(range(len(results))), int(pairs.sum())
        )
    return figures


def marginal_cross_entropy(outcomes: Sequence[int]) -> list[float]:
    """-log of each outcome's frequency among the others, nats.

    The 295 outcomes together count as one more game (Perks 1947): with few games, one more of each outcome would make
    the frequencies nearly equal, and an easy reference.
    """
    share = 1 / (NO_OUTCOME + 1)
    return [float(-np.log((outcomes.count(one) - 1 + share) / len(outcomes))) for one in outcomes]
