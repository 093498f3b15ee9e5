"""Makes the targets of the three losses from touches and masks (supplement of the paper, "Loss details";
docs/interaction.md, Losses). All functions are vectorised over batch and
touches and run on the device of their arguments.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from replay.interaction.kernels import KERNEL_SIZE
from replay.interaction.record import GRID_SIZE, MAGNITUDES, PACKED_MASK_BYTES, Feedback

MOST_WEIGHT = 4.0
"""Maximum weight of a force target whose magnitude is rare in its batch."""


class Touches(NamedTuple):
    """The touches of a batch, padded to T rows for each image."""

    cells: Tensor
    """(B, T) int64 row * 100 + column of the touched cell."""
    magnitudes: Tensor
    """(B, T) int64 predicted or drawn magnitude 0, 1, 2."""
    feedback: Tensor
    """(B, T) int64 `Feedback`; `DROPPED` in rows that are padding."""

    @property
    def successful(self) -> Tensor:
        """(B, T) bool: feedback 1 to 4."""
        return (self.feedback >= Feedback.JUST_RIGHT) & (self.feedback <= Feedback.MOVED)


class Masks(NamedTuple):
    """The masks B+ of the successful touches of a batch, M in all."""

    image: Tensor
    """(M,) int64 index of each mask's image, not decreasing."""
    cells: Tensor
    """(M, 10000) bool."""


class PointTargets(NamedTuple):
    """Targets of the score and force losses, float32."""

    foreground: Tensor
    """(B, 100, 100) fg."""
    background: Tensor
    """(B, 100, 100) bg."""
    force: Tensor
    """(B, 3, 100, 100) ft."""


def read_touches(points: Tensor, magnitudes: Tensor, feedback: Tensor, touches: Tensor) -> Touches:
    """Touches from the records' uint8 columns (B, T, 2), (B, T), (B, T), (B,): see `LocationRecord`."""
    padding = torch.arange(feedback.shape[1], device=feedback.device) >= touches[:, None]
    rows, columns = points.long().unbind(-1)
    return Touches(
        rows * GRID_SIZE + columns,
        magnitudes.long(),
        feedback.long().masked_fill(padding, Feedback.DROPPED),
    )


def read_masks(packed: Tensor, touches: Touches) -> Masks:
    """Unpacks the masks (B, T, 1250) uint8 of the successful touches alone, leaving out empty ones."""
    image, row = torch.nonzero(touches.successful & packed.any(dim=-1), as_tuple=True)
    # Big bit order: the first cell of a byte is its highest bit.
    bits = torch.tensor([128, 64, 32, 16, 8, 4, 2, 1], dtype=torch.uint8, device=packed.device)
    cells = (packed[image, row][..., None] & bits) != 0  # (M, 1250, 8)
    return Masks(image, cells.view(-1, PACKED_MASK_BYTES * 8)[:, : GRID_SIZE * GRID_SIZE])


def point_targets(
    touches: Touches, kernel: Tensor, repeated_points: str = "once", force_balance: bool = False
) -> PointTargets:
    """Foreground, background (Eq. 2) and force targets (Eq. 3).

    fg and bg are 1 at cells with a successful (unsuccessful) touch, and ft has, at each cell, its touches' marks less
    their mean over r, scaled to L1 norm 1 over r where they are not zero. All are then spread with the kernel, where
    points that lie near each other add up.

    Several touches of one cell count "once" in the paper, which places 1s into an empty map: fg and bg stay 1, and the
    marks add up before they are scaled. In the release they "add": fg and bg count touches, and the marks of each touch
    are scaled before they add up.

    Args:
        touches: of B images.
        kernel: (5, 5) float, symmetric.
        repeated_points: "once" or "add".
        force_balance: whether the three magnitudes have the same total weight in ft; see `balanced`.
    """
    if kernel.shape != (KERNEL_SIZE, KERNEL_SIZE):
        raise ValueError(f"kernel must have shape (5, 5), not {tuple(kernel.shape)}")
    # Channels: foreground, background, marks of the three magnitudes.
    maps = kernel.new_zeros((len(touches.cells), 2 + MAGNITUDES, GRID_SIZE * GRID_SIZE))
    marks = torch.stack(
        [
            touches.successful,
            touches.feedback == Feedback.UNSUCCESSFUL,
            *(force_marks(touches, magnitude) for magnitude in range(MAGNITUDES)),
        ],
        dim=1,
    ).to(maps.dtype)  # (B, 5, T)
    if repeated_points == "add":
        marks[:, 2:] = _scaled_marks(marks[:, 2:])
    maps.scatter_add_(2, touches.cells[:, None].expand_as(marks), marks)
    if repeated_points == "once":
        maps[:, :2].clamp_(max=1)
        maps[:, 2:] = _scaled_marks(maps[:, 2:])
    if force_balance:
        maps[:, 2:] = balanced(maps[:, 2:])
    spread = spread_points(maps, kernel).view(-1, 2 + MAGNITUDES, GRID_SIZE, GRID_SIZE)
    return PointTargets(spread[:, 0], spread[:, 1], spread[:, 2:])


