"""The two sides of a table, and how their calls wait for each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from replay.core import ReplayClosed, ReplayTimeout
from replay.limiter import RateLimiter

SIDES = ("insert", "sample")


class Waiting:
    """A table's lock, its current limiter, and the calls that wait. All but `changed` needs the lock held."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        """The table's lock; notified whenever something happens that a call may wait for."""
        self.limiter: RateLimiter | None = None
        """Limiter of the current phase; None between phases, or if the table takes no part in it."""
        self.phase_number = 0
        """Phases that have begun in the life of the table."""
        self.closed = False
        self.seconds = dict.fromkeys(SIDES, 0.0)
        """Thread seconds that calls have waited."""
        self.calls = dict.fromkeys(SIDES, 0)
        """Calls that wait now."""

    def wait(
        self,
        side: str,
        ready: Callable[[RateLimiter], bool],
        over: Callable[[RateLimiter], bool],
        timeout: float | None,
    ) -> RateLimiter | None:
        """Waits until a call may go on.

        Args:
            side: one of SIDES.
            ready: whether it may go on now.
            over: whether it need not wait any longer, since it never may in this phase.
            timeout: longest wait in seconds; None: no limit.

        Returns:
            the limiter to count with; None if the phase is over, or `over` says so.

        Raises:
            ReplayClosed, ReplayTimeout: see there.
            RuntimeError: no phase has begun yet.
        """
        if self.phase_number == 0:
            raise RuntimeError("no phase of the replay table has been started: call start_phase first")
        limiter = self.limiter
        began = time.monotonic()
        self.calls[side] += 1
        try:
            in_time = self.changed.wait_for(
                lambda: (
                    self.closed or limiter is None or limiter is not self.limiter or ready(limiter) or over(limiter)
                ),
                timeout,
            )
        finally:
            self.calls[side] -= 1
            self.seconds[side] += time.monotonic() - began
        if self.closed:
            raise ReplayClosed("the replay buffer is closed")
        if limiter is None or limiter is not self.limiter:
            return None
        if not in_time:
            raise ReplayTimeout(
                f"no {side} was possible for {timeout} s: {limiter.inserted_records} of {limiter.phase.records} "
                f"records are in and {limiter.sampled_batches} of {limiter.phase.batches} batches are taken"
            )
        return limiter if ready(limiter) else None
