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
from cluster.run.interrupt import wait_for_result
from common.errors import PartLost
from tests.cluster.runs import SmokeRun, processes_of, result_of, start
from tests.cluster.test_faults import process_of
from tests.cluster.test_resources import LOCAL
from tests.cluster.test_resume import run_folder, steps_done, wait_until


def measuring(busy: str) -> Any:
    """A Ray actor that replaces the evaluator's: an evaluation lasts as long as the file `busy` exists.

    Its class is sent by value, so its process need not import this module.
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


def test_lost_evaluator_is_restarted_until_it_is_given_up(session: None, tmp_path: Path) -> None:
    busy = tmp_path / "busy"
    notes: list[str] = []
    reporter: Any = SimpleNamespace(seconds=lambda: 0.0, note=notes.append, fault=notes.append)
    config = dataclasses.replace(LOCAL, heartbeat_s=0.2, silent_after_s=2.0, part_restarts=1)
    weights: Any = [None]
    evaluator = RunEvaluator(lambda: measuring(str(busy)), config, reporter)
    assert not evaluator.started
    evaluator.begin()

    def pid() -> int:
        return int(ray.get(evaluator.handle.pid.remote()))

    def failure() -> str:
        deadline = time.monotonic() + 30
        while not (sentence := evaluator.failure()):
            evaluator.take_result()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return sentence

    def figures() -> dict[str, float]:
        while (found := evaluator.take_result()) is None:
            time.sleep(0.05)
        return found

    # Killed during an evaluation, which is repeated.
    busy.touch()
    evaluator.measure(weights, 3)
    os.kill(pid(), signal.SIGKILL)
    assert "the evaluator died (" in (sentence := failure())
    assert evaluator.pending and evaluator.take_result() is None
    evaluator.restart(sentence)
    assert notes == ["evaluator_lost", f"{sentence}; it is restarted"] and not evaluator.given_up
    busy.unlink()
    evaluator.measure(weights, 3)
    assert figures() == {"steps": 3} and not evaluator.pending and evaluator.losses == 0
    # Stopped while idle.
    os.kill(pid(), signal.SIGSTOP)
    assert failure() == "the evaluator has been silent for 2 s"
    evaluator.restart("silent")
    assert not evaluator.failure() and not evaluator.given_up
    # An error in the evaluator's code is not a loss.
    evaluator.measure(weights, -1)
    while evaluator.pending:
        assert evaluator.take_result() is None
        time.sleep(0.05)
    assert notes[-1] == "an evaluation during training failed: ValueError: no such weights"
    # Lost again without a result in between: given up.
    os.kill(pid(), signal.SIGKILL)
    with pytest.raises((PartLost, RayActorError)):
        measured = evaluator.handle.evaluate_quickly.remote(weights, 1, 0.0)
        wait_for_result(measured, threading.Event(), check=evaluator.check)
    evaluator.restart("dead")
    assert evaluator.given_up and notes.count("evaluator_lost") == 3


@pytest.mark.slow
def test_a_run_continues_without_its_evaluator(smoke: SmokeRun, tmp_path: Path) -> None:
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
        wait_until(lambda: "it is restarted" in log.read_text(), process)
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
    # 6 + 16 * 3 + 2 * 3 locations, K = 4 times 2, 8 times 3, 4 times 4 and 2, 2: nothing else was affected.
    assert (result["steps"], result["locations"]) == (52, 60)
    rows = [json.loads(line) for line in (log.parent / "metrics.jsonl").read_text().splitlines()]
    assert any("evaluation/mask_ap50" in row for row in rows)
    assert not processes_of(tmp_path)