def _scaled_marks(marks: Tensor) -> Tensor:
    """Marks (B, 3, n), whole numbers, less their mean over the magnitudes, of L1 norm 1 over them or 0."""
    centred = marks - marks.mean(dim=1, keepdim=True)
    # Marks are thirds of whole numbers: nonzero ones are at least 1/3, so 0.1 separates them from rounding errors.
    norm = centred.abs().sum(dim=1, keepdim=True)
    return torch.where(norm > 0.1, centred / norm.clamp_min(0.1), 0.0)


def balanced(marks: Tensor) -> Tensor:
    """Scales force marks (B, 3, n) so that no magnitude dominates the batch because it is frequent.

    A cell's weight is the mean, over the magnitudes that it supports, of n / (3 n_r), where n_r is the support of the
    magnitude in the batch and n that of all. So the weights have mean 1. `MOST_WEIGHT` limits them where a magnitude is
    rare.
    """
    support = marks.clamp_min(0)
    counts = support.sum(dim=(0, 2))  # (3,)
    weights = (counts.sum() / (len(counts) * counts.clamp_min(1e-6))).clamp_max(MOST_WEIGHT)
    total = support.sum(dim=1, keepdim=True)
    weight = (support * weights[:, None]).sum(dim=1, keepdim=True) / total.clamp_min(1e-6)
    return marks * weight


def spread_points(maps: Tensor, kernel: Tensor) -> Tensor:
    """Convolves sparse maps (..., 10000) with a symmetric kernel (5, 5), cut off at the border -> (..., 100, 100).

    It adds the kernel at each nonzero cell. With a few dozen points for each image, this takes a tenth of the time of
    a dense convolution on a CPU.
    """
    reach = KERNEL_SIZE // 2
    side = GRID_SIZE + 2 * reach
    flat = maps.reshape(-1, GRID_SIZE * GRID_SIZE)
    index, cell = torch.nonzero(flat, as_tuple=True)
    padded = flat.new_zeros(len(flat) * side * side)
    # The kernel's upper left corner lies `reach` rows and columns before the point, that is at it in padded cells.
    corner = index * side * side + (cell // GRID_SIZE) * side + cell % GRID_SIZE
    steps = torch.arange(KERNEL_SIZE, device=maps.device)
    offsets = (steps[:, None] * side + steps).flatten()  # (25,)
    kernels = flat[index, cell][:, None] * kernel.flatten()
    padded.index_add_(0, (corner[:, None] + offsets).flatten(), kernels.flatten())
    inner = slice(reach, reach + GRID_SIZE)
    return padded.view(*maps.shape[:-1], side, side)[..., inner, inner]


def force_marks(touches: Touches, magnitude: int) -> Tensor:
    """Returns (B, T) bool: whether the feedback supports `magnitude` (Eq. 3 before its mean is removed)."""
    predicted, feedback = touches.magnitudes, touches.feedback
    return (
        ((feedback == Feedback.JUST_RIGHT) & (magnitude == predicted))
        | ((feedback == Feedback.TOO_SMALL) & (magnitude > predicted))
        | ((feedback == Feedback.TOO_LARGE) & (magnitude < predicted))
    )
