"""Figures for a table's statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from replay.limiter import RateLimiter
from replay.ring import Ring


def ring_figures(ring: Ring) -> dict[str, int]:
    """Records and bytes in a ring, and records inserted in its life."""
    return {
        "size": ring.size,
        "capacity": ring.capacity,
        "bytes": ring.size * ring.bytes_per_record,
        "capacity_bytes": ring.capacity_bytes,
        "bytes_per_record": ring.bytes_per_record,
        "inserted": ring.appended,
    }


def progress(limiter: RateLimiter) -> dict[str, Any]:
    """How far a phase is: its counts, its totals, and whether it is finished."""
    return {
        "inserted": limiter.inserted_records,
        "records": limiter.phase.records,
        "prefill": limiter.phase.prefill,
        "sampled": limiter.sampled_batches,
        "batches": limiter.phase.batches,
        "finished": limiter.finished,
    }


def histogram(values: NDArray[Any], bins: int = 20) -> dict[str, Any]:
    """{"counts", "edges", "mean"} of (n,) values, over `bins` equal bins from the smallest to the largest."""
    if not len(values):
        return {"counts": [], "edges": [], "mean": None}
    counts, edges = np.histogram(values, bins=bins)
    return {"counts": counts.tolist(), "edges": edges.tolist(), "mean": float(np.mean(values))}
