"""The learner's step, phases, exact resumption, and calls from other threads."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cluster.interaction.predictors import trained_predictor
from learner.checkpoint import save_checkpoint
from learner.interaction.augmentation import flip_columns
from learner.interaction.learner import Learner
from learner.interaction.losses import embedding_gradient, force_gradient, score_gradient
from learner.interaction.targets import point_targets
from models.interaction.build import build_network
from models.interaction.inference import Predictor
from models.weights import flat_weights
from replay.interaction.kernels import kernel
from replay.interaction.record import Batch, Feedback, unpack_masks
from tests.learner.helpers import PLAIN, SMALL, batch_of, config


def learner_with(seed: int = 0, phase: str = "segmentation", **changes: Any) -> Learner:
    learner = Learner(build_network(SMALL, seed), config(**changes), seed=seed)
    learner.start_phase(phase)
    return learner


def parameters(learner: Learner) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in learner.network.state_dict().items()}


def changed(learner: Learner, before: dict[str, torch.Tensor]) -> set[str]:
    """First parts of the names of what a step changed."""
    return {
        name.split(".")[0]
        for name, value in learner.network.state_dict().items()
        if not torch.equal(value, before[name])
    }


ALL = {"stem", "down", "up", "shared", "score_head", "force_head", "embedding_head"}


def test_each_phase_trains_what_it_should() -> None:
    learner, batch = learner_with(), batch_of(2)
    before = parameters(learner)
    learner.step(batch)
    assert changed(learner, before) == ALL - {"force_head"}
    learner.start_phase("joint")
    before = parameters(learner)
    learner.step(batch)
    assert changed(learner, before) == ALL
    learner.steer(0.0, {"force_head_only": True})
    before = parameters(learner)
    result = learner.step(batch)
    assert changed(learner, before) == {"force_head"}  # running statistics stay too
    assert "force_agreement" in result.metrics and "mask_iou" in result.metrics
    learner.steer(0.0, {"force_head_only": False})
    before = parameters(learner)
    learner.step(batch)
    assert changed(learner, before) == ALL


def test_depth_is_seen_as_far_as_the_model_says_from_training_to_prediction(tmp_path: Path) -> None:
    deep = replace(SMALL, max_depth=20.0)
    batch = batch_of(2)
    batch.depth[0, 0, 0], batch.depth[0, 0, 1] = 12.5, 30.0
    learner = Learner(build_network(deep, 0), config(augmentation=PLAIN), seed=0)
    learner.start_phase("segmentation")
    inputs = learner.prepare(batch).inputs
    assert inputs[0, 3, 0, 0] == 11.0 and inputs[0, 3, 0, 1] == 18.5
    learner.step(batch)
    save_checkpoint(tmp_path / "checkpoint", learner.get_state(), {})
    # The checkpoint decides, whatever the configuration says: its weights alone would fit both.
    predictor, _ = trained_predictor(SMALL, tmp_path / "checkpoint", "seed")
    assert isinstance(predictor, Predictor)
    image, depth = batch.image[:1], batch.depth[:1].astype(np.float32)
    seen = predictor.forward(image, depth).score
    depth[0, 0, 1] = 25.0
    assert torch.equal(predictor.forward(image, depth).score, seen)
    depth[0, 0, 1] = 15.0
    assert not torch.equal(predictor.forward(image, depth).score, seen)


PAPER: dict[str, Any] = {"force_balance": False}
RELEASED = PAPER | {"repeated_points": "add", "mask_reduction": "mean", "huber_square": False}


@pytest.mark.parametrize("choices", [PAPER, RELEASED, {"force_balance": True}], ids=["paper", "release", "balanced"])
def test_a_steps_gradient_is_the_papers(choices: dict[str, Any]) -> None:
    """A head's weights get minus the paper's ascent direction times the head's input, mean over the batch."""
    learner, batch = learner_with(phase="joint", augmentation=PLAIN, **choices), batch_of(3)
    batch.points[:, 1] = batch.points[:, 0]
    prepared = learner.prepare(batch)
    learner.network.train()
    with torch.no_grad():
        shared = learner.network.trunk(prepared.inputs)
        output = learner.network.heads(shared)
    weights = torch.from_numpy(kernel("paper").copy()).float()
    repeated_points, balance = choices.get("repeated_points", "once"), choices["force_balance"]
    targets = point_targets(prepared.touches, weights, repeated_points, balance)
    embedding_choices = {name: choices[name] for name in ("mask_reduction", "huber_square") if name in choices}
    expected = {
        "score_head": score_gradient(output.score, targets.foreground, targets.background)[:, None],
        "force_head": 0.1 * force_gradient(output.force, targets.force),
        "embedding_head": embedding_gradient(output.embedding, prepared.masks, 2.0, **embedding_choices).gradient,
    }
    result = learner.finish(learner.begin(prepared))
    for name, ascent in expected.items():
        gradient = getattr(learner.network, name).weight.grad[..., 0, 0]
        descent = -torch.einsum("bchw,bshw->cs", ascent.double(), shared.double()) / 3
        assert descent.abs().max() > 1e-3, name
        torch.testing.assert_close(gradient.double(), descent, rtol=1e-3, atol=float(1e-4 * descent.abs().max()))
    norms = [p.grad.double().norm() for p in learner.network.parameters() if p.grad is not None]
    assert result.metrics["gradient_norm"] == pytest.approx(float(torch.stack(norms).norm()), rel=1e-5)


