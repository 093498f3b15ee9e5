"""Who may use the page: checks of every request and websocket, before any other code sees it.

- Loopback: a web page of a stranger may try to reach the server through the visitor's browser. Its script sends the
  stranger's name as Host (after DNS rebinding) or as Origin; both are refused.
- Other addresses: a token is needed. The printed address carries it once (`/?token=...`); a cookie, which other sites'
  pages cannot send, carries it afterwards.
"""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cluster.play.config import is_loopback

COOKIE = "playpen_token"
PARAMETER = "token"
POLICY = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""Headers of all answers: the page loads nothing from elsewhere, and no other page embeds it."""


class Access:
    """Middleware that refuses what may not enter.

    Args:
        app: the application behind it.
        host: address that the server listens on.
        token: needed for everything; None: no token is needed.
    """

    def __init__(self, app: ASGIApp, host: str, token: str | None) -> None:
        self._app = app
        self._token = token
        self._names = {"localhost", "127.0.0.1", "::1", host} if is_loopback(host) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(POLICY)
            await send(message)

        answer = self._answer(scope)
        if answer is None:
            await self._app(scope, receive, send_with_policy)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})  # before accept: HTTP 403
        else:
            await answer(scope, receive, send_with_policy)

    def _answer(self, scope: Scope) -> Response | None:
        """What a request is answered with instead of being let in; None lets it in."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._names is not None and host_name(host) not in self._names:
            return PlainTextResponse("This server answers only to the names of this machine's loopback.", 403)
        if origin is not None and urlsplit(origin).netloc != host:
            return PlainTextResponse("Requests from other sites' pages are refused.", 403)
        if self._token is None:
            return None
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get(PARAMETER, [])
        if scope["type"] == "http" and scope["path"] == "/" and any(map(self._fits, given)):
            answer = RedirectResponse("/", 303)  # the token disappears from the address bar and the history
            answer.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
            return answer
        if self._fits(cookie_of(headers)):
            return None
        return PlainTextResponse("Open the address that ./playpen play printed; it carries the token.", 401)

    def _fits(self, given: str) -> bool:
        assert self._token is not None
        return secrets.compare_digest(given.encode("utf-8"), self._token.encode("utf-8"))


def cookie_of(headers: Headers) -> str:
    """The token in a request's cookies; empty without one."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def host_name(host: str) -> str:
    """The name in a Host header, in small letters, without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
