"""Measures a training step's cost beside the network, and the gain of vectorised losses.

    python -m benchmarks.learner [--batch N] [--masks M] [--repeats R] [--threads T] [--device cpu|cuda] [overrides]

With the paper's batch of 64, a CPU takes half a minute for a round of all parts.

Three parts are timed in turn, R times each, on the same made-up batch and the paper's network; medians are compared:

- losses: targets, gradients of the three losses, IoUs and priorities, (a) as the learner computes them, (b) by the
  plain loops over images and masks below, which use the formulas as the paper writes them;
- step: everything that the learner does with a batch from the replay buffer (upload, unpacking, augmentation, forward,
  losses, backward, Adam);
- bare: forward, backward and Adam alone, on ready input and ready gradients.

loss_speedup = (b) / (a), loss_share = (a) / step, step_efficiency = bare / step. prepare_s is the part of a step that
comes before the network (upload, unpacking, augmentation).

Overrides such as learner.mixed_precision=on or learner.compile=true change how the step and the bare network compute.

Where other processes compete for the cores, set OMP_WAIT_POLICY=PASSIVE: threads that spin while the others are
descheduled made a step three times as long (4.4 s instead of 1.4 s on two busy cores).
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from benchmarks._arguments import check_overrides, torch_device, whole
from benchmarks._report import CONF, conditions, configuration, report
from learner.interaction.learner import Learner
from learner.interaction.losses import embedding_gradient, force_gradient, score_gradient, surrogate
from learner.interaction.targets import point_targets, read_masks, read_touches
from models.interaction.build import build_network
from models.interaction.network import NetworkOutput
from replay.interaction.kernels import kernel
from replay.interaction.priorities import priority_from_score
from replay.interaction.record import MAX_TOUCHES, RECORD_FIELDS, Batch, Feedback, pack_masks, unpack_masks

__all__ = ["CONF", "main", "made_up_batch"]

Losses = tuple[Tensor, Tensor, Tensor, np.ndarray]
"""Ascent directions for score, force logits and embedding, and priorities."""


def made_up_batch(size: int, masks: int, seed: int) -> Batch:
    """Noise with `masks` successful touches in each image, on rectangles of 49 to 900 cells; the others failed."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {name: np.zeros((size, *shape), kind) for name, (shape, kind) in RECORD_FIELDS.items()}
    columns["image"][:] = rng.integers(0, 256, columns["image"].shape)
    columns["depth"][:] = 4 * rng.random(columns["depth"].shape)
    columns["touches"][:] = MAX_TOUCHES
    columns["points"][:] = rng.integers(0, 100, columns["points"].shape)
    columns["magnitudes"][:] = rng.integers(0, 3, columns["magnitudes"].shape)
    cells = np.zeros((size, MAX_TOUCHES, 100, 100), bool)
    for b in range(size):
        columns["feedback"][b, :masks] = rng.integers(Feedback.JUST_RIGHT, Feedback.MOVED, masks)
        for t in range(masks):
            height, width = rng.integers(7, 31, 2)
            top, left = rng.integers(0, 100 - height), rng.integers(0, 100 - width)
            cells[b, t, top : top + height, left : left + width] = True
            columns["points"][b, t] = top + height // 2, left + width // 2
    columns["masks"] = pack_masks(cells)
    return Batch(**columns, slots=np.arange(size), insertion_ids=np.arange(size), number=0)


def vectorised(output: NetworkOutput, batch: Batch, weights: Tensor, embedding_weight: float) -> Losses:
    """Computes losses and priorities as the learner does between forward and backward pass, uploads included."""
    device = output.score.device
    columns = (torch.from_numpy(x).to(device) for x in (batch.points, batch.magnitudes, batch.feedback, batch.touches))
    touches = read_touches(*columns)
    masks = read_masks(torch.from_numpy(batch.masks).to(device), touches)
    targets = point_targets(touches, weights)
    found = embedding_gradient(output.embedding, masks, embedding_weight)
    return (
        score_gradient(output.score, targets.foreground, targets.background),
        force_gradient(output.force, targets.force),
        found.gradient,
        priority_from_score(found.image_scores.cpu().numpy()),
    )


