"""The configuration that the benchmarks measure, and the report that they print."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import torch
from hydra import compose, initialize_config_dir
from rich.console import Console
from rich.table import Table

from cluster.interaction.config import TrainConfig
from cluster.run.config import instantiate
from cluster.systems import register

_STARTED = psutil.cpu_times()
REPLAY = "memory bank"
"""Name of the replay buffer in RESULT lines: the first version's, so that results stay comparable."""
CONF = Path(__file__).resolve().parent.parent / "conf"


def configuration(*overrides: str) -> TrainConfig:
    """Composes the paper's experiment with some values changed, as `./playpen train` would.

    Collecting and learning overlap here; the paper alternates them (replay.strict=true).
    """
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return instantiate(
            compose("train", overrides=["experiment=paper", "replay.strict=false", *overrides]), TrainConfig
        )


def stolen_share() -> float:
    """Returns the share of CPU time that the host gave to other machines since the benchmark began; 0 if unknown."""
    now = psutil.cpu_times()
    spent = sum(now) - sum(_STARTED)
    return (getattr(now, "steal", 0.0) - getattr(_STARTED, "steal", 0.0)) / spent if spent else 0.0


def conditions(**sizes: Any) -> dict[str, Any]:
    """Returns the conditions of the measurement, and the benchmark's own sizes."""
    return {
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "stolen": round(stolen_share(), 3),
        "torch_threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        **sizes,
    }


def readable(text: str) -> str:
    """Replaces the names of RESULT lines by those that people read."""
    return text.replace(REPLAY, "replay buffer")


def report(benchmark: str, figures: Mapping[str, Any], measured_in: Mapping[str, Any], *notes: str) -> None:
    """Prints conditions, a table, notes, and the RESULT line.

    Args:
        benchmark: the benchmark's name.
        figures: measured values by their names in RESULT; floats are rounded to four digits, lists are not shown.
        measured_in: see `conditions`.
        notes: sentences below the table.
    """
    shown = {name: rounded(value) for name, value in figures.items()}
    print("conditions: " + ", ".join(f"{name} {value}" for name, value in measured_in.items()))
    table = Table("figure", "measured")
    for name, value in shown.items():
        if isinstance(value, list):
            continue
        text = ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else str(value)
        table.add_row(name, readable(text))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    for note in notes:
        print(readable(note))
    print("RESULT " + json.dumps({"benchmark": benchmark, **shown, "conditions": dict(measured_in)}), flush=True)


def rounded(value: Any) -> Any:
    """Rounds the floats in a value to four significant digits."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value
