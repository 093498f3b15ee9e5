"""Forecasts at how many actors each shared part of a run saturates, from its costs; used by `benchmarks.scale`.

The model of a process's use of a core with N actors is f0 + f1 N + (a + b N) records/s + c batches/s: a constant part
(heartbeats, Ray's own work), the cost of a record (the coordinator polls all actors), and the cost of a batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls

from benchmarks._report import REPLAY
from cluster.interaction.config import TrainConfig
from learner.interaction.schedule import PhaseConfig
from replay.interaction.record import RECORD_BYTES

FREED_AFTER_S = 1.0
"""Seconds between two rounds of Ray's freeing of unreferenced objects (its free_objects_period_milliseconds)."""
CORES = {REPLAY: "bank_cores", "coordinator": "coordinator_cores", "Ray's daemons": "daemons_cores"}
"""Parts that use one core, and the key of that use in the spans."""
ADVICE = {
    REPLAY: "give its process a core of its own, or use several buffers, each with its own actors",
    "coordinator": "let it take in all finished locations at each poll instead of one, then hand out several at a time",
    "Ray's daemons": "put actors on more nodes, so that each node's daemon has fewer, and records together in one call",
    "learner": "a faster GPU for the learner, or fewer batches a round: until then further actors wait for the limiter",
    "network in": "a faster link to the learner's node, or records with compressed images",
    "network out": "publish less often (learner.publish_every), or put more actors on each node",
    "object store": "raise cluster.object_store_bytes: used batches stay there up to a second before Ray frees them",
}
"""Advice for each part that saturates."""


def fitted(curve: list[dict[str, Any]], part: str) -> list[float]:
    """Fits f0, f1, a, b, c of a part's use of a core (see the module), none below 0."""
    spans = [(point["actors"], point[kind]) for point in curve for kind in ("collecting", "training")]
    terms = [[1, n, s["records_per_s"], n * s["records_per_s"], s["batches_per_s"]] for n, s in spans]
    scale = np.max(terms, axis=0)
    found, _ = nnls(terms / scale, np.array([span[part] for _, span in spans]))
    return [float(value) for value in found / scale]


def full_at(costs: list[float], rate: float, batches: float) -> float:
    """Returns the number of actors at which a part's core is full.

    Args:
        costs: from `fitted`.
        rate: locations per second of an actor.
        batches: batches of the learner for each location.
    """
    f0, f1, a, b, c = costs
    linear, left = f1 + rate * (a + batches * c), max(0.0, 1 - f0)  # rate b N^2 + linear N = left
    return 2 * left / max(1e-12, linear + math.sqrt(linear * linear + 4 * rate * b * left))


@dataclass(frozen=True)
class Assumed:
    """Assumptions of the forecast."""

    rate: float
    """Locations per second of a real actor."""
    step_s: float
    """Seconds that the learner takes for a batch."""
    nic_gbit: float
    """Link of the learner's node, in each direction."""
    actors_per_node: int
    """Actors on a node, which gets each version of the weights once."""


def saturation(
    curve: list[dict[str, Any]], config: TrainConfig, phase: PhaseConfig, given: Assumed
) -> dict[str, float]:
    """Returns the number of real actors at which each part saturates, in the last rounds of a phase."""
    batches = phase.batches_last / phase.locations_per_round
    versions = math.ceil(phase.batches_last / config.learner.publish_every) / phase.locations_per_round
    weights_bytes = curve[-1]["broadcast_bytes"]
    batch_bytes = config.learner.batch_size * RECORD_BYTES
    link = given.nic_gbit * 1e9 / 8
    # In use are the batches in flight, one that waits, one in a step, and some versions of the weights.
    used = (config.learner.prefetch + 2) * batch_bytes + 3 * weights_bytes
    used_per_actor = RECORD_BYTES + FREED_AFTER_S * given.rate * (RECORD_BYTES + batches * batch_bytes)
    return {
        **{name: full_at(fitted(curve, part), given.rate, batches) for name, part in CORES.items()},
        "learner": 1 / (given.rate * batches * given.step_s),
        "network in": link / (given.rate * RECORD_BYTES),
        "network out": math.sqrt(link * given.actors_per_node / (given.rate * versions * weights_bytes)),
        "object store": (config.cluster.object_store_bytes - used) / used_per_actor,
    }
