"""Settings of the learner: optimiser, losses, augmentation and schedule."""

from __future__ import annotations

from dataclasses import dataclass, field

from learner.interaction.mask_rcnn.config import MaskRcnnTrainingConfig
from learner.interaction.schedule import PhaseConfig
from learner.precision import check_precision
from replay.interaction.kernels import kernel

LEARNING_RATE_SCHEDULES = ("constant", "linear", "cosine")
REPEATED_POINTS = ("once", "add")
MASK_REDUCTIONS = ("sum", "mean")


@dataclass
class AugmentationConfig:
    """Random changes of sampled observations (docs/interaction.md, Priorities and augmentation).

    Values: conf/learner/interaction.yaml.
    """

    flip_probability: float
    """Probability that image, depth, masks and points are mirrored left to right."""
    jitter_probability: float
    """Probability that an image's colours are changed."""
    brightness: float
    """Strength b: factor drawn from [1 - b, 1 + b]."""
    contrast: float
    """Strength c: factor drawn from [1 - c, 1 + c]."""
    saturation: float
    """Strength s: factor drawn from [1 - s, 1 + s]."""
    hue: float
    """Strength h: shift drawn from [-h, h], in turns of the colour circle."""

    def __post_init__(self) -> None:
        for name in ("flip_probability", "jitter_probability", "brightness", "contrast", "saturation"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"learner.augmentation.{name} must be in [0, 1], not {getattr(self, name)}")
        if not 0 <= self.hue <= 0.5:
            raise ValueError(f"learner.augmentation.hue must be in [0, 0.5], not {self.hue}")


@dataclass
class LearnerConfig:
    """How the network is trained. Values and their reasons: conf/learner/interaction.yaml."""

    batch_size: int
    """Records in a batch."""
    lr: float
    """Adam's learning rate at the start of the run."""
    lr_schedule: str
    """constant, or linear or cosine: to zero over the last `lr_decay_fraction` of the run."""
    lr_decay_fraction: float
    """Share of the run, at its end, over which the learning rate falls; unused when constant."""
    weight_decay: float
    """Adam's L2 penalty, added to the gradient."""
    max_gradient_norm: float
    """Gradients of a larger norm are scaled down to it; 0 switches this off."""
    ema_decay: float
    """Decay per step of the exponential moving average of the weights that is published instead of the weights
    themselves; 0 switches it off."""
    embedding_weight: float
    """w: each mask's embedding gradient is scaled by w / area of the mask."""
    embedding_area_floor: float
    """Cells; smaller masks are scaled as if they had this area."""
    # The defaults are what runs from before these values did.
    mask_reduction: str = field(default="sum", kw_only=True)
    """How the embedding gradients of an image's masks are combined: sum or mean."""
    huber_square: bool = field(default=True, kw_only=True)
    """Whether the embedding gradient of each component is truncated to absolute value 1 (supplement, before Eq. 5)."""
    mask_rcnn: MaskRcnnTrainingConfig | None = field(default=None, kw_only=True)
    """How Mask R-CNN is trained; null: another model is trained."""
    repeated_points: str = field(default="add", kw_only=True)
    """Whether several touches of one cell count once or add up."""
    force_balance: bool = field(default=False, kw_only=True)
    """Whether the three magnitudes weigh alike in a batch's force targets, however often each is the right one."""
    force_weight: float
    """Scale of the force gradient relative to the score gradient."""
    kernel: str
    """Spreads touched points over their neighbourhood: paper, released, delta, box or gaussian."""
    channels_last: bool
    """Whether the network and its input use channels_last memory format; it only affects speed."""
    mixed_precision: str
    """Whether the trunk computes in bfloat16: on, off, or auto, where the device has units for it; weights, heads,
    losses and updates stay float32."""
    compile: bool
    """Whether torch.compile compiles the trunk, during the first step."""
    threads: int | None
    """CPU threads of the learner's process; null: the number of CPUs that the cluster reserves for it."""
    publish_every: int
    """Maximum steps between two publications of the weights; a round's last batch publishes too."""
    prefetch: int
    """Batches in flight beside the one in use; 0 in strict alternation."""
    gradient_norms_every: int
    """Steps between measurements of each loss's gradient norm at the shared layer; 0 switches them off."""
    augmentation: AugmentationConfig
    phases: dict[str, PhaseConfig]
    """Phases, in the order in which they run."""

    def __post_init__(self) -> None:
        for name in ("lr", "embedding_weight", "embedding_area_floor"):
            if not getattr(self, name) > 0:
                raise ValueError(f"learner.{name} must be positive, not {getattr(self, name)}")
        for name in ("weight_decay", "max_gradient_norm", "force_weight", "gradient_norms_every"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"learner.{name} must be 0 or more, not {getattr(self, name)}")
        if self.publish_every < 1:
            raise ValueError(f"learner.publish_every must be at least 1, not {self.publish_every}")
        if self.prefetch < 0:
            raise ValueError(f"learner.prefetch must be 0 or more, not {self.prefetch}")
        if self.batch_size < 1:
            raise ValueError(f"learner.batch_size must be at least 1, not {self.batch_size}")
        if self.lr_schedule not in LEARNING_RATE_SCHEDULES:
            raise ValueError(
                f"learner.lr_schedule must be one of {', '.join(LEARNING_RATE_SCHEDULES)}, not '{self.lr_schedule}'"
            )
        for name, choices in (("mask_reduction", MASK_REDUCTIONS), ("repeated_points", REPEATED_POINTS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"learner.{name} must be {' or '.join(choices)}, not '{getattr(self, name)}'")
        check_precision(self.mixed_precision)
        if not 0 < self.lr_decay_fraction <= 1:
            raise ValueError(f"learner.lr_decay_fraction must be in (0, 1], not {self.lr_decay_fraction}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"learner.ema_decay must be in [0, 1), not {self.ema_decay}")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"learner.threads must be at least 1 or null, not {self.threads}")
        try:
            kernel(self.kernel)
        except ValueError as error:
            raise ValueError(f"learner.{error}") from None
        if not self.phases:
            raise ValueError("learner.phases must hold at least one phase")
        for key, phase in self.phases.items():
            if key != phase.name:
                raise ValueError(f"learner.phases.{key}.name must be '{key}', not '{phase.name}'")
