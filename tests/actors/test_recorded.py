"""Records of other runs as tasks: what is found, what is refused, and what is pushed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.interaction.recorded import RecordedVisit, RecordError, RecordPlayer, count_masks, recorded_visits
from replay.core import Fields
from replay.interaction.batch import LOCATIONS
from replay.interaction.record import ORACLE_TOUCHES, RECORD_FIELDS, Feedback, LabelledRecord, record_fields
from replay.ring import Ring
from tests.learner.helpers import batch_of

LABELLED = record_fields(ORACLE_TOUCHES, labels=True)


def stored(folder: Path, size: int, fields: Fields = RECORD_FIELDS, **values: Any) -> Path:
    """Files of a table with the records of `batch_of`, three successful touches each, and one empty slot."""
    batch = batch_of(size)
    ring = Ring.create(folder, fields, size + 1)
    for index in range(size):
        columns = {name: np.zeros(shape, dtype) for name, (shape, dtype) in fields.items()}
        for name in RECORD_FIELDS:
            value = getattr(batch, name)[index]
            columns[name][tuple(slice(side) for side in value.shape)] = value
        for name, value in values.items():
            columns[name][...] = value
        ring.append(columns)
    ring.close()
    return folder


def test_all_records_are_found_in_a_run_or_in_the_folder_of_its_table(tmp_path: Path) -> None:
    folder = stored(tmp_path / "replay" / LOCATIONS, 2)
    for path in (tmp_path, tmp_path / "replay", folder):
        visits = recorded_visits(path, RECORD_FIELDS)
        assert visits == [RecordedVisit(folder, 0), RecordedVisit(folder, 1)]
    assert len({visit.key for visit in visits}) == 2
    assert count_masks(visits, labels=False) == 6 and count_masks(visits[:1], labels=False) == 3


def test_labelled_objects_are_counted(tmp_path: Path) -> None:
    visits = recorded_visits(stored(tmp_path / "labelled", 2, LABELLED, objects=4), LABELLED)
    assert count_masks(visits, labels=True) == 8


def test_other_records_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none does not exist$"):
        recorded_visits(tmp_path / "none", RECORD_FIELDS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match=r"empty holds no replay buffer of this kind of records: .*\.npy is missing"):
        recorded_visits(tmp_path / "empty", RECORD_FIELDS)
    plain = stored(tmp_path / "plain", 1)
    with pytest.raises(RecordError, match=r"points\.npy has other records than this run's actors\.supervision makes"):
        recorded_visits(plain, record_fields(ORACLE_TOUCHES))
    with pytest.raises(RecordError, match=r"plain holds no replay buffer of this kind of records: instances\.npy"):
        recorded_visits(plain, record_fields(labels=True))
    (plain / "depth.npy").write_bytes(b"damaged")
    with pytest.raises(RecordError, match=r"depth\.npy is missing or damaged"):
        recorded_visits(plain, RECORD_FIELDS)


def test_a_record_is_pushed_under_the_number_of_this_run(tmp_path: Path) -> None:
    folder = stored(tmp_path / "t", 2, LABELLED, weights_version=70, feedback=Feedback.MOVED)
    pushed: list[tuple[str, LabelledRecord]] = []

    def push(table: str, record: LabelledRecord) -> bool:
        pushed.append((table, record))
        return True

    player = RecordPlayer(LABELLED, touching=True, actor=5)
    player.load(np.zeros(3, dtype=np.float32))
    statistics = player.play(None, RecordedVisit(folder, 1), 41, {"random": 20}, 9, push)
    ((table, record),) = pushed
    assert table == LOCATIONS and isinstance(record, LabelledRecord)
    assert (int(record.location), int(record.weights_version)) == (41, 0), "numbers of another run mean nothing here"
    assert np.array_equal(record.image, batch_of(2).image[1]) and record.image.flags.owndata
    assert (statistics.number, statistics.actor, statistics.touches, statistics.stored) == (41, 5, 6, True)
    assert player.controller_keywords is None
    labels = RecordPlayer(LABELLED, touching=False, actor=5)
    assert labels.play(None, RecordedVisit(folder, 1), 42, {}, 9, push).touches == 0, "full supervision touches nothing"
