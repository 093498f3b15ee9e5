"""Records a run's metrics: metrics.jsonl, metrics.csv, and Weights & Biases."""

from __future__ import annotations

import contextlib
import csv
import http.client
import io
import json
import os
import secrets
import shlex
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster.run.config import TrackingConfig, first_line
from cluster.run.wandb_log import join_parts, wait_for_end
from common.errors import RunError
from common.files import write_text
from common.output import print_message

METRICS = "metrics.jsonl"
"""One JSON object per line, appended and flushed during the run, so that a crash loses nothing."""
WANDB_ID = "wandb_id"
"""Holds the id of the W&B run, which a resumed run continues."""
UNSENT = ".unsent"
"""Marks W&B's folder of an online run that was not sent completely."""
REACH_TIMEOUT_S = 3.0
"""Maximum wait for any answer of W&B's server."""
INIT_TIMEOUT_S = 15.0
"""Maximum wait for W&B's server to start a run."""
FINISH_TIMEOUT_S = 60.0
"""Maximum wait for W&B's server to receive the rest of a run."""


class Tracker:
    """Writes rows of metrics to `metrics.jsonl` and to W&B.

    A W&B error after the start is reported once, and the run continues without W&B.
    """

    def __init__(self, config: TrackingConfig, folder: Path, run_config: Mapping[str, Any], name: str) -> None:
        """Opens the files and the W&B run.

        Args:
            config: W&B settings.
            folder: the run's folder; W&B's own files go to `folder/wandb`.
            run_config: the resolved configuration, stored with the W&B run.
            name: display name of the W&B run.

        Raises:
            RunError: W&B does not start although `tracking.mode` is online, such as without a login or a network.
        """
        self.folder = folder
        self.started = time.monotonic()
        self.rows = remove_partial_line(folder / METRICS)
        self.file = (folder / METRICS).open("a", encoding="utf-8")
        self.wandb: Any = None
        self.run: Any = None
        self.name, self.config, self.run_config = name, config, run_config
        try:
            mode = wandb_mode(config.mode)
        except Exception as error:  # such as WANDB_MODE=nonsense
            if config.mode == "online":
                self.file.close()
                raise RunError(f"tracking.mode=online: W&B refuses its settings ({first_line(error)})") from error
            self.disable_wandb(error)
            return
        if mode == "disabled":
            return
        import wandb

        self.wandb = wandb
        if mode == "online" and config.mode == "auto" and self.parts():
            mode = "offline"  # earlier rows are not on the server
            print_message(
                "W&B stays offline because earlier parts of this run are offline; all parts are sent together"
            )
        if mode == "online":
            try:
                self.start("online")
                return
            except Exception as error:  # of W&B, its service, or the network
                reason = " ".join(str(error).split())
                if config.mode == "online":
                    self.file.close()
                    raise RunError(
                        f"tracking.mode=online: W&B did not start ({reason}); tracking.mode=offline needs no login"
                    ) from error
                print_message(f"W&B cannot be reached ({reason}); the run is tracked offline")
                with contextlib.suppress(Exception):
                    wandb.teardown()  # otherwise its service keeps the run's id
        try:
            self.start("offline")
        except Exception as error:
            self.disable_wandb(error)

    def start(self, mode: str) -> None:
        """Starts the W&B run.

        Args:
            mode: online or offline.

        Raises:
            OSError: the server does not answer.
            wandb.Error: W&B does not start; its service raises other errors, too.
        """
        if mode == "online":
            check_reachable(self.wandb.setup().settings)
        known = self.folder / WANDB_ID
        number = known.read_text(encoding="utf-8") if known.exists() else secrets.token_hex(4)
        write_text(known, number)
        self.run = self.wandb.init(
            id=number,
            resume="allow" if mode == "online" else None,
            project=self.config.project,
            entity=self.config.entity,
            group=self.config.group,
            tags=self.config.tags or None,
            name=self.name,
            dir=str(self.folder),
            mode=mode,
            config=dict(self.run_config),
            settings=self.wandb.Settings(
                console="off",
                save_code=False,
                disable_git=True,
                init_timeout=INIT_TIMEOUT_S,
                # Offline, a timeout would end the wait for the log's last records.
                finish_timeout=FINISH_TIMEOUT_S if mode == "online" else 0.0,
                finish_timeout_raises=True,
            ),
        )

    def parts(self) -> list[Path]:
        """W&B's folders of this run that are offline or were not sent completely, oldest first."""
        known = self.folder / WANDB_ID
        if not known.exists():
            return []
        number = known.read_text(encoding="utf-8")
        found = (self.folder / "wandb").glob(f"*run-*-{number}")
        return sorted(
            (path for path in found if path.name.startswith("offline-") or (path / UNSENT).exists()),
            key=lambda path: path.name.removeprefix("offline-"),
        )

    def started_before(self, seconds: float) -> None:
        """Continues the clock of a resumed run that was stopped after `seconds`."""
        self.started -= seconds

    @property
    def offline(self) -> bool:
        """Whether the W&B run is offline and must be synchronised later."""
        return self.run is not None and bool(self.run.settings._offline)

    def disable_wandb(self, error: BaseException) -> None:
        """Reports a W&B error and continues without W&B."""
        reason = " ".join(str(error).split()) or type(error).__name__
        print_message(f"W&B failed ({reason}); the run continues, its metrics are in {METRICS}")
        self.run = None

    def log(
        self,
        row: Mapping[str, float],
        histograms: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
        images: Mapping[str, Path] | None = None,
        tables: Mapping[str, Sequence[Sequence[Any]]] | None = None,
    ) -> None:
        """Appends one row.

        Args:
            row: scalars by name ("learner/score_iou"); non-finite ones are written as null.
            histograms: (counts (n,), edges (n + 1,)) by name, for W&B only.
            images: image files by name, for W&B only.
            tables: rows of cells by name, headings first, for W&B only.
        """
        timed = {"seconds": round(time.monotonic() - self.started, 2), **row}
        self.file.write(json.dumps({key: finite(value) for key, value in timed.items()}) + "\n")
        self.file.flush()
        if self.run is not None:
            try:
                extra: dict[str, Any] = {}
                for key, (counts, edges) in (histograms or {}).items():
                    extra[key] = self.wandb.Histogram(np_histogram=(list(counts), list(edges)))
                for key, path in (images or {}).items():
                    extra[key] = self.wandb.Image(str(path))
                for key, (head, *lines) in (tables or {}).items():
                    extra[key] = self.wandb.Table(columns=list(head), data=[list(line) for line in lines])
                self.run.log({**timed, **extra}, step=self.rows)
            except Exception as error:
                self.disable_wandb(error)
        self.rows += 1

    def summary(self, results: Mapping[str, Any]) -> None:
        """Stores the final results in W&B's summary."""
        if self.run is not None:
            try:
                self.run.summary.update(dict(results))
            except Exception as error:
                self.disable_wandb(error)

    def close(self) -> str | None:
        """Closes the files, writes metrics.csv, and joins the parts of a resumed offline W&B run.

        Returns:
            the command that sends the W&B run; None if there is nothing to send.
        """
        self.file.close()
        write_csv(self.folder / METRICS, self.folder / "metrics.csv")
        if self.run is None:
            return None
        run, offline, folder = self.run, self.offline, Path(self.run.dir).parent
        self.run = None
        try:
            run.finish()
        except Exception as error:
            if not offline:
                (folder / UNSENT).touch()
                print_message(f"W&B did not receive the whole run ({' '.join(str(error).split())})")
                return sync_command("--include-online", str(folder))
            print_message(f"W&B did not end its run ({' '.join(str(error).split())})")
        if not offline:
            return None
        try:
            wait_for_end(folder)
            join_parts(self.parts(), read_metrics(self.folder / METRICS))
        except Exception as error:
            parts = ", ".join(path.name for path in self.parts())
            print_message(f"the parts {parts} of the W&B run could not be joined ({error})")
        return sync_command(str(folder))


