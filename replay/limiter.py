"""The rate limit between records inserted into a table and batches sampled from it.

Source: paper, training schedule ("alternate between adding batches from 70 locations to the memory bank, and training
on K batches"); docs/interaction.md, Schedule. (A record of that system is a visit to a location.) The limiter only
counts: it has no clocks and no threads.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate, chain
from typing import Any

from replay.core import TableSpec


@dataclass(frozen=True)
class Phase:
    """One phase of training, as a table sees it. A phase may only insert, or only sample."""

    prefill: int
    """Records inserted before the first batch (paper: 3000); 0 is possible where a filled table is kept."""
    records_per_round: int
    """Records of a round (paper: 70); 0: all records come in the prefill."""
    batches_per_round: tuple[int, ...]
    """Batches of each round, in order (paper: 900 rounds, 15 rising to 45)."""
    batch_size: int
    """Records of a batch (paper: 64)."""

    def __post_init__(self) -> None:
        # Whatever sequence of integers it was (of numpy, of a configuration), it is saved as JSON.
        object.__setattr__(self, "batches_per_round", tuple(int(count) for count in self.batches_per_round))

    @property
    def records(self) -> int:
        """Records of the whole phase, the prefill included."""
        return self.prefill + self.records_per_round * len(self.batches_per_round)

    @property
    def batches(self) -> int:
        """Batches of the whole phase."""
        return sum(self.batches_per_round)


class RateLimiter:
    """Says whether a record may be inserted, and whether a batch may be sampled, at this moment.

    Let P be the prefill, L the records of a round, K_r the batches of round r, S_r = K_0 + ... + K_(r-1);
    i records are inserted, n = i - P of them after the prefill, and s batches are sampled. Prefill insertions
    (n < 0) are always allowed and no batch is sampled before the prefill is complete. After that:

    Overlap. C(n) is the piecewise linear function through C(L r) = S_r.
      - a batch may be sampled while           s + 1 <= C(n) + batches_ahead  (and s < S_R);
      - a record may be inserted while  C(n + 1 - records_ahead) <= s     (and n < L R),
        that is, while n + 1 is at most records_ahead beyond the largest x with C(x) <= s.
    Strict alternation. With q = n // L rounds of records complete,
      - a batch may be sampled while s < S_q: the records of its round and of all before are in;
      - a record may be inserted while S_q <= s: the batches of all rounds before its own are taken.

    The constructor refuses settings that can lead to a state in which neither side may go on although the phase is not
    finished. Such a state exists if and only if, for some n, fewer batches are allowed at n than are required for
    record n + 1; the constructor checks each n. With both slacks at least 1 this cannot happen; nor can
    it under strict alternation. It also refuses a prefill (with the records present) smaller than a batch, and a
    ring that cannot hold a batch or the longest stretch of records without a batch (prefill and first round).
    Every count is an integer and C is compared after multiplication by L: nothing is rounded. Without records in its
    rounds (L = 0) a phase samples all its batches as soon as its prefill is complete.

    Consuming. Where each record is removed when it is sampled, the table additionally makes a batch of B wait until it
    holds B records, and an insert wait while it is full. With `consumes`, the constructor also refuses settings that
    block both sides under these conditions, and phases whose batches take more records than there are.

    A second phase gets a new limiter, whose counts begin at 0; `present` says how many records of the first phase
    the table keeps (0 for a fresh table).
    """

    def __init__(
        self,
        phase: Phase,
        *,
        capacity: int,
        present: int,
        strict: bool,
        records_ahead: int,
        batches_ahead: int,
        once_a_round: bool = False,
        consumes: bool = False,
    ) -> None:
        """Starts a phase at no records and no batches.

        Args:
            phase: the phase's numbers.
            capacity: records that the ring holds.
            present: records that it already holds when the phase starts.
            strict: whole rounds in turn; the two slacks are then without effect.
            records_ahead: slack of insertion, in records; the configuration calls it replay.locations_ahead.
            batches_ahead: slack of sampling, batches.
            once_a_round: whether no record may be in two batches of a round; strict alternation only.
            consumes: whether a record is removed when it is sampled.

        Raises:
            ValueError: the settings would block for ever; one sentence says which and what would be right.
        """
        _check_phase(phase, capacity, present)
        if once_a_round:
            _check_rounds(phase, capacity, present)
        self.phase = phase
        self._strict = strict
        self._records_ahead = records_ahead
        self._batches_ahead = batches_ahead
        self._sums = [0, *accumulate(phase.batches_per_round)]
        self._inserted = 0
        self._sampled = 0
        for n in self._distinct(phase.records - phase.prefill):
            if self._allowed(n) < self._required(n):
                raise ValueError(
                    f"replay.locations_ahead={records_ahead} with replay.batches_ahead={batches_ahead} would block "
                    f"both sides after {phase.prefill + n} records and {self._allowed(n)} batches: "
                    "each should be at least 1"
                )
        if consumes:
            self._check_consuming(capacity, present)

    @property
    def inserted_records(self) -> int:
        """Records inserted in this phase, the prefill included."""
        return self._inserted

    @property
    def sampled_batches(self) -> int:
        """Batches sampled in this phase."""
        return self._sampled

    @property
    def sampled_in_round(self) -> int:
        """Batches sampled since the last complete round of batches."""
        return self._sampled - self._sums[bisect_right(self._sums, self._sampled) - 1]

    @property
    def all_inserted(self) -> bool:
        """Whether every record of the phase is in."""
        return self._inserted == self.phase.records

    @property
    def all_sampled(self) -> bool:
        """Whether every batch of the phase is taken."""
        return self._sampled == self._sums[-1]

    @property
    def finished(self) -> bool:
        """Whether the phase is over: all its records are in and all its batches are taken."""
        return self.all_inserted and self.all_sampled

    def can_insert(self) -> bool:
        """Whether one more record may be inserted now."""
        return not self.all_inserted and self._sampled >= self._required(self._inserted - self.phase.prefill)

    def can_sample(self) -> bool:
        """Whether one more batch may be sampled now."""
        return self._sampled < self._allowed(self._inserted - self.phase.prefill)

    def inserted(self, count: int = 1) -> None:
        """Counts records. Raises RuntimeError if one of them was not allowed."""
        for _ in range(count):
            if not self.can_insert():
                raise RuntimeError(f"record {self._inserted} was inserted against the rate limit")
            self._inserted += 1

    def sampled(self) -> None:
        """Counts one batch. Raises RuntimeError if it was not allowed."""
        if not self.can_sample():
            raise RuntimeError(f"batch {self._sampled} was sampled against the rate limit")
        self._sampled += 1

    def get_state(self) -> dict[str, int]:
        """The two counts; JSON-able."""
        return {"inserted": self._inserted, "sampled": self._sampled}

    def set_state(self, state: Mapping[str, int]) -> None:
        """Continues at the counts of `get_state`.

        The slacks may differ from those of the saved limiter: a side that is then too far ahead waits for the other.

        Raises:
            ValueError: counts that this phase cannot have.
        """
        inserted, sampled = int(state["inserted"]), int(state["sampled"])
        batches = self._sums[-1] if inserted >= self.phase.prefill else 0
        if not (0 <= inserted <= self.phase.records and 0 <= sampled <= batches):
            raise ValueError(f"the limiter's state of {inserted} records and {sampled} batches is not of this phase")
        self._inserted, self._sampled = inserted, sampled

    def _distinct(self, total: int, more: int = 0) -> Iterable[int]:
        """Numbers of records at which the two sides can stand differently, of 0 to `total` - 1.

        If all rounds are alike, each repeats the one before, up to the beginning and the end of the phase. These have
        at most as many records as the slacks and `more` together, and three rounds.
        """
        rounds, size = set(self.phase.batches_per_round), self.phase.records_per_round
        edge = self._records_ahead + size * (3 + self._batches_ahead) + more
        if len(rounds) != 1 or 2 * edge >= total:
            return range(total)
        return chain(range(edge), range(total - edge, total))

    def _scaled(self, n: int) -> int:
        """L C(n): batches per L records earned after n records; the product is an integer."""
        size, rounds = self.phase.records_per_round, self.phase.batches_per_round
        if n <= 0:
            return 0
        whole, part = divmod(n, size)
        if whole >= len(rounds):
            return size * self._sums[-1]
        return size * self._sums[whole] + part * rounds[whole]

    def _allowed(self, n: int) -> int:
        """Number of batches that may have been sampled in all when n records are in after the prefill."""
        if n < 0:
            return 0
        if not self.phase.records_per_round:
            return self._sums[-1]
        if self._strict:
            return self._sums[n // self.phase.records_per_round]
        return min(self._sums[-1], self._scaled(n) // self.phase.records_per_round + self._batches_ahead)

    def _required(self, n: int) -> int:
        """Number of batches that must have been sampled before record n + 1 after the prefill is inserted."""
        if n < 0:
            return 0
        if self._strict:
            return self._sums[n // self.phase.records_per_round]
        return -(-self._scaled(n + 1 - self._records_ahead) // self.phase.records_per_round)

    def _check_consuming(self, capacity: int, present: int) -> None:
        """Raises ValueError, one sentence, if removing sampled records lets both sides wait for each other.

        Sampling as early as possible visits the state in which sampling is blocked, for each number of insertions, so
        it is enough to look at those states.
        """
        phase, size = self.phase, self.phase.batch_size
        balanced = phase.records_per_round in {batches * size for batches in phase.batches_per_round}
        last = phase.records - phase.prefill + 1
        numbers = self._distinct(last, capacity) if balanced else range(last)
        for n in chain(range(-phase.prefill, 0), numbers):
            inserted = n + phase.prefill
            sampled = min(self._allowed(n), (present + inserted) // size)
            if inserted == phase.records:
                if sampled < self._sums[-1]:
                    raise ValueError(
                        f"the phase's {self._sums[-1]} batches of {size} consume {self._sums[-1] * size} records, but "
                        f"only {present + inserted} come: fewer batches or more records would do"
                    )
            elif sampled < self._required(n):
                raise ValueError(
                    f"both sides would wait after {inserted} records and {sampled} batches of {size}, which consume "
                    f"{sampled * size} of {present + inserted} records: fewer batches or more records would do"
                )
            elif present + inserted - sampled * size >= capacity:
                raise ValueError(
                    f"the table's capacity must be above {capacity}: with {inserted} records in and {sampled} "
                    "batches taken it would be full, and no batch could be sampled"
                )


def make_limiter(spec: TableSpec, phase: Phase, present: int) -> RateLimiter:
    """The limiter of a table in a phase that begins with `present` records. Raises as `RateLimiter`."""
    return RateLimiter(
        phase,
        capacity=spec.capacity,
        present=present,
        **asdict(spec.limiter),
        once_a_round=spec.selector.once_a_round,
        consumes=spec.selector.kind == "queue",
    )


def restored_limiter(
    spec: TableSpec, phase: Mapping[str, Any] | None, counts: Mapping[str, int], present: int
) -> RateLimiter | None:
    """The limiter of a saved phase (its fields by name) at its counts; None if there was none."""
    if phase is None:
        return None
    limiter = make_limiter(spec, Phase(**{**phase, "batches_per_round": tuple(phase["batches_per_round"])}), present)
    limiter.set_state(counts)
    return limiter


def _check_phase(phase: Phase, capacity: int, present: int) -> None:
    """Raises ValueError, one sentence, for numbers that cannot work whatever the slacks."""
    if phase.batch_size < 1:
        raise ValueError(f"the batch size must be at least 1, not {phase.batch_size}")
    if phase.prefill < 0:
        raise ValueError(f"the prefill must be at least 0, not {phase.prefill}")
    if phase.records_per_round < 0:
        raise ValueError(f"a round's records must be at least 0, not {phase.records_per_round}")
    if min(phase.batches_per_round, default=0) < 0:
        raise ValueError(f"a round's batches must be at least 0, not {min(phase.batches_per_round)}")
    if not phase.records and not phase.batches:
        raise ValueError("a phase must have records to insert or batches to sample")
    if capacity < phase.batch_size:
        raise ValueError(f"replay.capacity must be at least {phase.batch_size} to hold a batch, not {capacity}")
    stretch = longest = phase.prefill
    for batches in phase.batches_per_round:
        stretch += phase.records_per_round
        longest = max(longest, stretch)
        stretch = 0 if batches else stretch
    if capacity < longest:
        raise ValueError(
            f"replay.capacity must be at least {longest}, not {capacity}: so many records come without a batch "
            "between them, and the first would be overwritten before any batch could hold them"
        )
    if phase.batches and phase.prefill + present < phase.batch_size:
        raise ValueError(
            f"the prefill must be at least {phase.batch_size - present}, so that a batch of {phase.batch_size} can be "
            f"sampled from {present} records present and {phase.prefill} of the prefill"
        )


def _check_rounds(phase: Phase, capacity: int, present: int) -> None:
    """Raises ValueError if a round has more records to sample than the table holds when it begins."""
    for index, batches in enumerate(phase.batches_per_round):
        held = min(capacity, present + phase.prefill + phase.records_per_round * (index + 1))
        if batches * phase.batch_size > held:
            raise ValueError(
                f"replay.without_replacement=round needs as many records as a round's batches take, but round {index} "
                f"takes {batches} batches of {phase.batch_size} and the table then holds {held}: a larger "
                "prefill (or replay.capacity) or fewer batches would do"
            )
