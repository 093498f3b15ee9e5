"""Finds instances in numpy observations; actors choose points with it, and evaluation measures it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from models.interaction.clustering import cluster_instances
from models.interaction.inputs import observation_input
from models.interaction.network import InteractionNetwork, NetworkOutput, folded
from models.interaction.video_pca.components import component_instances
from models.interaction.video_pca.network import SoftMaskNetwork
from models.weights import load_flat_weights


@dataclass(frozen=True)
class Prediction:
    """The model's output for one observation: at most the requested number of instances, best first, and two maps."""

    seeds: NDArray[np.int64]
    """(n, 2) grid cell (row, column) to touch."""
    masks: NDArray[np.bool_]
    """(n, 100, 100), disjoint."""
    scores: NDArray[np.float32]
    """(n,) in [0, 1], not increasing."""
    force: NDArray[np.int64]
    """(n,) index of the predicted force magnitude (also: mass class), 0 light to 2 heavy."""
    score_map: NDArray[np.float32]
    """(100, 100) in [0, 1]: sigmoid of the interaction score."""
    force_map: NDArray[np.float32]
    """(3, 100, 100) force logits."""


class InstancePredictor(Protocol):
    """Finds instances in observations; every model has one."""

    @property
    def knows_mass(self) -> bool:
        """Whether the model predicts mass classes."""

    def predict(
        self,
        image: NDArray[np.uint8],
        depth: NDArray[np.floating],
        count: int,
        threshold: float,
        minimum_logit: float | None = None,
    ) -> list[Prediction]:
        """See `Predictor.predict`."""


class Predictor:
    """A network in evaluation mode on a device, fed with numpy observations.

    It predicts with the network's weights at construction, or with those of the latest `load`. It does not support
    concurrent calls. The process decides the number of threads: an actor calls `torch.set_num_threads(1)`.
    """

    def __init__(
        self, network: InteractionNetwork, device: str | torch.device = "cpu", confidence: str = "stability"
    ) -> None:
        self.device = torch.device(device)
        self.confidence = confidence
        """`actors.confidence`."""
        self.network = network.to(self.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self._folded = folded(self.network)

    def load(self, vector: NDArray[np.float32]) -> None:
        """Loads weights made by `flat_weights`; raises ValueError if they fit another architecture."""
        load_flat_weights(self.network, vector)
        self._folded = folded(self.network)

    @torch.inference_mode()
    def forward(self, image: NDArray[np.uint8], depth: NDArray[np.floating]) -> NetworkOutput:
        """Raw predictions on the device for images (B, 300, 300, 3) uint8 and depths (B, 300, 300) metres."""
        settings = self.network.config
        return self._folded(
            observation_input(
                image, depth, self.device, settings.max_depth, settings.normalize_input, settings.depth_edges
            )
        )

    @property
    def knows_mass(self) -> bool:
        """See `InstancePredictor`."""
        return not isinstance(self.network, SoftMaskNetwork)

    def predict(
        self,
        image: NDArray[np.uint8],
        depth: NDArray[np.floating],
        count: int,
        threshold: float,
        minimum_logit: float | None = None,
    ) -> list[Prediction]:
        """Finds the instances of one observation or of a batch of observations.

        Args:
            image: (300, 300, 3) or (B, 300, 300, 3) uint8 RGB.
            depth: (300, 300) or (B, 300, 300) float, metres along the pixel's ray minus the near plane.
            count: maximum number of instances for each image.
            threshold: see `cluster_instances`; unused by a network of soft masks.
            minimum_logit: lowest score of a seed; None: any.

        Returns:
            One `Prediction` per observation, a list of length 1 for a single one.

        Raises:
            ValueError: shapes or dtypes other than the above, or depth with NaN.
        """
        if image.ndim == 3:
            image, depth = image[None], depth[None]
        if image.dtype != np.uint8:
            raise ValueError(f"image must be uint8, not {image.dtype}")
        if np.isnan(depth).any():
            raise ValueError("depth must not contain NaN; use infinity where nothing is hit")
        output = self.forward(image, depth)
        if isinstance(self.network, SoftMaskNetwork):
            settings = self.network.config.soft_mask
            found = component_instances(output.score.cpu().numpy(), image, count, settings, minimum_logit)
        else:
            found = cluster_instances(output, count, threshold, minimum_logit, self.confidence)
        seeds, masks, scores, force, valid = (tensor.cpu().numpy() for tensor in found)
        score_maps = output.score.sigmoid().cpu().numpy()
        force_maps = output.force.contiguous().cpu().numpy()
        return [
            Prediction(
                seeds[b, valid[b]],
                masks[b, valid[b]],
                scores[b, valid[b]],
                force[b, valid[b]],
                score_maps[b],
                force_maps[b],
            )
            for b in range(len(image))
        ]
