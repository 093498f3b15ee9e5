"""The experiments of the paper and its release: their composed values against the paper's numbers."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

from cluster.command.cli import CONF
from cluster.interaction.config import TrainConfig
from cluster.interaction.schedule import check_schedule
from cluster.run.config import instantiate
from cluster.systems import register
from common.errors import UsageError
from learner.interaction.schedule import batches_in_round, total_batches, total_locations


@functools.cache
def composed(*overrides: str) -> TrainConfig:
    """The configuration of `./playpen train`, checked as the command does."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = instantiate(compose("train", overrides=list(overrides)), TrainConfig)
    check_schedule(config)
    return config


@pytest.mark.parametrize("experiment", ["paper", "released"])
def test_schedule_and_replay_buffer_of_the_paper(experiment: str) -> None:
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
    # A phase visits each location three times, and a pass over all of them is longer than the replay buffer.
    assert round(total_locations(segmentation) / config.evaluation.dataset.train.locations) <= 3
    assert config.evaluation.dataset.train.locations >= 22_000 > config.replay.capacity


def test_choices_of_the_paper() -> None:
    config = composed("experiment=paper")
    module = config.actors.self_supervision
    assert (config.actors.reach.shape, config.actors.reach.radius) == ("sphere", 1.5)
    assert (module.kernel, module.success_threshold, config.learner.kernel) == ("paper", 1.5, "paper")
    assert (config.learner.embedding_weight, config.learner.embedding_area_floor) == (1.0, 1.0)
    assert config.learner.force_weight == 0.1
    assert (config.learner.mask_reduction, config.learner.huber_square) == ("sum", True)
    assert config.learner.repeated_points == "once"
    assert not module.success_strictly_above
    assert (config.replay.image_score, config.replay.without_replacement) == ("min", "batch")
    assert config.learner.phases["joint"].force_head_only_rounds == 0, "force and segmentation jointly from the start"
    assert config.actors.mask_source == "module", "it compares colours alone"
    assert not config.actors.drop_on_earlier_mask and not config.models.smooth_upsampling
    assert (config.learner.max_gradient_norm, config.learner.ema_decay) == (0, 0)


def test_choices_of_the_release() -> None:
    config = composed("experiment=released")
    assert (config.actors.self_supervision.kernel, config.learner.kernel) == ("released", "released")
    assert config.actors.self_supervision.success_strictly_above and config.actors.mask_source == "module"
    assert config.learner.embedding_weight == 200
    assert (config.learner.huber_square, config.learner.repeated_points) == (False, "add")
    # Factors above the release's losses have no effect on its gradients (docs/released.md).
    assert (config.learner.mask_reduction, config.learner.force_weight) == ("sum", 1.0)
    assert (config.replay.image_score, config.replay.without_replacement) == ("mean", "round")
    assert not config.models.normalize_input
    assert config.learner.phases["joint"].force_head_only_rounds == 100


@pytest.mark.parametrize("path", sorted((CONF / "experiment").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_experiment_can_be_composed_and_scheduled(path: Path) -> None:
    config = composed(f"experiment={path.stem}")
    assert config.experiment_name == path.stem


@pytest.mark.parametrize("experiment", ["comparison", "quickstart", "smoke"])
def test_other_experiments_see_depth(experiment: str) -> None:
    assert composed(f"experiment={experiment}").actors.mask_source == "rgbd" == composed().actors.mask_source


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="the extra mask_rcnn is not installed")
def test_mask_rcnn_of_the_papers_size_has_the_papers_data() -> None:
    """The command in README.md and docs/mask_rcnn.md."""
    command = "experiment=paper models=mask_rcnn_paper learner=mask_rcnn_paper actors.supervision=full"
    root = CONF.parent
    for text in (root / "README.md", root / "docs/mask_rcnn.md"):
        assert f"./playpen train {command}\n" in text.read_text()
    config = composed(*command.split())
    assert config.evaluation.dataset == composed("experiment=paper").evaluation.dataset
    assert config.learner.mask_rcnn is not None and config.learner.mask_rcnn.steps == 90_000


@pytest.mark.parametrize("table", ["supervision", "masks", "reach", "replay", "choice", "models"])
def test_every_row_of_a_table_can_be_combined_with_the_release(table: str) -> None:
    rows = yaml.safe_load((CONF / "table" / f"{table}.yaml").read_text())["rows"]
    for overrides in rows.values():
        composed("experiment=released", *overrides)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["replay.mode=uniform", "replay.image_score=mean"], "replay.image_score must be min with replay.mode=uniform"),
        (["replay.without_replacement=round"], "replay.without_replacement=round needs replay.strict=true"),
        (
            # Round 0 takes 15 batches of 64, and the replay buffer holds 800 and 70 locations.
            ["experiment=paper", "replay.without_replacement=round", "learner.phases.joint.prefill=800"],
            "round 0 takes 15 batches of 64 and the table then holds 870",
        ),
        (
            ["models=video_pca", "actors.mask_source=video_pca", "replay.image_score=mean"],
            "image_score must be min with",
        ),
        (
            ["models=video_pca", "actors.mask_source=video_pca", "learner.mask_reduction=mean"],
            "must be sum with models=",
        ),
        (
            ["models=video_pca", "actors.mask_source=video_pca", "learner.huber_square=false"],
            "must be true with models=",
        ),
        (
            ["models=video_pca", "actors.mask_source=video_pca", "learner.repeated_points=add"],
            "must be once with models=",
        ),
        (
            ["models=mask_rcnn", "learner=mask_rcnn", "replay.image_score=mean"],
            "replay.image_score=mean cannot be with",
        ),
        (
            ["models=mask_rcnn", "learner=mask_rcnn", "replay.strict=true", "replay.without_replacement=round"],
            "replay.without_replacement=round cannot be with models=mask_rcnn",
        ),
    ],
)
def test_values_without_effect_are_refused(overrides: list[str], sentence: str) -> None:
    if "models=mask_rcnn" in overrides and importlib.util.find_spec("torchvision") is None:
        pytest.skip("needs torchvision")
    with pytest.raises(UsageError) as refused:
        composed(*overrides)
    assert sentence in str(refused.value)
