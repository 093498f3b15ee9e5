"""What visual dynamics say of one picture: the success of each action, and the picture after each move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actors.hide_and_seek.actions import ACTIONS, MASKS, Kind, Stage
from actors.hide_and_seek.pixels import GRID
from common.errors import UsageError
from common.files import write_json
from evaluation.hide_and_seek.dynamics import PREDICTED
from evaluation.pictures import save
from models.hide_and_seek.network import HideAndSeekNetwork

MOVEMENTS = [number for number in np.flatnonzero(MASKS[Stage.EXPLORE]).tolist() if ACTIONS[number].kind in PREDICTED]
"""Numbers of the actions whose next picture is predicted: three moves, Stand and Crouch."""


@dataclass(frozen=True)
class Dynamics:
    """What a network says of one picture."""

    image: NDArray[np.uint8]
    """(S, S, 3) RGB: the part of the picture that the network sees."""
    success: dict[str, float]
    """Probability of success, by the action's name; all 219 actions."""
    next_images: dict[str, NDArray[np.float32]]
    """(S, S, 3) RGB in [0, 1]: the predicted picture if the movement succeeds, by the action's name."""
    changed: dict[str, NDArray[np.float32]]
    """(S, S) probability that each pixel changes, by the action's name."""

    def by_kind(self) -> dict[str, float]:
        """The mean probability of success by kind of action."""
        kinds: dict[str, list[float]] = {}
        for action in ACTIONS:
            kinds.setdefault(action.kind.value, []).append(self.success[action.name])
        return {kind: float(np.mean(values)) for kind, values in kinds.items()}

    def open_at(self) -> NDArray[np.float64]:
        """(7, 7) probability that OpenAt succeeds in each cell."""
        return np.array([self.success[one.name] for one in ACTIONS if one.kind is Kind.OPEN]).reshape(GRID, GRID)


def read_picture(path: Path, size: int) -> NDArray[np.uint8]:
    """Reads a picture and resizes its largest centred square.

    Args:
        path: of a colour or grey picture that OpenCV reads.
        size: S, width and height.

    Returns:
        (S, S, 3) RGB.

    Raises:
        UsageError: the file is missing or is no picture.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise UsageError(f"image={path} cannot be read: {error.strerror}") from None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise UsageError(f"image={path} is not a picture")
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = cv2.cvtColor(image[top : top + side, left : left + side], cv2.COLOR_BGR2RGB)
    how = cv2.INTER_AREA if side >= size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (size, size), interpolation=how), dtype=np.uint8)


@torch.inference_mode()
def look(network: HideAndSeekNetwork, image: NDArray[np.uint8]) -> Dynamics:
    """What a network says of an (S, S, 3) RGB picture of its size."""
    device = network.past.device
    one = torch.from_numpy(image[None]).to(device)
    everything = torch.arange(len(ACTIONS), device=device)
    sir = network.agent.encoder(one).sir.expand(len(ACTIONS), -1, -1, -1)
    odds = network.decoder.success(sir, everything).sigmoid().tolist()
    actions = torch.tensor(MOVEMENTS, device=device)
    several = one.expand(len(MOVEMENTS), -1, -1, -1)
    features = network.agent.encoder(several)
    answer = network.decoder(features, several, actions, torch.ones_like(actions, dtype=torch.bool))
    images = answer.images[-1].clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
    changed = answer.changed.sigmoid().cpu().numpy()
    names = [ACTIONS[number].name for number in MOVEMENTS]
    return Dynamics(
        image,
        {action.name: probability for action, probability in zip(ACTIONS, odds, strict=True)},
        dict(zip(names, images, strict=True)),
        dict(zip(names, changed, strict=True)),
    )


def predict_files(image: Path, output: Path, network: HideAndSeekNetwork) -> dict[str, Any]:
    """Writes what a network says of a picture: OUTPUT/dynamics.json and OUTPUT/dynamics.png.

    Args:
        image: file of the picture.
        output: folder.
        network: in evaluation mode.

    Returns:
        the paths, and the probability of success by kind of action.

    Raises:
        UsageError: the picture cannot be read.
    """
    found = look(network, read_picture(image, network.config.image_size))
    table, picture = output / "dynamics.json", output / "dynamics.png"
    write_json(table, to_plain(found) | {"image": str(image)})
    draw(picture, found)
    return {"predictions": str(table), "picture": str(picture), "success": _rounded(found.by_kind())}


def to_plain(found: Dynamics) -> dict[str, Any]:
    """Probabilities of success by kind and by action, the 7x7 grid of OpenAt from the top left, and the expected share
    of pixels that each movement changes."""
    return {
        "image_size": len(found.image),
        "success_by_kind": _rounded(found.by_kind()),
        "success": _rounded(found.success),
        "open_at": found.open_at().round(4).tolist(),
        "changed_share": _rounded({name: float(values.mean()) for name, values in found.changed.items()}),
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def draw(path: Path, found: Dynamics) -> None:
    """Draws the picture, OpenAt's grid over it, the success of single actions, and each movement's next picture."""
    names = list(found.next_images)
    figure = Figure(figsize=(2.2 * len(names), 7.2), layout="constrained")
    axes = figure.subplots(3, len(names), squeeze=False)
    _show(axes[0][0], found.image, "picture")
    side = len(found.image)
    _show(axes[0][1], found.image, "OpenAt succeeds")
    grid = found.open_at()
    axes[0][1].imshow(grid, cmap="viridis", vmin=0, vmax=1, alpha=0.55, extent=(-0.5, side - 0.5, side - 0.5, -0.5))
    for row in range(GRID):
        for column in range(GRID):
            at = ((column + 0.5) * side / GRID, (row + 0.5) * side / GRID)
            axes[0][1].text(*at, f"{100 * grid[row, column]:.0f}", ha="center", va="center", fontsize=5, color="white")
    for axis in axes[0][2:]:
        axis.remove()
    bars = figure.add_subplot(axes[0][2].get_gridspec()[0, 2:])
    shown = [one.name for one in ACTIONS if one.kind in (Kind.MOVE, Kind.ROTATE, Kind.POSTURE, Kind.CLOSE, Kind.CLAIM)]
    bars.barh(range(len(shown)), [found.success[name] for name in shown], color="tab:blue")
    bars.set_yticks(range(len(shown)), shown, fontsize=7)
    bars.invert_yaxis()
    bars.set_xlim(0, 1)
    bars.tick_params(axis="x", labelsize=7)
    bars.set_title("probability of success", fontsize=8)
    bars.grid(axis="x", alpha=0.3)
    for column, name in enumerate(names):
        _show(axes[1][column], found.next_images[name], f"after {name}")
        _show(axes[2][column], found.changed[name], "pixels that change", grey=True)
    save(figure, path, 120)


def _show(axis: Axes, image: NDArray[Any], title: str, grey: bool = False) -> None:
    axis.imshow(image, cmap="gray" if grey else None, vmin=0 if grey else None, vmax=1 if grey else None)
    axis.set_title(title, fontsize=8)
    axis.set_xticks([])
    axis.set_yticks([])
