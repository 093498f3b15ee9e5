"""Measures how soon all actors have newly published weights, and the cost for the learner.

    python -m benchmarks.broadcast [--actors N] [--repeats R]

Starts the real learner's Ray actor and N light actors (benchmarks/_light_actor.py: processes without simulator and
network that copy weights as a real actor's model does). Each publication is timed from the call on the learner to the
answer of the last actor, and works as in a run: the learner puts one flat vector into the object store, its reference
goes to the coordinator's process and from there to the actors, which fetch the vector themselves. Each publication is
followed by the alternative: the vector itself as an argument of each actor's call.

- ms_to_last_actor: median over R publications; by_value_ms: median of the alternative;
- learner_ms: how long a publication keeps the learner busy. In a run the learner trains on while the actors fetch.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from time import perf_counter
from typing import Any

import psutil
import ray

from benchmarks._arguments import whole
from benchmarks._light_actor import LightActor
from benchmarks._report import conditions, configuration, report
from benchmarks.scale import ACTOR_BYTES, GROUP
from cluster.machines.resources import check_before_start, ray_session
from cluster.systems.interaction import SYSTEM
from learner.actor import LearnerActor, Weights


class TimedLearner(LearnerActor):
    """The learner's Ray actor, which also times its publications."""

    def timed_publish(self) -> tuple[Weights, float]:
        """Publishes; returns the weights and the seconds in this process."""
        started = perf_counter()
        weights = self.publish()
        return weights, perf_counter() - started


def broadcast(learner: Any, actors: list[Any]) -> dict[str, float]:
    """Times one publication, and then the same vector by value; milliseconds, and the vector's bytes."""
    started = perf_counter()
    weights, busy = ray.get(learner.timed_publish.remote())
    ray.get([actor.fetch.remote(weights.reference) for actor in actors])
    reached = perf_counter() - started
    vector = ray.get(weights.reference[0])
    started = perf_counter()
    ray.get([actor.take.remote(vector) for actor in actors])
    by_value = perf_counter() - started
    return {"to_last": 1e3 * reached, "learner": 1e3 * busy, "by_value": 1e3 * by_value, "bytes": vector.nbytes}


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints the table and the RESULT line."""
    parser = argparse.ArgumentParser(
        prog="./playpen bench broadcast", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    config = configuration("tracking.mode=disabled")
    wanted = config.cluster.actors
    parser.add_argument("--actors", type=whole(1), default=wanted, help=f"light actors (the paper's: {wanted})")
    parser.add_argument("--repeats", type=whole(1), default=15, help="publications (default 15)")
    options = parser.parse_args(arguments)
    if options.actors * ACTOR_BYTES > psutil.virtual_memory().available:
        parser.error(f"--actors {options.actors} need {options.actors * ACTOR_BYTES / 1e9:.1f} GB of memory")
    cluster = dataclasses.replace(config.cluster, actors=1)  # Ray would start a worker for each CPU at once
    check_before_start(cluster)
    make_remote: Any = ray.remote  # the type hints lack max_concurrency
    with ray_session(cluster):
        learner = make_remote(max_concurrency=3, num_cpus=0)(TimedLearner).remote(
            SYSTEM.learner(config), None, config.learner.threads
        )
        actors: list[Any] = []
        while len(actors) < options.actors:
            group = range(len(actors), min(options.actors, len(actors) + GROUP))
            actors += [LightActor.remote(number, None, None) for number in group]
            ray.get([actors[number].health.remote() for number in group])
        broadcast(learner, actors)  # warm-up
        measured = [broadcast(learner, actors) for _ in range(options.repeats)]
    median = {name: statistics.median(one[name] for one in measured) for name in measured[0]}
    figures = {
        "ms_to_last_actor": median["to_last"],
        "best_ms_to_last_actor": min(one["to_last"] for one in measured),
        "learner_ms": median["learner"],
        "by_value_ms": median["by_value"],
        "speedup_over_by_value": median["by_value"] / median["to_last"],
        "weights_bytes": int(median["bytes"]),
        "actors": options.actors,
    }
    report("broadcast", figures, conditions(repeats=options.repeats))


if __name__ == "__main__":
    main()
