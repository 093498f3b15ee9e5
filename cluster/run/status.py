"""`./playpen status`: how a run is doing, from its folder alone.

The run writes `status.json` with each row of metrics and when it ends. Whether it still goes on is looked up: its
driver's process lives, and is the one that started then.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from rich.console import Console
from rich.table import Table

from cluster.run.checkpoints import resume_command, whole_checkpoints
from cluster.run.tracking import finite
from common.errors import UsageError
from common.files import write_json
from replay.layout import is_used

if TYPE_CHECKING:  # importing Ray takes a second
    from cluster.workers.actor_pool import ActorPool

STATUS = "status.json"
LATE_S = 120.0
"""A living run that has written nothing for so long is said to be late."""


class StatusFile:
    """Writes a run's `status.json`, whole each time."""

    def __init__(self, folder: Path) -> None:
        """For the run of this very process."""
        self.path = folder / STATUS
        process = psutil.Process()
        self.values: dict[str, Any] = {
            "state": "running",
            "pid": process.pid,
            "process_started": process.create_time(),
            "host": socket.gethostname(),
        }

    def update(self, **values: Any) -> None:
        """Replaces some values. A disk that takes no file ends no run."""
        self.values |= values | {"updated": time.time()}
        with contextlib.suppress(OSError):
            write_json(self.path, plain(self.values))


def plain(value: Any) -> Any:
    """The value with None for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return finite(value)


def actor_rows(pool: ActorPool) -> list[dict[str, Any]]:
    """What each actor of a pool is doing; JSON-able."""
    now = time.monotonic()
    rows = []
    for index, member in enumerate(pool.members):
        answer = member.beat.answer or {}
        doing = "starting"
        if member.beat.started:
            doing = "pushing" if answer["pushing"] else "playing" if member.assignment else "idle"
        rows.append(
            {
                "actor": index,
                "doing": doing,
                "location": member.assignment.number if member.assignment else None,
                "for_s": round(now - (member.assignment.started if member.assignment else member.made), 1),
                "locations": member.locations,
                "restarts": member.restarts,
                "last_restart": member.last_restart,
                "host": answer.get("host", ""),
                "pid": answer.get("pid"),
                "simulator_pid": answer.get("simulator_pid"),
            }
        )
    for index in range(len(pool.members), pool.config.actors):
        counts = {"for_s": 0.0, "locations": 0, "restarts": 0, "last_restart": ""}
        nowhere = {"location": None, "host": "", "pid": None, "simulator_pid": None}
        rows.append({"actor": index, "doing": "to be started", **counts, **nowhere})
    return rows


def disk_bytes(folder: Path) -> dict[str, float]:
    """What the run's folder takes on the disk, and what is free there; rows of metrics."""
    taken = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                taken += os.lstat(os.path.join(root, name)).st_blocks * 512
    system = os.statvfs(folder)
    return {"disk/run_bytes": float(taken), "disk/free_bytes": float(system.f_bavail * system.f_frsize)}


def run(arguments: list[str]) -> int:
    """The whole command: prints how a run is doing.

    Raises:
        UsageError: the folder is none of a run.
    """
    if len(arguments) > 1:
        raise UsageError(f"status takes one run folder, not {len(arguments)}")
    folder = Path(arguments[0]) if arguments else newest_run(Path("outputs") / "train")
    console = Console(width=None if os.isatty(1) else 120, highlight=False, soft_wrap=True)
    status = read_status(folder)
    try:
        lines = describe(folder, status)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{folder / STATUS} is damaged: it is not what a run writes ({error!r})") from error
    for line in lines:
        console.print(line, markup=False)
    return 0


