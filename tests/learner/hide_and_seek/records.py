"""Random records of hide and seek, which the learner accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.hide_and_seek.action_table import MASKS
from models.hide_and_seek.config import AgentConfig
from replay.hide_and_seek.memory import NO_OUTCOME, MemoryBatch, memory_fields
from replay.hide_and_seek.triplet import TripletBatch
from replay.hide_and_seek.unroll import UNKNOWN, UnrollBatch, UnrollShape, unroll_fields

Fields = dict[str, NDArray[Any]]


def unroll(shape: UnrollShape, stage: int, random: np.random.Generator) -> Fields:
    """A random unroll of a stage; its actions and labels are possible, its recurrent state is fresh."""
    t, legal = shape.length, np.flatnonzero(MASKS[stage])
    hide, manipulate, seek = stage == 1, stage == 2, stage == 3
    unknown = np.full(t, UNKNOWN)
    ended = random.random(t) < 0.2
    firsts = np.concatenate([[True], ended])
    values: Fields = {
        "stage": np.array(stage),
        "version": np.array(0),
        "number": np.array(0),
        "images": random.integers(0, 256, (t + 1, shape.image_size, shape.image_size, 3)),
        "last_actions": np.where(firsts, 0, 1 + 2 * random.choice(legal, t + 1)),
        "standing": random.random(t + 1) < 0.5,
        "goals": random.integers(0, 5, t + 1),
        "locations": np.stack([random.integers(0, high, t + 1) for high in (5, 5, 4, 2)], 1),
        "targets": random.integers(0, 147, t + 1) if manipulate else np.full(t + 1, UNKNOWN),
        "landed": random.integers(-1, 147, t + 1) if hide else np.full(t + 1, UNKNOWN),
        "firsts": firsts,
        "new_maps": np.arange(t + 1) == 0,
        "actions": random.choice(legal, t),
        "logits": np.where(MASKS[stage], random.normal(size=(t, MASKS.shape[1])), -np.inf),
        "rewards": random.normal(size=t),
        "ended": ended,
        "succeeded": random.random(t) < 0.5,
        "episode_steps": np.arange(t),
        "hindsight": random.integers(-1, 147, t) if manipulate else unknown,
        "hits": random.integers(-1, 2, t) if manipulate else unknown,
        "tried": random.integers(-1, 147, t) if hide else unknown,
        "tried_landed": random.integers(-1, 147, t) if hide else unknown,
        "contained": random.integers(0, 2, t) if hide else unknown,
        "feasible": random.random((t, 147)) if hide else np.full((t, 147), np.nan),
        "experts": random.choice(legal, t) if seek else unknown,
        "claimable": random.integers(0, 2, t) if seek else unknown,
    }
    empty = {"map_written": -1}
    return {
        name: np.asarray(values.get(name, np.full(size, empty.get(name, 0)))).astype(dtype)
        for name, (size, dtype) in unroll_fields(shape).items()
    }


def unroll_batch(shape: UnrollShape, stages: Sequence[int], seed: int = 0) -> UnrollBatch:
    """Random unrolls of these stages."""
    random = np.random.default_rng(seed)
    records = [unroll(shape, stage, random) for stage in stages]
    numbers = np.arange(len(stages))
    return UnrollBatch({name: np.stack([one[name] for one in records]) for name in records[0]}, numbers, numbers)


def triplet_batch(config: AgentConfig, size: int, seed: int = 0) -> TripletBatch:
    """Random triplets of E&M."""
    random = np.random.default_rng(seed)
    pictures = (size, config.image_size, config.image_size, 3)
    before, after = (random.integers(0, 256, pictures).astype(np.uint8) for _ in range(2))
    actions = random.choice(np.flatnonzero(MASKS[0]), size)
    numbers = np.arange(size)
    claimable = random.integers(-1, 2, size).astype(np.int8)
    cells = np.where((claimable == 1)[:, None, None], 90 * (random.random((size, 14, 14)) < 0.02), 0).astype(np.uint8)
    goals = random.integers(0, 5, size)
    return TripletBatch(before, after, actions, random.random(size) < 0.5, goals, claimable, cells, numbers, numbers)


def memory_batch(shape: UnrollShape, size: int, steps: int = 6, seed: int = 0) -> MemoryBatch:
    """Random memories of games in which the seeker made `steps` steps."""
    random = np.random.default_rng(seed)
    p = shape.max_places
    legal = np.flatnonzero(MASKS[3])
    policy = np.zeros((size, steps, MASKS.shape[1]))
    policy[..., legal] = 1 / len(legal)
    known = min(p, 8)
    written = np.full((size, p), -1)
    written[:, :known] = np.arange(known)
    values: Fields = {
        "map_values": random.normal(size=(size, p, shape.map_size)),
        "map_keys": np.stack([random.integers(0, high, (size, p)) for high in (4, 4, 4, 2)], 2),
        "map_written": written,
        "chosen": np.stack([random.integers(0, high, size) for high in (4, 4, 4, 2)], 1),
        "outcome": random.integers(0, NO_OUTCOME + 1, size),
        "length": np.full(size, steps),
        "locations": np.stack([random.integers(0, high, (size, steps)) for high in (4, 4, 4, 2)], 2),
        "actions": random.choice(legal, (size, steps)),
        "succeeded": random.random((size, steps)) < 0.5,
        "claimable": random.integers(0, 2, (size, steps)),
        "policy": policy,
    }
    fields = memory_fields(shape, steps)
    numbers = np.arange(size)
    return MemoryBatch(
        {
            name: np.asarray(values.get(name, np.zeros((size, *one)))).astype(dtype)
            for name, (one, dtype) in fields.items()
        },
        numbers,
        numbers,
    )
