"""Framing of AI2-THOR's FIFO protocol: reads actions from and writes replies to binary streams (docs/ai2thor.md).

A message is one or more fields and the end-of-message field. A field is a header, `!BI` (type, length of the body), and
the body. The client sends one action field (JSON). The simulator answers with a metadata field (msgpack) and the raw
images, bottom row first. `simulator.wire.server` opens the pipes.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from io import FileIO
from typing import TYPE_CHECKING, Any, BinaryIO

import msgpack
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

HEADER = struct.Struct("!BI")
MAX_ACTION_BYTES = 16 * 1024 * 1024
"""Size of the longest action that is accepted; a longer one is read to its end and refused."""
_CHUNK = 1024 * 1024


class Field(IntEnum):
    """Types of the fields that this simulator reads or writes."""

    METADATA = 1
    ACTION = 2
    RGB = 4
    DEPTH = 5
    NORMALS = 6
    INSTANCES = 9
    END = 255


@dataclass(frozen=True)
class Packed:
    """A value of the metadata that is in msgpack's form already."""

    data: bytes


_STAND_IN = os.urandom(16)
"""What is packed in place of a `Packed`. No client can know it, so it appears nowhere else."""


class MalformedAction(Exception):
    """A message holds no valid action. It has been read to its end, so it can be answered with a failure."""


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _skip(stream: BinaryIO, size: int) -> None:
    while size > 0:
        size -= len(_read_exactly(stream, min(size, _CHUNK)))


def read_action(stream: BinaryIO) -> dict[str, Any]:
    """Reads one message and returns its action. Waits for as many bytes as the headers announce.

    Args:
        stream: buffered binary stream from the client.

    Raises:
        EOFError: the client closed the pipe.
        MalformedAction: the message does not hold one JSON object in one action field.
    """
    body = b""
    actions, problem = 0, ""
    while True:
        kind, length = HEADER.unpack(_read_exactly(stream, HEADER.size))
        if kind == Field.ACTION and length <= MAX_ACTION_BYTES:
            body = _read_exactly(stream, length)
        else:
            _skip(stream, length)
        if kind == Field.END:
            break
        if kind != Field.ACTION:
            problem = f"The message has a field of type {kind}; an action is one field of type {int(Field.ACTION)}."
        elif length > MAX_ACTION_BYTES:
            problem = f"The action has {length} bytes, more than {MAX_ACTION_BYTES}."
        actions += kind == Field.ACTION
    if not problem and (actions != 1 or length):
        problem = f"The message holds {actions} action fields and {length} bytes at its end, not 1 and 0."
    if problem:
        raise MalformedAction(problem)
    try:
        action = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedAction(f"The action is not JSON: {error}.") from None
    if not isinstance(action, dict):
        raise MalformedAction(f"The action must be a JSON object, not {type(action).__name__}.")
    return action


def event_metadata(agent: dict[str, Any], sequence: object, token: str) -> dict[str, Any]:
    """Metadata of a whole event.

    Args:
        agent: metadata of the only agent.
        sequence: the sequenceId of the action that is answered.
        token: the client's token.
    """
    return {
        "sequenceId": sequence,
        "activeAgentId": 0,
        "clientToken": token,
        "agents": [agent],
        "thirdPartyCameras": [],
    }


def _pack(metadata: dict[str, Any]) -> bytes:
    packed: list[bytes] = []

    def stand_in(value: Packed) -> bytes:
        packed.append(value.data)
        return _STAND_IN

    body: bytes = msgpack.packb(metadata, use_single_float=False, default=stand_in)
    # msgpack writes how many entries a list has, not how many bytes, so its entries may be replaced.
    for data in packed:
        body = body.replace(msgpack.packb(_STAND_IN), data, 1)
    return body


def write_reply(stream: BinaryIO, metadata: dict[str, Any], images: Iterable[tuple[Field, NDArray[Any]]]) -> None:
    """Writes one reply and flushes it.

    Args:
        stream: binary stream to the client.
        metadata: of the whole event, see `event_metadata`; only types that msgpack knows, and `Packed`.
        images: C-contiguous arrays (height, width[, channels]) of the field's dtype, bottom row first.
    """
    body = _pack(metadata)
    pieces: list[bytes | memoryview] = [HEADER.pack(Field.METADATA, len(body)), body]
    for kind, image in images:
        data = np.ascontiguousarray(image).data.cast("B")
        pieces += (HEADER.pack(kind, len(data)), data)
    pieces.append(HEADER.pack(Field.END, 0))
    stream.writelines(pieces)
    stream.flush()


class ReplyPipe(FileIO):
    """A pipe that is opened for writing and takes a whole reply in one system call.

    With a call for each piece the client wakes up for each: five switches between the processes instead of one.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, "wb")

    def writelines(self, lines: Iterable[ReadableBuffer]) -> None:
        """Writes all pieces, however many bytes the pipe takes at once."""
        left = [memoryview(line) for line in lines]
        while left:
            written = os.writev(self.fileno(), left)
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if written:
                left[0] = left[0][written:]
