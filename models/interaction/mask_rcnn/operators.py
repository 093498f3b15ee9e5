"""torchvision's Mask R-CNN, also where its compiled operators cannot be loaded.

The registry's torchvision is built against CUDA: beside a CPU build of torch its library of operators does not load,
and even `import torchvision` fails then. Mask R-CNN needs two of these operators, non-maximum suppression and RoIAlign
(He et al. 2017, "Mask R-CNN", section 3). `load` puts the ones below, in plain torch, in their place; where the
compiled ones load, those are used.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.interaction.mask_rcnn.config import HOW_TO_GET, TorchvisionMissing, check_installed

_declared: list[torch.library.Library] = []
"""Kept: declarations go with their library."""


@functools.cache
def load() -> bool:
    """Makes `torchvision.models.detection` usable; to be called before anything of torchvision is imported.

    Returns:
        whether its operators are the compiled ones.

    Raises:
        TorchvisionMissing: there is none, or it does not work with this torch.
    """
    check_installed()
    compiled = _load_compiled()
    if not compiled and not _declared:
        # Importing torchvision describes these to torch.compile, so they must have a signature.
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)
    try:
        from torchvision.models.detection import roi_heads
        from torchvision.ops import boxes, poolers
    except (ImportError, RuntimeError, AttributeError) as error:
        raise TorchvisionMissing(
            f"models=mask_rcnn needs a torchvision that matches torch {torch.__version__}, and "
            f"{importlib.metadata.version('torchvision')} does not: {HOW_TO_GET}"
        ) from error
    if not compiled:
        users: dict[str, list[Any]] = {"nms": [boxes], "roi_align": [poolers, roi_heads]}
        for name, modules in users.items():
            for module in modules:
                setattr(module, name, globals()[name])
    return compiled


def _load_compiled() -> bool:
    """Loads torchvision's library of operators; False if it does not fit this torch."""
    found = importlib.util.find_spec("torchvision")
    for folder in (found.submodule_search_locations or []) if found else []:
        for path in Path(folder).glob("_C*.so"):
            try:
                torch.ops.load_library(str(path))
                return True
            except OSError:
                continue
    return False


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Non-maximum suppression: of boxes that overlap, the one of the highest score stays.

    Args:
        boxes: (n, 4) float: x1, y1, x2, y2.
        scores: (n,) float.
        iou_threshold: a box is left out if its IoU with a box that stays and has a higher score is above it.

    Returns:
        (kept,) int64: indices of the boxes that stay, by falling score.
    """
    order = scores.argsort(descending=True, stable=True)
    x1, y1, x2, y2 = boxes[order].unbind(1)
    areas = (x2 - x1) * (y2 - y1)
    width = (torch.minimum(x2[:, None], x2) - torch.maximum(x1[:, None], x1)).clamp_(min=0)
    height = (torch.minimum(y2[:, None], y2) - torch.maximum(y1[:, None], y1)).clamp_(min=0)
    shared = width * height
    overlaps = (shared > iou_threshold * (areas[:, None] + areas - shared)).cpu().numpy()
    left_out = np.zeros(len(overlaps), dtype=bool)
    kept = []
    for index, overlapped in enumerate(overlaps):
        if not left_out[index]:
            kept.append(index)
            left_out |= overlapped
    return order[torch.tensor(kept, dtype=torch.int64, device=order.device)]


def roi_align(
    features: Tensor,
    boxes: Tensor | list[Tensor],
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Tensor:
    """RoIAlign: each box is cut into bins, and each bin is the mean of bilinear samples on a regular grid within it.

    The samples of a bin are the products of points along its two sides, so the mean is one matrix from the left and
    one from the right of the features: no sample is ever laid out in memory.

    Args:
        features: (N, C, H, W) float; gradients flow to it (not to the boxes).
        boxes: (K, 5) float, index of the image and x1, y1, x2, y2; or one (k, 4) tensor for each image.
        output_size: bins of a box, (rows, columns) or the same for both.
        spatial_scale: pixels of the features for one of the boxes' units.
        sampling_ratio: samples along each side of a bin; 0 or less: as many as it has pixels, rounded up.
        aligned: whether pixel centres lie at halves, so that boxes are shifted by -1/2; otherwise boxes are at least
            one pixel wide and high.

    Returns:
        (K, C, rows, columns) of the features' dtype.
    """
    rows, columns = (output_size, output_size) if isinstance(output_size, int) else output_size
    if isinstance(boxes, list | tuple):
        numbers = torch.cat([torch.full_like(b[:, :1], i) for i, b in enumerate(boxes)])
        boxes = torch.cat([numbers, torch.cat(list(boxes))], dim=1)
    with torch.no_grad():
        image = boxes[:, 0].long()
        corners = boxes[:, 1:].to(features.dtype) * spatial_scale - (0.5 if aligned else 0.0)
        sides = corners[:, 2:] - corners[:, :2]
        if not aligned:
            sides = sides.clamp(min=1.0)
        height, width = features.shape[2:]
        down = _sampling(corners[:, 1], sides[:, 1], rows, height, sampling_ratio)
        across = _sampling(corners[:, 0], sides[:, 0], columns, width, sampling_ratio)
    pooled = features.new_zeros(len(boxes), features.shape[1], rows, columns)
    for number in image.unique().tolist():
        chosen = (image == number).nonzero()[:, 0]
        pooled = pooled.index_copy(0, chosen, _pool(features[number], down[chosen], across[chosen]))
    return pooled


def _pool(features: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """(C, H, W) features, (k, P, H) and (k, Q, W) weights -> (k, C, P, Q)."""
    count, columns, _ = across.shape
    squeezed = features @ across.flatten(0, 1).T  # (C, H, k Q)
    squeezed = squeezed.unflatten(2, (count, columns)).permute(2, 1, 0, 3).flatten(2)  # (k, H, C Q)
    return torch.bmm(down, squeezed).unflatten(2, (-1, columns)).transpose(1, 2)


def _sampling(start: Tensor, side: Tensor, bins: int, size: int, sampling_ratio: int) -> Tensor:
    """Weights (K, bins, size) of the features along one axis: the mean of a bin's samples, each linear between the two
    nearest pixels. Samples beyond the border's pixels take their values, those farther out than one pixel are 0.

    Args:
        start, side: (K,) where the boxes begin and how long they are, in pixels.
        bins: of a box.
        size: pixels of the axis.
        sampling_ratio: see `roi_align`.
    """
    length = side / bins
    samples = torch.full_like(length, sampling_ratio) if sampling_ratio > 0 else length.ceil()
    number = torch.arange(int(samples.max()) if len(samples) else 0, device=start.device)
    offset = (number + 0.5) / samples[:, None] * length[:, None]  # (K, samples)
    place = start[:, None, None] + torch.arange(bins, device=start.device)[:, None] * length[:, None, None]
    place = place + offset[:, None]  # (K, bins, samples)
    used = (number < samples[:, None])[:, None] & (place >= -1) & (place <= size)
    share = used / samples.clamp(min=1)[:, None, None]
    place = place.clamp(0, size - 1)
    low = place.floor().long()
    beyond = place - low
    weights = place.new_zeros(len(start), bins, size)
    weights.scatter_add_(2, low, share * (1 - beyond))
    return weights.scatter_add_(2, (low + 1).clamp(max=size - 1), share * beyond)
