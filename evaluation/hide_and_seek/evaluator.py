"""The evaluator of agents that learn to play: skills and visual dynamics in held-out rooms, beside untrained ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.config import SimulatorConfig
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.learning.config import LearningConfig
from actors.hide_and_seek.learning.network_player import NetworkPlayer
from actors.hide_and_seek.metrics import Estimate
from actors.hide_and_seek.players.core import GamePlayer
from actors.hide_and_seek.players.uniform import Uniform
from actors.hide_and_seek.scenes import scenes
from evaluation.core import FinalReport
from evaluation.hide_and_seek import dynamics
from evaluation.hide_and_seek.config import EpisodeCounts, LearnedEvaluationConfig
from evaluation.hide_and_seek.dynamics_network import draw_predictions, predict
from evaluation.hide_and_seek.evaluate import tasks
from evaluation.hide_and_seek.game_sheet import save_game
from evaluation.hide_and_seek.learned_report import (
    RANDOM,
    TRAINED,
    UNTRAINED,
    draw_bars,
    final_report,
    write_intervals,
)
from evaluation.hide_and_seek.skills import SkillResults, measure, summarise, to_plain
from evaluation.hide_and_seek.test_data import TestData, load, network_key, skill_results, test_rules
from evaluation.hide_and_seek.whole_games import play_games, summarise_games
from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.network import HideAndSeekNetwork, build_network
from models.weights import flat_weights, load_flat_weights

QUICK = ("coverage", "om_hit", "found", "claim_precision", "vdr_inverse_accuracy", "vdr_inverse_majority",
         "vdr_forward_gain", "vdr_success_auc")  # fmt: skip
"""Figures of the evaluations during training."""


@dataclass(frozen=True)
class MakeEvaluator:
    """See `evaluation.core.MakeEvaluator`.

    Args:
        config: what is measured.
        simulator: renders the rooms.
        rules: of the game, as in training; held-out rooms are neither turned nor augmented.
        learning: how targets of manipulations are made.
        network: sizes of the networks. The untrained network has the initial weights of the seed `config.seed`,
            whatever the run's seed is, so that all runs share its results.
    """

    config: LearnedEvaluationConfig
    simulator: SimulatorConfig
    rules: GameConfig
    learning: LearningConfig
    network: AgentConfig

    def __call__(self) -> AgentEvaluator:
        """Makes the evaluator, which is not prepared yet."""
        return AgentEvaluator(self)


class AgentEvaluator:
    """An `evaluation.core.EvaluatorCore`."""

    def __init__(self, settings: MakeEvaluator) -> None:
        self.settings = settings
        self.rules = test_rules(settings.rules, settings.config)
        self.network = build_network(settings.network, settings.config.seed).eval()
        self.data: TestData | None = None

    def prepare(self) -> None:
        """Loads or makes the test data.

        Raises:
            SimulatorError: a simulator failed several times.
        """
        settings = self.settings
        self.data = load(
            settings.config, settings.simulator, settings.rules, settings.learning, settings.network.image_size
        )

    def references(self) -> dict[str, tuple[SkillResults, dict[str, Estimate]]]:
        """Episodes of the untrained network and of uniform actions, and figures of visual dynamics.

        They are measured after the training, which they would slow down, and kept with the test data.
        """
        settings, data = self.settings, self.data
        assert data is not None, "prepare must be called first"
        uniform = data.kept(f"uniform-{network_key(np.zeros(0))}", lambda: to_plain(self.play(Uniform)))
        network = build_network(settings.network, settings.config.seed).eval()
        untrained = data.kept(
            f"network-{network_key(flat_weights(network))}-{settings.config.claim_above}",
            lambda: self._measured(network),
        )
        estimates = {key: Estimate(**values) for key, values in untrained["dynamics"].items()}
        return {
            UNTRAINED: (skill_results(untrained["skills"]), estimates),
            RANDOM: (skill_results(uniform), {}),
        }

    def load(self, weights: NDArray[np.float32]) -> None:
        """See `EvaluatorCore.load`."""
        load_flat_weights(self.network, weights)

    def evaluate_quickly(self) -> dict[str, float]:
        """Measures few episodes, and all triplets."""
        found = summarise(self.play(self._player, self.settings.config.quick)) | self.dynamics(self.network)
        return {key: found[key].value for key in QUICK if key in found and np.isfinite(found[key].value)}

    def final(self, folder: Path) -> FinalReport:
        """See `EvaluatorCore.final`."""
        data, config = self.data, self.settings.config
        assert data is not None, "prepare must be called first"
        seconds: dict[str, float] = {}
        trained = _timed(seconds, "skills", lambda: self.play(self._player))
        visual = _timed(seconds, "dynamics", lambda: self.dynamics(self.network))
        rows = {TRAINED: summarise(trained) | visual}
        references = _timed(seconds, "references", self.references)
        rows |= {name: summarise(found) | known for name, (found, known) in references.items()}
        figures = folder / "figures"
        paths = []
        if config.shown and draw_predictions(figures / "dynamics.png", self.network, data.triplets, config.shown):
            paths.append(figures / "dynamics.png")
        facts: dict[str, Any] = {"vdr_triplets": len(data.triplets)}
        if config.games:
            rooms = scenes(config.split, tuple(config.kinds))
            games = _timed(
                seconds,
                "games",
                lambda: play_games(
                    tasks(rooms, config.goals, config.games, config.seed),
                    self._player,
                    self.settings.simulator,
                    self.rules,
                    self.network,
                    config.workers,
                ),
            )
            rows[TRAINED] |= summarise_games(games)
            facts["games"] = [one.result for one in games]
            if record := next((one.record for one in games if one.record is not None), None):
                paths.append(save_game(figures, record)[1])
        draw_bars(figures / "skills.png", rows)
        write_intervals(folder / "intervals.md", rows)
        skills = {TRAINED: trained, **{name: found for name, (found, _) in references.items()}}
        facts |= {"evaluation_s": {name: round(value, 1) for name, value in seconds.items()},
                  "episodes": {name: to_plain(one) for name, one in skills.items()}}  # fmt: skip
        return final_report(rows, skills, config.split, [figures / "skills.png", *paths], facts)

    def play(self, make: Callable[[], GamePlayer], counts: EpisodeCounts | None = None) -> SkillResults:
        """Plays the episodes of all skills; the first of each if there are counts."""
        assert self.data is not None, "prepare must be called first"
        episodes = self.data.episodes if counts is None else self.data.episodes.first(counts)
        return measure(make, episodes, self.settings.simulator, self.rules, self.settings.config.workers)

    def dynamics(self, network: HideAndSeekNetwork) -> dict[str, Estimate]:
        """The figures of a network's visual dynamics."""
        assert self.data is not None, "prepare must be called first"
        triplets = self.data.triplets
        return dynamics.figures(triplets, predict(network, triplets, self.settings.config.batch_size))

    def _player(self) -> NetworkPlayer:
        return self._network_player(self.network, "trained")

    def _network_player(self, network: HideAndSeekNetwork, name: str) -> NetworkPlayer:
        settings = self.settings
        return NetworkPlayer(network, settings.network, name, claim_above=settings.config.claim_above)

    def _measured(self, network: HideAndSeekNetwork) -> dict[str, Any]:
        """All results of a network, as plain values."""
        played = self.play(lambda: self._network_player(network, "untrained"))
        return {
            "skills": to_plain(played),
            "dynamics": {key: asdict(one) for key, one in self.dynamics(network).items()},
        }


def _timed(seconds: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    """Does some work and notes how long it took."""
    started = time.monotonic()
    found = work()
    seconds[name] = time.monotonic() - started
    return found
