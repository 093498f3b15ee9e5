"""Location records in the table: validated, stored to the byte, and handed out as batches."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from replay.interaction.batch import LOCATION_RECORDS, record_format
from replay.interaction.record import (
    ORACLE_TOUCHES,
    RECORD_FIELDS,
    Batch,
    LabelledBatch,
    LocationRecord,
    SoftMaskBatch,
    SoftMaskRecord,
    make_record,
    record_fields,
)
from tests.replay.helpers import UNLIMITED, config, created, open_phase


def location(number: int) -> LocationRecord:
    """A record of noise, with its number."""
    generator = np.random.default_rng(number)
    values = {
        name: generator.integers(0, 100, shape).astype(dtype) if shape else np.array(number).astype(dtype)
        for name, (shape, dtype) in RECORD_FIELDS.items()
    }
    return LocationRecord(**values)


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    table = created(config(4, **UNLIMITED), tmp_path, LOCATION_RECORDS, seed=0)
    table.start_phase(open_phase(), fresh=True)
    for number in range(6):
        table.insert(location(number))
    batch = table.sample(4)
    assert isinstance(batch, Batch) and batch.number == 0
    assert sorted(batch.location.tolist()) == [2, 3, 4, 5]
    assert batch.insertion_ids.tolist() == batch.location.tolist()
    assert (batch.slots == batch.insertion_ids % 4).all()
    for row, number in enumerate(batch.location.tolist()):
        for field in fields(LocationRecord):
            stored, original = getattr(batch, field.name)[row], getattr(location(number), field.name)
            assert stored.dtype == original.dtype and np.array_equal(stored, original), field.name


def test_soft_masks_come_along(tmp_path: Path) -> None:
    table = created(config(4, **UNLIMITED), tmp_path, record_format(record_fields(soft_mask=True)), seed=0)
    table.start_phase(open_phase(), fresh=True)
    masks = np.random.default_rng(0).integers(256, size=(3, 100, 100)).astype(np.uint8)
    for number in range(3):
        table.insert(SoftMaskRecord(**vars(location(number)), soft_mask=masks[number]))
    batch = table.sample(3)
    assert isinstance(batch, SoftMaskBatch) and (batch.soft_mask == masks[batch.location]).all()
    with pytest.raises(ValueError, match="record field 'soft_mask' must be uint8"):
        table.insert(SoftMaskRecord(**vars(location(3)), soft_mask=masks[0].astype(np.float32)))


def test_rows_and_labels_of_an_oracle_come_along(tmp_path: Path) -> None:
    fields = record_fields(ORACLE_TOUCHES, labels=True)
    generator = np.random.default_rng(0)
    columns = {name: generator.integers(0, 80, shape).astype(dtype) for name, (shape, dtype) in fields.items()}
    columns["location"] = np.array(7)
    table = created(config(4, **UNLIMITED), tmp_path, record_format(fields), seed=0)
    table.start_phase(open_phase(prefill=1), fresh=True)
    table.insert(make_record(columns))
    batch = table.sample(1)
    assert isinstance(batch, LabelledBatch) and batch.masks.shape == (1, 100, 1250)
    for name in fields:
        np.testing.assert_array_equal(getattr(batch, name)[0], columns[name])
    columns["masks"] = columns["masks"][:20]
    with pytest.raises(ValueError, match=r"record field 'masks' must be uint8\(100, 1250\), not uint8\(20, 1250\)"):
        table.insert(make_record(columns))
    with pytest.raises(ValueError, match="a record must have the fields"):
        table.insert(location(8))


def test_a_malformed_record_is_refused_by_its_field(tmp_path: Path) -> None:
    table = created(config(4, **UNLIMITED), tmp_path, LOCATION_RECORDS, seed=0)
    table.start_phase(open_phase(), fresh=True)
    wrong = replace(location(0), depth=np.zeros((300, 300), np.float32))
    with pytest.raises(ValueError, match=r"record field 'depth' must be float16\(300, 300\), not float32\(300, 300\)"):
        table.insert(wrong)
    assert table.statistics()["size"] == 0


def test_the_version_of_the_weights_gives_the_staleness(tmp_path: Path) -> None:
    table = created(config(4, **UNLIMITED), tmp_path, LOCATION_RECORDS, seed=0)
    table.start_phase(open_phase(), fresh=True)
    for number in (0, 2):
        table.insert(location(number))
    assert table.statistics(newest_version=5)["staleness"]["mean"] == 4


def test_a_location_counts_once(tmp_path: Path) -> None:
    table = created(config(4, **UNLIMITED), tmp_path, LOCATION_RECORDS, seed=0)
    table.start_phase(open_phase(), fresh=True)
    assert [table.insert(location(number)).stored for number in (7, 7)] == [True, False]
