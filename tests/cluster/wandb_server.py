"""A server that answers W&B's client as far as a run and `wandb sync` need; it stands in for a network that is lost."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """Keeps the lines of history that it was sent, by their number, and the names of the files."""

    daemon_threads = True
    history: dict[int, dict[str, Any]]
    files: set[str]
    answering = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def body(self) -> bytes:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

    def reply(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self.reply({})

    def do_PUT(self) -> None:
        self.body()
        self.server.files.add(self.path.removeprefix("/upload/"))
        self.reply({})

    def do_POST(self) -> None:
        body = self.body()
        if not self.server.answering:
            self.connection.close()
            return
        value = json.loads(body)
        if not self.path.endswith("/graphql"):
            sent = (value.get("files") or {}).get("wandb-history.jsonl")
            if sent:
                for number, line in enumerate(sent["content"], start=sent["offset"]):
                    self.server.history[number] = json.loads(line)
            self.reply({"limits": {}, "exitcode": None})
            return
        query, variables = value["query"], value.get("variables") or {}
        data: dict[str, Any] = {}
        if "upsertBucket" in query:
            project = {"id": "p", "name": "test", "entity": {"id": "e", "name": "me"}}
            bucket = {"id": "b", "name": variables.get("name"), "config": "{}", "project": project}
            data = {
                "upsertBucket": {"bucket": bucket | {"displayName": "run", "historyLineCount": 0}, "inserted": True}
            }
        elif "createRunFiles" in query:
            files = [{"name": name, "uploadUrl": f"{self.server.address}/upload/{name}"} for name in variables["files"]]
            data = {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}
        self.reply({"data": data})


@contextmanager
def wandb_server() -> Iterator[Server]:
    """A server on a free port of loopback."""
    server = Server(("127.0.0.1", 0), Handler)
    server.history, server.files = {}, set()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
