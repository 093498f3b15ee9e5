"""Who may enter: names of loopback, the page's own origin, and the token."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from cluster.play.access import COOKIE
from tests.cluster.play.fakes import FakeMode, app_of, client_of

TOKEN = "a-token-of-20-letters"
PATHS = ("/", "/api/modes", "/page/page.js", "/modes/fake/kit.js")


def local(**headers: str) -> TestClient:
    return client_of(app_of(FakeMode()), **headers)


def guarded(**headers: str) -> TestClient:
    return client_of(app_of(FakeMode(), token=TOKEN, host="0.0.0.0"), **{"host": "lab.example:8300"} | headers)


def enters(client: TestClient) -> bool:
    """Whether a websocket is accepted."""
    try:
        with client.websocket_connect("/socket/fake") as socket:
            socket.send_json({"do": "count"})
            return bool(socket.receive_json()["count"] == 1)
    except WebSocketDisconnect:
        return False


@pytest.mark.parametrize("host", ["127.0.0.1:8300", "localhost:9", "LOCALHOST", "[::1]:8300"])
def test_loopback_answers_to_its_own_names(host: str) -> None:
    client = local(host=host)
    assert [client.get(path).status_code for path in PATHS] == [200] * 4
    assert enters(client)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8300", "", "[bad"])
def test_loopback_refuses_other_names(host: str) -> None:
    client = local(host=host)
    assert [client.get(path).status_code for path in PATHS] == [403] * 4
    assert not enters(client)


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9", "null"])
def test_other_origins_are_refused(origin: str) -> None:
    client = local(origin=origin)
    assert client.get("/api/modes").status_code == 403
    assert not enters(client)


def test_the_own_origin_enters() -> None:
    client = local(origin="http://127.0.0.1:8300")
    assert client.get("/api/modes").json()[0]["about"] == {"colour": "blue"}
    assert enters(client)


def test_without_the_token_nothing_is_served() -> None:
    client = guarded()
    assert [client.get(path).status_code for path in PATHS] == [401] * 4
    assert not enters(client)


@pytest.mark.parametrize("token", ["", "a-token-of-20-letterz", TOKEN + "x", "é" * 20])
def test_a_wrong_token_does_not_enter(token: str) -> None:
    client = guarded()
    assert client.get("/", params={"token": token}).status_code == 401
    assert not client.cookies
    client.cookies.set(COOKIE, token.encode("ascii", "ignore").decode())
    assert client.get("/api/modes").status_code == 401
    assert not enters(guarded(cookie=f"{COOKIE}=a-token-of-20-letterz"))


def test_the_token_enters_once_and_stays_as_a_cookie() -> None:
    client = guarded(origin="http://lab.example:8300")
    answer = client.get("/", params={"token": TOKEN})
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert [client.get(path).status_code for path in PATHS] == [200] * 4
    assert enters(guarded(origin="http://lab.example:8300", cookie=f"other=1; {COOKIE}={TOKEN}"))


def test_the_token_opens_nothing_but_the_page() -> None:
    """An address with a token does not set the cookie elsewhere, and a websocket takes only the cookie."""
    client = guarded()
    assert client.get("/api/modes", params={"token": TOKEN}).status_code == 401
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/socket/fake?token={TOKEN}"):
        pass


@pytest.mark.parametrize("path", PATHS)
def test_answers_forbid_what_comes_from_elsewhere(path: str) -> None:
    headers = local().get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/docs",
        "/openapi.json",
        "/page/../config.py",
        "/page/%2e%2e/config.py",
        "/modes/fake/core.py",
        "/modes/no/kit.js",
    ],
)
def test_nothing_else_is_served(path: str) -> None:
    assert local().get(path).status_code == 404
