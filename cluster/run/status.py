"""`./playpen status`: the state of a run, from its folder alone.

The run writes `status.json` with each row of metrics and at its end. A run counts as running if the process with its id
exists and has the same start time.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from rich.console import Console
from rich.table import Table

from cluster.run.checkpoints import resume_command, whole_checkpoints
from cluster.run.tracking import finite
from common.errors import UsageError
from common.files import write_json
from common.progress import plural
from replay.layout import is_used

if TYPE_CHECKING:  # importing Ray takes a second
    from cluster.workers.actor_pool import ActorPool

STATUS = "status.json"
LATE_S = 120.0
"""A running run that has not written for longer than this is reported as late."""


class StatusFile:
    """Writes the `status.json` of the run in this process."""

    def __init__(self, folder: Path) -> None:
        """Prepares the file in the run's folder; `update` writes it."""
        self.path = folder / STATUS
        process = psutil.Process()
        self.values: dict[str, Any] = {
            "state": "running",
            "pid": process.pid,
            "process_started": process.create_time(),
            "host": socket.gethostname(),
        }

    def update(self, **values: Any) -> None:
        """Replaces some values and writes the file; a disk error is ignored."""
        self.values |= values | {"updated": time.time()}
        with contextlib.suppress(OSError):
            write_json(self.path, json_ready(self.values))


