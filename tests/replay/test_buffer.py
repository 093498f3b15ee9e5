"""Several tables in one replay buffer, and the layout of older versions."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from replay.buffer import ReplayBuffer
from replay.core import LimiterSettings, PhaseFinished, Receipt, SelectorSettings, TableSpec
from replay.layout import (
    REPLAY_FOLDER,
    find_state,
    holds_state,
    is_used,
    remove_tables,
    run_folder,
    table_folder,
    table_folders,
)
from replay.limiter import Phase
from replay.state_file import read_state, write_state
from tests.replay.helpers import FORMAT, UNLIMITED, config, numbers, open_phase, record, spec
from tests.replay.test_persistence import half_way, play_rounds

FREE = LimiterSettings(strict=False, records_ahead=10**6, batches_ahead=10**6)
SPECS = {
    "locations": spec(config(10, **UNLIMITED)),
    "unrolls": TableSpec(FORMAT, SelectorSettings("queue"), 6, FREE),
}
CONSUMED = Phase(prefill=2, records_per_round=1, batches_per_round=(1,) * 40, batch_size=1)


def filled(folder: Path) -> ReplayBuffer:
    """Both tables in a phase, with records 0 to 7 and 100 to 104."""
    buffer = ReplayBuffer(SPECS, folder, seed=1)
    buffer.start_phase({"locations": open_phase(), "unrolls": CONSUMED})
    for number in range(8):
        buffer.insert("locations", record(number), timeout=0)
    for number in range(100, 105):
        buffer.insert("unrolls", record(number), timeout=0)
    return buffer


def test_tables_are_apart(tmp_path: Path) -> None:
    buffer = filled(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locations", "unrolls"]
    assert numbers(buffer.sample("unrolls", 2, timeout=0).columns) == [100, 101]
    batch = buffer.sample("locations", 8, timeout=0)
    assert sorted(numbers(batch.columns)) == list(range(8)) and batch.number == 0
    assert buffer.update_priorities("locations", batch.slots, batch.insertion_ids, np.full(8, 0.1)) == 8
    statistics = buffer.statistics(newest_version=4)
    assert {name: table["size"] for name, table in statistics.items()} == {"locations": 8, "unrolls": 3}
    assert statistics["locations"]["priorities"]["mean"] == pytest.approx(0.1)
    assert statistics["unrolls"]["priorities"] is None
    assert statistics["unrolls"]["staleness"]["mean"] == 4


def test_all_tables_are_saved_and_restored_together(tmp_path: Path) -> None:
    buffer = filled(tmp_path / "a")
    buffer.sample("unrolls", 2, timeout=0)
    buffer.sample("locations", 3, timeout=0)
    saved = buffer.save(tmp_path / "step_1")
    files = sorted((tmp_path / "step_1").iterdir())
    assert [path.name for path in files] == ["replay-locations.npz", "replay-unrolls.npz"]
    assert saved.folder == tmp_path / "step_1" and saved.state_bytes == sum(path.stat().st_size for path in files)
    assert saved.record_bytes == 13 * buffer.statistics()["unrolls"]["bytes_per_record"]
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    again = ReplayBuffer.restore(SPECS, tmp_path / "b", tmp_path / "step_1")
    again.continue_phase({"locations": (1, None), "unrolls": (1, CONSUMED)})
    for table, size in (("locations", 5), ("locations", 5), ("unrolls", 3)):
        expected, found = buffer.sample(table, size, timeout=0), again.sample(table, size, timeout=0)
        if table == "locations":
            assert expected.slots.tolist() == found.slots.tolist()
            assert expected.insertion_ids.tolist() == found.insertion_ids.tolist()
    assert buffer.statistics()["locations"]["sampled"] == again.statistics()["locations"]["sampled"] == 3


def test_a_table_without_a_phase_takes_no_part(tmp_path: Path) -> None:
    buffer = filled(tmp_path)
    buffer.start_phase({"unrolls": CONSUMED}, fresh={"unrolls"})
    assert buffer.insert("locations", record(50)) == Receipt(-1, -1, stored=False)
    with pytest.raises(PhaseFinished):
        buffer.sample("locations", 1)
    sizes = {name: table["size"] for name, table in buffer.statistics().items()}
    assert sizes == {"locations": 8, "unrolls": 0}, "what takes no part keeps its records"
    assert buffer.insert("unrolls", record(200)).stored
    buffer.start_phase({"locations": open_phase(prefill=0)})
    assert buffer.insert("locations", record(50)).stored
    buffer.end_phase()
    assert not buffer.insert("locations", record(51)).stored


def test_a_phase_that_one_table_refuses_changes_none(tmp_path: Path) -> None:
    buffer = filled(tmp_path)
    with pytest.raises(ValueError, match=r"consume 30 records, but only 5 come"):
        blocking = Phase(prefill=4, records_per_round=1, batches_per_round=(15,), batch_size=2)
        buffer.start_phase({"locations": open_phase(), "unrolls": blocking}, fresh={"locations", "unrolls"})
    assert buffer.statistics()["locations"]["size"] == 8
    for phases, fresh in (({"moves": open_phase()}, ()), ({}, {"moves"})):
        with pytest.raises(ValueError, match="no replay table 'moves': the tables are locations, unrolls"):
            buffer.start_phase(phases, fresh)


def test_wrong_folders_and_names(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"named by a word that begins with a letter, not '\.\./up'"):
        ReplayBuffer({"../up": SPECS["locations"]}, tmp_path, seed=0)
    with pytest.raises(ValueError, match="at least one table"):
        ReplayBuffer({}, tmp_path, seed=0)
    buffer = filled(tmp_path)
    buffer.save()
    buffer.close()
    with pytest.raises(ValueError, match="holds a saved replay table 'locations': restore it or choose another folder"):
        ReplayBuffer(SPECS, tmp_path, seed=0)
    (tmp_path / "replay-unrolls.npz").unlink()
    with pytest.raises(ValueError, match=r"replay-unrolls\.npz does not exist: no replay table was saved there"):
        ReplayBuffer.restore(SPECS, tmp_path)
    locations = {"locations": SPECS["locations"]}
    assert ReplayBuffer.restore(locations, tmp_path).statistics()["locations"]["size"] == 8, "the refusal left it free"


# The layout of older versions


def old_run(run: Path) -> Path:
    """A run's folder as the version before several tables left it, with a checkpoint; returns the checkpoint."""
    half_way(run / "bank").close()
    table = half_way(run / "other")
    table.save(run / "state.npz")
    table.close()
    shutil.rmtree(run / "other")
    state = read_state(run / "state.npz")
    (run / "state.npz").unlink()
    state["stamps"] = state.pop("insertion_ids")
    state["ring"]["next_stamp"] = state["ring"].pop("next_id")
    state["phase"]["locations_per_round"] = state["phase"].pop("records_per_round")
    write_state(run / "checkpoints" / "step_9" / "bank.npz", state)
    return run / "checkpoints" / "step_9"


