"""The interface of the replay buffer to the systems that use it: records, a table's settings, results and errors.

A replay buffer holds tables by name. Like a table of Reverb, each has its own records, a selector (which records make
a batch, and whether they are removed), a capacity, and a rate limiter (how far inserting and sampling may run apart).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Fields = Mapping[str, tuple[tuple[int, ...], np.dtype]]
"""Name of each field of a record -> (shape, dtype)."""

SELECTORS = ("prioritized", "uniform", "queue", "grouped")


class ReplayTimeout(TimeoutError):
    """A call waited longer than its timeout."""


class ReplayClosed(RuntimeError):
    """The replay buffer was closed before or while the call waited."""


class PhaseFinished(RuntimeError):
    """The phase has all its batches, it ended, or the table takes no part in it."""


class NothingToSample(RuntimeError):
    """The selector cannot make a batch, and the rate limit lets no record in that could change it."""


class TooManySamples(RuntimeError):
    """A table has as many waiting samples as the replay's Ray actor has threads for it."""


@dataclass(frozen=True)
class RecordFormat:
    """What a table must know of a system's records."""

    fields: Fields
    """Shape and dtype of each field."""
    key_field: str | None
    """An integer scalar field that is unique in a run: a record whose key the table holds is not stored again, and
    strict alternation orders a round's records by it. None: neither."""
    version_field: str | None
    """An integer scalar field: the version of the weights that made the record, for the staleness."""
    to_columns: Callable[[Any], dict[str, NDArray[Any]]]
    """Validates a record (ValueError) and gives its fields by name."""
    to_batch: Callable[[Sample], Any]
    """Turns a sample into what the learner consumes."""
    group_field: str | None = None
    """An integer scalar field by which the selector `grouped` groups records."""

    def __post_init__(self) -> None:
        for role in ("key_field", "version_field", "group_field"):
            name = getattr(self, role)
            if name is None:
                continue
            if name not in self.fields:
                raise ValueError(f"the records' {role} must be one of {', '.join(self.fields)}, not '{name}'")
            shape, dtype = self.fields[name]
            if shape != () or not np.issubdtype(dtype, np.integer):
                raise ValueError(f"the records' {role} '{name}' must be an integer scalar, not {dtype}{shape}")


@dataclass(frozen=True)
class SelectorSettings:
    """Which records make a batch; `replay.selectors` describes the kinds."""

    kind: str
    """One of SELECTORS."""
    initial_priority: float = 1.0
    """`prioritized`: the weight of a record for which no priority was returned yet."""
    once_a_round: bool = False
    """`prioritized` and `uniform`: no record is sampled twice in a round, rather than in a batch."""
    max_age: int | None = None
    """`grouped`: a record is sampled only while at most so many were inserted after it. None: at any age."""
    mixed: bool = False
    """`grouped`: each record of a batch draws a group of its own, so that batches are balanced over the groups, rather
    than all of one group."""

    def __post_init__(self) -> None:
        if self.kind not in SELECTORS:
            raise ValueError(f"a selector's kind must be one of {', '.join(SELECTORS)}, not '{self.kind}'")
        if not 0 < self.initial_priority < float("inf"):
            raise ValueError(f"initial_priority must be a finite number above 0, not {self.initial_priority}")
        if self.once_a_round and self.kind not in ("prioritized", "uniform"):
            raise ValueError(f"once_a_round is for the selectors prioritized and uniform, not {self.kind}")
        if self.max_age is not None and (self.kind != "grouped" or self.max_age < 0):
            raise ValueError(f"max_age must be at least 0, for the selector grouped, not {self.max_age} ({self.kind})")
        if self.mixed and self.kind != "grouped":
            raise ValueError(f"mixed is for the selector grouped, not {self.kind}")


@dataclass(frozen=True)
class LimiterSettings:
    """How far inserting and sampling may run apart; `replay.limiter.RateLimiter` gives the formulas."""

    strict: bool
    """Whether both sides take turns in whole rounds; the two slacks are then without effect."""
    records_ahead: int
    """Records that may be inserted beyond those that the batches taken so far have earned."""
    batches_ahead: int
    """Batches that may be taken beyond those that the inserted records allow."""


@dataclass(frozen=True)
class TableSpec:
    """Everything that a table is made from."""

    records: RecordFormat
    selector: SelectorSettings
    capacity: int
    """Records that the table holds; their space on disk is reserved."""
    limiter: LimiterSettings

    def __post_init__(self) -> None:
        if self.capacity < 1:
            raise ValueError(f"a table's capacity must be at least 1 record, not {self.capacity}")
        if self.selector.kind == "grouped" and self.records.group_field is None:
            raise ValueError("the selector grouped needs records with a group_field")
        if self.selector.once_a_round and not self.limiter.strict:
            raise ValueError("once_a_round needs strict alternation: a round's records must all be in before it begins")


class Receipt(NamedTuple):
    """Where an inserted record went."""

    slot: int
    """Slot in the ring; -1 if the phase was over or the table takes no part in it."""
    insertion_id: int
    """Records inserted before it in the life of the table; -1 as for `slot`."""
    stored: bool
    """False if slot is -1, or if the table held a record of this key already (slot and insertion id are its own)."""


class Sample(NamedTuple):
    """B different records."""

    columns: dict[str, NDArray[Any]]
    """Each field with a leading axis B, contiguous, the caller's own."""
    slots: NDArray[np.int64]
    """(B,) slot of each record."""
    insertion_ids: NDArray[np.int64]
    """(B,) insertion id of each record."""
    number: int
    """Batches sampled before this one in the life of the table."""


class Saved(NamedTuple):
    """What a save has written."""

    folder: Path
    """Holds the state's files, one for each table."""
    state_bytes: int
    """Their size: order, insertion ids, priorities and counters are written whole."""
    record_bytes: int
    """Bytes of the records inserted since the save before, at most a full ring a table; older ones are on disk."""
