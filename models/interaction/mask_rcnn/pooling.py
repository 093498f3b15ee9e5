"""RoIAlign on a feature pyramid as in detectron2's default. Import it after `operators.load`."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import poolers

FINEST_LEVEL = 2
"""The pyramid's first level has 2^-2 of the picture's size, each further one half of the one before."""


class AlignedPyramidPooling(poolers.MultiScaleRoIAlign):
    """Pools boxes from the level that fits their size (Lin et al. 2017, "Feature Pyramid Networks", Eq. 1).

    torchvision's own pooling differs in two ways: it does not shift boxes by half a pixel, so its samples are off by
    half a pixel of the features, and it takes two samples along a side of a bin, where this takes one per pixel.

    Args:
        levels: names of the pyramid's levels, from the finest.
        output_size: bins along each side of a box.
    """

    def __init__(self, levels: list[str], output_size: int) -> None:
        super().__init__(levels, output_size, sampling_ratio=0)
        self.choose = poolers.LevelMapper(FINEST_LEVEL, FINEST_LEVEL + len(levels) - 1)

    def forward(self, features: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        """(K, C, output_size, output_size) of K boxes in all.

        Args:
            features: (N, C, H, W) of each level.
            boxes: (k, 4) x1, y1, x2, y2 in pixels, for each of the N pictures.
            image_shapes: unused; torchvision passes it.
        """
        rois = torch.cat(
            [torch.cat([torch.full_like(some[:, :1], number), some], dim=1) for number, some in enumerate(boxes)]
        )
        chosen = self.choose(boxes)
        pooled = rois.new_zeros(len(rois), features[self.featmap_names[0]].shape[1], *self.output_size)
        for number, name in enumerate(self.featmap_names):
            rows = torch.nonzero(chosen == number)[:, 0]
            # Looked up in its module, where `operators.load` may have replaced it.
            found = poolers.roi_align(
                features[name],
                rois[rows],
                self.output_size,
                spatial_scale=2.0 ** -(FINEST_LEVEL + number),
                sampling_ratio=self.sampling_ratio,
                aligned=True,
            )
            pooled = pooled.index_copy(0, rows, found.to(pooled.dtype))
        return pooled
