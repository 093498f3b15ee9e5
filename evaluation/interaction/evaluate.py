"""Evaluates a model on a data set: renders the test locations once, predicts, measures.

Source: docs/interaction.md, Evaluation.
"""

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
from common.files import save_array
from common.progress import Progress
from evaluation.interaction.baselines import BaselineResult, evaluate_baselines
from evaluation.interaction.coco import EncodedDetections, GroundTruth, Metrics, compute_metrics, encode_detections
from evaluation.interaction.config import EvaluationConfig, chosen_entries
from evaluation.interaction.dataset import Entry
from evaluation.interaction.dataset_folder import changed_push
from evaluation.interaction.intervals import with_resamples
from evaluation.interaction.job_files import observation_paths
from evaluation.interaction.locations import location_of
from evaluation.interaction.stored_baselines import baselines_path, read_baselines, write_baselines
from evaluation.source import source_hash
from models.interaction.inference import InstancePredictor
from replay.interaction.record import IMAGE_SIZE


@dataclass(frozen=True)
class Observations:
    """The observations of n locations; the arrays may be memory-mapped."""

    images: NDArray[np.uint8]
    """(n, 300, 300, 3)."""
    depths: NDArray[np.float16]
    """(n, 300, 300) metres along each ray minus the near plane, as the replay buffer holds them."""

    def take(self, indices: Sequence[int]) -> Observations:
        """Copies some of the observations."""
        return Observations(self.images[list(indices)], self.depths[list(indices)])


@dataclass(frozen=True)
class Evaluation:
    """Metrics, and the detections that they were computed from."""

    metrics: Metrics
    detections: list[EncodedDetections]


def load_observations(
    path: Path,
    entries: Sequence[Entry],
    simulator: SimulatorConfig,
    placement_attempts: int,
    chosen: Sequence[int] | None = None,
) -> Observations:
    """Loads or renders the observations of a data set file's locations.

    `make_dataset` stores them beside its files. For other files, the chosen locations are rendered once and stored
    beside the file, under a hash of the file, the simulator and the chosen locations.

    Args:
        path: the data set file.
        entries: all locations of the file.
        simulator: renders the locations.
        placement_attempts: see `set_up`.
        chosen: indices of the locations to load; None: all.

    Raises:
        SimulatorError, LocationError: see `set_up`.
    """
    made = observation_paths(path)
    options = sorted(simulator.options.items())
    source = source_hash(simulator.command)
    key: list[object] = [simulator.name, simulator.command, options, simulator.build_path, source, placement_attempts]
    key += changed_push(simulator)
    content = path.read_bytes() + repr(key).encode()
    chosen = list(range(len(entries)) if chosen is None else chosen)

    def rendered(indices: Sequence[int]) -> tuple[Path, Path]:
        some = b"" if list(indices) == list(range(len(entries))) else repr(list(indices)).encode()
        digest = hashlib.sha256(content + some).hexdigest()[:12]
        return observation_paths(path.with_name(f"{path.stem}-{digest}.json"))

    everything = range(len(entries))
    for files, indices in ((made, everything), (rendered(everything), everything), (rendered(chosen), chosen)):
        observations = _stored(*files)
        if observations is not None and len(observations.images) == len(observations.depths) == len(indices):
            return observations if list(indices) == chosen else observations.take(chosen)
    observations = render(entries, simulator, placement_attempts, chosen)
    images, depths = rendered(chosen)
    save_array(images, observations.images)
    save_array(depths, observations.depths)
    return observations


def with_depth_noise(observations: Observations, deviation: float) -> Observations:
    """Adds independent Gaussian noise to each pixel's depth; the same for all models. 0 m returns the observations."""
    if not deviation:
        return observations
    random = np.random.default_rng(0)
    depths = np.empty_like(observations.depths)
    for noisy, depth in zip(depths, observations.depths, strict=True):
        noisy[:] = np.maximum(depth + deviation * random.standard_normal(depth.shape, dtype=np.float32), 0)
    return Observations(observations.images, depths)


def _stored(images: Path, depths: Path) -> Observations | None:
    """Observations from two files; None if one is missing."""
    if not images.exists() or not depths.exists():
        return None
    return Observations(np.load(images, mmap_mode="r"), np.load(depths, mmap_mode="r"))


