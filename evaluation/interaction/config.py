"""Settings of evaluation; their values are in `conf/evaluation/`."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

from actors.interaction.config import REACH_SHAPES, ReachConfig
from evaluation.interaction.coco import MASS_CLASSES


@dataclass
class SplitConfig:
    """One file of locations."""

    first_room: int
    """Number of the first room within each kind of room, from 1."""
    last_room: int
    """Number of the last room within each kind, at most 30."""
    locations: int
    """Number of locations in the file."""
    spawns_per_visit: int
    """Consecutive spawns in a room, since loading a room costs more than spawning its objects."""
    poses_per_spawn: int
    """Maximum number of locations with the same room and spawn seed; more are faster, fewer are more varied."""
    annotated: bool
    """Whether the file stores the objects of each location, for evaluation, beside its pose."""


@dataclass
class DatasetConfig:
    """How to make the files of locations of the embedded rooms."""

    name: str
    """Name of the data set, part of the names of its files."""
    folder: str
    """Folder of the files; each is made once for its settings."""
    seed: int
    """Seed of all random choices; the number of workers does not matter."""
    scene_offsets: list[int]
    """Offset for each kind of room; a scene's number is the offset plus the room's number within its kind."""
    train: SplitConfig
    """Locations to train at."""
    test: SplitConfig
    """Locations to evaluate at."""
    rotations: list[float]
    """Rotations about the vertical to choose from, degrees."""
    horizons: list[float]
    """Horizons to choose from, degrees; positive looks down."""
    attempts_per_spawn: int
    """Poses tried in one spawn before the next one."""
    min_objects: int
    """Minimum number of moveable objects in reach of a location."""
    min_pixels: int
    """Minimum pixels in reach that let an object count towards `min_objects`."""
    min_annotated_pixels: int
    """Minimum pixels in reach that make an object part of the ground truth (10 in the paper)."""
    max_mass: float
    """The ground truth holds only objects below this mass, kg (150 in the release)."""
    forces: list[float]
    """Increasing magnitudes that are tried on each annotated object to find the smallest sufficient one, `min_force`,
    which then gives its mass class; empty: nothing is tried and the class follows from the mass."""
    reach_shape: str
    """Shape of the reach: a name of `actors.interaction.config.REACH_SHAPES`; the agent's unless overridden."""
    reach_radius: float
    """Metres."""
    placement_attempts: int
    """numPlacementAttempts of InitialRandomSpawn; must equal the actors', or they find other rooms."""
    workers: int
    """Processes that make locations, each with its own simulator."""

    def __post_init__(self) -> None:
        for name, split in (("train", self.train), ("test", self.test)):
            where = f"evaluation.dataset.{name}"
            if not 1 <= split.first_room <= split.last_room <= 30:
                raise ValueError(f"{where}.first_room and last_room must be a range of rooms within 1 to 30.")
            for field in ("locations", "spawns_per_visit", "poses_per_spawn"):
                if getattr(split, field) < 1:
                    raise ValueError(f"{where}.{field} must be at least 1.")
        if self.train.first_room <= self.test.last_room and self.test.first_room <= self.train.last_room:
            raise ValueError(
                f"evaluation.dataset.train and test must not share rooms, but rooms {self.train.first_room}-"
                f"{self.train.last_room} and {self.test.first_room}-{self.test.last_room} overlap."
            )
        if not self.test.annotated:
            raise ValueError("evaluation.dataset.test.annotated must be true: the file is evaluated on.")
        for field in ("scene_offsets", "rotations", "horizons"):
            if not getattr(self, field):
                raise ValueError(f"evaluation.dataset.{field} must hold at least one value.")
        for field in (
            "attempts_per_spawn",
            "min_objects",
            "min_pixels",
            "min_annotated_pixels",
            "workers",
            "placement_attempts",
        ):
            if getattr(self, field) < 1:
                raise ValueError(f"evaluation.dataset.{field} must be at least 1.")
        if self.seed < 0:
            raise ValueError(f"evaluation.dataset.seed must be 0 or more, not {self.seed}.")
        if self.max_mass <= 0:
            raise ValueError("evaluation.dataset.max_mass must be above 0.")
        if list(self.forces) != sorted(set(self.forces)) or min(self.forces, default=1) <= 0:
            raise ValueError(
                f"evaluation.dataset.forces must be positive magnitudes in increasing order, not {list(self.forces)}"
            )
        if self.reach_shape not in REACH_SHAPES:
            raise ValueError(f"evaluation.dataset.reach_shape must be one of {', '.join(REACH_SHAPES)}.")
        if self.reach_radius <= 0:
            raise ValueError("evaluation.dataset.reach_radius must be above 0 metres.")

    def reach(self) -> ReachConfig:
        """Returns shape and radius of the reach."""
        return ReachConfig(shape=self.reach_shape, radius=self.reach_radius)