class HuberSquare(torch.autograd.Function):
    """Squared norm forward, truncated gradient backward, as the paper describes it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x * x).sum(dim=0)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return upstream[0] * torch.clamp(2 * x, -1, 1)


def looped(output: NetworkOutput, batch: Batch, weights: Tensor, embedding_weight: float) -> Losses:
    """Computes the same with loops over images and, within each image, over touches and masks."""
    device = output.score.device
    score, force, embedding = (torch.zeros_like(x) for x in output)
    scores = np.full(len(batch.image), 0.5)
    sigmoid, exp = torch.sigmoid, torch.exp
    for b in range(len(batch.image)):
        maps = torch.zeros(2, 100, 100, device=device)
        marks = torch.zeros(3, 100, 100, device=device)
        for t in range(int(batch.touches[b])):
            (row, column), r0, feedback = batch.points[b, t].tolist(), int(batch.magnitudes[b, t]), batch.feedback[b, t]
            if feedback == Feedback.DROPPED:
                continue
            maps[int(feedback == Feedback.UNSUCCESSFUL), row, column] = 1
            for r in range(3):
                wanted = {Feedback.JUST_RIGHT: r == r0, Feedback.TOO_SMALL: r > r0, Feedback.TOO_LARGE: r < r0}
                marks[r, row, column] += wanted.get(Feedback(feedback), False)
        marks -= marks.mean(dim=0)
        norm = marks.abs().sum(dim=0)
        marks = torch.where(norm > 0, marks / norm.clamp_min(1e-6), 0.0)
        # A GPU would round the factors of a float32 convolution to TF32, and the comparison would fail.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            spread = functional.conv2d(torch.cat([maps, marks])[:, None], weights[None, None], padding=2)[:, 0]
        fg, bg, ft = spread[0], spread[1], spread[2:]
        s, m = output.score[b], output.force[b]
        score[b] = fg * sigmoid(-s) * exp(-0.5 * s.clamp_min(0) ** 2) - bg * sigmoid(s) * exp(
            -0.5 * s.clamp_max(0) ** 2
        )
        raised = (ft > 0) * sigmoid(-m) * exp(-0.5 * m.clamp_min(0) ** 2)
        force[b] = ft * (raised + (ft < 0) * sigmoid(m) * exp(-0.5 * m.clamp_max(0) ** 2))
        for t in range(int(batch.touches[b])):
            if not Feedback.JUST_RIGHT <= batch.feedback[b, t] <= Feedback.MOVED:
                continue
            mask = torch.from_numpy(unpack_masks(batch.masks[b, t])).to(device)
            e = output.embedding[b].clone().requires_grad_()
            distance = HuberSquare.apply(e - e[:, mask].mean(dim=1)[:, None, None])
            d = distance.detach()
            ascent = torch.where(mask, -1.5 * d / (1 + d), exp(-((d / 1.5) ** 4))) * embedding_weight / mask.sum()
            distance.backward(ascent)
            assert e.grad is not None
            embedding[b] += e.grad
            predicted = d < 1
            iou = float((predicted & mask).sum() / (predicted | mask).sum())
            scores[b] = iou if t == 0 else min(iou, scores[b])
    return score, force, embedding, priority_from_score(scores)


def check_agreement(first: Losses, second: Losses) -> None:
    """Raises AssertionError unless both results are the same: else the comparison would mean nothing."""
    for name, ours, theirs in zip(("score", "force", "embedding"), first, second, strict=False):
        error = float(
            (torch.as_tensor(ours) - torch.as_tensor(theirs)).abs().max() / torch.as_tensor(theirs).abs().max()
        )
        if not error < 1e-3:
            raise AssertionError(f"the loops disagree with the vectorised {name} gradient by {error:.1e}")
    np.testing.assert_allclose(first[3], second[3], atol=1e-3)


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints the table and the RESULT line."""
    parser = argparse.ArgumentParser(
        prog="./playpen bench learner", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    size = configuration().learner.batch_size
    parser.add_argument("--batch", type=whole(1), default=size, help=f"records in a batch (the paper's: {size})")
    parser.add_argument("--masks", type=whole(0), default=MAX_TOUCHES, help=f"masks in an image ({MAX_TOUCHES})")
    parser.add_argument("--repeats", type=whole(1), default=6, help="timings of each part (default: 6)")
    parser.add_argument("--threads", type=whole(1), default=None, help="CPU threads (default: torch's)")
    parser.add_argument("--device", type=torch_device, default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("overrides", nargs="*", help="of the configuration, such as learner.mixed_precision=on")
    options = parser.parse_args(arguments)
    check_overrides(parser, options.overrides)
    settings = configuration(*options.overrides)
    config = settings.learner
    if options.masks > MAX_TOUCHES:
        parser.error(f"--masks must be at most {MAX_TOUCHES}, not {options.masks}")
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    learner = Learner(build_network(settings.models, seed=0), config, seed=0, device=device)
    learner.start_phase(list(config.phases)[-1])  # with all three losses
    bare_learner = Learner(build_network(settings.models, seed=0), config, seed=0, device=device)
    bare_learner._freeze(True, True)

    batch = made_up_batch(options.batch, options.masks, seed=0)
    inputs = learner.prepare(batch).inputs
    with torch.no_grad():
        output = bare_learner.network(inputs)
    # Spread the embeddings: those of an untrained network all lie at one point, where Eq. 5 has nothing to compute.
    spread = 0.5 * torch.randn(output.embedding.shape, generator=torch.Generator().manual_seed(0)).to(device)
    output = output._replace(embedding=output.embedding + spread.to(memory_format=torch.channels_last))
    weights = torch.from_numpy(kernel(config.kernel).copy()).to(device, torch.float32)
    gradients = [torch.randn_like(x) for x in output]

    def bare() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=bare_learner.bfloat16):
            shared = bare_learner._trunk(inputs)
        predictions = bare_learner.network.heads(shared.float())
        loss = torch.stack([surrogate(x, g) for x, g in zip(predictions, gradients, strict=True)]).sum()
        bare_learner.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        bare_learner.optimizer.step()

    inputs_of_losses = (output, batch, weights, config.embedding_weight)
    parts: dict[str, Callable[[], Any]] = {
        "losses": lambda: vectorised(*inputs_of_losses),
        "loops": lambda: looped(*inputs_of_losses),
        "step": lambda: learner.step(batch),
        "bare": bare,
        "prepare": lambda: learner.prepare(batch),
    }
    check_agreement(vectorised(*inputs_of_losses), looped(*inputs_of_losses))
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for repeat in tqdm(range(options.repeats + 1), desc="timing", disable=None):
        # Reverse the order each time: the part after the loops finds colder caches and freed memory.
        for name, part in reversed(parts.items()) if repeat % 2 else parts.items():
            started = perf_counter()
            part()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if repeat:  # the first round warms up
                seconds[name].append(perf_counter() - started)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    figures = {
        "loss_speedup": median["loops"] / median["losses"],
        "loss_share": median["losses"] / median["step"],
        "step_efficiency": median["bare"] / median["step"],
        **{f"{name}_s": value for name, value in median.items()},
        "best_s": {name: min(values) for name, values in seconds.items()},
    }
    sizes = {
        "batch": options.batch,
        "masks_per_image": options.masks,
        "repeats": options.repeats,
        "device": device.type,
        "overrides": " ".join(options.overrides),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", "default"),
    }
    report("learner", figures, conditions(**sizes))


if __name__ == "__main__":
    main()
