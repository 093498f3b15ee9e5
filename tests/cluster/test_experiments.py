"""The experiments that stand for the paper and its release, composed: their numbers against the paper's own."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from cluster.cli import CONF
from cluster.config import TrainConfig, instantiate, register
from cluster.schedule import check_schedule
from learner.schedule import batches_in_round, total_batches, total_locations


@functools.cache
def composed(*overrides: str) -> TrainConfig:
    """The configuration of `./playpen train`, checked as the command does."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = instantiate(compose("train", overrides=list(overrides)), TrainConfig)
    check_schedule(config)
    return config


@pytest.mark.parametrize("experiment", ["paper", "released"])
def test_schedule_and_memory_bank_of_the_paper(experiment: str) -> None:
    """Supplement, "Training details" and "Priorities in the memory bank"."""
    config = composed(f"experiment={experiment}")
    segmentation, joint = config.learner.phases.values()
    assert (segmentation.name, joint.name) == ("segmentation", "joint")
    for phase, last, touches in ((segmentation, 45, 10), (joint, 35, 5)):
        assert (phase.prefill, phase.locations_per_round, phase.rounds, phase.minutes) == (3000, 70, 900, None)
        assert (batches_in_round(phase, 0), batches_in_round(phase, 899)) == (15, last)
        assert (phase.greedy, phase.random) == (touches, touches)
        assert phase.fresh_bank
    assert not segmentation.force_trials and joint.force_trials
    assert (total_locations(segmentation), total_batches(segmentation)) == (66_000, 27_000)
    assert config.learner.batch_size == 64
    assert (config.learner.lr, config.learner.lr_schedule, config.learner.weight_decay) == (5e-4, "constant", 1e-4)
    assert (config.replay.capacity, config.replay.initial_priority, config.replay.mode) == (20_000, 0.5, "priority")
    assert config.replay.strict, "70 locations, then K batches"
    assert config.cluster.actors == 35
    # Three visits to a location lie 22 000 apart: the bank of 20 000 never holds one twice.
    assert config.evaluation.dataset.train.locations >= 22_000 > config.replay.capacity


def test_choices_of_the_paper() -> None:
    config = composed("experiment=paper")
    module = config.actors.self_supervision
    assert (config.actors.reach.shape, config.actors.reach.radius) == ("sphere", 1.5)
    assert (module.kernel, module.success_threshold, config.learner.kernel) == ("paper", 1.5, "paper")
    assert (config.learner.embedding_weight, config.learner.embedding_area_floor) == (1.0, 1.0)
    assert config.learner.force_weight == 0.1
    assert config.learner.phases["joint"].force_head_only_rounds == 0, "force and segmentation jointly from the start"
    assert not config.actors.drop_on_earlier_mask and not config.models.smooth_upsampling
    assert (config.learner.max_gradient_norm, config.learner.ema_decay) == (0, 0)


def test_choices_of_the_release() -> None:
    config = composed("experiment=released")
    assert (config.actors.self_supervision.kernel, config.learner.kernel) == ("released", "released")
    assert config.learner.embedding_weight == 200
    assert config.learner.phases["joint"].force_head_only_rounds == 100


@pytest.mark.parametrize("path", sorted((CONF / "experiment").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_experiment_can_be_composed_and_scheduled(path: Path) -> None:
    config = composed(f"experiment={path.stem}")
    assert config.experiment_name == path.stem
