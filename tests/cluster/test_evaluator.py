"""The run's evaluator when its process is killed or stopped: real processes."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.exceptions import RayActorError

from cluster.run.evaluator import RunEvaluator
from cluster.run.interrupt import awaited
from common.errors import PartLost
from tests.cluster.runs import SmokeRun, processes_of, result_of, start
from tests.cluster.test_faults import process_of
from tests.cluster.test_resources import LOCAL
from tests.cluster.test_resume import run_folder, steps_done, wait_until


def measuring(busy: str) -> Any:
    """A Ray actor that stands for the evaluator's: measuring takes as long as the file `busy` exists.

    Its class travels by value, so that its process need not import this module.
    """

    class Measuring:
        @ray.method(concurrency_group="control")
        def pid(self) -> int:
            return os.getpid()

        def prepare(self) -> None:
            pass

        def evaluate_quickly(self, weights: list[Any], version: int, seconds: float) -> dict[str, float]:
            while os.path.exists(busy):
                time.sleep(0.05)
            if version < 0:
                raise ValueError("no such weights")
            return {"steps": version}

    make: Any = ray.remote
    return make(concurrency_groups={"control": 1}, num_cpus=0)(Measuring).remote()


def test_lost_evaluator_starts_anew_until_it_is_given_up(session: None, tmp_path: Path) -> None:
    busy = tmp_path / "busy"
    notes: list[str] = []
    reporter: Any = SimpleNamespace(seconds=lambda: 0.0, note=notes.append, fault=notes.append)
    config = dataclasses.replace(LOCAL, heartbeat_s=0.2, silent_after_s=2.0, part_restarts=1)
    evaluator = RunEvaluator(lambda: measuring(str(busy)), config, reporter)
    assert not evaluator.begun
    evaluator.begin()

    def pid() -> int:
        return int(ray.get(evaluator.handle.pid.remote()))

    def lost() -> str:
        deadline = time.monotonic() + 30
        while not (sentence := evaluator.lost()):
            evaluator.take()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return sentence

    def figures() -> dict[str, float]:
        while (found := evaluator.take()) is None:
            time.sleep(0.05)
        return found

    # Killed in the middle of an evaluation, which is done again.
    busy.touch()
    evaluator.measure([None], 3)
    os.kill(pid(), signal.SIGKILL)
    assert "the evaluator died (" in (sentence := lost())
    assert evaluator.owes and evaluator.take() is None
    evaluator.restart(sentence)
    assert notes == ["evaluator_lost", f"{sentence}; it starts anew"] and not evaluator.given_up
    busy.unlink()
    evaluator.measure([None], 3)
    assert figures() == {"steps": 3} and not evaluator.owes and evaluator.losses == 0
    # Stopped while nothing is measured.
    os.kill(pid(), signal.SIGSTOP)
    assert lost() == "the evaluator has been silent for 2 s"
    evaluator.restart("silent")
    assert not evaluator.lost() and not evaluator.given_up
    # An error of its own is no loss.
    evaluator.measure([None], -1)
    while evaluator.owes:
        assert evaluator.take() is None
        time.sleep(0.05)
    assert notes[-1] == "an evaluation on the way failed: ValueError: no such weights"
    # Lost once more without a result in between: given up.
    os.kill(pid(), signal.SIGKILL)
    with pytest.raises((PartLost, RayActorError)):
        awaited(evaluator.handle.evaluate_quickly.remote([None], 1, 0.0), threading.Event(), look=evaluator.look)
    evaluator.restart("dead")
    assert evaluator.given_up and notes.count("evaluator_lost") == 3


@pytest.mark.slow
def test_a_run_goes_on_without_its_evaluator(smoke: SmokeRun, tmp_path: Path) -> None:
    process = start(
        tmp_path,
        smoke.root,
        "evaluation.figures=0",
        "evaluation.every_minutes=0.1",
        "tracking.mode=disabled",
        "tracking.log_every_s=0.1",
        "cluster.heartbeat_s=1",
        "learner.publish_every=1",
        "learner.phases.segmentation.rounds=16",  # on a busy machine an evaluator takes 20 s to start
    )
    try:
        wait_until(lambda: steps_done(tmp_path) >= 2, process)
        log = run_folder(tmp_path) / "run.log"
        wait_until(lambda: "evaluation at step" in log.read_text(), process)
        process_of(process, "EvaluatorActor").kill()
        wait_until(lambda: "it starts anew" in log.read_text(), process)
        output, errors = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    lines = log.read_text().splitlines()
    restarted = next(index for index, line in enumerate(lines) if "the evaluator died (" in line)
    done = next(index for index, line in enumerate(lines) if "evaluating the final weights" in line)
    assert restarted < done, "while the run trained"
    assert any("evaluation at step" in line for line in lines[restarted:done]), lines
    result = result_of(output)
    assert result["faults"]["evaluator_lost"] == 1 and result["images"] == 8
    # 6 + 16 * 3 + 2 * 3 locations, K = 8 times 2, 8 times 3 and 2, 2: nothing else was touched by it.
    assert (result["steps"], result["locations"]) == (44, 60)
    rows = [json.loads(line) for line in (log.parent / "metrics.jsonl").read_text().splitlines()]
    assert any("evaluation/mask_ap50" in row for row in rows)
    assert not processes_of(tmp_path)
