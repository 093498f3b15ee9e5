"""Location records as the memory bank stores them, and batches as the learner gets them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from numpy.typing import NDArray

from replay.bank import RecordFormat, Sample
from replay.interaction.record import (
    RECORD_FIELDS,
    SOFT_MASK_FIELDS,
    Batch,
    LocationRecord,
    SoftMaskBatch,
    check_record,
)


def record_columns(record: LocationRecord) -> dict[str, NDArray[Any]]:
    """The fields of a record by name. Raises ValueError naming the first whose shape or dtype is wrong."""
    check_record(record)
    return {field.name: getattr(record, field.name) for field in fields(record)}


def make_batch(sample: Sample) -> Batch:
    """The batch of a sample."""
    return Batch(**sample.columns, slots=sample.slots, stamps=sample.stamps, number=sample.number)


def make_soft_mask_batch(sample: Sample) -> SoftMaskBatch:
    """The batch of a sample of records with soft masks."""
    return SoftMaskBatch(**sample.columns, slots=sample.slots, stamps=sample.stamps, number=sample.number)


LOCATION_RECORDS = RecordFormat(
    fields=RECORD_FIELDS,
    key_field="location",
    version_field="weights_version",
    to_columns=record_columns,
    to_batch=make_batch,
)
"""Location records for `replay.bank.MemoryBank` and `replay.shell.start_replay`."""

SOFT_MASK_RECORDS = RecordFormat(
    fields=SOFT_MASK_FIELDS,
    key_field="location",
    version_field="weights_version",
    to_columns=record_columns,
    to_batch=make_soft_mask_batch,
)
"""The same of locations whose touches were filmed (actors.mask_source: video_pca)."""


def record_format(mask_source: str) -> RecordFormat:
    """The records of actors whose masks come from there (actors.mask_source)."""
    return SOFT_MASK_RECORDS if mask_source == "video_pca" else LOCATION_RECORDS
