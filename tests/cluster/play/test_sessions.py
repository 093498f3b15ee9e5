"""Sessions over websockets: bad messages, deaths of simulators, limits, and the end of the connection."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect
from websockets.sync.client import ClientConnection, connect

from actors.controller import SimulatorError
from cluster.play.core import SimulatorSlot
from cluster.play.sessions import MOST_CHARACTERS, MOST_WAITING, sentence
from tests.cluster.play.fakes import FakeMode, app_of, client_of, served


def connected(mode: FakeMode, most: int = 4, idle_s: float = 60.0) -> WebSocketTestSession:
    return client_of(app_of(mode, most=most, idle_s=idle_s)).websocket_connect("/socket/fake")


def hang(mode: FakeMode, socket: ClientConnection) -> None:
    """Lets the session work until it is closed."""
    for message in ("count", "hang"):
        socket.send(json.dumps({"do": message}))
    assert json.loads(socket.recv(10)) == {"count": 1}
    assert mode.sessions[0].entered.wait(10)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("no json", 'A message must be JSON, not "no json".'),
        ("[" * 50_000, "A message must be JSON, not"),
        ("[1]", 'A message must be a JSON object with the text "do", not "[1]".'),
        ('{"do": 3}', 'A message must be a JSON object with the text "do"'),
        ("9" * 60_000, "A message must be JSON"),
        ('{"do": "count", "by": 10}', '"by" must be a whole number from 1 to 9, not 10.'),
        ('{"do": "count", "by": true}', '"by" must be a whole number from 1 to 9, not True.'),
        ('{"do": "count", "by": 1e999}', '"by" must be a whole number from 1 to 9, not inf.'),
        ('{"do": "fly"}', "Unknown."),
        ('{"do": "refuse"}', "That is not possible."),
        ('{"do": "break"}', "A defect of the program: KeyError: 'a defect'."),
        ("x" * (MOST_CHARACTERS + 1), f"a message must have at most {MOST_CHARACTERS} characters, not 65537."),
    ],
    ids=lambda value: value[:20],
)
def test_bad_messages_get_an_error_and_the_session_goes_on(message: str, error: str) -> None:
    mode = FakeMode()
    with connected(mode) as socket:
        socket.send_json({"do": "count", "id": 1})
        assert socket.receive_json() == {"count": 1, "id": 1}
        socket.send_text(message)
        reply = socket.receive_json()
        assert reply["error"].startswith(error) and "count" not in reply
        socket.send_json({"do": "count", "id": 2})
        assert socket.receive_json() == {"count": 2, "id": 2}
    assert len(mode.sessions) == 1 and mode.sessions[0].closed.is_set() and not mode.sessions[0].restarts


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("outputs/a/b: is not JSON", "outputs/a/b: is not JSON."),
        ("places.json: is not JSON", "places.json: is not JSON."),
        ("no. That is wrong!", "No. That is wrong!"),
        ("nothing in outputs/a", "Nothing in outputs/a."),
        ("", "ValueError."),
    ],
)
def test_a_sentence_begins_with_a_capital_unless_with_a_path(words: str, expected: str) -> None:
    assert sentence(ValueError(words)) == expected


def test_a_binary_message_gets_an_error() -> None:
    with connected(FakeMode()) as socket:
        socket.send_bytes(b"\xff" * 100)
        assert socket.receive_json() == {"error": "a message must be text, not binary."}
        socket.send_json({"do": "count"})
        assert socket.receive_json() == {"count": 1}


def test_a_dead_simulator_is_one_sentence_and_a_new_beginning() -> None:
    mode = FakeMode()
    with connected(mode) as socket:
        for message in ({"do": "count"}, {"do": "die", "id": 7}, {"do": "count"}):
            socket.send_json(message)
        assert socket.receive_json() == {"count": 1}
        assert socket.receive_json() == {
            "id": 7,
            "count": 0,
            "notice": "Simulator 'fake' was killed by signal SIGKILL during Pass. "
            "A new simulator was started, and this begins again.",
        }
        assert socket.receive_json() == {"count": 1}
    assert mode.sessions[0].restarts == 1


def test_a_simulator_that_does_not_start_again_is_one_sentence_too() -> None:
    with connected(FakeMode()) as socket:
        socket.send_json({"do": "die", "for_good": True, "id": 7})
        error = socket.receive_json()["error"]
        assert error.endswith("during Pass. It could not be started again: Simulator 'fake' did not start.")
        socket.send_json({"do": "count"})
        assert socket.receive_json() == {"count": 1}


def test_at_most_so_many_sessions() -> None:
    mode = FakeMode()
    client = client_of(app_of(mode, most=1))
    with client.websocket_connect("/socket/fake") as first:
        with client.websocket_connect("/socket/fake") as second:
            assert second.receive_json()["ended"].startswith("1 session is open, as many as max_sessions allows")
            with pytest.raises(WebSocketDisconnect):
                second.receive_json()
        first.send_json({"do": "count"})
        assert first.receive_json() == {"count": 1}
    with client.websocket_connect("/socket/fake") as third:
        third.send_json({"do": "count"})
        assert third.receive_json() == {"count": 1}
    assert len(mode.sessions) == 2


def test_an_idle_session_ends() -> None:
    mode = FakeMode()
    with connected(mode, idle_s=0.06) as socket:
        assert socket.receive_json() == {"ended": "The session ended after 0.001 minutes without a message."}
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()
    assert mode.sessions[0].closed.is_set()


def test_an_unknown_mode_has_no_session() -> None:
    with pytest.raises(WebSocketDisconnect), client_of(app_of(FakeMode())).websocket_connect("/socket/other"):
        pass


def test_closing_the_tab_ends_a_session_in_the_middle_of_a_step() -> None:
    mode = FakeMode()
    with served(app_of(mode)) as address:
        with connect(address.replace("http", "ws") + "/socket/fake") as socket:
            hang(mode, socket)
            assert not mode.sessions[0].closed.is_set()
        assert mode.sessions[0].closed.wait(10)


def test_the_end_of_the_server_ends_a_session_in_the_middle_of_a_step() -> None:
    mode = FakeMode()
    with ExitStack() as stack:
        with served(app_of(mode)) as address:
            socket = stack.enter_context(connect(address.replace("http", "ws") + "/socket/fake"))
            hang(mode, socket)
        assert mode.sessions[0].closed.is_set()


def test_too_many_waiting_messages_are_dropped_with_an_error() -> None:
    mode = FakeMode()
    with served(app_of(mode)) as address, connect(address.replace("http", "ws") + "/socket/fake") as socket:
        hang(mode, socket)
        for _ in range(MOST_WAITING + 1):
            socket.send(json.dumps({"do": "count"}))
        assert "16 messages are waiting" in json.loads(socket.recv(10))["error"]


def test_a_huge_message_over_a_real_connection_gets_an_error() -> None:
    with served(app_of(FakeMode())) as address, connect(address.replace("http", "ws") + "/socket/fake") as socket:
        socket.send("x" * 3_000_000)
        assert "at most 65536 characters" in json.loads(socket.recv(10))["error"]
        socket.send(json.dumps({"do": "count"}))
        assert json.loads(socket.recv(10)) == {"count": 1}


def test_a_session_that_was_closed_starts_no_simulator() -> None:
    slot = SimulatorSlot(lambda: pytest.fail("it started one"))
    slot.close()
    with pytest.raises(SimulatorError, match="the session was closed"):
        slot.get()