def test_a_run_of_an_older_version_continues_exactly(tmp_path: Path) -> None:
    checkpoint = old_run(tmp_path)
    assert holds_state(checkpoint) and table_folders(tmp_path) == [tmp_path / "bank"]
    assert find_state(checkpoint, "unrolls") == checkpoint / "replay-unrolls.npz", "the old state is of one table"
    settings = config(10, locations_ahead=4, batches_ahead=3)
    buffer = ReplayBuffer.restore({"locations": spec(settings)}, tmp_path / REPLAY_FOLDER, checkpoint)
    assert not (tmp_path / "bank").exists() and table_folders(tmp_path) == [tmp_path / "replay" / "locations"]
    expected = half_way(tmp_path / "compared")
    for a, b in zip(
        play_rounds(expected, 12, rounds=2), play_rounds(buffer.table("locations"), 12, rounds=2), strict=True
    ):
        assert a.insertion_ids.tolist() == b.insertion_ids.tolist() and a.slots.tolist() == b.slots.tolist()
    assert buffer.statistics()["locations"]["replaced"] == 0
    buffer.save(checkpoint)
    buffer.close()
    again = ReplayBuffer.restore({"locations": spec(settings)}, tmp_path / REPLAY_FOLDER, checkpoint)
    assert again.statistics()["locations"]["sampled"] == 22, "the newer state counts"


def test_places_of_both_layouts(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    (new / "replay" / "locations").mkdir(parents=True)
    (old / "bank").mkdir(parents=True)
    for path in (new, new / "replay", new / "replay" / "locations"):
        assert table_folder(path, "locations") == new / "replay" / "locations" and run_folder(path) == new
    for path in (old, old / "bank"):
        assert table_folder(path, "locations") == old / "bank" and run_folder(path) == old
    assert not is_used(new) and not is_used(old)
    half_way(old / "bank")
    assert is_used(old)
    for run in (new, old):
        remove_tables(run)
        assert table_folders(run) == []
