"""Measures the model's speed on single observations, with clustering, as an actor and `predict` use it.

    python -m benchmarks.inference [--seconds S] [--count N] [--threads T] [--device cpu|cuda]

Times `Predictor.predict` of one 300x300 observation (upload, network, clustering into N instances, download), and in
turn the network alone. The paper reports 20 to 25 images a second on an RTX 2080 Ti.

- images_per_s: observations per second, from the median; network_ms and clustering_ms: its parts.
"""

from __future__ import annotations

import argparse
import statistics
from time import perf_counter

import numpy as np
import torch

from benchmarks._arguments import positive, torch_device, whole
from benchmarks._report import conditions, configuration, report
from models.interaction.build import build_network
from models.interaction.inference import Predictor
from replay.interaction.record import IMAGE_SIZE

PAPER_IMAGES_PER_S = (20, 25)
MIN_OBSERVATIONS = 5
"""Minimum number of timed observations."""


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints the table and the RESULT line."""
    parser = argparse.ArgumentParser(
        prog="./playpen bench inference", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    config = configuration()
    greedy = next(iter(config.learner.phases.values())).greedy
    parser.add_argument("--seconds", type=positive, default=5.0, help="of measuring (default 5)")
    parser.add_argument(
        "--count", type=whole(1), default=greedy, help=f"instances an observation (an actor's: {greedy})"
    )
    parser.add_argument("--threads", type=whole(1), default=None, help="CPU threads (default: torch's)")
    parser.add_argument("--device", type=torch_device, default="cpu", help="cpu or cuda (default cpu)")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    rng = np.random.default_rng(config.seed)
    image = rng.integers(0, 256, (IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    depth = rng.uniform(0.5, 4, (IMAGE_SIZE, IMAGE_SIZE)).astype(np.float32)
    predictor = Predictor(build_network(config.models, config.seed), options.device, config.actors.confidence)
    wait = torch.cuda.synchronize if options.device == "cuda" else lambda: None

    totals: list[float] = []
    network: list[float] = []
    predictor.predict(image, depth, options.count, config.actors.cluster_distance)
    end = perf_counter() + options.seconds
    while perf_counter() < end or len(totals) < MIN_OBSERVATIONS:
        started = perf_counter()
        predictor.predict(image, depth, options.count, config.actors.cluster_distance)
        middle = perf_counter()
        predictor.forward(image[None], depth[None])
        wait()
        totals.append(middle - started)
        network.append(perf_counter() - middle)
    total, forward = statistics.median(totals), statistics.median(network)
    figures = {
        "images_per_s": 1 / total,
        "best_images_per_s": 1 / min(totals),
        "network_ms": 1e3 * forward,
        "clustering_ms": 1e3 * (total - forward),
        "times_the_paper": 1 / total / PAPER_IMAGES_PER_S[1],
    }
    report(
        "inference",
        figures,
        conditions(device=options.device, instances=options.count, looks=len(totals), image=IMAGE_SIZE),
        "The paper: {} to {} images a second on an RTX 2080 Ti.".format(*PAPER_IMAGES_PER_S),
    )


if __name__ == "__main__":
    main()