def test_a_batch_prepared_while_a_step_computes_changes_nothing() -> None:
    first, second = batch_of(2, seed=1), batch_of(2, seed=2)
    one_by_one, ahead = learner_with(), learner_with()
    one_by_one.step(first)
    expected = one_by_one.step(second)
    begun = ahead.begin(ahead.prepare(first))
    following = ahead.prepare(second, ahead=1)
    ahead.finish(begun)
    result = ahead.finish(ahead.begin(following))
    assert result.metrics == expected.metrics
    assert np.array_equal(ahead.weights()[0], one_by_one.weights()[0])


def gradients(learner: Learner, batch: Batch) -> torch.Tensor:
    learner.step(batch)
    return torch.cat([p.grad.flatten() for p in learner.network.parameters() if p.grad is not None])


def test_mixed_precision_stays_near_float32() -> None:
    batch = batch_of(4)
    plain, mixed = learner_with(phase="joint"), learner_with(phase="joint", mixed_precision="on")
    expected, found = gradients(plain, batch), gradients(mixed, batch)
    assert {p.dtype for p in mixed.network.parameters()} == {torch.float32}
    assert not torch.equal(expected, found)
    # bfloat16 has 8 bits: each product is off by up to 1/256 of itself.
    assert torch.cosine_similarity(expected, found, dim=0) > 0.99
    assert 0.95 < found.norm() / expected.norm() < 1.05
    plain_metrics, mixed_metrics = plain.step(batch).metrics, mixed.step(batch).metrics
    for name in ("score_residual", "mask_iou"):
        assert mixed_metrics[name] == pytest.approx(plain_metrics[name], rel=0.02), name


def test_compiling_is_refused_where_the_compiler_would_not_find_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__path__", ["/my work/.venv/torch"])
    with pytest.raises(ValueError, match="needs a path without spaces, not /my work/.venv/torch"):
        learner_with(compile=True)


@pytest.mark.slow  # a minute of compiling
@pytest.mark.skipif(" " in torch.__path__[0], reason="is refused in such an environment")
def test_a_compiled_learner_computes_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    for phase in ("segmentation", "joint"):
        plain, compiled = learner_with(phase=phase), learner_with(phase=phase, compile=True)
        expected, found = gradients(plain, batch_of(2)), gradients(compiled, batch_of(2))
        assert torch.cosine_similarity(expected, found, dim=0) > 0.9999, phase
        assert 0.999 < found.norm() / expected.norm() < 1.001, phase
    compiled.steer(0.0, {"force_head_only": True})
    assert np.isfinite(list(compiled.step(batch_of(2)).metrics.values())).all()
    assert compiled.get_state().weights.keys() == plain.get_state().weights.keys()


def test_priorities_are_equation_7_of_the_scores() -> None:
    learner = learner_with(augmentation=PLAIN)
    batch = batch_of(3)
    batch.feedback[1] = Feedback.UNSUCCESSFUL  # an image without masks
    result = learner.step(batch)
    assert result.scores.shape == result.priorities.shape == (3,)
    assert result.scores[1] == 0.5 and result.priorities[1] == pytest.approx(0.02)
    np.testing.assert_allclose(result.priorities, (result.scores.astype(float) - 0.5) ** 2 + 0.02)
    # An untrained network sees one instance everywhere: the smallest IoU is that of the smallest mask.
    areas = unpack_masks(batch.masks[0, :3]).sum(axis=(1, 2))
    assert result.scores[0] == pytest.approx(areas.min() / 10_000, rel=0.1)


def test_the_priorities_mode_is_the_replays() -> None:
    batch = batch_of(2)
    learner = Learner(build_network(SMALL, 0), config(), seed=0, priority_mode="uniform")
    learner.start_phase("segmentation")
    assert learner.step(batch).priorities.tolist() == [1.0, 1.0]