@dataclass
class SuperpixelConfig:
    """Felzenszwalb superpixels as proposals without priors."""

    scale: float
    """Larger values make larger superpixels."""
    sigma: float
    """Width of the Gaussian that smooths the image first, pixels."""
    min_size: int
    """Minimum size of a superpixel, pixels."""

    def __post_init__(self) -> None:
        if self.scale <= 0 or self.sigma < 0 or self.min_size < 1:
            raise ValueError(
                "evaluation.baselines.superpixels must have a scale above 0, a sigma of 0 or more and a min_size of at "
                f"least 1, not {self.scale}, {self.sigma} and {self.min_size}"
            )


@dataclass
class DepthEdgeConfig:
    """Connected components between depth edges as proposals."""

    step: int
    """Distance of the two neighbours that a pixel's inverse depth is compared with, pixels."""
    threshold: float
    """A pixel is an edge if its inverse depth lies below its neighbours' mean by more than this share of it."""
    min_size: int
    """Minimum size of a proposed component, pixels."""
    max_share: float
    """Maximum size of a proposal under the size prior, share of the image."""
    reach: float
    """Maximum median depth of a proposal under the reach prior, metres along the ray."""

    def __post_init__(self) -> None:
        for field in ("step", "min_size"):
            if getattr(self, field) < 1:
                raise ValueError(
                    f"evaluation.baselines.depth_edges.{field} must be at least 1, not {getattr(self, field)}"
                )
        for field in ("threshold", "max_share", "reach"):
            if getattr(self, field) <= 0:
                raise ValueError(
                    f"evaluation.baselines.depth_edges.{field} must be above 0, not {getattr(self, field)}"
                )


@dataclass
class BaselineConfig:
    """Baselines of a trained network."""

    limits: list[int]
    """Maximum numbers of proposals for each image; all are tried, the best is reported."""
    superpixels: SuperpixelConfig
    """Felzenszwalb superpixels of the colour image."""
    depth_edges: DepthEdgeConfig
    """Connected components of the depth image."""

    def __post_init__(self) -> None:
        if not self.limits or min(self.limits) < 1:
            raise ValueError("evaluation.baselines.limits must hold at least one number, each at least 1.")


@dataclass
class EvaluationConfig:
    """Settings of an evaluation: data set, measurements and figures."""

    dataset: DatasetConfig
    """Locations of the embedded rooms."""
    train_file: str | None
    """Data set file to train at instead of one made for the embedded rooms."""
    test_file: str | None
    """Data set file to evaluate at instead of one made for the embedded rooms."""
    images: int
    """Number of test locations to evaluate, evenly spaced in the file; 0 for all."""
    max_detections: int
    """Maximum number of instances for each image (32 in the release)."""
    batch_size: int
    """Images that the network sees at once."""
    figures: int
    """Number of six-panel figures."""
    figure_touches: int
    """Touches of the model, and as many random ones, at each drawn location; the last panel shows their masks."""
    every_minutes: float | None
    """Minutes between two evaluations during training; null: only one at the end."""
    images_on_the_way: int
    """Number of evaluated locations that are used during training, evenly spaced; 0 for all."""
    baselines: BaselineConfig
    """Baselines of the trained network."""
    depth_noise: float = dataclasses.field(default=0.0, kw_only=True)
    """Standard deviation of Gaussian noise that is added to each pixel's depth in the test images, metres."""

    def __post_init__(self) -> None:
        for field, minimum in (
            ("images", 0),
            ("max_detections", 1),
            ("batch_size", 1),
            ("figures", 0),
            ("figure_touches", 0),
            ("images_on_the_way", 0),
        ):
            if getattr(self, field) < minimum:
                raise ValueError(f"evaluation.{field} must be at least {minimum}.")
        if not 0 <= self.depth_noise < math.inf:
            raise ValueError(f"evaluation.depth_noise must be 0 metres or more, not {self.depth_noise}.")
        # Absolute paths, since the run may be resumed from another folder.
        self.train_file, self.test_file = (
            file and str(Path(file).resolve()) for file in (self.train_file, self.test_file)
        )
        if self.every_minutes is not None and self.every_minutes <= 0:
            raise ValueError("evaluation.every_minutes must be null or above 0.")


def chosen_entries(total: int, images: int) -> list[int]:
    """Returns indices of `images` of `total` locations, evenly spaced; all if `images` is 0 or larger than `total`."""
    count = total if images == 0 else min(images, total)
    return [index * total // count for index in range(count)]


BASELINE_CLASS = MASS_CLASSES.index("medium")
"""Mass class of all proposals of baselines, which do not predict one."""
