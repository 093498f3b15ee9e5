"""What a network says of triplets, and pictures of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from actors.hide_and_seek.actions import ACTIONS
from evaluation.hide_and_seek.dynamics import (
    Predictions,
    Triplets,
    changed_pixels,
    is_predicted,
    l1_changed,
    most_likely,
)
from evaluation.pictures import save
from models.hide_and_seek.encoder import Features
from models.hide_and_seek.network import HideAndSeekNetwork


@torch.inference_mode()
def predict(network: HideAndSeekNetwork, triplets: Triplets, batch_size: int) -> Predictions:
    """What a network says of triplets.

    Args:
        network: on its device, in evaluation mode.
        triplets: their pictures have the network's size.
        batch_size: triplets in each batch.
    """
    count = len(triplets)
    found = Predictions(np.zeros(count, np.int64), np.zeros(count, np.float32), np.zeros(count), np.zeros(count))
    device = network.past.device
    for start in range(0, count, batch_size):
        part = slice(start, min(start + batch_size, count))
        before, after = triplets.before[part], triplets.after[part]
        actions = torch.from_numpy(triplets.action[part]).to(device)
        succeeded = torch.from_numpy(triplets.succeeded[part]).to(device)
        images = torch.from_numpy(before).to(device)
        features = network.agent.encoder(images)
        later = network.agent.encoder(torch.from_numpy(after).to(device))
        inverse = network.decoder.inverse(features.sir, later.sir, succeeded)
        found.inverse[part] = most_likely(inverse.float().cpu().numpy())
        found.success[part] = network.decoder.success(features.sir, actions).float().cpu().numpy()
        pictures = _pictures(network.decoder(features, images, actions, succeeded).images[-1])
        changed = changed_pixels(before, after)
        for at in range(len(before)):
            copy = before[at].astype(np.float32) / 255
            found.errors[start + at] = l1_changed(pictures[at], after[at], changed[at])
            found.copied[start + at] = l1_changed(copy, after[at], changed[at])
    return found


def _pictures(images: Tensor) -> NDArray[np.float32]:
    """(N, 3, S, S) predicted pictures as (N, S, S, 3) in [0, 1]."""
    return np.asarray(images.float().clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy(), dtype=np.float32)


@torch.inference_mode()
def draw_predictions(path: Path, network: HideAndSeekNetwork, triplets: Triplets, count: int) -> int:
    """Draws successful moves and changes of posture: before, prediction, truth, and predicted and true changes.

    Args:
        path: the PNG file.
        network: in evaluation mode.
        triplets: of which some are drawn.
        count: largest number of them; each kind of action is drawn equally often as far as there are enough.

    Returns:
        The number that was drawn; with 0 there is no file.
    """
    chosen = examples(triplets, count)
    if not chosen:
        return 0
    device = network.past.device
    before = torch.from_numpy(triplets.before[chosen]).to(device)
    after = torch.from_numpy(triplets.after[chosen]).to(device)
    actions, succeeded = (torch.from_numpy(part[chosen]).to(device) for part in (triplets.action, triplets.succeeded))
    features: Features = network.agent.encoder(before)
    answer = network.decoder(features, before, actions, succeeded)
    pictures, changes = _pictures(answer.images[-1]), answer.changed.float().sigmoid().cpu().numpy()
    said = most_likely(
        network.decoder.inverse(features.sir, network.agent.encoder(after).sir, succeeded).float().cpu().numpy()
    )
    odds = network.decoder.success(features.sir, actions).float().sigmoid().cpu().numpy()
    figure = Figure(figsize=(9.4, 1.95 * len(chosen) + 0.3), layout="constrained")
    axes = figure.subplots(len(chosen), 5, squeeze=False)
    for column, title in enumerate(("before", "predicted", "true", "predicted changes", "true changes")):
        axes[0][column].set_title(title, fontsize=9)
    for row, index in zip(axes, chosen, strict=True):
        at = chosen.index(index)
        shown = (triplets.before[index], pictures[at], triplets.after[index])
        for axis, image in zip(row, shown, strict=False):
            _show(axis, image)
        _show(row[3], changes[at], grey=True)
        true = changed_pixels(triplets.before[index], triplets.after[index])
        _show(row[4], true.astype(np.float32), grey=True)
        name, guess = ACTIONS[int(triplets.action[index])].name, ACTIONS[int(said[at])].name
        row[0].set_ylabel(f"{name}\nsuccess {odds[at]:.2f}\ninverse: {guess}", fontsize=7)
    save(figure, path, 110)
    return len(chosen)


def examples(triplets: Triplets, count: int) -> list[int]:
    """Indices of successful actions that the forward model predicts; each action is equally frequent if possible."""
    able = np.flatnonzero(triplets.succeeded & is_predicted(triplets.action)).tolist()
    seen: dict[int, int] = {}
    rank = {}
    for index in able:
        action = int(triplets.action[index])
        rank[index] = seen[action] = seen.get(action, 0) + 1
    return sorted(able, key=lambda index: (rank[index], int(triplets.action[index])))[:count]


def _show(axis: Axes, image: NDArray[np.generic], grey: bool = False) -> None:
    axis.imshow(image, cmap="gray" if grey else None, vmin=0 if grey else None, vmax=1 if grey else None)
    axis.set_xticks([])
    axis.set_yticks([])
