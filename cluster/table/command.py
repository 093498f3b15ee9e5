"""`./playpen table`: trains or reuses the runs of a table, measures all of them alike, and writes the comparison."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from cluster.command.result_line import print_result
from cluster.run.status import duration
from cluster.systems import register
from cluster.table.config import read_request
from cluster.table.plan import Plan, make_plan
from cluster.table.runs import (
    FINISHED,
    expected_seconds,
    median_seconds,
)


def run(arguments: Sequence[str]) -> int:
    """Runs the command and returns its exit code."""
    register()
    request = read_request(arguments)
    plan = make_plan(request)
    if request.config.dry_run:
        print_result(list_runs(plan))
        return 0
    from cluster.run.interrupt import interrupt_flag
    from cluster.table.work import work

    with interrupt_flag() as interrupted:
        print(f"TABLE {plan.folder}", flush=True)
        return work(plan, interrupted)


def list_runs(plan: Plan) -> dict[str, Any]:
    """Prints the table's runs and their states; returns the values of the RESULT line."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    durations = median_seconds(plan.found.values())
    shown = Table("table", "row", "seed", "state", "time left", "run")
    left: list[float | None] = []
    counted: set[str] = set()
    for row in plan.rows:
        if row.refused:
            shown.add_row(row.table, escape(row.name), "", "refused", "", escape(row.refused))
        for run in row.runs:
            shared = run.key in counted  # with an earlier row
            counted.add(run.key)
            seconds = 0.0 if run.state == FINISHED or shared else expected_seconds(run, durations)
            left.append(seconds)
            time = "" if not seconds and seconds is not None else "unknown" if seconds is None else duration(seconds)
            where = "as above" if shared else str(run.found.folder) if run.found else ""
            shown.add_row(row.table, escape(row.name), str(run.config.seed), run.state, time, escape(where))
    Console(width=None if sys.stdout.isatty() else 140).print(shown)
    states = [run.state for run in plan.runs()]
    total = None if None in left else round(sum(second for second in left if second))
    return {
        "command": "table",
        "table": plan.request.name,
        "runs": len(states),
        "states": {state: states.count(state) for state in sorted(set(states))},
        "refused": sum(bool(row.refused) for row in plan.rows),
        "seconds_left_one_by_one": total,
        "folder": str(plan.folder),
    }
