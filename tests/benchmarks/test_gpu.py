"""How `./playpen bench gpu` shares its time, runs its parts, and continues after an interruption."""

from __future__ import annotations

import json
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu
from benchmarks.gpu import AROUND_TRAINING_S, PARTS, TRAIN_SHARE, budget, main, phase_minutes, run_part
from cluster.command import compose
from cluster.systems import register
from tests.benchmarks.helpers import bench, result_of

MACHINE = {"device": "cpu", "cores": 16, "gpus": 1, "actors": 14, "twice": 28, "measured": "FILE"}


def test_time_is_kept_for_the_training_run() -> None:
    assert budget("replay", limit_s=60, left_s=500, total_s=600, train_follows=True) == 60
    assert budget("replay", 60, left_s=600 * TRAIN_SHARE + 20, total_s=600, train_follows=True) == pytest.approx(20)
    assert budget("replay", 60, left_s=30, total_s=600, train_follows=False) == 30
    assert budget("train", 1e9, left_s=300, total_s=600, train_follows=True) == 300


def test_both_phases_fit_into_the_time_of_the_run() -> None:
    minutes = [float(text) for text in phase_minutes(AROUND_TRAINING_S + 120).values()]
    assert sum(minutes) == pytest.approx(2) and minutes[0] > minutes[1]
    assert min(float(text) for text in phase_minutes(0).values()) > 0


@pytest.mark.parametrize("quick", [False, True])
def test_the_training_run_is_one_that_train_accepts(quick: bool) -> None:
    template = PARTS["train"].quick if quick else PARTS["train"].command
    command, *overrides = shlex.split(template.format(**MACHINE, **phase_minutes(200)))
    register()
    compose.check_overrides(command, overrides)


@pytest.mark.parametrize("name", [name for name in PARTS if name != "train"])
def test_each_part_is_a_benchmark(name: str) -> None:
    for template in (PARTS[name].command, PARTS[name].quick):
        words = shlex.split(template.format(**MACHINE))
        assert words[0] == "bench" and (gpu.ROOT / "benchmarks" / f"{words[1]}.py").is_file()


def test_a_part_ends_with_its_result_or_a_reason(tmp_path: Path) -> None:
    done = run_part(["bench", "paper", "--help"], {"PYTHONPATH": str(gpu.ROOT)}, 60, tmp_path / "log")
    assert done["state"] == "failed" and "exit code 0" in done["reason"]  # help has no RESULT
    refused = run_part(["bench", "replay", "--records", "1"], {"PYTHONPATH": str(gpu.ROOT)}, 60, tmp_path / "log")
    assert refused["state"] == "failed" and "--records must be at least" in refused["reason"]
    assert "== bench paper --help" in (tmp_path / "log").read_text()


def test_a_part_is_cut_at_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    class Endless(gpu.subprocess.Popen):
        def __init__(self, command: list[str], **settings: Any) -> None:
            super().__init__(["sleep", "1000"], **settings)

        def send_signal(self, number: int) -> None:
            sent.append(number)
            super().send_signal(number)

    monkeypatch.setattr(gpu.subprocess, "Popen", Endless)
    cut = run_part(["train"], {}, 0.01, tmp_path / "log")
    assert cut["state"] == "cut" and sent[0] == signal.SIGINT


@pytest.fixture
def made_up_parts(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Replaces the parts' processes: all are done, but replay fails. Returns their commands."""
    ran: list[list[str]] = []

    def made_up(words: list[str], variables: Any, seconds: float, log: Path) -> dict[str, Any]:
        ran.append(words)
        if words[1] == "replay":
            return {"state": "failed", "seconds": 1.0, "reason": "no disk"}
        if words[1] == "paper":
            ran.append(Path(words[-1]).read_text().splitlines())
        return {"state": "done", "seconds": 1.0, "result": {"step_s": 0.25, "name": words[1]}}

    monkeypatch.setattr(gpu, "run_part", made_up)
    return ran


def test_finished_parts_are_not_repeated(
    made_up_parts: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "gpu.json"
    names = "learner,learner_mixed,replay,paper"
    with pytest.raises(SystemExit) as ended:
        main(["--quick", "--out", str(out), "--parts", names])
    assert ended.value.code == 1
    saved = json.loads(out.read_text())
    assert [saved["parts"][name]["state"] for name in names.split(",")] == ["done", "done", "failed", "done"]
    assert result_of(capsys.readouterr().out) == saved
    # `bench paper` gets the learner's result, and not the one in bfloat16.
    assert made_up_parts[-1] == ['RESULT {"step_s": 0.25, "name": "learner"}']
    made_up_parts.clear()
    with pytest.raises(SystemExit):
        main(["--quick", "--out", str(out), "--parts", names, "--resume"])
    assert [words[1] for words in made_up_parts] == ["replay"]


def test_parts_without_time_are_skipped(made_up_parts: list[list[str]], tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    main(["--quick", "--out", str(out), "--parts", "learner", "--minutes", "0.1"])
    assert json.loads(out.read_text())["parts"]["learner"]["state"] == "skipped" and not made_up_parts


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--parts", "learner,nope"], "not 'nope'"),
        (["--parts", ","], "--parts must be some of"),
        (["--minutes", "0"], "must be a number above 0"),
        (["foo"], "'foo' is not an override"),
    ],
)
def test_refusals(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and sentence in capsys.readouterr().err


def test_results_of_another_size_are_not_continued(
    made_up_parts: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gpu.json"
    main(["--quick", "--out", str(out), "--parts", "learner"])
    with pytest.raises(SystemExit) as ended:
        main(["--out", str(out), "--parts", "learner", "--resume"])
    assert ended.value.code == 2 and "another --quick" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_all_parts_run_at_a_small_size(tmp_path: Path) -> None:
    result = bench(
        "gpu", "--quick", "--minutes", "14", "--out", str(tmp_path / "gpu.json"), home=tmp_path, timeout_s=900
    )
    states = {name: outcome["state"] for name, outcome in result["parts"].items()}
    assert list(states) == list(PARTS) and set(states.values()) <= {"done", "skipped"}, result
    assert states["train"] == states["learner"] == states["paper"] == "done"
    assert result["parts"]["train"]["result"]["mask_ap50"] >= 0
    assert json.loads((tmp_path / "gpu.json").read_text()) == result
