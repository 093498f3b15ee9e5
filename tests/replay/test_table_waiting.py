"""A table: when its callers wait, and its phases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from replay.core import PhaseFinished, Receipt, RecordFormat, ReplayClosed, ReplayTimeout
from replay.limiter import Phase
from tests.replay.helpers import (
    BYTES,
    FIELDS,
    FORMAT,
    UNLIMITED,
    config,
    created,
    numbers,
    open_phase,
    record,
    same,
)
from tests.replay.test_table import SOON, in_thread, table_with, until


def test_before_the_first_phase_nothing_is_possible(tmp_path: Path) -> None:
    table = created(config(), tmp_path, FORMAT, seed=0)
    for call in (lambda: table.insert(record(0)), lambda: table.sample(1)):
        with pytest.raises(RuntimeError, match="no phase of the replay table has been started"):
            call()
    assert table.statistics()["phase"] is None


def test_a_timeout_says_what_it_waited_for(tmp_path: Path) -> None:
    table = created(config(), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 2, (4, 4), 2), fresh=True)
    with pytest.raises(ReplayTimeout) as error:
        table.sample(2, timeout=0.01)
    assert str(error.value) == "no sample was possible for 0.01 s: 0 of 6 records are in and 0 of 8 batches are taken"
    for number in range(3):
        table.insert(record(number), timeout=0)
    with pytest.raises(ReplayTimeout, match="no insert was possible for 0 s: 3 of 6 records"):
        table.insert(record(3), timeout=0)
    assert table.statistics()["size"] == 3


def test_a_wrong_record_is_refused_before_it_waits(tmp_path: Path) -> None:
    def validate(value: Any) -> Any:
        raise ValueError("record field 'image' must be small")

    strict = RecordFormat(FIELDS, "key", "version", validate, same)
    table = created(config(), tmp_path, strict, seed=0)
    table.start_phase(Phase(1, 1, (1,), 1), fresh=True)
    with pytest.raises(ValueError, match="'image' must be small"):
        table.insert(record(0))
    assert table.statistics()["phase"]["inserted"] == 0


def test_a_sample_waits_for_records_and_an_insert_for_batches(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 1, (1, 1), 2), fresh=True)
    sampler, sampled = in_thread(lambda: table.sample(2))
    until(lambda: table.statistics()["sample_waiting"] == 1)
    table.insert(record(0))
    table.insert(record(1))
    assert not sampled, "the first round's record is still missing"
    table.insert(record(2))
    sampler.join(SOON)
    assert len(numbers(sampled[0].columns)) == 2
    table.insert(record(3))
    table.sample(2)
    statistics = table.statistics()
    assert statistics["phase"]["finished"] and statistics["sample_wait_s"] > 0


def test_an_insert_waits_for_batches(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 1, (1, 1), 2), fresh=True)
    for number in range(3):
        table.insert(record(number))
    inserter, inserted = in_thread(lambda: table.insert(record(3)))
    until(lambda: table.statistics()["insert_waiting"] == 1)
    assert not inserted and table.statistics()["size"] == 3
    table.sample(2)
    inserter.join(SOON)
    assert inserted == [Receipt(3, 3, True)]
    statistics = table.statistics()
    assert statistics["insert_wait_s"] > 0 and statistics["insert_waiting"] == 0


def test_two_visits_of_one_location_that_wait_together_are_stored_once(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 2, (1, 1), 2), fresh=True)
    for number in range(4):
        table.insert(record(number))
    waiting = [in_thread(lambda: table.insert(record(4))) for _ in range(2)]
    until(lambda: table.statistics()["insert_waiting"] == 2)
    table.sample(2)
    for thread, _ in waiting:
        thread.join(SOON)
    assert sorted(outcome[0].stored for _, outcome in waiting) == [False, True]
    assert table.statistics()["phase"]["inserted"] == 5


def test_priorities_and_statistics_go_through_while_others_wait(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 2, (1, 1), 2), fresh=True)
    table.insert(record(0))
    in_thread(lambda: table.sample(2))
    until(lambda: table.statistics()["sample_waiting"] == 1)
    assert table.update_priorities(np.array([0]), np.array([0]), np.array([0.3])) == 1
    table.close()


def test_closing_wakes_everybody(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 2, (1, 1), 2), fresh=True)
    for number in range(2):
        table.insert(record(number))
    samplers = [in_thread(lambda: table.sample(2)) for _ in range(3)]
    until(lambda: table.statistics()["sample_waiting"] == 3)
    table.close()
    for thread, outcome in samplers:
        thread.join(SOON)
        assert isinstance(outcome[0], ReplayClosed)
    for call in (lambda: table.insert(record(2)), lambda: table.sample(2)):
        with pytest.raises(ReplayClosed, match="the replay buffer is closed"):
            call()
    assert table.statistics()["closed"]


def test_the_end_of_a_phase(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 1, (1,), 2), fresh=True)
    for number in range(3):
        assert table.insert(record(number)).stored
    assert table.insert(record(3)) == Receipt(-1, -1, False), "one more than the phase has"
    assert not table.insert(record(2)).stored
    table.sample(2)
    with pytest.raises(PhaseFinished, match="the phase has all its batches, or has ended"):
        table.sample(2)


def test_a_sample_that_waits_ends_when_another_takes_the_last_batch(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 1, (1,), 2), fresh=True)
    waiting = [in_thread(lambda: table.sample(2)) for _ in range(2)]
    until(lambda: table.statistics()["sample_waiting"] == 2)
    for number in range(3):
        table.insert(record(number))
    for thread, _ in waiting:
        thread.join(SOON)
    assert sorted(type(outcome[0]).__name__ for _, outcome in waiting) == ["PhaseFinished", "Sample"]


@pytest.mark.parametrize("how", ["end", "restart"])
def test_ending_a_phase_turns_away_what_waits(tmp_path: Path, how: str) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    phase = Phase(2, 2, (1, 1), 2)
    table.start_phase(phase, fresh=True)
    for number in range(2):
        table.insert(record(number))
    sampler, sampled = in_thread(lambda: table.sample(2))
    until(lambda: table.statistics()["sample_waiting"] == 1)
    if how == "end":
        table.end_phase()
    else:
        table.start_phase(phase, fresh=False)
    sampler.join(SOON)
    assert isinstance(sampled[0], PhaseFinished)
    if how == "end":
        assert table.insert(record(5)) == Receipt(-1, -1, False)
        table.start_phase(phase, fresh=False)
    assert table.insert(record(5)).stored


def test_a_new_phase_is_fresh_or_keeps_the_records(tmp_path: Path) -> None:
    table = table_with(tmp_path, 12)
    table.start_phase(Phase(0, 2, (2,), 4), fresh=False)
    assert table.statistics()["size"] == 10 and table.sample(4).number == 0
    assert not table.insert(record(5)).stored, "a kept record's key is known"
    table.start_phase(Phase(4, 2, (2,), 4), fresh=True)
    statistics = table.statistics()
    assert (statistics["size"], statistics["inserted"], statistics["sampled"]) == (0, 12, 1)
    assert statistics["phase"] == {
        "number": 3,
        "inserted": 0,
        "records": 6,
        "prefill": 4,
        "sampled": 0,
        "batches": 2,
        "finished": False,
    }
    assert table.insert(record(5)) == Receipt(0, 12, True)


def test_a_phase_that_cannot_work_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    table = table_with(tmp_path, 3)
    with pytest.raises(ValueError, match="the prefill must be at least 1, so that a batch of 4"):
        table.start_phase(Phase(0, 2, (2,), 4), fresh=False)
    with pytest.raises(ValueError, match="the prefill must be at least 4, so that a batch of 4"):
        table.start_phase(Phase(2, 2, (2,), 4), fresh=True)
    assert table.statistics()["size"] == 3 and table.insert(record(3)).stored


# Statistics


def test_statistics(tmp_path: Path) -> None:
    table = created(config(**UNLIMITED), tmp_path, FORMAT, seed=0)
    assert table.statistics()["size"] == 0
    table.start_phase(open_phase(), fresh=True)
    assert table.statistics(5)["priorities"] == {"counts": [], "edges": [], "mean": None}
    for number in range(4):
        table.insert(record(number, version=10 * number))
    table.update_priorities(np.array([3]), np.array([3]), np.array([0.1]))
    table.sample(2)
    statistics = json.loads(json.dumps(table.statistics(newest_version=40)))
    assert statistics["bytes_per_record"] == BYTES and statistics["bytes"] == 4 * BYTES
    assert statistics["capacity_bytes"] == 10 * BYTES
    assert (statistics["inserted"], statistics["sampled"], statistics["size"]) == (4, 1, 4)
    assert statistics["staleness"]["mean"] == 25  # 40, 30, 20, 10
    assert (statistics["staleness"]["edges"][0], statistics["staleness"]["edges"][-1]) == (10, 40)
    assert statistics["priorities"]["counts"][0] == 1 and statistics["priorities"]["counts"][-1] == 3
    assert statistics["priorities"]["mean"] == pytest.approx(0.4)
    assert table.statistics()["staleness"] is None


# Concurrency
