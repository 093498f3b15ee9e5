"""Framing: written messages follow the format, and broken input is recognised."""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import threading

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.wire.protocol import MAX_ACTION_BYTES, Field, MalformedAction, ReplyPipe, read_action, write_reply


def message(body: bytes, kind: int = 2) -> bytes:
    return struct.pack("!BI", kind, len(body)) + body + struct.pack("!BI", 255, 0)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(max_size=10), JSON_VALUES, max_size=5), max_size=4))
def test_actions_come_in_one_after_the_other(actions):
    stream = io.BytesIO(b"".join(message(json.dumps(action).encode()) for action in actions))
    assert [read_action(stream) for _ in actions] == actions
    with pytest.raises(EOFError):
        read_action(stream)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"3", b"null", b'"Pass"', b"\xff\xfe", b"[" * 100_000])
def test_a_message_without_an_action_leaves_the_next_one_readable(body):
    stream = io.BytesIO(message(body) + message(b'{"action": "Pass"}'))
    with pytest.raises(MalformedAction):
        read_action(stream)
    assert read_action(stream) == {"action": "Pass"}


END = struct.pack("!BI", 255, 0)
FIELD = struct.pack("!BI", 2, 2) + b"{}"
OTHER = struct.pack("!BI", 77, 3) + b"abc"
LONG = MAX_ACTION_BYTES + 1


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (END, "0 action fields"),
        (FIELD + FIELD + END, "2 action fields"),
        (OTHER + FIELD + END, "type 77"),
        (FIELD + OTHER + END, "type 77"),
        (FIELD + struct.pack("!BI", 255, 4) + b"tail", "4 bytes at its end"),
        (struct.pack("!BI", 2, LONG) + bytes(LONG) + END, f"{LONG} bytes"),
        (struct.pack("!BI", 0, LONG) + bytes(LONG) + FIELD + END, "type 0"),
    ],
)
def test_a_malformed_message_is_read_to_its_end(sent, said):
    stream = io.BytesIO(sent + message(b'{"action": "Pass"}'))
    with pytest.raises(MalformedAction, match=said):
        read_action(stream)
    assert read_action(stream) == {"action": "Pass"}


@given(st.binary(max_size=60))
def test_random_bytes_are_refused_until_they_end(data):
    stream = io.BytesIO(data)
    with pytest.raises(EOFError):
        while True:
            with contextlib.suppress(MalformedAction):
                read_action(stream)


@given(st.integers(0, 21))
def test_a_message_that_breaks_off_is_the_end(length):
    with pytest.raises(EOFError):
        read_action(io.BytesIO(message(b'{"action":1}')[:length]))


def test_a_reply_is_metadata_images_and_end():
    stream = io.BytesIO()
    rgb = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    depth = np.array([[1.5, 2.5]], dtype=np.float32)
    write_reply(stream, {"sequenceId": 7}, [(Field.RGB, rgb), (Field.DEPTH, depth.T)])
    data, fields = stream.getvalue(), []
    while data:
        kind, length = struct.unpack("!BI", data[:5])
        fields.append((kind, data[5 : 5 + length]))
        data = data[5 + length :]
    assert [kind for kind, _ in fields] == [1, 4, 5, 255]
    assert msgpack.loads(fields[0][1]) == {"sequenceId": 7}
    assert fields[1][1] == bytes(range(18))
    assert np.frombuffer(fields[2][1], np.float32).tolist() == [1.5, 2.5]


def test_a_reply_larger_than_the_pipe_arrives_whole(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    image = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    expected = io.BytesIO()
    write_reply(expected, {"sequenceId": 7}, [(Field.RGB, image)])

    def reply() -> None:
        with ReplyPipe(str(tmp_path / "pipe")) as pipe:
            write_reply(pipe, {"sequenceId": 7}, [(Field.RGB, image)])

    writer = threading.Thread(target=reply)
    writer.start()
    with open(tmp_path / "pipe", "rb") as received:
        assert received.read() == expected.getvalue()
    writer.join()
