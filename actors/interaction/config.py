"""Settings of the actors. Values and comments: `conf/actors/interaction.yaml`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from replay.interaction.kernels import KERNELS
from replay.interaction.record import MAGNITUDES, MAX_TOUCHES, ORACLE_TOUCHES, Fields, record_fields

REACH_SHAPES = ("sphere", "cylinder", "intersection", "infinite")
"""Where a touch may go: within the radius of the camera; within the radius of the vertical line through the agent, at
any height; within both; anywhere in view (docs/interaction.md, Observations and touches;
row (l) of the paper's Table 1)."""

CHOICES = ("both", "greedy", "random")
"""Which touches are made: those that the phases plan, or the same number of only greedy or only random ones."""

CONFIDENCES = ("seed", "stability")
"""Scores of an instance: that of its seed, or this times the stability of its mask."""
FORCE_SEARCHES = ("predicted", "ascending")
"""Which forces are tried where a phase asks for it, see `actors.interaction.interact.trials`."""
MASK_SOURCES = ("rgbd", "module", "optical_flow", "video_pca")
"""How masks are found after a touch: by the differences of colour and depth (`actors.interaction.rgbd`), or, with the
superpixels of the location's first image, by the difference of colours (the paper's module),
`actors.interaction.optical_flow`, or `actors.interaction.video_pca`."""
TOUCH_SOURCES = ("rgbd", "module")
"""Sources that go with true masks: with force trials they still decide which force sufficed."""
LARGEST_FRAME_SECONDS = 0.05
"""Maximum time between two frames of a video, s: AI2-THOR's limit for one AdvancePhysicsStep."""


@dataclass(frozen=True)
class Oracles:
    """The ground truth that an actor uses, see `actors.interaction.oracles`."""

    points: bool = False
    """Whether the interaction oracle is used: one touch for each object in reach."""
    masks: bool = False
    """Whether the mask oracle is used: true masks in place of B+."""
    touching: bool = True
    """Whether touches are made; otherwise ground truth replaces their outcomes."""

    @property
    def asked(self) -> bool:
        """Whether any ground truth is used."""
        return self.points or self.masks


SUPERVISIONS: dict[str, Oracles] = {
    "self": Oracles(),
    "interaction_oracle": Oracles(points=True),
    "mask_oracle": Oracles(masks=True),
    "both": Oracles(points=True, masks=True),
    "full": Oracles(points=True, masks=True, touching=False),
}
"""What an actor learns from (docs/interaction.md, Variants and baselines)."""


@dataclass
class ReachConfig:
    """How far the agent reaches."""

    shape: str
    """A name of `REACH_SHAPES`."""
    radius: float
    """Metres; unused if the reach is infinite."""

    def __post_init__(self) -> None:
        if self.shape not in REACH_SHAPES:
            raise ValueError(f"actors.reach.shape must be one of {', '.join(REACH_SHAPES)}, not '{self.shape}'")
        if not self.radius > 0:
            raise ValueError(f"actors.reach.radius must be greater than 0 metres, not {self.radius}")


@dataclass
class SelfSupervisionConfig:
    """How two images become a mask and a decision (docs/interaction.md, Self-supervision)."""

    change_threshold: float
    """A cell has changed if its mean squared HSV difference exceeds this."""
    superpixels: bool
    """Whether masks consist of whole superpixels; otherwise they are the changed cells."""
    superpixel_scale: float
    """Felzenszwalb's scale: larger makes larger superpixels."""
    superpixel_sigma: float
    """Standard deviation of the Gaussian that smooths the image first, pixels."""
    superpixel_min_size: int
    """Minimum size of a superpixel, pixels."""
    superpixel_fraction: float
    """A superpixel joins the mask if more than this fraction of its cells has changed."""
    kernel: str
    """Weights of the mask around a touched cell: a name of `replay.interaction.kernels.KERNELS`."""
    success_threshold: float
    """A touch is successful if the weighted sum is at least this."""
    success_strictly_above: bool = False
    """Whether the weighted sum must be greater than the threshold instead. The default is that of older runs."""

    def __post_init__(self) -> None:
        where = "actors.self_supervision"
        for field in ("change_threshold", "superpixel_scale", "success_threshold"):
            if not getattr(self, field) > 0:
                raise ValueError(f"{where}.{field} must be greater than 0, not {getattr(self, field)}")
        if self.superpixel_sigma < 0:
            raise ValueError(f"{where}.superpixel_sigma must be at least 0, not {self.superpixel_sigma}")
        if self.superpixel_min_size < 1:
            raise ValueError(f"{where}.superpixel_min_size must be at least 1 pixel, not {self.superpixel_min_size}")
        if not 0 <= self.superpixel_fraction < 1:
            raise ValueError(f"{where}.superpixel_fraction must be in [0, 1), not {self.superpixel_fraction}")
        if self.kernel not in KERNELS:
            raise ValueError(f"{where}.kernel must be one of {', '.join(KERNELS)}, not '{self.kernel}'")
        maximum = float(KERNELS[self.kernel].sum())
        if self.success_threshold > maximum or (self.success_strictly_above and self.success_threshold >= maximum):
            bound = "below" if self.success_strictly_above else "at most"
            raise ValueError(
                f"{where}.success_threshold must be {bound} {maximum:.3g}, the sum of kernel '{self.kernel}', "
                f"because no touch could succeed otherwise, not {self.success_threshold}"
            )


@dataclass
class VideoPcaConfig:
    """How the video of a touch becomes a mask (`actors.interaction.video_pca`)."""

    frame_seconds: float
    """Simulated seconds between two frames."""
    most_frames: int
    """Maximum number of frames of a motion; a longer motion continues without frames."""
    components: int
    """Principal components that rebuild the frames; if they rebuild the motion exactly, only the mean is used."""
    smoothing: float
    """Standard deviation of the Gaussian that smooths errors and soft masks, cells."""
    error_share: float
    """The hard mask holds cells whose squared error exceeds this share of the largest error, ..."""
    least_error: float
    """... and this value; for colours in [0, 1], summed over the channels."""
    color_levels: int
    """Levels of each channel in the colour histograms."""
    bell_extent: float
    """Standard deviations of the bell around the hard mask, relative to those of the hard mask's cells."""
    soft_threshold: float
    """A cell has changed if its soft mask exceeds this."""

    def __post_init__(self) -> None:
        where = "actors.video_pca"
        if not 0 < self.frame_seconds <= LARGEST_FRAME_SECONDS:
            raise ValueError(
                f"{where}.frame_seconds must be greater than 0 and at most {LARGEST_FRAME_SECONDS}, "
                f"not {self.frame_seconds}"
            )
        if self.components < 1:
            raise ValueError(f"{where}.components must be at least 1, not {self.components}")
        if self.most_frames < self.components:
            raise ValueError(
                f"{where}.most_frames must be at least {where}.components ({self.components}), because more "
                f"components than frames rebuild every frame exactly, not {self.most_frames}"
            )
        if not 2 <= self.color_levels <= 64:
            raise ValueError(f"{where}.color_levels must be 2 to 64, not {self.color_levels}")
        for field in ("smoothing", "least_error", "bell_extent"):
            if not getattr(self, field) > 0:
                raise ValueError(f"{where}.{field} must be greater than 0, not {getattr(self, field)}")
        for field in ("error_share", "soft_threshold"):
            if not 0 < getattr(self, field) < 1:
                raise ValueError(f"{where}.{field} must be between 0 and 1, not {getattr(self, field)}")


@dataclass
class RgbdConfig:
    """How the changes of colour and depth become a mask (`actors.interaction.rgbd`). Older runs have none of this."""

    depth_change: float = 0.02
    """A cell has changed if its depth, the median of its pixels, changed by more than this, m, ..."""
    noise_factor: float = 4.0
    """... and by more than so many standard deviations of the noise between the cells that did not change."""
    depth_weight: float = 2.0
    """Levels of colour, of 255, that count as much as 1 cm of depth between superpixels."""
    superpixel_scale: float = 200.0
    """Felzenszwalb's scale: larger makes larger superpixels."""
    superpixel_min_size: int = 4
    """Minimum size of a superpixel, cells."""
    superpixel_fraction: float = 0.5
    """A superpixel joins the mask if more than this fraction of its cells has changed; for the touched one the module's
    fraction suffices."""
    outdated_fraction: float = 0.25
    """A successful touch is left out of the losses if more than this fraction of its mask's cells have changed since
    the location's first image, an unsuccessful one if its cell has. 1: none is."""
    least_motion: float = 0.04
    """Metres, roughly: where forces are tried, one that moves an object less is not sufficient."""

    def __post_init__(self) -> None:
        where = "actors.rgbd"
        for field in ("depth_change", "superpixel_scale"):
            if not getattr(self, field) > 0:
                raise ValueError(f"{where}.{field} must be greater than 0, not {getattr(self, field)}")
        for field in ("noise_factor", "depth_weight", "least_motion"):
            if not getattr(self, field) >= 0:
                raise ValueError(f"{where}.{field} must be at least 0, not {getattr(self, field)}")
        if self.superpixel_min_size < 1:
            raise ValueError(f"{where}.superpixel_min_size must be at least 1 cell, not {self.superpixel_min_size}")
        if not 0 <= self.superpixel_fraction < 1:
            raise ValueError(f"{where}.superpixel_fraction must be in [0, 1), not {self.superpixel_fraction}")
        if not 0 <= self.outdated_fraction <= 1:
            raise ValueError(f"{where}.outdated_fraction must be in [0, 1], not {self.outdated_fraction}")


@dataclass
class ActorConfig:
    """How an actor plays a location."""

    reach: ReachConfig
    supervision: str
    """What the actor learns from: a name of `SUPERVISIONS`."""
    truth_min_pixels: int
    """Minimum number of pixels within reach of an object that oracles know."""
    truth_max_mass: float
    """Oracles know only objects below this mass, kg."""
    choice: str
    """Which touches are made: a name of `CHOICES`. "greedy" and "random" replace all touches of the other kind."""
    forces: list[float]
    """moveMagnitude of the three force magnitudes, light to heavy."""
    cluster_distance: float
    """Squared distance in embedding space below which a cell belongs to an instance (docs/interaction.md, From maps to
    instances)."""
    placement_attempts: int
    """numPlacementAttempts of InitialRandomSpawn."""
    drop_on_earlier_mask: bool
    """Whether unsuccessful touches on cells of an earlier mask of their location are dropped (docs/interaction.md,
    Self-supervision)."""
    mask_source: str
    """How masks are found after a touch: a name of `MASK_SOURCES`."""
    self_supervision: SelfSupervisionConfig
    flow_threshold: float
    """Pixels; with optical flow, a cell has changed if the flow moves it farther than this."""
    video_pca: VideoPcaConfig
    rgbd: RgbdConfig = dataclasses.field(default_factory=RgbdConfig, kw_only=True)
    force_search: str = dataclasses.field(default="predicted", kw_only=True)
    """Which forces are tried at a point in phases with force trials: a name of `FORCE_SEARCHES`."""
    confidence: str = dataclasses.field(default="stability", kw_only=True)
    """Which score an instance has: a name of `CONFIDENCES`. Training does not depend on it, only the order in which an
    actor touches the points that it has chosen."""

    def __post_init__(self) -> None:
        if self.supervision not in SUPERVISIONS:
            raise ValueError(f"actors.supervision must be one of {', '.join(SUPERVISIONS)}, not '{self.supervision}'")
        if self.truth_min_pixels < 1:
            raise ValueError(f"actors.truth_min_pixels must be at least 1, not {self.truth_min_pixels}")
        if not self.truth_max_mass > 0:
            raise ValueError(f"actors.truth_max_mass must be greater than 0 kg, not {self.truth_max_mass}")
        if self.choice not in CHOICES:
            raise ValueError(f"actors.choice must be one of {', '.join(CHOICES)}, not '{self.choice}'")
        if self.mask_source not in MASK_SOURCES:
            raise ValueError(f"actors.mask_source must be one of {', '.join(MASK_SOURCES)}, not '{self.mask_source}'")
        if self.mask_source not in TOUCH_SOURCES and self.oracles.masks:
            raise ValueError(
                f"actors.mask_source must be {' or '.join(TOUCH_SOURCES)} with "
                f"actors.supervision={self.supervision}, which uses the true masks, not '{self.mask_source}'"
            )
        if not self.oracles.touching and not self.self_supervision.superpixels:
            raise ValueError(
                f"actors.self_supervision.superpixels=false cannot be combined with "
                f"actors.supervision={self.supervision}, where no touch makes a mask"
            )
        if not self.flow_threshold > 0:
            raise ValueError(f"actors.flow_threshold must be greater than 0 pixels, not {self.flow_threshold}")
        if len(self.forces) != MAGNITUDES or list(self.forces) != sorted(set(self.forces)) or min(self.forces) <= 0:
            raise ValueError(
                f"actors.forces must be {MAGNITUDES} positive magnitudes in increasing order, not {list(self.forces)}"
            )
        if not self.cluster_distance > 0:
            raise ValueError(f"actors.cluster_distance must be greater than 0, not {self.cluster_distance}")
        if self.confidence not in CONFIDENCES:
            raise ValueError(f"actors.confidence must be one of {', '.join(CONFIDENCES)}, not '{self.confidence}'")
        if self.force_search not in FORCE_SEARCHES:
            raise ValueError(
                f"actors.force_search must be one of {', '.join(FORCE_SEARCHES)}, not '{self.force_search}'"
            )
        if self.placement_attempts < 1:
            raise ValueError(f"actors.placement_attempts must be at least 1, not {self.placement_attempts}")

    @property
    def oracles(self) -> Oracles:
        """The ground truth that the actor uses."""
        return SUPERVISIONS[self.supervision]

    @property
    def record_fields(self) -> Fields:
        """The fields of the records that the actor makes."""
        rows = ORACLE_TOUCHES if self.oracles.points else MAX_TOUCHES
        return record_fields(rows, soft_mask=self.mask_source == "video_pca", labels=not self.oracles.touching)

    def touches(self, greedy: int, random: int) -> tuple[int, int]:
        """Returns a location's numbers of greedy and random touches, given the numbers that the phase plans."""
        if self.choice == "greedy":
            return greedy + random, 0
        if self.choice == "random":
            return 0, greedy + random
        return greedy, random
