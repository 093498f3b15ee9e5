"""Measures the masks of each source, and the decisions of each kernel, against ground truth.

    python -m benchmarks.masks [--touches T] [--noise CM ...] [--sources NAME ...] [--seed S]

Touches objects in rooms of all kinds, and half as many random cells, as `python -m benchmarks.simulator` does. All
sources, with and without superpixels, get the same rooms, views and touches. For each it gives the IoU of B+ with the
touched object's true mask, over the touches that count as successful, and precision and recall of the success rule,
where a true success moved the object by more than 5 cm or 15 degrees. Kernels are applied to the module's masks. The
source rgbd is also measured with Gaussian noise in the depth that it sees. Intervals are those of 95 %: Wilson's of
shares, and of medians by resampling. Times are those of judging a touch, without the touch.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from actors.controller import SimulatorProcess
from actors.interaction.config import MASK_SOURCES, ActorConfig
from actors.interaction.self_supervision import kernel_sum
from actors.launch import check_launch
from benchmarks._arguments import whole
from benchmarks._report import conditions, configuration, report
from benchmarks.simulator import OBJECTS, OTHERS, TRIES, VIEWS, quality
from evaluation.interaction.rooms import StudiedTouch, View, fullest_views, study_touches
from replay.interaction.kernels import KERNELS

RESAMPLES = 2000
"""Number of random samples for the interval of a median."""


def study(
    simulator: SimulatorProcess, views: list[View], config: ActorConfig, seed: int, noise: float = 0.0
) -> list[StudiedTouch]:
    """Makes touches in some views; they depend neither on the mask source nor on the noise of depth (m)."""
    touches: list[StudiedTouch] = []
    for number, view in enumerate(tqdm(views, desc=config.mask_source, disable=None)):
        random = np.random.default_rng([seed, number])
        touches += study_touches(simulator, view.location, config, random, OBJECTS, OTHERS, noise)
    return touches


def with_kernel(touches: list[StudiedTouch], name: str, threshold: float) -> list[StudiedTouch]:
    """Returns the touches with a kernel's decisions; a kernel with a smaller sum than the threshold needs all of it."""
    weights = KERNELS[name]
    needed = min(threshold, float(weights.sum()))
    return [
        replace(touch, successful=kernel_sum(touch.mask, touch.row, touch.column, weights) >= needed)
        for touch in touches
    ]


def main() -> int:
    """Runs the benchmark and prints its table and RESULT."""
    parser = argparse.ArgumentParser(prog="./playpen bench masks", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--touches", type=whole(1), default=150, help="minimum touches of objects for each source (150)"
    )
    parser.add_argument("--noise", type=float, nargs="*", default=[0.5, 1.0, 2.0], help="noise of depth, cm (0.5 1 2)")
    parser.add_argument("--sources", nargs="+", choices=MASK_SOURCES, default=list(MASK_SOURCES), help="(all)")
    parser.add_argument("--seed", type=whole(0), default=0, help="seed of rooms, poses and touches (0)")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    config = (chosen := configuration()).actors
    check_launch(chosen.simulator)
    simulator = SimulatorProcess(chosen.simulator, renderInstanceSegmentation=True)
    random = np.random.default_rng(arguments.seed)
    figures = {}
    try:
        views: list[View] = []
        for scene in random.permutation(sorted(simulator.scenes)):
            views += fullest_views(simulator, str(scene), int(random.integers(10_000)), config, VIEWS, TRIES)
            if sum(min(view.objects, OBJECTS) for view in views) >= arguments.touches:
                break
        for source in arguments.sources:
            for superpixels in (True, False):
                supervision = replace(config.self_supervision, superpixels=superpixels)
                variant = replace(config, mask_source=source, self_supervision=supervision)
                touches = study(simulator, views, variant, arguments.seed)
                name = source if superpixels else f"{source}, no superpixels"
                figures[name] = shown(touches)
                for noise in arguments.noise if source == "rgbd" else []:
                    noisy = study(simulator, views, variant, arguments.seed, noise / 100)
                    figures[f"{name}, noise {noise:g} cm"] = shown(noisy)
                if source == "module" and superpixels:
                    for name in KERNELS:
                        figures[f"kernel {name}"] = shown(with_kernel(touches, name, supervision.success_threshold))
    finally:
        simulator.stop()
    report("masks", figures, conditions(looks=len(views), seed=arguments.seed))
    return 0


def shown(touches: list[StudiedTouch]) -> dict[str, float]:
    """IoU (median, quartiles, mean), precision and recall of the success rule, time, touches of objects."""
    found = quality(touches)
    low, high = found["mask_iou_quartiles"]
    ious = [touch.iou for touch in touches if touch.mass is not None and touch.successful]
    return {
        "IoU median": found["mask_iou_median"],
        "median from": (bounds := median_interval(np.array(ious)))[0],
        "to": bounds[1],
        "lower quartile": low,
        "upper quartile": high,
        "mean": found["mask_iou_mean"],
        "precision": found["success_precision"],
        "precision ±": half_width([touch.moved for touch in touches if touch.successful]),
        "recall": found["success_recall"],
        "recall ±": half_width([touch.successful for touch in touches if touch.moved]),
        "ms a touch": 1000 * float(np.mean([touch.seconds for touch in touches])),
        "touches of objects": found["hits"],
    }


def median_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of a median, by resampling (n,) values."""
    drawn = np.random.default_rng(0).choice(values, (RESAMPLES, len(values)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return round(float(low), 3), round(float(high), 3)


def half_width(outcomes: list[bool]) -> float:
    """Half of the width of Wilson's 95 % interval of a share."""
    count, share, z = len(outcomes), float(np.mean(outcomes)), 1.96
    return round(z * float(np.sqrt(share * (1 - share) / count + (z / count) ** 2 / 4)) / (1 + z**2 / count), 3)


if __name__ == "__main__":
    raise SystemExit(main())