def render(
    entries: Sequence[Entry], simulator: SimulatorConfig, placement_attempts: int, chosen: Sequence[int]
) -> Observations:
    """Renders the chosen locations of a file.

    Raises:
        SimulatorError, LocationError: see `set_up`.
    """
    images = np.empty((len(chosen), IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    depths = np.empty((len(chosen), IMAGE_SIZE, IMAGE_SIZE), dtype=np.float16)
    process = SimulatorProcess(simulator)
    try:
        with Progress("rendering the test locations", len(chosen), "image") as progress:
            for row, index in enumerate(chosen):
                location = location_of(entries[index], index)
                observation = set_up(process, location, placement_attempts, describe_objects=False)
                images[row], depths[row] = observation.image, observation.depth
                progress.step()
    finally:
        process.stop()
    return Observations(images, depths)


def evaluate(
    observations: Observations,
    ground_truths: Sequence[GroundTruth],
    predictor: InstancePredictor,
    limit: int,
    batch_size: int,
    cluster_distance: float,
    intervals: bool,
    progress: Callable[[int], None] = lambda images: None,
) -> Evaluation:
    """Predicts and measures.

    Args:
        observations: n observations.
        ground_truths: of the same n images.
        predictor: the model.
        limit: maximum number of instances for each image; there is no score threshold.
        batch_size: images in each batch of the model.
        cluster_distance: see `ActorConfig`.
        intervals: whether to resample the images, for intervals.
        progress: called with the number of images done since the last call.

    Raises:
        ValueError: no image holds an object.
    """
    detections: list[EncodedDetections] = []
    for start in range(0, len(ground_truths), batch_size):
        stop = min(start + batch_size, len(ground_truths))
        images = np.array(observations.images[start:stop])  # copied, since a memory-mapped file is read-only
        depths = np.asarray(observations.depths[start:stop], dtype=np.float32)
        batch = predictor.predict(images, depths, limit, cluster_distance)
        for truth, found in zip(ground_truths[start:stop], batch, strict=True):
            detections.append(encode_detections(truth.image_id, found, limit))
        progress(stop - start)
    metrics = compute_metrics(ground_truths, detections, IMAGE_SIZE, limit)
    return Evaluation(with_resamples(metrics, ground_truths, detections) if intervals else metrics, detections)


class Evaluator:
    """Measures models and baselines on the chosen locations of a test file.

    Args:
        config: what is evaluated.
        path: the test file; its observations are stored beside it.
        entries: its locations.
        simulator: renders the locations if that was not done yet.
        seed: of the figures' touches.
    """

    def __init__(
        self, config: EvaluationConfig, path: Path, entries: Sequence[Entry], simulator: SimulatorConfig, seed: int
    ) -> None:
        self.config = config
        self.path = path
        self.seed = seed
        self.chosen = chosen_entries(len(entries), config.images)
        self.entries = [entries[index] for index in self.chosen]
        observations = load_observations(path, entries, simulator, config.dataset.placement_attempts, self.chosen)
        self.observations = with_depth_noise(observations, config.depth_noise)
        self.ground_truths = [entry.ground_truth() for entry in self.entries]

    def evaluate(
        self,
        predictor: InstancePredictor,
        cluster_distance: float,
        images: int = 0,
        show: bool = True,
        intervals: bool = True,
    ) -> Evaluation:
        """Measures a model.

        Args:
            predictor: the model.
            cluster_distance: the setting of the model's actors, see `ActorConfig`.
            images: number of evenly spaced locations; 0: all.
            show: whether to show a progress bar.
            intervals: whether to resample the images, for intervals.
        """
        indices = chosen_entries(len(self.entries), images)
        everything = len(indices) == len(self.entries)
        observations = self.observations if everything else self.observations.take(indices)
        truths = [self.ground_truths[index] for index in indices]
        limit, batch_size = self.config.max_detections, self.config.batch_size
        arguments = observations, truths, predictor, limit, batch_size, cluster_distance, intervals
        if not show:
            return evaluate(*arguments)
        with Progress("evaluation", len(truths), "image") as progress:
            return evaluate(*arguments, progress.step)

    def baselines(self) -> dict[str, BaselineResult]:
        """Measures "superpixels" and "depth_edges" on all chosen locations, with a progress bar.

        The results are stored beside the test file.
        """
        stored = baselines_path(self.path, self.config)
        if (results := read_baselines(stored)) is not None:
            return results
        with Progress("baselines", len(self.entries), "image") as progress:
            results = evaluate_baselines(
                list(self.observations.images),
                list(self.observations.depths),
                self.ground_truths,
                self.config.baselines,
                progress.step,
            )
        write_baselines(stored, results)
        return results

    def location(self, index: int) -> Location:
        """Returns the index-th chosen location."""
        return location_of(self.entries[index], self.chosen[index])
