"""The learner of the videoPCA baseline: L2 to the soft masks of filmed touches (docs/interaction.md, Variants and
baselines; supplement, "The videoPCA baseline").

Trunk, steps, optimiser and augmentation are those of our own network, but there is one loss. The model has no force
head, so phases that train only the force head train the whole network here.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from learner.interaction import augmentation
from learner.interaction.learner import Begun, Learner, PreparedBatch
from learner.interaction.losses import SCORE_WITHOUT_MASKS
from replay.interaction.record import Batch, SoftMaskBatch


@dataclass(frozen=True)
class PreparedSoftBatch(PreparedBatch):
    """A batch on the device, augmented."""

    soft_mask: Tensor
    """(B, 100, 100) float32 in [0, 1]: the network's target."""


def soft_iou(predicted: Tensor, target: Tensor) -> Tensor:
    """(B,) sum of the smaller over sum of the larger of two maps (B, h, w) in [0, 1]; 0.5 where the target is empty.

    For maps of zeros and ones it is the IoU. It replaces the masks' IoU in Eq. 7, which gives the priorities.
    """
    smaller, larger = torch.minimum(predicted, target), torch.maximum(predicted, target)
    iou = smaller.sum(dim=(1, 2)) / larger.sum(dim=(1, 2)).clamp_min(1e-6)
    return torch.where(target.amax(dim=(1, 2)) > 0, iou, SCORE_WITHOUT_MASKS)


class SoftMaskLearner(Learner):
    """Trains a `SoftMaskNetwork` on batches of records with soft masks."""

    def prepare(self, batch: Batch, ahead: int = 0) -> PreparedSoftBatch:
        """See `Learner.prepare`."""
        assert isinstance(batch, SoftMaskBatch), "the replay buffer's records must hold soft masks"
        prepared = super().prepare(batch, ahead)
        # Draws are keyed by seed and step, so these are the same draws again.
        draws = augmentation.draw(self.config.augmentation, len(batch.image), self.seed, self.version + ahead)
        target = augmentation.flip_columns(self._to_device(batch.soft_mask).float() / 255, draws.flip)
        return PreparedSoftBatch(prepared.inputs, prepared.touches, prepared.masks, target)

    def begin(self, prepared: PreparedBatch) -> Begun:
        """See `Learner.begin`."""
        assert isinstance(prepared, PreparedSoftBatch)
        if not self._phase:
            raise RuntimeError("start_phase must be called before the first step")
        self.network.requires_grad_(True).train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            shared = self._trunk(prepared.inputs)
        soft = self.network.heads(shared.float()).score.sigmoid()
        loss = (soft - prepared.soft_mask).square().mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        norm = get_total_norm(gradients)
        scores = soft_iou(soft.detach(), prepared.soft_mask)
        metrics = {"soft_mask_loss": loss, "mask_iou": scores.mean(), "gradient_norm": norm}
        values = torch.stack([value.detach().float() for value in metrics.values()])
        return Begun(gradients, norm, list(metrics), torch.cat([values, scores]))
