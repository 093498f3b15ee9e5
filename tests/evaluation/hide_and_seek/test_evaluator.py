"""The evaluator of agents: test data are made once, references are kept, and the report has all rows and keys."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from actors.hide_and_seek.defaults import embedded_simulator, rules
from actors.hide_and_seek.learning.config import LearningConfig
from actors.hide_and_seek.pixels import Modality
from evaluation.hide_and_seek import test_data
from evaluation.hide_and_seek.columns import COLUMNS
from evaluation.hide_and_seek.config import EpisodeCounts, LearnedEvaluationConfig
from evaluation.hide_and_seek.dynamics import Triplets
from evaluation.hide_and_seek.dynamics_network import examples
from evaluation.hide_and_seek.evaluator import MakeEvaluator
from evaluation.hide_and_seek.learned_report import sentence
from models.hide_and_seek.network import build_network
from models.weights import flat_weights
from tests.models.hide_and_seek.networks import tiny

CONF = Path(__file__).resolve().parents[3] / "conf"
RULES = rules(explore_steps=12, hide_steps=2, manipulate_steps=5, seek_steps=500)


def settings(folder: Path) -> MakeEvaluator:
    config = LearnedEvaluationConfig(
        every_minutes=None, split="test", kinds=["kitchen"], goals=["Cup"], folder=str(folder), seed=1,
        final=EpisodeCounts(2, 3, 1), quick=EpisodeCounts(1, 1, 1), claim_above=0.5, seek_steps=10, behind_share=0.0,
        place_candidates=3, triplets=16, walk_steps=20, walks=2, batch_size=7, games=1, shown=2, workers=2,
    )  # fmt: skip
    learning = OmegaConf.merge(
        OmegaConf.structured(LearningConfig), OmegaConf.load(CONF / "actors/hide_and_seek_learning.yaml").learning
    )
    made = OmegaConf.to_object(learning)
    assert isinstance(made, LearningConfig)
    return MakeEvaluator(config, embedded_simulator(), RULES, made, tiny())


def test_an_evaluation_from_its_test_data_to_its_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = settings(tmp_path / "data")
    evaluator = make()
    evaluator.prepare()
    assert evaluator.data is not None
    assert len(evaluator.data.triplets) == 16 and evaluator.data.triplets.before.shape[1:] == (28, 28, 3)
    assert len(evaluator.data.episodes.seek) == 1
    evaluator.load(flat_weights(build_network(tiny(), 5)))
    quick = evaluator.evaluate_quickly()
    assert {"coverage", "found", "vdr_inverse_accuracy", "vdr_inverse_majority", "vdr_success_auc"} <= set(quick)
    report = evaluator.final(tmp_path / "run")
    assert [row.name for row in report.rows] == ["trained", "untrained network", "uniform over legal actions"]
    wanted = {
        "coverage", "coverage_random", "om_hit", "om_hit_random", "found", "found_random", "vdr_inverse_accuracy",
        "vdr_inverse_majority", "vdr_success_auc", "ps_cross_entropy", "ps_marginal_cross_entropy",
    }  # fmt: skip
    assert wanted <= set(report.result)
    assert {path.name for path in report.figures} >= {"skills.png"} and all(path.is_file() for path in report.figures)
    json.dumps([report.result, report.details])
    assert not evaluator.rules.turn_worlds and evaluator.rules.seek_steps == 10
    assert "| coverage |" in (tmp_path / "run/intervals.md").read_text()

    # A second evaluator plays nothing to prepare itself, and knows the same.
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the test data exist")

    for name in ("collect", "share"):
        monkeypatch.setattr(test_data, name, fail)
    again = make()
    monkeypatch.setattr(again, "play", fail)
    again.prepare()
    assert again.references() == evaluator.references()
    # The untrained network has the initial weights of the evaluation's seed.
    np.testing.assert_array_equal(flat_weights(again.network), flat_weights(build_network(tiny(), 1)))


def test_modalities_are_spread() -> None:
    found = test_data.modalities(20, 0.15)
    assert [found.count(one) for one in (Modality.ON_TOP, Modality.BEHIND, Modality.CONTAINED_IN)] == [14, 3, 3]
    assert found[:4].count(Modality.ON_TOP) == 3, "the first ones have other modalities, too"
    assert test_data.modalities(3, 0.0) == [Modality.ON_TOP] * 3


def test_what_decides_the_test_data(tmp_path: Path) -> None:
    """Rules of training that the evaluation overrides do not change it."""
    config = settings(tmp_path).config
    one = test_data.test_rules(replace(RULES, turn_worlds=True), config)
    assert one == test_data.test_rules(replace(RULES, turn_worlds=False, seek_steps=77), config)


def test_examples_show_each_action() -> None:
    pictures = np.zeros((5, 2, 2, 3), np.uint8)
    data = Triplets(
        pictures, pictures, np.array([0, 0, 3, 1, 1]), np.array([True, True, True, False, True]), np.arange(5)
    )
    # Action 3 is a rotation, whose next picture is not predicted, and the fourth triplet failed.
    assert examples(data, 9) == [0, 4, 1]
    assert examples(data, 2) == [0, 4]


def test_the_sentence_of_an_evaluation() -> None:
    assert sentence({"coverage": 0.123, "found": 0.5, "other": 1.0}) == "coverage 0.12, found 0.50"
    assert set(COLUMNS) >= {"coverage", "om_hit", "found"}
