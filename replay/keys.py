"""Which keys a table holds, so that a record that comes twice is stored once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from replay.ring import Ring


class Keys:
    """Slot of each key in a ring. Without a key field it holds none, and every record counts as new.

    The keys of records that a queue has removed stay known until their slots are written again.
    """

    def __init__(self, ring: Ring, field: str | None) -> None:
        self._ring = ring
        self._field = field
        self._slots: dict[int, int] = {}

    def of(self, columns: dict[str, NDArray[Any]]) -> int | None:
        """The key of a record, given by its fields."""
        return None if self._field is None else int(columns[self._field])

    def find(self, key: int | None) -> int | None:
        """The slot of a key; None if it is not there."""
        return None if key is None else self._slots.get(key)

    def before_append(self) -> None:
        """Forgets the key of the record that the ring is about to overwrite."""
        if self._field is not None:
            overwritten = int(self._ring.column(self._field)[self._ring.next_slot])
            if self._slots.get(overwritten) == self._ring.next_slot:
                del self._slots[overwritten]

    def appended(self, key: int | None, slot: int) -> None:
        """Learns the key of the record that was appended in a slot."""
        if key is not None:
            self._slots[key] = slot

    def add(self, slots: NDArray[np.int64]) -> None:
        """Learns the keys of the records in these slots."""
        if self._field is not None:
            self._slots.update(zip(self._ring.column(self._field)[slots].tolist(), slots.tolist(), strict=True))

    def clear(self) -> None:
        """Forgets all keys."""
        self._slots.clear()
