"""The learner's settings: conf/learner/hide_and_seek.yaml and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from learner.hide_and_seek.config import ActorCriticConfig, LearnerConfig, LossWeights

CONF = Path(__file__).resolve().parents[3] / "conf" / "learner" / "hide_and_seek.yaml"


def values() -> Any:
    return OmegaConf.to_container(OmegaConf.load(CONF))


def test_the_file_has_the_papers_values() -> None:
    found = values()
    settings, weights = ActorCriticConfig(**found["actor_critic"]), LossWeights(**found["weights"])
    assert (settings.gamma, settings.gamma_hide, settings.gae_lambda, settings.entropy) == (0.99, 0.8, 1.0, 0.01)
    assert (found["lr"], found["lr_perspective"], found["lr_dynamics"]) == (1e-4, 5e-4, 1e-3)
    assert (found["collapse_episodes"], found["batch_triplets"], found["amsgrad"]) == (5000, 64, True)
    assert (weights.explore, weights.hide, weights.manipulate, weights.seek) == (1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"correction": "none"}, "learner.actor_critic.correction must be one of vtrace, ppo, a3c, not 'none'"),
        ({"gamma_hide": 1.1}, r"learner.actor_critic.gamma_hide must be in \[0, 1\], not 1.1"),
        ({"rho_clip": 0.0}, "learner.actor_critic.rho_clip must be positive, not 0.0"),
        ({"ppo_clip": 1.0}, r"learner.actor_critic.ppo_clip must be in \(0, 1\), not 1.0"),
        ({"entropy": -1.0}, "learner.actor_critic.entropy must be 0 or more, not -1.0"),
        ({"value": float("nan")}, "learner.actor_critic.value must be 0 or more, not nan"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    settings = ActorCriticConfig(**values()["actor_critic"])
    with pytest.raises(ValueError, match=f"^{message}$"):
        dataclasses.replace(settings, **changes)


def test_negative_weights_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^learner.weights.claim must be 0 or more, not -0.1$"):
        dataclasses.replace(LossWeights(**values()["weights"]), claim=-0.1)


def learner_config(**changes: Any) -> LearnerConfig:
    """The file's settings, as a command composes them, with changes of top-level values."""
    merged = OmegaConf.merge(OmegaConf.structured(LearnerConfig), OmegaConf.load(CONF), changes)
    found = OmegaConf.to_object(merged)
    assert isinstance(found, LearnerConfig)
    return found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr_dynamics": 0.0}, "learner.lr_dynamics must be positive, not 0.0"),
        ({"betas": [0.9]}, r"learner.betas must be two numbers in \[0, 1\), not \[0.9\]"),
        ({"betas_dynamics": [1.0, 0.9]}, r"learner.betas_dynamics must be two numbers in \[0, 1\), not \[1.0, 0.9\]"),
        ({"collapse_episodes": -1}, "learner.collapse_episodes must be 0 or more, not -1"),
        ({"changed_weight": 0.5}, "learner.changed_weight must be at least 1, not 0.5"),
        ({"changed_threshold": 1.0}, r"learner.changed_threshold must be in \[0, 1\), not 1.0"),
        ({"batch_unrolls": 0}, "learner.batch_unrolls must be at least 1, not 0"),
        ({"threads": 0}, "learner.threads must be at least 1 or null, not 0"),
    ],
)
def test_a_learner_that_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    learner_config()
    with pytest.raises(ValueError, match=message):
        learner_config(**changes)