def test_an_images_score_is_that_of_the_replay() -> None:
    batch = batch_of(2)
    scores = {}
    for image_score in ("min", "mean"):
        learner = Learner(build_network(SMALL, 0), config(augmentation=PLAIN), seed=0, image_score=image_score)
        learner.network.embedding_head.weight.data.zero_()  # one instance everywhere
        learner.start_phase("segmentation")
        result = learner.step(batch)
        scores[image_score] = result.scores
        np.testing.assert_allclose(result.priorities, (result.scores.astype(float) - 0.5) ** 2 + 0.02)
    areas = unpack_masks(batch.masks[:, :3]).sum(axis=(2, 3)) / 10_000  # each mask's IoU
    np.testing.assert_allclose(scores["min"], areas.min(axis=1), rtol=1e-6)
    np.testing.assert_allclose(scores["mean"], areas.mean(axis=1), rtol=1e-6)


def test_the_network_decides_whether_its_input_is_normalised() -> None:
    batch = batch_of(2)
    raw = Learner(build_network(replace(SMALL, normalize_input=False), 0), config(augmentation=PLAIN), seed=0)
    inputs, plain = raw.prepare(batch).inputs, learner_with(augmentation=PLAIN).prepare(batch).inputs
    np.testing.assert_allclose(inputs[:, :3], batch.image.transpose(0, 3, 1, 2) / 255, atol=1e-6)
    np.testing.assert_allclose(inputs[:, 3], batch.depth, atol=1e-6)
    assert not torch.equal(inputs, plain)


def test_a_batch_without_any_mask_or_touch_is_trained_on() -> None:
    batch = batch_of(2)
    batch.touches[:] = 0
    learner = learner_with(phase="joint")
    result = learner.step(batch)
    assert result.scores.tolist() == [0.5, 0.5]
    assert learner.version == 1 and np.isfinite(learner.weights()[0]).all()
    assert not {"mask_iou", "foreground_iou", "force_agreement"} & result.metrics.keys()


def test_mirroring_turns_image_depth_masks_and_points_alike() -> None:
    always = {**vars(PLAIN), "flip_probability": 1.0}
    batch = batch_of(2)
    plain = learner_with(augmentation=PLAIN).prepare(batch)
    turned = learner_with(augmentation=always).prepare(batch)
    flip = torch.ones(2, dtype=torch.bool)
    torch.testing.assert_close(turned.inputs, plain.inputs.flip(3))
    masks = flip_columns(plain.masks.cells.view(-1, 100, 100), torch.ones(len(plain.masks.image), dtype=torch.bool))
    assert flip.all() and torch.equal(turned.masks.cells.view(-1, 100, 100), masks)
    for prepared in (plain, turned):  # every successful touch lies on its own mask, and on a pixel of its colour
        successful = prepared.touches.cells[prepared.touches.successful]
        assert prepared.masks.cells.gather(1, successful[:, None]).all()


def test_read_only_batches_as_they_come_out_of_an_object_store() -> None:
    batch = batch_of(2)
    for value in vars(batch).values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    learner_with().step(batch)


def test_gradient_norms_are_logged_every_so_many_steps() -> None:
    learner = learner_with(phase="joint", gradient_norms_every=2)
    batch = batch_of(2)
    logged = ["embedding_gradient_norm" in learner.step(batch).metrics for _ in range(4)]
    assert logged == [True, False, True, False]
    assert {"score_gradient_norm", "force_gradient_norm"} <= learner_with(phase="joint").step(batch).metrics.keys()
    assert "score_gradient_norm" not in learner_with(gradient_norms_every=0).step(batch).metrics


def test_the_embedding_weight_scales_its_gradient_alone() -> None:
    batch = batch_of(2)
    light, heavy = (learner_with(embedding_weight=w).step(batch).metrics for w in (2.0, 200.0))
    assert heavy["embedding_gradient_norm"] == pytest.approx(100 * light["embedding_gradient_norm"], rel=1e-3)
    assert heavy["score_gradient_norm"] == pytest.approx(light["score_gradient_norm"], rel=1e-3)


def test_masks_below_the_area_floor_weigh_as_if_they_were_as_large() -> None:
    batch = batch_of(2)  # its masks have 196 to 529 cells
    norms = {
        floor: learner_with(embedding_area_floor=floor).step(batch).metrics["embedding_gradient_norm"]
        for floor in (1.0, 196.0, 1000.0, 3000.0)
    }
    assert norms[196.0] == norms[1.0]
    assert norms[1000.0] == pytest.approx(3 * norms[3000.0], rel=1e-3)
    assert norms[1000.0] < norms[1.0]


def test_progress_sets_the_learning_rate() -> None:
    learner = learner_with(lr=1e-2, lr_schedule="linear", lr_decay_fraction=0.5)
    learner.steer(0.75, {"force_head_only": False})
    assert learner.step(batch_of(1)).metrics["learning_rate"] == pytest.approx(5e-3)