def json_ready(value: Any) -> Any:
    """Replaces numbers that JSON lacks (NaN, infinities) by None."""
    if isinstance(value, dict):
        return {key: json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    return finite(value)


def actor_rows(pool: ActorPool) -> list[dict[str, Any]]:
    """State of each actor of a pool, JSON-able."""
    now = time.monotonic()
    rows = []
    for index, actor in enumerate(pool.actors):
        answer = actor.heartbeat.answer or {}
        doing = "starting"
        if actor.heartbeat.started:
            doing = "pushing" if answer["pushing"] else "playing" if actor.assignment else "idle"
        rows.append(
            {
                "actor": index,
                "doing": doing,
                "location": actor.assignment.number if actor.assignment else None,
                "for_s": round(now - (actor.assignment.started if actor.assignment else actor.created), 1),
                "locations": actor.tasks_done,
                "restarts": actor.restarts,
                "last_restart": actor.last_restart,
                "host": answer.get("host", ""),
                "pid": answer.get("pid"),
                "simulator_pid": answer.get("simulator_pid"),
            }
        )
    for index in range(len(pool.actors), pool.config.actors):
        counts = {"for_s": 0.0, "locations": 0, "restarts": 0, "last_restart": ""}
        nowhere = {"location": None, "host": "", "pid": None, "simulator_pid": None}
        rows.append({"actor": index, "doing": "not started", **counts, **nowhere})
    return rows


def disk_bytes(folder: Path) -> dict[str, float]:
    """Bytes of the run's folder on disk, and free bytes there, by the names of the metrics."""
    taken = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                taken += os.lstat(os.path.join(root, name)).st_blocks * 512
    system = os.statvfs(folder)
    return {"disk/run_bytes": float(taken), "disk/free_bytes": float(system.f_bavail * system.f_frsize)}


def run(arguments: list[str]) -> int:
    """Runs the command: prints the state of a run.

    Raises:
        UsageError: the folder is not that of a run.
    """
    if len(arguments) > 1:
        raise UsageError(f"status takes one run folder, not {len(arguments)}")
    folder = Path(arguments[0]) if arguments else newest_run(Path("outputs") / "train")
    console = Console(width=None if os.isatty(1) else 120, highlight=False, soft_wrap=True)
    status = read_status(folder)
    try:
        lines = describe(folder, status)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{folder / STATUS} is damaged: a run would not write it so ({error!r})") from error
    for line in lines:
        console.print(line, markup=False)
    return 0


def newest_run(folder: Path) -> Path:
    """Folder of the run that was updated last."""
    runs = sorted((path.parent for path in folder.glob(f"*/{STATUS}")), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise UsageError(f"{folder} holds no run; name one: ./playpen status RUN")
    return runs[-1]


def read_status(folder: Path) -> dict[str, Any]:
    """Reads a run's `status.json`.

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
        raise UsageError(f"{folder} holds no {STATUS}: no run was started there") from error
    except (ValueError, KeyError) as error:
        raise UsageError(f"{folder / STATUS} is damaged: a run would not write it so") from error
    return values


def is_alive(status: dict[str, Any]) -> bool | None:
    """Whether the run's process is alive; None if it was started on another machine."""
    if status["host"] != socket.gethostname():
        return None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(status["pid"])
        # Another process may have the same id by now.
        same = abs(process.create_time() - status["process_started"]) < 1
        return same and process.status() != psutil.STATUS_ZOMBIE
    return False


def is_running(folder: Path) -> bool:
    """Whether a run's process is alive, or another process still holds its replay buffer."""
    if is_used(folder):
        return True
    try:
        status = read_status(folder)
    except UsageError:
        return False
    return status["state"] == "running" and bool(is_alive(status))


def describe(folder: Path, status: dict[str, Any]) -> list[str | Table]:
    """The lines and the table of actors to print."""
    row = status.get("row", {})
    lines: list[str | Table] = [f"{folder}: {state_line(status)}"]
    if status.get("sentence"):
        lines.append(f"  {status['sentence']}")
    if "phase" in status:
        # Runs of older versions counted locations under that name.
        (tasks, wanted), (steps, batches) = status.get("tasks") or status["locations"], status["steps"]
        unit = status.get("unit", "location")
        lines.append(
            f"  phase {status['phase']}: {tasks}/{wanted} {plural(unit)}, {steps}/{batches} steps; "
            f"in all, {duration(status['seconds'])}"
        )
        if status.get("summary"):
            lines.append(f"  collected: {status['summary']}")
        lines.append(
            f"  learner: {number(row, 'steps')} steps ({number(row, 'rate/steps_per_s')}/s); it waits "
            f"{number(row, 'learner/wait_share')} of its time; weights of sampled records are "
            f"{number(row, 'learner/staleness_mean')} steps old on average, at most "
            f"{number(row, 'learner/staleness_max')}"
        )
        lines.append(
            f"  queues: {number(row, 'actors/queue')} tasks wait for an actor, "
            f"{number(row, 'replay/insert_waiting')} records for the replay buffer, "
            f"{number(row, 'replay/sample_waiting')} batches for records; total waits "
            f"{number(row, 'replay/insert_wait_s')} s and {number(row, 'replay/sample_wait_s')} s"
        )
        lines.append(
            f"  bytes: replay buffer {size(row, 'replay/bytes')} of {size(row, 'replay/capacity_bytes')}, object store "
            f"{size(row, 'object_store/bytes')}, run folder {size(row, 'disk/run_bytes')}, "
            f"free {size(row, 'disk/free_bytes')}"
        )
    lines += fault_lines(status)
    lines.append(f"  {checkpoint_line(folder, status)}")
    if status.get("actors") and status["state"] == "running":
        lines.append(actor_table(status["actors"]))
    return lines


def state_line(status: dict[str, Any]) -> str:
    """ "running (...)", "died (...)", or the state at its end."""
    where = f"process {status['pid']} on {status['host']}"
    ago = duration(time.time() - status["updated"]) if "updated" in status else "an unknown time"
    if status["state"] != "running":
        return f"{status['state']} {ago} ago ({where})"
    alive = is_alive(status)
    if alive is None:
        return f"was running {ago} ago ({where}); only that machine knows whether it still is"
    if not alive:
        return f"died: its last update was {ago} ago, and it did not end in order ({where})"
    late = time.time() - status.get("updated", 0) > LATE_S
    return f"running ({where}), as of {ago} ago" + ("; that is late: it may hang" if late else "")


def fault_lines(status: dict[str, Any]) -> list[str]:
    """Lines about recovered faults, quarantined tasks and unused nodes."""
    lines = []
    counted = [f"{kind.replace('_', ' ')} {times}" for kind, times in sorted(status.get("faults", {}).items())]
    lines.append(f"  faults: {', '.join(counted) or 'none'}")
    lines += [f"  quarantined: {error}" for error in status.get("quarantined", {}).values()]
    lines += [f"  node {node[:12]} out of use: {why}" for node, why in status.get("nodes_out_of_use", {}).items()]
    return lines


def checkpoint_line(folder: Path, status: dict[str, Any]) -> str:
    """A line about the last checkpoint and how to resume from it."""
    kept = whole_checkpoints(folder)
    if not kept:
        return "no checkpoint that can be resumed"
    ago = duration(time.time() - kept[-1].stat().st_mtime)
    last = status.get("checkpoint", {})
    cost = ""
    if last.get("name") == kept[-1].name:
        cost = f", {size(last, 'checkpoint/bytes')} in {number(last, 'checkpoint/seconds')} s"
    line = f"last checkpoint: {kept[-1].name}, {ago} ago{cost}"
    if status["state"] != "finished" and (status["state"] != "running" or is_alive(status) is False):
        line += f"; to resume: {resume_command(folder)}"
    return line


def actor_table(rows: list[dict[str, Any]]) -> Table:
    """A table with a line for each actor."""
    table = Table("actor", "doing", "for", "done", "restarts", "last restart", "process", "simulator")
    for row in rows:
        task = f"task {row['location']}" if row["location"] is not None else ""
        table.add_row(
            str(row["actor"]),
            f"{row['doing']} {task}".strip(),
            duration(row["for_s"]),
            str(row["locations"]),
            str(row["restarts"]),
            row["last_restart"],
            f"{row['pid'] or '–'} on {row['host']}" if row["host"] else "–",
            str(row["simulator_pid"] or "–"),
        )
    return table


def number(row: Mapping[str, Any], name: str) -> str:
    """A metric, or a dash if it was not measured."""
    value = row.get(name)
    return "–" if value is None else str(value) if isinstance(value, int) else f"{value:.3g}"


def size(row: Mapping[str, Any], name: str) -> str:
    """Bytes with a unit prefix, or a dash if they were not measured."""
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
