"""What a run leaves behind: metrics.jsonl, metrics.csv, results.json, and the same in Weights & Biases."""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster.config import TrackingConfig
from cluster.errors import RunError
from evaluation.files import write_text

METRICS = "metrics.jsonl"
"""One JSON object a line, appended and flushed as the run goes, so that a crash loses nothing."""
WANDB_ID = "wandb_id"
"""Holds the id of the W&B run, which a resumed run goes on with."""


class Tracker:
    """Writes each row of metrics to `metrics.jsonl` and to W&B; the row's clock is the optimiser step and seconds."""

    def __init__(self, config: TrackingConfig, folder: Path, run_config: Mapping[str, Any], name: str) -> None:
        """Opens the files and the W&B run.

        Args:
            config: W&B settings.
            folder: the run's folder; W&B's own files go to `folder/wandb`.
            run_config: the resolved configuration, stored with the W&B run.
            name: display name of the W&B run.

        Raises:
            RunError: W&B does not start, such as without a login or a network.
        """
        self.folder = folder
        self.started = time.monotonic()
        self.rows = mend(folder / METRICS)
        self.file = (folder / METRICS).open("a", encoding="utf-8")
        self.wandb: Any = None
        self.run: Any = None
        mode = wandb_mode(config.mode)
        if mode != "disabled":
            os.environ.setdefault("WANDB_SILENT", "true")
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
            import wandb

            self.wandb = wandb
            known = folder / WANDB_ID
            number = known.read_text(encoding="utf-8") if known.exists() else secrets.token_hex(4)
            write_text(known, number)
            try:
                self.run = wandb.init(
                    id=number,
                    resume="allow" if mode == "online" else None,
                    project=config.project,
                    entity=config.entity,
                    group=config.group,
                    tags=config.tags or None,
                    name=name,
                    dir=str(folder),
                    mode="online" if mode == "online" else "offline",
                    config=dict(run_config),
                    settings=wandb.Settings(console="off", save_code=False, disable_git=True),
                )
            except wandb.Error as error:
                self.file.close()
                raise RunError(
                    f"tracking.mode={mode}: W&B did not start ({error}); tracking.mode=offline needs no login"
                ) from error

    def started_before(self, seconds: float) -> None:
        """Lets the clock go on from a run that was stopped after so many seconds."""
        self.started -= seconds

    @property
    def offline(self) -> bool:
        """Whether the W&B run waits to be synchronised."""
        return self.run is not None and bool(self.run.settings._offline)

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
            histograms: (counts (n,), edges (n + 1,)) by name, to W&B only.
            images: picture files by name, to W&B only.
            tables: lines of cells by name, headings first, to W&B only.
        """
        stamped = {"seconds": round(time.monotonic() - self.started, 2), **row}
        self.file.write(json.dumps({key: finite(value) for key, value in stamped.items()}) + "\n")
        self.file.flush()
        if self.run is not None:
            extra: dict[str, Any] = {}
            for key, (counts, edges) in (histograms or {}).items():
                extra[key] = self.wandb.Histogram(np_histogram=(list(counts), list(edges)))
            for key, path in (images or {}).items():
                extra[key] = self.wandb.Image(str(path))
            for key, (head, *lines) in (tables or {}).items():
                extra[key] = self.wandb.Table(columns=list(head), data=[list(line) for line in lines])
            self.run.log({**stamped, **extra}, step=self.rows)
        self.rows += 1

    def summary(self, results: Mapping[str, Any]) -> None:
        """Stores the final figures in W&B's summary."""
        if self.run is not None:
            self.run.summary.update(dict(results))

    def close(self) -> str | None:
        """Closes the files, writes metrics.csv; returns the folder to sync if the W&B run was offline."""
        self.file.close()
        write_csv(self.folder / METRICS, self.folder / "metrics.csv")
        if self.run is None:
            return None
        folder = str(Path(self.run.dir).parent) if self.offline else None
        self.run.finish()
        self.run = None
        return folder


def wandb_mode(mode: str) -> str:
    """Resolves "auto": online where an API key or a netrc login is found, else offline."""
    if mode != "auto":
        return mode
    if os.environ.get("WANDB_MODE") in ("online", "offline", "disabled"):
        return os.environ["WANDB_MODE"]
    if os.environ.get("WANDB_API_KEY"):
        return "online"
    netrc = Path(os.environ.get("NETRC", Path.home() / ".netrc"))
    try:
        return "online" if "wandb" in netrc.read_text(encoding="utf-8") else "offline"
    except OSError:
        return "offline"


def finite(value: Any) -> Any:
    """None for NaN and infinities, which JSON has no word for."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def write_csv(source: Path, target: Path) -> None:
    """Rewrites a metrics.jsonl as one table: a column a name, a row a line, empty where a row lacks a name."""
    rows = read_metrics(source)
    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns))
    writer.writeheader()
    writer.writerows(rows)
    write_text(target, text.getvalue())


def mend(path: Path) -> int:
    """Removes a last line that a crash cut off, if any; returns how many rows the file has."""
    if not path.exists():
        return 0
    text = path.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        write_text(path, text[: text.rfind("\n") + 1])
    return text.count("\n")


def read_metrics(source: Path) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl; a last line cut off by a crash is left out."""
    rows = []
    with source.open(encoding="utf-8") as file:
        for line in file:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return rows
