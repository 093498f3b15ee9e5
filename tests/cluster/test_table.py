"""`./playpen table` on hand-made run folders: parsing, finding and training runs, and the comparison."""

from __future__ import annotations

import csv
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from omegaconf import OmegaConf

from cluster.interaction import table_results
from cluster.interaction.table_results import curve_of
from cluster.run.config import RunConfig
from cluster.run.identity import key_of
from cluster.systems import register
from cluster.table import plan as table_plan
from cluster.table import work as table_work
from cluster.table.command import list_runs
from cluster.table.config import read_request
from cluster.table.plan import Plan, compose_row, compose_train, make_plan
from cluster.table.runs import FINISHED, MISSING, OVERHEAD_S, RUNNING, UNFINISHED
from cluster.table.work import max_parallel_runs, train_missing, work
from common.errors import Interrupted, UsageError
from evaluation.interaction.evaluate import Evaluation
from evaluation.interaction.measured import write_measured
from evaluation.interaction.metrics_file import write_metrics
from tests.cluster.runs import ROOT, playpen
from tests.evaluation.test_comparison import metrics
from tests.evaluation.test_figures import panels

ASKED = ("TABLE=choice", "experiment=smoke", "seeds=[1,2]", "data_sets=[novel_spaces]", "tracking.mode=disabled")


@functools.cache
def composed(overrides: tuple[str, ...]) -> RunConfig:
    """Composing takes half a second, so tests share configurations."""
    return compose_train(overrides)


asked = functools.cache(read_request)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder for the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(table_plan, "compose_train", lambda overrides: composed(tuple(overrides)))
    monkeypatch.setattr(table_results, "compose_train", lambda overrides: composed(tuple(overrides)))
    register()
    return tmp_path


def plan_of(*arguments: str) -> Plan:
    return make_plan(asked(arguments or ASKED))


def write_run(folder: Path, config: RunConfig, value: float | None = 40.0, key: str = "") -> Path:
    """A finished run's folder, measured if `key` names the data set and how; unfinished if `value` is None."""
    checkpoint = folder / "checkpoints" / "step_0000050"
    checkpoint.mkdir(parents=True)
    for name in ("learner.json", "replay-locations.npz"):
        (checkpoint / name).write_text("{}")
    OmegaConf.save(OmegaConf.structured(config), folder / "config.yaml")
    rows = [{"seconds": 0.0, "touches": 0}, {"seconds": 60.0, "touches": 600}]
    rows.append({"seconds": 61.0, "evaluation/minutes": 0.5, "evaluation/mask_ap50": 11.0})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if value is None:
        (folder / "replay" / "locations").mkdir(parents=True)
        return folder
    results = {"touches": 600, "steps": 50, "wall_s": 90.0, "mass_accuracy": value}
    (folder / "results.json").write_text(json.dumps(results))
    if key:
        write_measured(folder / "comparison" / key, Evaluation(metrics(value), []), [panels(touched=True)])
    return folder


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["seeds=[1]"],
            "TABLE must be one of all, choice, correction, masks, models, reach, replay, supervision, vdr, which is "
            "missing",
        ),
        (["TABLE=arms"], "TABLE must be one of all,"),
        (["TABLE=reach", "-m"], "table does not know '-m'"),
        (["TABLE=reach", "seed=3"], "a table sets seed itself; give seeds=[1,2] instead"),
        (["TABLE=reach", "evaluation=novel_objects"], "a table sets evaluation itself"),
        (["TABLE=reach", "seeds=[1,1]"], "seeds must be different integers of 0 or more"),
        (["TABLE=reach", "++seed=2"], "a table sets seed itself; give seeds=[1,2] instead"),
        (["TABLE=reach", "hydra.run.dir=x"], "hydra.run.dir: a table chooses the folders of its runs"),
        (["TABLE=reach", "data_sets=[foo]"], "data_sets must be among novel_objects, novel_spaces, not 'foo'"),
        (["TABLE=reach", "parallel=0"], "parallel must be null or at least 1, not 0"),
        (["TABLE=reach", "learner.lrr=3"], "learner.lrr: Key 'lrr' not in 'LearnerConfig'; did you mean learner.lr?"),
        (["TABLE=reach", "replay.capacity=4"], "learner.phases.segmentation:"),
    ],
)
def test_refusals(here: Path, arguments: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=".*") as refused:
        plan_of(*arguments)
    assert sentence in str(refused.value)
    assert not list(here.iterdir())


