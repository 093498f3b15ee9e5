"""The limiter looks at few states of long phases with equal rounds; it decides as if it had looked at all."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from replay.limiter import Phase, RateLimiter

LONGEST_EDGE = 4 + 5 * (3 + 3) + 40
"""Most records at either end of a phase that the constructor looks at, with the settings below."""


@st.composite
def long_phases(draw: st.DrawFn) -> Phase:
    """Phases with equal rounds, so many that the middle ones are left out; half take what they insert."""
    batch_size, batches = draw(st.integers(1, 5)), draw(st.integers(0, 3))
    balanced = batches > 0 and batches * batch_size <= 5 and draw(st.booleans())
    size = batches * batch_size if balanced else draw(st.integers(1, 5))
    rounds = 2 * LONGEST_EDGE // size + draw(st.integers(1, 12))
    prefill = batch_size - 1 + draw(st.integers(0, 8)) if draw(st.booleans()) else draw(st.integers(0, 12))
    return Phase(prefill, size, (batches,) * rounds, batch_size)


def refusal(phase: Phase, all_numbers: bool, values: dict[str, Any]) -> str:
    """Why the settings are refused; empty if they are accepted."""
    try:
        if all_numbers:
            with patch.object(RateLimiter, "_distinct", lambda self, total, more=0: range(total)):
                RateLimiter(phase, **values)
        else:
            RateLimiter(phase, **values)
    except ValueError as error:
        return str(error)
    return ""


@given(
    long_phases(),
    st.fixed_dictionaries(
        {
            "capacity": st.integers(1, 40),
            "present": st.integers(0, 12),
            "strict": st.sampled_from([False, False, False, True]),
            "records_ahead": st.integers(0, 4),
            "batches_ahead": st.integers(0, 3),
            "consumes": st.booleans(),
        }
    ),
)
@settings(max_examples=300, deadline=None)
def test_long_phases_are_refused_exactly_if_a_look_at_every_number_refuses_them(
    phase: Phase, values: dict[str, Any]
) -> None:
    assume(values["present"] <= values["capacity"])
    visited: list[int] = []
    distinct = RateLimiter._distinct

    def counted(self: RateLimiter, total: int, more: int = 0) -> list[int]:
        found = list(distinct(self, total, more))
        visited.append(total - len(found))
        return found

    with patch.object(RateLimiter, "_distinct", counted):
        short = refusal(phase, False, values)
    whole = refusal(phase, True, values)
    assert bool(short) == bool(whole), f"by the shortcut: {short or 'accepted'}; by all numbers: {whole or 'accepted'}"
    # Settings that are refused before have no states to look at.
    assert all(left_out > 0 for left_out in visited)
    event(f"{len(visited)} looks, {'refused' if whole else 'accepted'}")
