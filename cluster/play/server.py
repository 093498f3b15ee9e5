"""The page's application: static files, what each mode is about, and a websocket for each session."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, WebSocket
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from cluster.play.access import Access
from cluster.play.core import Mode
from cluster.play.sessions import Sessions

PAGE = Path(__file__).parent / "page"
"""Folder of the page's own files."""


def make_app(modes: Sequence[Mode], sessions: Sessions, host: str, token: str | None) -> FastAPI:
    """Makes the application.

    Args:
        modes: tabs of the page, in their order.
        sessions: runs the sessions.
        host: address that the server listens on, see `Access`.
        token: see `Access`.
    """
    # The pages that FastAPI makes of an interface load scripts from elsewhere.
    app = FastAPI(title="Playpen", docs_url=None, redoc_url=None, openapi_url=None)
    by_name = {mode.name: mode for mode in modes}

    @app.get("/")
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/api/modes")
    def about() -> list[dict[str, Any]]:
        return [
            {"name": mode.name, "title": mode.title, "script": mode.scripts[0].name, "about": mode.about()}
            for mode in modes
        ]

    @app.get("/modes/{name}/{file}")
    async def script(name: str, file: str) -> FileResponse:
        scripts = by_name[name].scripts if name in by_name else ()
        found = next((path for path in scripts if path.name == file), None)
        if found is None:
            raise HTTPException(404, f"The page has no script '{file}' of a mode '{name}'.")
        return FileResponse(found, media_type="text/javascript")

    @app.websocket("/socket/{name}")
    async def socket(socket: WebSocket, name: str) -> None:
        if name not in by_name:
            await socket.close()
            return
        await sessions.run(socket, by_name[name])

    app.mount("/page", StaticFiles(directory=PAGE))
    app.add_middleware(Access, host=host, token=token)  # the last one added is the first that sees a request
    return app
