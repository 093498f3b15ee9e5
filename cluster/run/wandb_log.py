"""Reads, writes and joins W&B's transaction logs (`run-ID.wandb`).

W&B starts a new log whenever an offline run is resumed, and `wandb sync` of a later log replaces what an earlier one
sent. Therefore all parts of a resumed run are joined into one log.

A log has a header of seven bytes, then records in LevelDB's log format: blocks of 32 KiB, in which each piece of a
record has a checksum, a length, and a type (whole, first, middle, last). A record is a protocol buffer
(`wandb.proto.wandb_internal_pb2.Record`).
"""

from __future__ import annotations

import json
import shutil
import struct
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from common.files import atomic

HEADER = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
BLOCK = 32768
PIECE = struct.Struct("<IHB")
"""Checksum of type and data, length of the data, type."""
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4
END_TIMEOUT_S = 10.0
"""Maximum wait for the last record of a run; without it the run would be sent as crashed."""


def read_log(path: Path) -> Iterator[bytes]:
    """The serialised records of a log, up to its end or to the first damaged record."""
    data = path.read_bytes()
    if data[: len(HEADER)] != HEADER:
        return
    position, record = len(HEADER), b""
    while True:
        if BLOCK - position % BLOCK < PIECE.size:
            position += BLOCK - position % BLOCK  # zeros fill the end of a block that no piece fits into
        if position + PIECE.size > len(data):
            return
        checksum, length, kind = PIECE.unpack_from(data, position)
        piece = data[position + PIECE.size : position + PIECE.size + length]
        if len(piece) < length or zlib.crc32(bytes([kind]) + piece) != checksum:
            return
        position += PIECE.size + length
        record = piece if kind in (WHOLE, FIRST) else record + piece
        if kind in (WHOLE, LAST):
            yield record


def write_log(path: Path, records: Iterable[bytes]) -> None:
    """Writes a log, atomically."""
    with atomic(path) as file:
        file.write(HEADER)
        position = len(HEADER)
        for record in records:
            start = 0
            while True:
                space = BLOCK - position % BLOCK
                if space < PIECE.size:
                    file.write(bytes(space))
                    position += space
                    continue
                piece = record[start : start + space - PIECE.size]
                first, last = start == 0, start + len(piece) == len(record)
                kind = WHOLE if first and last else FIRST if first else LAST if last else MIDDLE
                file.write(PIECE.pack(zlib.crc32(bytes([kind]) + piece), len(piece), kind) + piece)
                position += PIECE.size + len(piece)
                start += len(piece)
                if last:
                    break


def wait_for_end(part: Path) -> None:
    """Waits until W&B has written the last record of a finished run, as `run.finish()` does not.

    Args:
        part: W&B's folder of the run.
    """
    (log,) = part.glob("run-*.wandb")
    deadline = time.monotonic() + END_TIMEOUT_S
    while time.monotonic() < deadline:
        records = [record_class().FromString(data) for data in read_log(log)]
        if any(record.WhichOneof("record_type") == "exit" for record in records):
            return
        time.sleep(0.05)


def record_class() -> Any:
    """W&B's protocol buffer class of a record."""
    from wandb.proto import wandb_internal_pb2

    return wandb_internal_pb2.Record  # type: ignore[attr-defined]  # defined at import


def join_parts(parts: Sequence[Path], rows: Sequence[Mapping[str, Any]] = ()) -> None:
    """Joins all parts of an offline run into the last part, and removes the earlier offline parts.

    The joined log has the run record and the start time of the first part, the exit record of the last part, and each
    row of the history once.

    Args:
        parts: W&B's folders of the run (`offline-run-…` or `run-…`), oldest first.
        rows: the run's rows of metrics; the index is the step. W&B writes seconds late, so rows that a killed part did
            not write are taken from here, without images and histograms.
    """
    *earlier, last = parts
    if not earlier:
        return
    logs = [path for part in parts for path in part.glob("run-*.wandb")]
    write_log(next(last.glob("run-*.wandb")), _joined(logs, rows))
    for part in earlier:
        _add_files(part / "files", last / "files")
        if part.name.startswith("offline-"):
            shutil.rmtree(part)


def _joined(logs: Sequence[Path], rows: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    """The serialised records of the joined log, numbered from 1."""
    for number, record in enumerate(_records(logs, rows), start=1):
        record.num = number
        yield record.SerializeToString()


def _records(logs: Sequence[Path], rows: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    """The records of the joined log."""
    Record = record_class()
    parts = [[Record.FromString(data) for data in read_log(log)] for log in logs]
    kinds = [[record.WhichOneof("record_type") for record in part] for part in parts]
    written = {
        record.history.step.num
        for part, names in zip(parts, kinds, strict=True)
        for record, kind in zip(part, names, strict=True)
        if kind == "history"
    }
    missing = [step for step in range(len(rows)) if step not in written]
    done: set[int] = set()
    for index, (part, names) in enumerate(zip(parts, kinds, strict=True)):
        for record, kind in zip(part, names, strict=True):
            if index and kind == "header" or index < len(logs) - 1 and kind in ("exit", "final", "footer"):
                continue
            if index and kind == "run":  # keeps only the values overridden on resume
                record = Record(config=record.run.config)
            if kind == "history":
                step = record.history.step.num
                if step in done:
                    continue
                done.add(step)
                while missing and missing[0] < step:
                    yield _row(rows[missing[0]], missing.pop(0))
            if kind == "exit":
                while missing:
                    yield _row(rows[missing[0]], missing.pop(0))
            yield record


def _row(values: Mapping[str, Any], step: int) -> Any:
    """A history record of one row of metrics."""
    record = record_class()()
    record.history.step.num = step
    for name, value in {**values, "_step": step}.items():
        if value is not None:
            record.history.item.add(nested_key=[name], value_json=json.dumps(value))
    return record


def _add_files(source: Path, target: Path) -> None:
    """Copies files of `source` that `target` lacks."""
    for path in sorted(source.rglob("*")):
        own = target / path.relative_to(source)
        if path.is_file() and not own.exists():
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, own)
