"""The learner of hide and seek with real networks: losses fall, optimisers are separate, checkpoints are exact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from learner.hide_and_seek.config import LearnerConfig
from learner.hide_and_seek.learner import GameLearner
from models.hide_and_seek.network import build_network
from models.weights import flat_weights, float_state
from replay.hide_and_seek.unroll import STAGES
from tests.learner.hide_and_seek.records import memory_batch, triplet_batch, unroll_batch
from tests.models.hide_and_seek.networks import tiny

CONF = Path(__file__).parents[3] / "conf/learner/hide_and_seek.yaml"


def settings(**changes: Any) -> LearnerConfig:
    found: Any = OmegaConf.to_object(
        OmegaConf.merge(OmegaConf.structured(LearnerConfig), OmegaConf.load(CONF), {"lr": 1e-3}, changes)
    )
    assert isinstance(found, LearnerConfig)
    return found


def learner(phase: str = "play", seed: int = 1, **changes: Any) -> GameLearner:
    made = GameLearner(build_network(tiny(), seed), settings(**changes), seed)
    made.start_phase(phase)
    return made


def step(made: GameLearner, batch: Any) -> dict[str, float]:
    return made.finish(made.begin(made.prepare(batch))).metrics


def shape() -> Any:
    return tiny().unroll_shape(5)


def test_each_stage_overfits_one_batch() -> None:
    made = learner(lr=3e-3, weights={"hindsight": 0.0})
    batch = unroll_batch(shape(), [0, 1, 2, 3])
    first = step(made, batch)
    for _ in range(150):
        last = step(made, batch)
    for stage in STAGES:
        assert last[f"{stage}/contrast"] < 0.9 * first[f"{stage}/contrast"], stage
    assert last["hide/recall_target"] < 0.8 * first["hide/recall_target"]
    assert last["manipulate/hittable"] < 0.8 * first["manipulate/hittable"]
    assert last["seek/imitation"] < 0.8 * first["seek/imitation"]


def test_triplets_and_memories_overfit_one_batch() -> None:
    made = learner(lr_perspective=1e-2, weights={"sighting": 0.1})
    pictures, games = triplet_batch(tiny(), 8), memory_batch(shape(), 4)
    first = step(made, pictures) | step(made, games)
    for _ in range(40):
        last = step(made, pictures) | step(made, games)
    for name in (
        "dynamics/inverse",
        "dynamics/success",
        "dynamics/sighting",
        "perspective/outcome",
        "perspective/success",
    ):
        assert last[name] < 0.9 * first[name], name


def test_each_table_trains_its_own_parts() -> None:
    def changed(batch: Any) -> set[str]:
        made = learner()
        before = {name: value.clone() for name, value in float_state(made.network).items()}
        step(made, batch)
        after = float_state(made.network)
        return {name.split(".")[0] for name in after if not torch.equal(before[name], after[name])}

    assert changed(unroll_batch(shape(), [0, 3])) == {"agent"}
    assert changed(triplet_batch(tiny(), 4)) == {"agent", "decoder"}
    assert changed(memory_batch(shape(), 2)) == {"perspective"}


def test_the_dynamics_train_nothing_of_the_agent_but_its_encoder() -> None:
    made = learner()
    before = {name: value.clone() for name, value in float_state(made.network.agent).items()}
    step(made, triplet_batch(tiny(), 4))
    after = float_state(made.network.agent)
    moved = {name.split(".")[0] for name in after if not torch.equal(before[name], after[name])}
    assert moved == {"encoder"}


def test_sightings_are_learned_from_triplets_alone_and_the_trust_in_them_from_unrolls() -> None:
    off = dict.fromkeys(("inverse", "forward", "changed_pixels", "confidence", "success"), 0.0)

    def moved(batch: Any, sighting: float) -> set[str]:
        made = learner(weights=off | {"sighting": sighting})
        before = {name: value.clone() for name, value in float_state(made.network).items()}
        step(made, batch)
        after = float_state(made.network)
        return {name.removeprefix("agent.") for name in after if not torch.equal(before[name], after[name])}

    assert not moved(triplet_batch(tiny(), 8), 0.0), "nothing is learned without a loss"
    seeing = moved(triplet_batch(tiny(), 8), 1.0)
    assert {name.split(".")[0] for name in seeing} == {"encoder", "sighting"}
    assert not [name for name in seeing if "trust" in name or "late" in name]
    seeking = {name for name in moved(unroll_batch(shape(), [3]), 1.0) if name.startswith("sighting")}
    assert seeking == {"sighting.trust"}


def test_a_loss_of_weight_zero_is_not_computed() -> None:
    made = learner(weights={"contrast": 0.0, "imitation": 0.0, "hide": 0.0})
    found = step(made, unroll_batch(shape(), [0, 1, 3]))
    assert "hide/policy_loss" not in found
    assert not [name for name in found if name.endswith(("contrast", "imitation"))]
    assert "seek/claim" in found
    assert "dynamics/sighting" not in step(made, triplet_batch(tiny(), 4))


def test_collapse_is_prevented_for_the_first_episodes_only() -> None:
    made = learner(collapse_episodes=3)
    batch = unroll_batch(shape(), [1, 1, 1], seed=3)
    ended = int(batch.fields["ended"].sum())
    assert ended >= 3
    assert "hide/modality_collapse" in step(made, batch)
    assert made.hide_episodes == ended
    assert "hide/modality_collapse" not in step(made, batch)


def test_a_checkpoint_continues_bit_for_bit(tmp_path: Path) -> None:
    batches = [unroll_batch(shape(), [0, 1, 2, 3]), triplet_batch(tiny(), 4), memory_batch(shape(), 2)]
    made = learner(snapshot_every=2)
    for batch in batches:
        step(made, batch)
    made.save(tmp_path / "saved", {"by": "test"})
    other = learner(seed=5, snapshot_every=2)
    other.load(tmp_path / "saved")
    assert other.version == 3 and other.hide_episodes == made.hide_episodes
    for batch in batches:
        assert step(made, batch) == step(other, batch)
    assert np.array_equal(flat_weights(made.network), flat_weights(other.network))


def test_past_versions_are_taken_in_turn() -> None:
    made = learner(snapshot_every=1)
    assert len(made.network.past) == 2
    history = [flat_weights(made.network.agent)]
    for seed in range(3):
        step(made, unroll_batch(shape(), [0], seed))
        history.append(flat_weights(made.network.agent))
    assert np.array_equal(made.network.past[1].numpy(), history[3])
    assert np.array_equal(made.network.past[0].numpy(), history[2])


def test_gradients_that_are_not_finite_change_nothing() -> None:
    made = learner()
    batch = unroll_batch(shape(), [0])
    batch.fields["rewards"][0, 2] = np.inf
    before = flat_weights(made.network)
    with pytest.raises(FloatingPointError, match="step 0, from unrolls, are not finite"):
        step(made, batch)
    assert np.array_equal(flat_weights(made.network), before)


def test_learning_rates_fall_at_the_end() -> None:
    made = learner(lr_decay=0.5)
    made.steer(0.75, {})
    rates = {table: optimizer.param_groups[0]["lr"] for table, optimizer in made.optimizers.items()}
    assert rates == pytest.approx({"unrolls": 0.5e-3, "triplets": 0.5e-3, "memories": 5e-4})


def test_the_source_of_a_step_depends_on_the_step_and_the_phase_alone() -> None:
    made = learner()
    taken = [made.source(number).table for number in range(200)]
    step(made, unroll_batch(shape(), [0]))
    assert taken == [made.source(number).table for number in range(200)]


def test_start_phase_refuses_unknown_names() -> None:
    with pytest.raises(ValueError, match="phase must be one of explore, manipulate"):
        learner("nothing")


def test_phases_that_do_not_fit_are_refused() -> None:
    config = settings()
    with pytest.raises(ValueError, match=r"learner\.phases\.play\.past_share must be between 0 and 1"):
        replace(config.phases["play"], past_share=2.0)