def newest_run(folder: Path) -> Path:
    """The run that was started last."""
    runs = sorted((path.parent for path in folder.glob(f"*/{STATUS}")), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise UsageError(f"{folder} holds no run; name one: ./playpen status RUN")
    return runs[-1]


def read_status(folder: Path) -> dict[str, Any]:
    """What the run wrote last.

    Raises:
        UsageError: it is missing or damaged.
    """
    try:
        values = json.loads((folder / STATUS).read_text(encoding="utf-8"))
        if not isinstance(values, dict) or type(values["pid"]) is not int or values["pid"] <= 0:
            raise ValueError
        if not isinstance(values["process_started"], float | int) or not {"host", "state"} <= values.keys():
            raise ValueError
    except OSError as error:
        raise UsageError(f"{folder} holds no {STATUS}: no run has begun there") from error
    except (ValueError, KeyError) as error:
        raise UsageError(f"{folder / STATUS} is damaged: it is not what a run writes") from error
    return values


def lives(status: dict[str, Any]) -> bool | None:
    """Whether the run's driver goes on; None if it was started on another machine."""
    if status["host"] != socket.gethostname():
        return None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(status["pid"])
        # Another process may have got the same number since.
        same = abs(process.create_time() - status["process_started"]) < 1
        return same and process.status() != psutil.STATUS_ZOMBIE
    return False


def is_running(folder: Path) -> bool:
    """Whether a process works on a run: its driver lives, or what is left of it still has the memory bank."""
    if is_used(folder):
        return True
    try:
        status = read_status(folder)
    except UsageError:
        return False
    return status["state"] == "running" and bool(lives(status))


def describe(folder: Path, status: dict[str, Any]) -> list[str | Table]:
    """The lines and the table of actors that the command prints."""
    row = status.get("row", {})
    lines: list[str | Table] = [f"{folder}: {verdict(status)}"]
    if status.get("sentence"):
        lines.append(f"  {status['sentence']}")
    if "phase" in status:
        # Runs of older versions counted locations under that name.
        (tasks, wanted), (steps, batches) = status.get("tasks") or status["locations"], status["steps"]
        unit = status.get("unit", "location")
        lines.append(
            f"  phase {status['phase']}: {tasks}/{wanted} {unit}s, {steps}/{batches} steps; in all "
            f"{number(row, 'locations')} locations, {number(row, 'touches')} touches, {number(row, 'steps')} steps "
            f"in {duration(status['seconds'])}"
        )
        lines.append(
            f"  rates: {number(row, 'rate/locations_per_s')} locations/s, {number(row, 'rate/touches_per_s')} "
            f"touches/s, {number(row, 'rate/steps_per_s')} steps/s; the learner waits "
            f"{number(row, 'learner/wait_share')} of its time; weights of sampled records are "
            f"{number(row, 'learner/staleness_mean')} steps old on average, at most "
            f"{number(row, 'learner/staleness_max')}"
        )
        lines.append(
            f"  queues: {number(row, 'actors/queue')} locations wait for an actor, "
            f"{number(row, 'replay/insert_waiting')} records for the bank, {number(row, 'replay/sample_waiting')} "
            f"batches for records; waited in all {number(row, 'replay/insert_wait_s')} s and "
            f"{number(row, 'replay/sample_wait_s')} s"
        )
        lines.append(
            f"  bytes: bank {size(row, 'replay/bytes')} of {size(row, 'replay/capacity_bytes')}, object store "
            f"{size(row, 'object_store/bytes')}, run folder {size(row, 'disk/run_bytes')}, "
            f"free {size(row, 'disk/free_bytes')}"
        )
    lines += faults(status)
    lines.append(f"  {checkpoint(folder, status)}")
    if status.get("actors") and status["state"] == "running":
        lines.append(actor_table(status["actors"]))
    return lines


def verdict(status: dict[str, Any]) -> str:
    """ "running (...)", "died (...)", or how it ended."""
    where = f"process {status['pid']} on {status['host']}"
    ago = duration(time.time() - status["updated"]) if "updated" in status else "an unknown time"
    if status["state"] != "running":
        return f"{status['state']} {ago} ago ({where})"
    alive = lives(status)
    if alive is None:
        return f"was running {ago} ago ({where}); whether it still does can be seen there"
    if not alive:
        return f"died: it wrote for the last time {ago} ago and did not end in order ({where})"
    late = time.time() - status.get("updated", 0) > LATE_S
    return f"running ({where}), as of {ago} ago" + ("; that is late: it may hang" if late else "")


def faults(status: dict[str, Any]) -> list[str]:
    """What went wrong and was made good."""
    lines = []
    counted = [f"{kind.replace('_', ' ')} {times}" for kind, times in sorted(status.get("faults", {}).items())]
    lines.append(f"  faults: {', '.join(counted) or 'none'}")
    lines += [f"  location in quarantine: {error}" for error in status.get("quarantined", {}).values()]
    lines += [f"  node {node[:12]} out of use: {why}" for node, why in status.get("nodes_out_of_use", {}).items()]
    return lines


def checkpoint(folder: Path, status: dict[str, Any]) -> str:
    """The last checkpoint, and how to go on from it."""
    kept = whole_checkpoints(folder)
    if not kept:
        return "no checkpoint that can be resumed"
    ago = duration(time.time() - kept[-1].stat().st_mtime)
    last = status.get("checkpoint", {})
    cost = ""
    if last.get("name") == kept[-1].name:
        cost = f", {size(last, 'checkpoint/bytes')} in {number(last, 'checkpoint/seconds')} s"
    line = f"last checkpoint: {kept[-1].name}, {ago} ago{cost}"
    if status["state"] != "finished" and (status["state"] != "running" or lives(status) is False):
        line += f"; to go on: {resume_command(folder)}"
    return line


def actor_table(rows: list[dict[str, Any]]) -> Table:
    """A line for each actor."""
    table = Table("actor", "doing", "for", "done", "restarts", "why the last time", "process", "simulator")
    for row in rows:
        place = f"location {row['location']}" if row["location"] is not None else ""
        table.add_row(
            str(row["actor"]),
            f"{row['doing']} {place}".strip(),
            duration(row["for_s"]),
            str(row["locations"]),
            str(row["restarts"]),
            row["last_restart"],
            f"{row['pid'] or '–'} on {row['host']}" if row["host"] else "–",
            str(row["simulator_pid"] or "–"),
        )
    return table


def number(row: dict[str, Any], name: str) -> str:
    """A figure, or a dash if it was not measured."""
    value = row.get(name)
    return "–" if value is None else str(value) if isinstance(value, int) else f"{value:.3g}"


def size(row: dict[str, Any], name: str) -> str:
    """Bytes in readable units."""
    value = row.get(name)
    if value is None:
        return "–"
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"


def duration(seconds: float) -> str:
    """ "12 s", "3.5 min", "2.1 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
