"""What the tables of all systems put out in the same way: a run of W&B, and the RESULT line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cluster.command.result_line import print_result
from cluster.run.tracking import Tracker
from cluster.table.plan import Plan
from cluster.table.runs import FINISHED
from common.output import print_message


def track(plan: Plan, lines: list[list[Any]], drawn: dict[str, Path]) -> None:
    """Sends a table and its pictures to W&B as a separate run.

    Args:
        plan: of the table.
        lines: of the table, headings first.
        drawn: pictures by name.
    """
    request, base = plan.request, plan.base
    values = {"table": request.name, "seeds": list(request.config.seeds), "base": list(request.base)}
    tracker = Tracker(base.tracking, plan.folder, values, plan.folder.name)
    tracker.log({}, images=drawn, tables={"table": lines})
    unsynced = tracker.close()
    if unsynced:
        print_message(f"W&B run kept on this machine; to send it: {unsynced}")


def print_table_result(plan: Plan, tables: dict[str, Any], **more: Any) -> None:
    """Prints the RESULT line of a table, with the figures of `tables` and further values."""
    runs = plan.runs()
    print_result(
        {
            "command": "table",
            "table": plan.request.name,
            "runs": len(runs),
            "finished": sum(run.state == FINISHED for run in runs),
            "seeds": list(plan.request.config.seeds),
            "folder": str(plan.folder),
            "tables": tables,
            **more,
        }
    )