def test_large_gradients_are_scaled_down_if_so_configured() -> None:
    batch = batch_of(2)
    free = learner_with()
    norm = free.step(batch).metrics["gradient_norm"]
    limited = learner_with(max_gradient_norm=norm / 10)
    limited.step(batch)
    for a, b in zip(free.network.parameters(), limited.network.parameters(), strict=True):
        if a.grad is not None and b.grad is not None:
            torch.testing.assert_close(b.grad, a.grad / 10, rtol=1e-3, atol=1e-8)


def test_the_moving_average_is_published_by_hand() -> None:
    learner = learner_with(ema_decay=0.9)
    batch = batch_of(1)
    average = flat_weights(learner.network)
    np.testing.assert_array_equal(learner.weights()[0], average)
    for step in range(3):
        learner.step(batch)
        decay = min(0.9, (2 + step) / (11 + step))
        average = decay * average + (1 - decay) * flat_weights(learner.network)
    published, version = learner.weights()
    assert version == 3
    np.testing.assert_allclose(published, average, rtol=1e-5, atol=1e-7)


def steps(learner: Learner, first: int, count: int) -> list[dict[str, float]]:
    return [learner.step(batch_of(2, seed=n)).metrics for n in range(first, first + count)]


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_a_restored_learner_continues_exactly(ema_decay: float) -> None:
    straight = learner_with(ema_decay=ema_decay)
    steps(straight, 0, 2)
    straight.start_phase("joint")
    expected = steps(straight, 2, 2)

    first = learner_with(ema_decay=ema_decay)
    steps(first, 0, 2)
    first.steer(0.25, {"force_head_only": False})
    state = first.get_state()
    steps(first, 2, 1)  # the state is a copy
    second = Learner(build_network(SMALL, 99), config(ema_decay=ema_decay), seed=99)
    second.set_state(state)
    assert second.version == 2 and second.get_state().phase == "segmentation" and second.get_state().progress == 0.25
    second.start_phase("joint")
    assert steps(second, 2, 2) == expected
    np.testing.assert_array_equal(second.weights()[0], straight.weights()[0])
    np.testing.assert_array_equal(flat_weights(second.network), flat_weights(straight.network))


def test_force_head_only_survives_a_restart() -> None:
    first = learner_with(phase="joint")
    first.steer(0.0, {"force_head_only": True})
    first.step(batch_of(1))
    second = Learner(build_network(SMALL, 1), config(), seed=1)
    second.set_state(first.get_state())
    before = parameters(second)
    second.step(batch_of(1))
    assert changed(second, before) == {"force_head"}


def test_states_taken_while_a_step_computes_are_those_after_the_last_step() -> None:
    learner = learner_with()
    learner.step(batch_of(1))
    state, (published, version) = learner.get_state(), learner.weights()
    entered, resume = threading.Event(), threading.Event()

    def pause(*_: Any) -> None:
        entered.set()
        assert resume.wait(30)

    # In the middle of the forward pass: the first running statistics have changed, the last ones have not.
    hook = learner.network.shared.register_forward_pre_hook(pause)
    thread = threading.Thread(target=learner.step, args=(batch_of(1, seed=1),))
    thread.start()
    assert entered.wait(30)
    during, (published_during, version_during) = learner.get_state(), learner.weights()
    resume.set()
    thread.join(30)
    hook.remove()
    assert version == version_during == during.version == 1
    np.testing.assert_array_equal(published, published_during)
    assert all(torch.equal(during.weights[name], value) for name, value in state.weights.items())
    assert all(torch.equal(during.moments[name], value) for name, value in state.moments.items())
    assert learner.version == 2 and not np.array_equal(learner.weights()[0], published)


def test_gradients_that_are_not_finite_end_training_before_the_weights_do() -> None:
    learner = learner_with()
    with torch.no_grad():
        learner.network.score_head.bias.fill_(torch.nan)
    before = {name: value.detach().clone() for name, value in learner.network.named_parameters()}
    with pytest.raises(FloatingPointError, match="the gradients of step 0 are not finite"):
        learner.step(batch_of(1))
    assert learner.version == 0
    for name, value in learner.network.named_parameters():
        torch.testing.assert_close(value.detach(), before[name], rtol=0, atol=0, equal_nan=True)


def test_phases_must_exist_and_be_started() -> None:
    learner = Learner(build_network(SMALL, 0), config(), seed=0)
    with pytest.raises(RuntimeError, match="start_phase must be called before the first step"):
        learner.step(batch_of(1))
    with pytest.raises(ValueError, match="phase must be one of segmentation, joint, not 'third'"):
        learner.start_phase("third")