def test_a_mistake_is_one_sentence_of_the_command(tmp_path: Path) -> None:
    done = playpen("table", "TABLE=reach", "seed=3", folder=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("playpen: a table sets seed itself")


@pytest.mark.slow
def test_every_row_of_every_table_can_be_composed(here: Path) -> None:
    plan = plan_of("TABLE=all", "experiment=smoke", "seeds=[1]")
    assert {row.table for row in plan.rows} == {"supervision", "masks", "reach", "replay", "choice", "models"}
    refused = [row.refused for row in plan.rows if row.refused]
    assert all("torchvision" in sentence for sentence in refused), refused
    firsts = [next(row for row in plan.rows if row.table == name) for name in ("masks", "reach", "replay", "choice")]
    assert len({row.runs[0].key for row in firsts}) == 1, "rows that several tables share are trained once"
    others = [run.key for row in plan.rows for run in row.runs]
    # The first row of six tables, the paper's kernel, and three rows that stand in two tables.
    assert len(set(others)) == len(others) - 5 - 1 - 3


def test_rows_are_evaluated_alike(here: Path) -> None:
    base = composed(("experiment=smoke",))
    config, overrides = compose_row(base, ["experiment=smoke"], ["actors.reach.shape=infinite", "models.max_depth=100"])
    assert config.actors.reach.shape == "infinite" and config.evaluation == base.evaluation
    assert 'evaluation.dataset.reach_shape="sphere"' in overrides
    assert compose_train(overrides) == config


def test_keys_differ_if_runs_learn_differently(here: Path) -> None:
    base = composed(("experiment=smoke",))
    key = key_of(base)

    def other(*overrides: str) -> str:
        return key_of(compose_train(["experiment=smoke", *overrides]))

    assert other("tracking.mode=offline", "keep_bank=true", "checkpoint_minutes=3", "cluster.dashboard=true") == key
    different = ("seed=2", "replay.mode=uniform", "cluster.actors=2")
    assert len({key, *(other(text) for text in different)}) == 4


def test_runs_are_found_by_their_configuration(here: Path) -> None:
    first, second, *others = plan_of().runs()
    write_run(here / "outputs/train/old", first.config, None)
    write_run(here / "outputs/train/by hand", replace(first.config, experiment_name="mine", keep_bank=True))
    write_run(here / "outputs/sweeps/many/3", second.config, None)
    for name, text in (
        ("no run", "cluster: 3"),
        ("damaged", OmegaConf.to_yaml(OmegaConf.structured(others[1].config))),
    ):
        write_run(here / "outputs/train" / name, others[1].config)
        (here / "outputs/train" / name / "config.yaml").write_text(text.replace("seed: 2", "seed: 99"))
    (here / "outputs/train/damaged/results.json").write_text("{")
    (here / "outputs/train/died").mkdir()
    OmegaConf.save(OmegaConf.structured(others[0].config), here / "outputs/train/died/config.yaml")
    runs = plan_of().runs()
    assert [run.state for run in runs] == [FINISHED, UNFINISHED] + [MISSING] * 4
    assert runs[0].found is not None and runs[0].found.folder == Path("outputs/train/by hand")
    assert list_runs(plan_of())["states"] == {"finished": 1, "unfinished": 1, "missing": 4}
    process = psutil.Process()
    status = {"state": "running", "pid": process.pid, "process_started": process.create_time()}
    (here / "outputs/sweeps/many/3/status.json").write_text(json.dumps(status | {"host": socket.gethostname()}))
    assert plan_of().runs()[1].state == RUNNING


def test_the_listing_estimates_the_remaining_time(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timed = (*ASKED, "--list", "learner.phases.segmentation.minutes=2", "learner.phases.joint.minutes=3")
    assert list_runs(plan_of(*timed))["seconds_left_one_by_one"] == 6 * (5 * 60 + OVERHEAD_S)
    assert list_runs(plan_of())["seconds_left_one_by_one"] is None, "no minutes are set, and no run is finished"
    run = plan_of().runs()[0]
    write_run(here / "outputs/train/a", run.config)
    known = list_runs(plan_of())
    assert known["states"] == {"finished": 1, "missing": 5}
    assert known["seconds_left_one_by_one"] == 5 * 90
    printed = capsys.readouterr().out
    assert "greedy and random" in printed and "outputs/train/a" in printed


class FakeResults:
    """Records which runs are measured."""

    def __init__(self) -> None:
        self.measured: list[str] = []

    def measure(self, run: Any) -> None:
        self.measured.append(run.label)

    def write(self, figures: bool) -> None:
        pass


def fake_train(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """Replaces `./playpen train` by a small program; its body can use `folder`, `given` and `finish`."""
    program = folder / "program.py"
    program.write_text(
        "import pathlib, sys, time\n"
        "given = dict(argument.split('=', 1) for argument in sys.argv[1:])\n"
        "folder = pathlib.Path((given.get('resume') or given['hydra.run.dir']).strip(\"'\"))\n"
        "def finish():\n"
        "    (folder / 'checkpoints' / 'step_1').mkdir(parents=True)\n"
        "    (folder / 'checkpoints' / 'step_1' / 'learner.json').touch()\n"
        "    (folder / 'config.yaml').touch()\n"
        "    (folder / 'results.json').touch()\n" + body
    )
    monkeypatch.setattr(table_work, "TRAIN_COMMAND", [sys.executable, str(program)])
    monkeypatch.setattr(table_work, "POLL_INTERVAL_S", 0.02)


def test_missing_runs_are_trained_despite_failures(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_train(
        monkeypatch,
        here,
        "if given.get('seed') == '2': print('playpen: no disk', file=sys.stderr); sys.exit(1)\nfinish()\n",
    )
    runs = plan_of().runs()
    write_run(here / "outputs/train/done", runs[0].config)
    half = write_run(here / "outputs/train/half", runs[2].config, None)
    plan, results = plan_of(), FakeResults()
    plan.folder.mkdir(parents=True)
    train_missing(plan, threading.Event(), results)
    assert [run.state for run in plan.runs()] == [FINISHED, MISSING] * 3
    assert results.measured == ["random-only_seed1", "greedy-only_seed1"]
    assert [(run.failed, run.attempts) for run in plan.runs()] == [("", 0)] + [("no disk", 2), ("", 1)] * 2 + [
        ("no disk", 2)
    ]
    assert (half / "results.json").exists(), "an unfinished run is resumed in its folder"
    assert plan.rows[0].note() == "greedy-and-random_seed2 failed: no disk"


def test_ctrl_c_lets_every_run_save_and_end(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_train(
        monkeypatch,
        here,
        "folder.mkdir(parents=True)\n"
        "try:\n    (folder / 'begun').touch(); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    (folder / 'saved').touch(); sys.exit(130)\n",
    )
    plan, interrupted = plan_of(*ASKED, "parallel=2"), threading.Event()
    plan.folder.mkdir(parents=True)

    def press() -> None:
        while len(list(here.glob("outputs/train/*/begun"))) < 2:
            time.sleep(0.02)
        interrupted.set()

    threading.Thread(target=press).start()
    with pytest.raises(Interrupted, match="0 of 6 runs are done; the same command continues"):
        train_missing(plan, interrupted, FakeResults())
    assert len(list(here.glob("outputs/train/*/saved"))) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports a parent's end")
@pytest.mark.parametrize("state", ["", "SIG_IGN", "SIG_BLOCK"])
def test_a_run_is_interrupted_when_its_parent_is_killed(tmp_path: Path, state: str) -> None:
    """Even if its parent ignored SIGINT, like background processes of a shell, or blocked it, like Ray."""
    child = (
        "import os, pathlib, time; from common.processes import end_with_parent\n"
        "end_with_parent(os.getppid())\n"
        "try:\n    pathlib.Path('begun').touch(); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    pathlib.Path('interrupted').touch()\n"
    )
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]).wait()"
    if state == "SIG_IGN":
        parent = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {parent}"
    if state == "SIG_BLOCK":
        parent = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGINT}}); {parent}"
    process = subprocess.Popen([sys.executable, "-c", parent], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        while not (tmp_path / "begun").exists():
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + 60
    while not (tmp_path / "interrupted").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (tmp_path / "interrupted").exists()


def test_finished_runs_become_tables_and_figures(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "test.json").write_text("[]")
    tests = SimpleNamespace(path=here / "test.json", entries=[None] * 8)
    monkeypatch.setattr(table_results, "find_test_locations", lambda *arguments: tests)
    # Training locations are not needed because every run is finished.
    monkeypatch.setattr(table_results, "find_locations", None)
    test_set = table_results.TestSetMeasurements(plan_of().base.evaluation, plan_of(), threading.Event())
    for path in test_set.baseline_files().values():
        write_metrics(path, metrics(5.0))
    for number, run in enumerate(plan_of().runs()):
        write_run(here / f"outputs/train/{number}", run.config, 40.0 + number, test_set.key)
    plan = plan_of()
    assert work(plan, threading.Event()) == 0
    lines = list(csv.DictReader((plan.folder / "table.csv").open()))
    found = {line["method"]: line for line in lines}
    # Seeds 1 and 2 of each row have 40 and 41, 42 and 43, 44 and 45.
    assert [float(found[name]["mask_ap50"]) for name in ("greedy and random", "random only", "greedy only")] == [
        40.5, 42.5, 44.5
    ]  # fmt: skip
    assert float(found["greedy only"]["mask_ap50_std"]) == pytest.approx(0.5**0.5, abs=1e-4)
    assert float(found["paper, release (other rooms)"]["mask_ap50"]) == 25.01
    assert found["untrained network"]["mask_ap50"] == "5.0000"
    text = (plan.folder / "table.md").read_text()
    assert (
        "`./playpen table TABLE=choice experiment=smoke 'seeds=[1,2]' 'data_sets=[novel_spaces]' tracking.mode" in text
    )
    names = {path.name for path in (plan.folder / "figures" / "choice").iterdir()}
    assert names == {f"{kind}_NovelSpaces.png" for kind in ("ap_over_touches", "precision_recall", "confusion")} | {
        "six_panels_NovelSpaces_0.png"
    }
    result = json.loads(capsys.readouterr().out.splitlines()[-1].removeprefix("RESULT "))
    random_only = result["tables"]["choice"]["NovelSpaces"]["random only"]
    assert result["finished"] == 6 and random_only["mask_ap50"] == 42.5
    # Twice 42 or 43, sqrt(2) times as far from 42.5, and 1 more or less of the images.
    assert random_only["intervals"]["mask_ap50"] == pytest.approx([42.5 - 0.5**0.5 - 1, 42.5 + 0.5**0.5 + 1], abs=1e-3)


def test_touches_of_an_evaluation_follow_from_its_time() -> None:
    rows = [{"seconds": 0.0, "touches": 0}, {"seconds": 60.0, "touches": 600}]
    assert curve_of([*rows, {"seconds": 70, "evaluation/minutes": 0.5, "evaluation/mask_ap50": 7.0}]) == [(300, 7.0)]
    assert curve_of([{"seconds": 1.0}]) == []
    # The run went back from 900 touches to 600, so the evaluation at 90 s counts with 600.
    undone = [*rows, {"seconds": 120.0, "touches": 900}, {"seconds": 130.0, "touches": 600}]
    assert curve_of([*undone, {"seconds": 91, "evaluation/minutes": 1.5, "evaluation/mask_ap50": 9.0}]) == [(600, 9.0)]


def test_parallel_runs_fit_the_machine(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = replace(composed(("experiment=smoke",)).cluster, actors=3)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert max_parallel_runs(cluster) == 2  # four CPUs each
    assert max_parallel_runs(replace(cluster, actors=35)) == 1

    def nodes(address: str) -> list[dict[str, Any]]:
        return [{"alive": True, "resources": {"CPU": 32.0, "GPU": 2.0}}, {"alive": False, "resources": {"CPU": 64.0}}]

    assert max_parallel_runs(replace(cluster, address="10.0.0.1:6379"), nodes) == 2  # a GPU each
    assert max_parallel_runs(replace(cluster, address="10.0.0.1:6379", learner_gpus=0.25), nodes) == 8
    assert max_parallel_runs(replace(cluster, address="auto"), nodes) == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_small_table_is_trained_once(tmp_path: Path) -> None:
    arguments = (
        "table TABLE=choice experiment=smoke seeds=[1] data_sets=[novel_spaces] figures=1 tracking.mode=offline "
        "learner.phases.segmentation.rounds=1 learner.phases.joint.rounds=1"
    )

    def once() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cluster", *arguments.split()],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path / "home")},
            capture_output=True, text=True, timeout=1700,
        )  # fmt: skip

    first = once()
    assert first.returncode == 0, first.stderr
    assert "3 of 3 runs to train" in first.stderr
    (made,) = (tmp_path / "outputs" / "tables").glob("choice_smoke-*")
    table = (made / "table.csv").read_text()
    again = once()
    assert again.returncode == 0 and "to train" not in again.stderr and "measuring" not in again.stderr
    assert (made / "table.csv").read_text() == table
    assert len(list((made / "figures" / "choice").glob("*.png"))) == 4
