"""The composition of `./playpen bench paper`, worked by hand."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from benchmarks._report import configuration
from benchmarks.paper import Costs, forecast, main, results, share_cores, step_seconds, training_tflop
from tests.benchmarks.helpers import result_of

COSTS = Costs(location_s=1.0, touch_s=0.1, asked_share=0.5, step_s=0.2, record_s=0.01, batch_s=0.02, broadcast_s=0.5)
ACTOR = {
    "actor_vs_simulator": 0.8,
    "parts": {"set_up": 400, "simulator": 200, "inference": 50, "masks": 100, "push": 1, "rest": 9},
    "locations": 2,
    "touches": 40,
    "trials": 30,
}
LEARNER = {"loss_speedup": 4, "step_s": 1.0, "conditions": {"batch": 8, "device": "cpu", "torch_threads": 1}}
REPLAY = {"ray_batches_per_s": 40.0, "ray_inserts_per_s": 200.0}


def test_each_round_takes_as_long_as_its_slowest_part() -> None:
    config = configuration()
    first, second = config.learner.phases.values()
    first = dataclasses.replace(first, prefill=100, rounds=2, batches_first=10, batches_last=30)
    second = dataclasses.replace(second, rounds=0)
    config.learner.phases = {first.name: first, second.name: second}
    # A location: 1 s and 20 * 0.5 touches of 0.1 s = 2 s; with 10 actors 0.2 s. A round: 70 of them and a broadcast.
    # Prefill 20 s; round 0: collecting 14.5 s, 10 batches 2 s; round 1: collecting 14.5 s, 30 batches 6 s.
    found = forecast(config, COSTS, actors=10)
    assert found.hours * 3600 == pytest.approx(20 + 14.5 + 14.5)
    assert found.limited_by == "collecting"
    assert found.busy["learning"] * 3600 == pytest.approx(40 * 0.2)
    assert found.busy["memory bank"] * 3600 == pytest.approx(240 * 0.01 + 40 * 0.02)
    # With a step of 1 s the second round takes 30 s of learning.
    slow = forecast(config, dataclasses.replace(COSTS, step_s=1.0), actors=10)
    assert slow.hours * 3600 == pytest.approx(20 + 14.5 + 30)
    assert slow.hours_by_part["learning"] * 3600 == pytest.approx(30)


def test_under_strict_alternation_collecting_and_learning_take_turns() -> None:
    config = configuration("replay.strict=true")
    first, second = config.learner.phases.values()
    first = dataclasses.replace(first, prefill=100, rounds=2, batches_first=10, batches_last=30)
    second = dataclasses.replace(second, rounds=0)
    config.learner.phases = {first.name: first, second.name: second}
    # As above, but a round's learning comes after its collecting: 14.5 s, 10 steps of 0.2 s, 14.5 s, 30 steps.
    found = forecast(config, COSTS, actors=10)
    assert found.hours * 3600 == pytest.approx(20 + 14.5 + 2 + 14.5 + 6)
    assert found.hours_by_part["learning"] * 3600 == pytest.approx(8)


def test_force_trials_make_two_three_and_two_touches() -> None:
    segmentation, joint = configuration().learner.phases.values()
    assert COSTS.trials(segmentation) == 1
    assert COSTS.visit_s(joint) == pytest.approx(1 + 10 * 0.5 * 7 / 3 * 0.1)


def test_a_step_is_measured_given_or_calculated() -> None:
    config = configuration()
    size = config.learner.batch_size
    assert step_seconds(config, LEARNER, 0, None, 4)[0] == size / 8
    assert step_seconds(config, LEARNER, 1, 0.3, 4)[0] == 0.3
    seconds, source = step_seconds(config, LEARNER, 1, None, 4)
    assert seconds == pytest.approx(training_tflop(config) * size / 4) and "CALCULATED" in source
    cuda = LEARNER | {"step_s": 0.1, "conditions": {"batch": size, "device": "cuda", "gpu": "G", "torch_threads": 1}}
    assert step_seconds(config, cuda, 1, None, 4) == (0.1, "a step: measured on G")


def test_cores_are_shared_between_learner_and_actors() -> None:
    config = configuration()
    assert share_cores(config, 36, 2) == [(1, 35)] and share_cores(config, 64, 1) == [(1, 35)]
    assert share_cores(config, 4, 0) == [(1, 3), (2, 2), (3, 1)]
    assert share_cores(config, 1, 0) == [(1, 1)]


def test_result_lines_are_recognised_by_their_keys() -> None:
    lines = ["noise", "RESULT " + json.dumps(REPLAY), 'RESULT {"other": 1}']
    assert results(lines) == {"replay": REPLAY}
    with pytest.raises(ValueError, match="no JSON object"):
        results(["RESULT {"])


def test_the_result_names_hours_and_the_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "measured"
    file.write_text("\n".join("RESULT " + json.dumps(result) for result in (ACTOR, LEARNER, REPLAY)))
    main(["--cores", "36", "--gpus", "2", "--measured", str(file)])
    output = capsys.readouterr().out
    result = result_of(output)
    assert result["hours"] > 0 and result["limited_by"] in ("collecting", "learning", "memory bank")
    assert result["locations"] == 2 * (3000 + 900 * 70) and result["actors"] == 35
    assert "CALCULATED" in output and any("CALCULATED" in text for text in result["assumptions"])


@pytest.mark.parametrize(
    "arguments", [["--cores", "0", "--gpus", "1"], ["--cores", "2", "--gpus", "0", "--measured", "none"]]
)
def test_wrong_arguments_end_with_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
