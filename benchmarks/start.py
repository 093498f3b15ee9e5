"""Measures how long a run takes from the command to the first touch.

    python -m benchmarks.start [--actors N] [overrides]

Runs `./playpen train experiment=paper` with N actors and the overrides, on a data set that was made before, until its
first simulator is asked for a touch (benchmarks/_stamped_simulator.py records the time). Then it stops the run with
Ctrl-C. The replay buffer, in a temporary folder, reserves its whole space unless replay.capacity is overridden.

- seconds_to_first_touch; before it, the times at which the run's folder, first simulator and replay buffer exist;
- seconds_to_stop: from Ctrl-C to the end of the process, its checkpoint included.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks._arguments import check_overrides, whole
from benchmarks._report import conditions, configuration, report
from replay.interaction.batch import LOCATIONS as TABLE
from replay.layout import table_folder
from replay.ring import INSERTION_IDS_FILE

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 600.0
"""Seconds after which a run without a touch has failed."""
STOP_S = 120.0
"""Seconds after which a run that has not stopped is killed."""
LOCATIONS = {"train": 16, "test": 4}
"""Locations of the data set: few, since their number hardly affects the start."""


def milestones(folder: Path) -> dict[str, bool]:
    """Which parts of a run exist already, by their key in RESULT."""
    runs = list((folder / "outputs" / "train").glob("*"))
    return {
        "run_folder_s": bool(runs),
        "memory_bank_s": any((table_folder(run, TABLE) / INSERTION_IDS_FILE).is_file() for run in runs),
    }


def simulators(driver: psutil.Process) -> int:
    """Simulators among the descendants of a process."""
    count = 0
    for process in driver.children(recursive=True):
        try:
            count += "benchmarks._stamped_simulator" in process.cmdline()
        except psutil.Error:
            continue
    return count


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints the table and the RESULT line."""
    parser = argparse.ArgumentParser(
        prog="./playpen bench start", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--actors", type=whole(1), default=4, help="actors of the run (default 4)")
    parser.add_argument("overrides", nargs="*", help="overrides of the configuration, such as experiment=smoke")
    options = parser.parse_args(arguments)
    check_overrides(parser, options.overrides)
    with tempfile.TemporaryDirectory(prefix="playpen-start-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        first_touch = folder / "first_touch"
        reach = configuration(f"cluster.actors={options.actors}").actors.reach
        data = [f"evaluation.dataset.{split}.locations={count}" for split, count in LOCATIONS.items()]
        data += ["evaluation.dataset.forces=[]", f"evaluation.dataset.reach_radius={reach.radius}"]
        # The data set needs this override, too: a run refuses the data set of another simulator.
        data.append(f"simulator.command='python -m benchmarks._stamped_simulator {first_touch}'")
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        playpen = [sys.executable, "-m", "cluster"]
        subprocess.run([*playpen, "dataset", *data], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        train = [*playpen, "train", "experiment=paper", f"cluster.actors={options.actors}", *data, *options.overrides]
        train.append("tracking.mode=disabled")
        reached: dict[str, float] = {}
        log = folder / "log"
        with log.open("w") as output:
            began = time.time()
            driver = subprocess.Popen(train, cwd=folder, env=environment, stdout=output, stderr=output)
            process = psutil.Process(driver.pid)
            while not first_touch.is_file() and driver.poll() is None and time.time() - began < LIMIT_S:
                there = milestones(folder) | {"first_simulator_s": simulators(process) > 0}
                for what, is_there in there.items():
                    if is_there:
                        reached.setdefault(what, time.time() - began)
                time.sleep(0.05)
            touched = first_touch.is_file()
            asked = time.time()
            driver.send_signal(signal.SIGINT)
            try:
                driver.wait(STOP_S)
            except subprocess.TimeoutExpired:
                driver.kill()
        if not touched:
            sys.exit(f"the run ended or hung before its first touch: {' '.join(log.read_text().split())[-800:]}")
        figures = {
            "seconds_to_first_touch": float(first_touch.read_text()) - began,
            **reached,
            "seconds_to_stop": time.time() - asked,
        }
    report("start", figures, conditions(actors=options.actors, overrides=" ".join(options.overrides)))


if __name__ == "__main__":
    main()
