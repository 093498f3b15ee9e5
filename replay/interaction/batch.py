"""Location records as the memory bank stores them, and batches as the learner gets them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from numpy.typing import NDArray

from replay.bank import RecordFormat, Sample
from replay.interaction.record import (
    RECORD_FIELDS,
    Batch,
    Fields,
    LabelledBatch,
    LocationRecord,
    SoftMaskBatch,
    check_record,
)


def record_columns(record: LocationRecord) -> dict[str, NDArray[Any]]:
    """The fields of a record by name. Raises ValueError naming the first whose shape or dtype is wrong."""
    check_record(record)
    return {field.name: getattr(record, field.name) for field in fields(record)}


def make_batch(sample: Sample) -> Batch:
    """The batch of a sample, of whichever kind its records are."""
    kind: type[Batch] = Batch
    if "soft_mask" in sample.columns:
        kind = SoftMaskBatch
    elif "instances" in sample.columns:
        kind = LabelledBatch
    return kind(**sample.columns, slots=sample.slots, stamps=sample.stamps, number=sample.number)


def record_format(fields: Fields) -> RecordFormat:
    """Records of these fields (`replay.interaction.record.record_fields`) for a memory bank."""
    return RecordFormat(
        fields=fields,
        key_field="location",
        version_field="weights_version",
        to_columns=record_columns,
        to_batch=make_batch,
    )


LOCATION_RECORDS = record_format(RECORD_FIELDS)
"""Ordinary location records for `replay.bank.MemoryBank` and `replay.shell.start_replay`."""
