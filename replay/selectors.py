"""Selectors: which records of a table make the next batch.

- `prioritized`: by weights that the learner returns, without replacement within a batch or a round;
- `uniform`: all records alike, without replacement within a batch or a round;
- `queue`: first in, first out; a record is removed when it is sampled, and a full queue makes inserts wait;
- `grouped`: records that share the value of a field. The group is drawn uniformly over those that have enough records
  for a batch, and the records uniformly, without replacement, among those of the group. A record takes part while at
  most `max_age` records were inserted after it.

`SelectorSettings.kind` names one; `make_selector` builds it. Not safe under concurrent calls: the table holds its lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from replay.core import TableSpec
from replay.ring import Ring

Slots = NDArray[np.int64]


class Selector(Protocol):
    """Chooses records of one ring."""

    consumes: bool
    """Whether a record is removed when it is sampled. Inserts then wait while the ring is full."""

    def inserted(self, slot: int) -> None:
        """Takes note of a new record in a slot."""

    def cleared(self) -> None:
        """Takes note that the ring is empty and a phase begins."""

    def can_select(self, batch_size: int) -> bool:
        """Whether `select` can make a batch now, or should fail now rather than wait for further records."""

    def select(self, batch_size: int) -> Slots:
        """(batch_size,) different slots of the next batch; ValueError if there are too few records."""

    def begin_round(self) -> None:
        """Forgets which records the round before has sampled."""

    def keep_drawn(self, count: int) -> None:
        """Goes back to the first `count` records that the round has sampled: later ones can be sampled again."""

    def set_priorities(self, slots: Slots, priorities: NDArray[np.float64]) -> None:
        """Takes the priorities of records; selectors other than `prioritized` ignore them."""

    def priorities(self) -> NDArray[np.float64] | None:
        """(size,) priorities in the order of `Ring.occupied`; None if the selector has none."""

    def get_state(self) -> dict[str, Any]:
        """Arrays and JSON-able values by name."""

    def set_state(self, state: Mapping[str, Any], replaced: Slots) -> None:
        """Continues from `get_state`, when the ring has its records.

        Args:
            state: what the table was saved with. One of another selector restores what the two have in common.
            replaced: (k,) slots that hold another record than when the state was taken.

        Raises:
            KeyError, TypeError, ValueError: not a state for the ring's records.
        """


class UniformSelector:
    """Draws all records alike, without replacement within a batch or a round."""

    consumes = False

    def __init__(self, spec: TableSpec, ring: Ring, seed: int) -> None:
        self._ring = ring
        self._once_a_round = spec.selector.once_a_round
        self._generator = np.random.Generator(np.random.PCG64(seed))
        self._drawn: Slots = np.empty(0, dtype=np.int64)
        """Slots sampled in the current round, in their order; only if a round is sampled without replacement."""

    def inserted(self, slot: int) -> None:
        """See `Selector`."""

    def cleared(self) -> None:
        """See `Selector`."""
        self.begin_round()

    def can_select(self, batch_size: int) -> bool:
        """Always true: a batch larger than the table is an error, not a reason to wait."""
        return True

    def select(self, batch_size: int) -> Slots:
        """See `Selector`."""
        candidates = self._ring.occupied
        if self._once_a_round:
            candidates = candidates[~np.isin(candidates, self._drawn)]
        slots = candidates[sample_without_replacement(self._weights(candidates), batch_size, self._generator)]
        if self._once_a_round:
            self._drawn = np.concatenate([self._drawn, slots])
        return slots

    def _weights(self, slots: Slots) -> NDArray[np.float64]:
        return np.ones(len(slots))

    def begin_round(self) -> None:
        """See `Selector`."""
        self._drawn = np.empty(0, dtype=np.int64)

    def keep_drawn(self, count: int) -> None:
        """See `Selector`."""
        self._drawn = self._drawn[:count]

    def set_priorities(self, slots: Slots, priorities: NDArray[np.float64]) -> None:
        """See `Selector`."""

    def priorities(self) -> NDArray[np.float64] | None:
        """See `Selector`."""
        return None

    def get_state(self) -> dict[str, Any]:
        """See `Selector`."""
        return {"generator": self._generator.bit_generator.state, "drawn": self._drawn.copy()}

    def set_state(self, state: Mapping[str, Any], replaced: Slots) -> None:
        """See `Selector`."""
        self._generator = _generator(state)
        # Runs from before there was a choice have no "drawn".
        self._drawn = np.asarray(state.get("drawn", []), dtype=np.int64)


class PrioritizedSelector(UniformSelector):
    """Draws records in proportion to their priorities, without replacement within a batch or a round.

    Within a round, all batches together are one draw by the priorities that each record had when it was drawn.
    """

    def __init__(self, spec: TableSpec, ring: Ring, seed: int) -> None:
        super().__init__(spec, ring, seed)
        self._initial = spec.selector.initial_priority
        self._priorities = np.full(spec.capacity, self._initial)

    def inserted(self, slot: int) -> None:
        """See `Selector`."""
        self._priorities[slot] = self._initial

    def _weights(self, slots: Slots) -> NDArray[np.float64]:
        return self._priorities[slots]

    def set_priorities(self, slots: Slots, priorities: NDArray[np.float64]) -> None:
        """See `Selector`."""
        self._priorities[slots] = priorities

    def priorities(self) -> NDArray[np.float64] | None:
        """See `Selector`."""
        return self._priorities[self._ring.occupied]

    def get_state(self) -> dict[str, Any]:
        """See `Selector`."""
        return {**super().get_state(), "priorities": self._priorities[self._ring.occupied]}

    def set_state(self, state: Mapping[str, Any], replaced: Slots) -> None:
        """See `Selector`."""
        super().set_state(state, replaced)
        self._priorities[:] = self._initial
        if "priorities" in state:  # a table that was uniform before has none
            priorities = np.asarray(state["priorities"], dtype=np.float64)
            if priorities.shape != (self._ring.size,) or not np.all(np.isfinite(priorities) & (priorities > 0)):
                raise ValueError("its priorities must be finite and above 0, one for each record")
            self._priorities[self._ring.occupied] = priorities
        self._priorities[replaced] = self._initial


class QueueSelector:
    """First in, first out. The table removes what `select` returns."""

    consumes = True

    def __init__(self, spec: TableSpec, ring: Ring, seed: int) -> None:
        self._ring = ring

    def inserted(self, slot: int) -> None:
        """See `Selector`."""

    def cleared(self) -> None:
        """See `Selector`."""

    def can_select(self, batch_size: int) -> bool:
        """Whether the queue holds a batch; one that it could never hold is an error, not a reason to wait."""
        return self._ring.size >= batch_size or batch_size > self._ring.capacity

    def select(self, batch_size: int) -> Slots:
        """See `Selector`."""
        if batch_size > self._ring.size:
            raise ValueError(f"cannot take {batch_size} records from a queue of {self._ring.size}")
        return self._ring.oldest(batch_size)

    def begin_round(self) -> None:
        """See `Selector`."""

    def keep_drawn(self, count: int) -> None:
        """See `Selector`."""

    def set_priorities(self, slots: Slots, priorities: NDArray[np.float64]) -> None:
        """See `Selector`."""

    def priorities(self) -> NDArray[np.float64] | None:
        """See `Selector`."""
        return None

    def get_state(self) -> dict[str, Any]:
        """See `Selector`: the ring knows all."""
        return {}

    def set_state(self, state: Mapping[str, Any], replaced: Slots) -> None:
        """See `Selector`."""


class GroupedSelector(QueueSelector):
    """Draws a group uniformly, then records of it uniformly without replacement.

    If the batch is mixed, it draws a group for each record instead, among the groups that have one left.
    """

    consumes = False

    def __init__(self, spec: TableSpec, ring: Ring, seed: int) -> None:
        super().__init__(spec, ring, seed)
        assert spec.records.group_field is not None  # TableSpec has checked it
        self._field = spec.records.group_field
        self._max_age = spec.selector.max_age
        self._mixed = spec.selector.mixed
        self._generator = np.random.Generator(np.random.PCG64(seed))

    def _groups(self, batch_size: int) -> tuple[Slots, NDArray[Any], NDArray[Any]]:
        """Slots that are young enough, the group of each, and the groups that can make a batch, sorted."""
        slots = self._ring.occupied
        if self._max_age is not None:
            age = self._ring.appended - 1 - self._ring.insertion_ids(slots)
            slots = slots[age <= self._max_age]
        groups = self._ring.column(self._field)[slots]
        values, counts = np.unique(groups, return_counts=True)
        if self._mixed:
            return slots, groups, values if len(slots) >= batch_size else values[:0]
        return slots, groups, values[counts >= batch_size]

    def can_select(self, batch_size: int) -> bool:
        """Whether a group, or all groups of a mixed batch together, has enough records."""
        return len(self._groups(batch_size)[2]) > 0 or batch_size > self._ring.capacity

    def select(self, batch_size: int) -> Slots:
        """See `Selector`."""
        slots, groups, large = self._groups(batch_size)
        if not len(large):
            raise ValueError(f"no group has {batch_size} records that are young enough")
        if self._mixed:
            return self._select_mixed(slots, groups, large, batch_size)
        members = slots[groups == large[self._generator.integers(len(large))]]
        return members[self._generator.choice(len(members), batch_size, replace=False)]

    def _select_mixed(self, slots: Slots, groups: NDArray[Any], values: NDArray[Any], batch_size: int) -> Slots:
        """Deals the batch out to the groups, one record at a time, and draws each group's records."""
        sizes = [int(count) for count in (groups[:, None] == values).sum(axis=0)]
        wanted = np.zeros(len(values), dtype=np.int64)
        for _ in range(batch_size):
            open_groups = np.flatnonzero(wanted < sizes)
            wanted[open_groups[self._generator.integers(len(open_groups))]] += 1
        drawn = [
            members[self._generator.choice(len(members), count, replace=False)]
            for value, count in zip(values, wanted.tolist(), strict=True)
            if count and len(members := slots[groups == value])
        ]
        return np.concatenate(drawn)

    def get_state(self) -> dict[str, Any]:
        """See `Selector`."""
        return {"generator": self._generator.bit_generator.state}

    def set_state(self, state: Mapping[str, Any], replaced: Slots) -> None:
        """See `Selector`."""
        self._generator = _generator(state)


