"""Location records as a table of the replay buffer stores them, and batches as the learner gets them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from numpy.typing import NDArray

from replay.config import ReplayConfig
from replay.core import LimiterSettings, RecordFormat, Sample, SelectorSettings, TableSpec
from replay.interaction.record import (
    RECORD_FIELDS,
    Batch,
    Fields,
    LabelledBatch,
    LocationRecord,
    SoftMaskBatch,
    check_record,
)

LOCATIONS = "locations"
"""Name of the table of location records."""


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
    return kind(**sample.columns, slots=sample.slots, insertion_ids=sample.insertion_ids, number=sample.number)


def record_format(fields: Fields) -> RecordFormat:
    """Records of these fields (`replay.interaction.record.record_fields`) for a table."""
    return RecordFormat(
        fields=fields,
        key_field="location",
        version_field="weights_version",
        to_columns=record_columns,
        to_batch=make_batch,
    )


LOCATION_RECORDS = record_format(RECORD_FIELDS)
"""Ordinary location records."""


def location_table(config: ReplayConfig, records: RecordFormat = LOCATION_RECORDS, uniform: bool = False) -> TableSpec:
    """The table LOCATIONS as the configuration wants it.

    Args:
        config: the group `replay`.
        records: of the actors' supervision (`record_format`).
        uniform: whether all records are sampled alike, whatever `replay.mode` says.
    """
    return TableSpec(
        records=records,
        selector=SelectorSettings(
            kind="uniform" if uniform or config.mode == "uniform" else "prioritized",
            initial_priority=config.initial_priority,
            once_a_round=config.without_replacement == "round",
        ),
        capacity=config.capacity,
        limiter=LimiterSettings(config.strict, config.locations_ahead, config.batches_ahead),
    )