def sync_command(*arguments: str) -> str:
    """A command line of this environment's `wandb sync`, quoted for a shell."""
    program = Path(sys.executable).with_name("wandb")
    return shlex.join([str(program) if program.exists() else "wandb", "sync", *arguments])


def wandb_mode(mode: str) -> str:
    """Resolves "auto" to online, offline or disabled.

    As in `wandb.init`, the environment (WANDB_MODE) takes precedence over the settings of the folder (`wandb offline`,
    `wandb disabled`) and of the user. Without any, the mode is online if a login is found, else offline.
    """
    os.environ.setdefault("WANDB_SILENT", "true")
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    if mode == "disabled":
        return mode
    import wandb

    # W&B reads its settings once per process, but an earlier run of a sweep may have had others.
    with contextlib.suppress(ConnectionError):  # raised if its service died
        wandb.teardown()
    settings = wandb.setup().settings
    if mode != "auto":
        return mode
    if settings.mode == "disabled":
        return "disabled"
    if settings.mode in ("offline", "dryrun"):
        return "offline"
    from wandb.sdk.lib.wbauth import read_netrc_auth

    try:
        login = settings.api_key or settings.identity_token_file or read_netrc_auth(host=settings.base_url)
    except wandb.Error:
        login = None  # W&B rejects its form
    return "online" if login else "offline"


def check_reachable(settings: Any) -> None:
    """Checks within seconds that W&B's server answers at all; W&B itself would try for a minute and a half.

    Args:
        settings: W&B's.

    Raises:
        OSError: the server did not answer.
    """
    address = str(settings.base_url)
    proxies = {"http": settings.http_proxy, "https": settings.https_proxy}
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler(urllib.request.getproxies() | {name: url for name, url in proxies.items() if url})
    )
    failed: list[OSError] = [TimeoutError(f"{address} did not answer within {REACH_TIMEOUT_S:g} s")]

    def request() -> None:
        try:
            opener.open(address, timeout=REACH_TIMEOUT_S).close()
        except urllib.error.HTTPError:
            pass  # also an answer
        except OSError as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            if not isinstance(reason, ssl.SSLError):  # W&B uses its own certificates
                failed[0] = OSError(f"{address}: {reason}")
                return
        except http.client.HTTPException:
            pass
        failed.clear()

    # The timeout does not cover name resolution, so the request runs in a thread that can be abandoned.
    thread = threading.Thread(target=request, daemon=True)
    thread.start()
    thread.join(REACH_TIMEOUT_S + 1)
    if failed:
        raise failed[0]


def finite(value: Any) -> Any:
    """The value, or None for NaN and infinities, which JSON lacks."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def write_csv(source: Path, target: Path) -> None:
    """Converts a metrics.jsonl to CSV: one column per name, one line per row; missing values are empty."""
    rows = read_metrics(source)
    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns))
    writer.writeheader()
    writer.writerows(rows)
    write_text(target, text.getvalue())


def remove_partial_line(path: Path) -> int:
    """Removes a last line that a crash cut off, if any, and returns the number of rows."""
    if not path.exists():
        return 0
    text = path.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        write_text(path, text[: text.rfind("\n") + 1])
    return text.count("\n")


def read_metrics(source: Path) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl, without a last line that a crash cut off."""
    rows = []
    with source.open(encoding="utf-8") as file:
        for line in file:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return rows
