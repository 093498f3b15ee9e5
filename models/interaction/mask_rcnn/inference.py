"""Instances from observations by Mask R-CNN, in the same form as our network's: for evaluation, figures and touches."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.interaction.inference import Prediction
from models.interaction.inputs import observation_input
from models.interaction.mask_rcnn.config import MaskRcnnConfig
from models.interaction.mask_rcnn.network import limit_detections
from models.weights import load_flat_weights
from replay.interaction.record import GRID_SIZE, GRID_STRIDE, MAGNITUDES

SURE = 0.5
"""Mean mask probability from which on a cell belongs to an instance."""


class MaskRcnnPredictor:
    """A network of `build_mask_rcnn` in evaluation mode; it predicts as `models.interaction.inference.Predictor` does.

    Masks are put on the grid of 100x100 cells, where our network's are too: the figures compare models, not grids.
    Unlike ours they may overlap.

    Args:
        network: its classes of objects are the mass classes, or it has but one.
        config: the network's, for its input.
        only_class: mass class of every instance if the network has but one class; None: it predicts the class.
        device: where it runs.
    """

    def __init__(
        self, network: nn.Module, config: MaskRcnnConfig, only_class: int | None, device: str | torch.device = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device).eval()
        self.config, self.only_class = config, only_class
        heads: Any = network.roi_heads
        self.nms_threshold = float(heads.nms_thresh)

    def load(self, vector: NDArray[np.float32]) -> None:
        """Loads weights made by `flat_weights`; raises ValueError if they fit another architecture."""
        load_flat_weights(self.network, vector)

    @property
    def knows_mass(self) -> bool:
        """See `models.interaction.inference.InstancePredictor`."""
        return self.only_class is None

    @torch.inference_mode()
    def predict(
        self,
        image: NDArray[np.uint8],
        depth: NDArray[np.floating],
        count: int,
        threshold: float,
        minimum_logit: float | None = None,
    ) -> list[Prediction]:
        """Instances of one observation or of a batch of them.

        Args:
            image: (300, 300, 3) or (B, 300, 300, 3) uint8 RGB.
            depth: (300, 300) or (B, 300, 300) float, metres along the pixel's ray minus the near plane.
            count: maximum number of instances for each image.
            threshold, minimum_logit: of our network's clustering; without effect here.

        Returns:
            One `Prediction` per observation. Its score map is the highest product of score and mask probability over
            the instances, its force map the same for each class.
        """
        if image.ndim == 3:
            image, depth = image[None], depth[None]
        # The network suppresses within each class; an object found as two classes counts once, as the surer one.
        limit_detections(self.network, count * (MAGNITUDES if self.only_class is None else 1))
        found = self.network(
            list(
                observation_input(
                    image,
                    depth,
                    self.device,
                    self.config.max_depth,
                    self.config.normalize_input,
                    self.config.depth_edges,
                )
            )
        )
        return [self._prediction(self._once(detections, count)) for detections in found]

    def _once(self, found: dict[str, Tensor], count: int) -> dict[str, Tensor]:
        """The best `count` detections after suppression across classes."""
        from torchvision.ops import boxes

        kept = boxes.nms(found["boxes"], found["scores"], self.nms_threshold)[:count]
        return {name: values[kept] for name, values in found.items()}

    def _prediction(self, found: dict[str, Tensor]) -> Prediction:
        """From detections by falling score; those that fill no cell are left out."""
        shares = functional.avg_pool2d(found["masks"], GRID_STRIDE)[:, 0].cpu().numpy()  # (n, 100, 100)
        kept = (shares >= SURE).any(axis=(1, 2))
        shares = shares[kept]
        scores = found["scores"].cpu().numpy()[kept].astype(np.float32)
        labels = found["labels"].cpu().numpy()[kept]
        force = labels - 1 if self.only_class is None else np.full(len(labels), self.only_class)
        surest = shares.reshape(len(shares), GRID_SIZE * GRID_SIZE).argmax(axis=1) if len(shares) else np.zeros(0, int)
        weighted = shares * scores[:, None, None]
        force_map = np.zeros((MAGNITUDES, GRID_SIZE, GRID_SIZE), dtype=np.float32)
        for mass_class in range(MAGNITUDES):
            force_map[mass_class] = weighted[force == mass_class].max(axis=0, initial=0.0)
        return Prediction(
            seeds=np.stack(np.divmod(surest, GRID_SIZE), axis=1).astype(np.int64),
            masks=shares >= SURE,
            scores=scores,
            force=force.astype(np.int64),
            score_map=force_map.max(axis=0),
            force_map=force_map,
        )