_KINDS: dict[str, Callable[[TableSpec, Ring, int], Selector]] = {
    "prioritized": PrioritizedSelector,
    "uniform": UniformSelector,
    "queue": QueueSelector,
    "grouped": GroupedSelector,
}


def make_selector(spec: TableSpec, ring: Ring, seed: int) -> Selector:
    """The selector that a table's settings name, for its ring."""
    return _KINDS[spec.selector.kind](spec, ring, seed)


def check_priorities(slots: Slots, ids: NDArray[np.int64], priorities: NDArray[np.float64], capacity: int) -> None:
    """Raises ValueError, one sentence, for returned priorities that no ring of this capacity could take."""
    if not slots.shape == ids.shape == priorities.shape or slots.ndim != 1:
        raise ValueError(
            "slots, insertion_ids and priorities must be of one length, "
            f"not {slots.shape}, {ids.shape} and {priorities.shape}"
        )
    if not np.all((slots >= 0) & (slots < capacity)):
        raise ValueError(f"slots must lie within the ring's {capacity}")
    wrong = priorities[~(np.isfinite(priorities) & (priorities > 0))]
    if len(wrong):
        raise ValueError(f"priorities must be finite and above 0, not {wrong[0]}")


def _generator(state: Mapping[str, Any]) -> np.random.Generator:
    bits = np.random.PCG64()
    bits.state = state["generator"]
    return np.random.Generator(bits)


def sample_without_replacement(weights: NDArray[np.float64], count: int, generator: np.random.Generator) -> Slots:
    """Draws `count` different indices one after another, each in proportion to the weights that are left.

    Exponential clocks: index i rings after a time of rate w_i; the first `count` to ring are exactly such a
    sequence of draws, since the minimum of exponentials falls on i with probability w_i / sum(w) and the rest
    forget the past. O(N), 0.3 ms at N = 20 000.

    Args:
        weights: (N,) finite and above 0; they need not sum to 1.
        count: how many, 0 to N.
        generator: advanced by N exponential variates.

    Returns:
        (count,) int64 indices in the order drawn.

    Raises:
        ValueError: count is not within 0 to N.
    """
    if not 0 <= count <= len(weights):
        raise ValueError(f"cannot draw {count} different records from {len(weights)}")
    times = generator.standard_exponential(len(weights)) / weights
    first = np.argpartition(times, count)[:count] if count < len(weights) else np.arange(len(weights))
    return first[np.argsort(times[first], kind="stable")].astype(np.int64, copy=False)
