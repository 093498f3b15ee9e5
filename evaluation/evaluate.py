"""From a data set and a model to figures: renders the test locations once, predicts, measures (spec section 8)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actors.config import SimulatorConfig
from actors.controller import SimulatorProcess
from actors.interaction.locations import Location, set_up
from evaluation.baselines import BaselineResult, evaluate_baselines
from evaluation.coco import EncodedDetections, GroundTruth, Metrics, compute_metrics, encode_detections
from evaluation.config import EvaluationConfig, chosen_entries
from evaluation.dataset import Entry
from evaluation.files import save_array
from evaluation.locations import location_of
from evaluation.make_dataset import changed_push, observation_paths, source_hash
from evaluation.progress import Progress
from models.interaction.inference import InstancePredictor
from replay.interaction.record import IMAGE_SIZE


@dataclass(frozen=True)
class Looks:
    """The observations of n locations; the arrays may be memory-mapped."""

    images: NDArray[np.uint8]
    """(n, 300, 300, 3)."""
    depths: NDArray[np.float16]
    """(n, 300, 300) metres along each ray minus the near plane, as the memory bank holds them."""

    def take(self, indices: Sequence[int]) -> Looks:
        """Some of them, copied."""
        return Looks(self.images[list(indices)], self.depths[list(indices)])


@dataclass(frozen=True)
class Evaluation:
    """What was measured, and the detections that it was measured on."""

    metrics: Metrics
    detections: list[EncodedDetections]


def load_looks(path: Path, entries: Sequence[Entry], simulator: SimulatorConfig, placement_attempts: int) -> Looks:
    """The observations of a data set file's locations.

    Those beside a file that `make_dataset` wrote are taken. For any other file the locations are rendered, once: the
    result is kept beside the file under a hash of the file and the simulator.

    Raises:
        SimulatorError, LocationError: see `set_up`.
    """
    made = observation_paths(path)
    options = sorted(simulator.options.items())
    key: list[object] = [
        simulator.name,
        simulator.command,
        options,
        simulator.build_path,
        source_hash(simulator.command),
    ]
    key += changed_push(simulator)
    digest = hashlib.sha256(path.read_bytes() + repr(key).encode()).hexdigest()[:12]
    rendered = observation_paths(path.with_name(f"{path.stem}-{digest}.json"))
    for images, depths in (made, rendered):
        if images.exists() and depths.exists():
            looks = Looks(np.load(images, mmap_mode="r"), np.load(depths, mmap_mode="r"))
            if len(looks.images) == len(looks.depths) == len(entries):
                return looks
    looks = render(entries, simulator, placement_attempts)
    save_array(rendered[0], looks.images)
    save_array(rendered[1], looks.depths)
    return looks


def render(entries: Sequence[Entry], simulator: SimulatorConfig, placement_attempts: int) -> Looks:
    """Sets up every location and looks.

    Raises:
        SimulatorError, LocationError: see `set_up`.
    """
    images = np.empty((len(entries), IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    depths = np.empty((len(entries), IMAGE_SIZE, IMAGE_SIZE), dtype=np.float16)
    process = SimulatorProcess(simulator)
    try:
        with Progress("rendering the test locations", len(entries), "image") as progress:
            for index, entry in enumerate(entries):
                look = set_up(process, location_of(entry, index), placement_attempts)
                images[index], depths[index] = look.image, look.depth
                progress.step()
    finally:
        process.stop()
    return Looks(images, depths)


def evaluate(
    looks: Looks,
    ground_truths: Sequence[GroundTruth],
    predictor: InstancePredictor,
    limit: int,
    batch_size: int,
    progress: Callable[[int], None] = lambda images: None,
) -> Evaluation:
    """Predicts and measures.

    Args:
        looks: n observations.
        ground_truths: of the same n images.
        predictor: the model.
        limit: most instances an image; there is no score threshold.
        batch_size: images that the model sees at once.
        progress: called with the number of images done since the last call.

    Raises:
        ValueError: no image holds an object.
    """
    detections: list[EncodedDetections] = []
    for start in range(0, len(ground_truths), batch_size):
        stop = min(start + batch_size, len(ground_truths))
        images = np.ascontiguousarray(looks.images[start:stop])
        depths = np.asarray(looks.depths[start:stop], dtype=np.float32)
        for truth, found in zip(ground_truths[start:stop], predictor.predict(images, depths, limit), strict=True):
            detections.append(encode_detections(truth.image_id, found, limit))
        progress(stop - start)
    return Evaluation(compute_metrics(ground_truths, detections, IMAGE_SIZE, limit), detections)


class Evaluator:
    """Measures models and baselines on the chosen locations of a test file.

    Args:
        config: what is evaluated.
        path: the test file, or where one belongs that has no observations yet.
        entries: its locations.
        simulator: renders them if that was not done yet.
        seed: of the baselines' random scores.
    """

    def __init__(
        self, config: EvaluationConfig, path: Path, entries: Sequence[Entry], simulator: SimulatorConfig, seed: int
    ) -> None:
        self.config = config
        self.seed = seed
        looks = load_looks(path, entries, simulator, config.dataset.placement_attempts)
        self.chosen = chosen_entries(len(entries), config.images)
        self.entries = [entries[index] for index in self.chosen]
        self.looks = looks.take(self.chosen)
        self.ground_truths = [entry.ground_truth() for entry in self.entries]

    def evaluate(self, predictor: InstancePredictor, images: int = 0, show: bool = True) -> Evaluation:
        """Measures a model on `images` evenly spaced locations (0: all) with a progress bar if `show`."""
        indices = chosen_entries(len(self.entries), images)
        everything = len(indices) == len(self.entries)
        looks = self.looks if everything else self.looks.take(indices)
        truths = [self.ground_truths[index] for index in indices]
        limit, batch_size = self.config.max_detections, self.config.batch_size
        if not show:
            return evaluate(looks, truths, predictor, limit, batch_size)
        with Progress("evaluation", len(truths), "image") as progress:
            return evaluate(looks, truths, predictor, limit, batch_size, progress.step)

    def baselines(self) -> dict[str, BaselineResult]:
        """Measures "superpixels" and "depth_edges" on all chosen locations, with a progress bar."""
        with Progress("baselines", len(self.entries), "image") as progress:
            return evaluate_baselines(
                list(self.looks.images),
                list(self.looks.depths),
                self.ground_truths,
                self.config.baselines,
                self.seed,
                progress.step,
            )

    def location(self, index: int) -> Location:
        """Place of the index-th chosen location."""
        return location_of(self.entries[index], self.chosen[index])
