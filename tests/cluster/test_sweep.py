"""Sweeps: their parameters can be composed, and a run that a launcher starts elsewhere returns its objective."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from cluster.command import sweep
from cluster.command.compose import check_overrides
from cluster.command.sweep import inside_ray, objective, run_in_subprocess
from cluster.command.sweep_config import sweep_parameters
from cluster.systems import register
from cluster.systems.interaction import SYSTEM
from cluster.table.plan import compose_train
from common.errors import RunError, UsageError
from tests.cluster.runs import ROOT, playpen_at_once


@pytest.fixture(autouse=True)
def schemas() -> None:
    register()


def test_the_parameters_of_a_sweep_are_its_files_unless_given() -> None:
    assert sweep_parameters(["sweep=local", "experiment=smoke"]) == ["learner.lr=1e-3,4e-3", "seed=1,2"]
    assert sweep_parameters(["sweep=local", "seed=5,6"]) == ["learner.lr=1e-3,4e-3"]
    names = [text.split("=")[0] for text in sweep_parameters(["sweep=optuna"])]
    assert names == ["learner.lr", "learner.embedding_weight", "actors.self_supervision.superpixel_fraction"]


def test_a_sweep_is_checked_as_a_whole() -> None:
    check_overrides("train", ["sweep=local", "experiment=smoke"])
    with pytest.raises(UsageError, match="replay.capacity must be at least 4"):
        check_overrides("train", ["sweep=local", "experiment=smoke", "replay.capacity=64,3"])
    with pytest.raises(UsageError, match="Could not find 'sweep/nope'"):
        check_overrides("train", ["sweep=nope"])


def test_the_objective_is_the_final_figure(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no mask_ap50"):
        objective(tmp_path, "mask_ap50")
    (tmp_path / "results.json").write_text(json.dumps({"mask_ap50": 12.5}))
    assert objective(tmp_path, "mask_ap50") == 12.5
    assert not inside_ray()


@pytest.mark.usefixtures("session")
def test_a_run_in_a_subprocess_does_not_see_the_workers_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import json, os, pathlib, sys\n"
        "if 'seed=2' in sys.argv: sys.exit('playpen: no disk')\n"
        "folder = [a.partition('=')[2] for a in sys.argv if a.startswith('hydra.run.dir=')][0].strip(\"'\")\n"
        "value = {'mask_ap50': 7.0, 'job': os.environ.get('RAY_JOB_ID'), 'given': sys.argv[1:]}\n"
        "pathlib.Path(folder, 'results.json').write_text(json.dumps(value))\n"
    )
    monkeypatch.setattr(sweep, "TRAIN_COMMAND", [sys.executable, str(program)])
    monkeypatch.setenv("RAY_JOB_ID", "01000000")
    folder = tmp_path / "0_seed=1"
    assert run_in_subprocess(["experiment=smoke", "seed=1"], folder, "mask_ap50") == 7.0
    written = json.loads((folder / "results.json").read_text())
    assert written["job"] is None and written["given"][:2] == ["experiment=smoke", "seed=1"]
    with pytest.raises(RunError, match="no disk"):
        run_in_subprocess(["seed=2"], folder, "mask_ap50")


@pytest.mark.parametrize("sweep_of", [["-m", "seed=1,2"], ["sweep=optuna", "hydra.sweeper.n_trials=2"]])
def test_a_failed_run_does_not_end_the_others(sweep_of: list[str], tmp_path: Path) -> None:
    done = playpen_at_once("train", "experiment=smoke", "simulator.command=not_there", *sweep_of, folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("not_there") >= 2 and "playpen: 2 of 2 runs failed" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_sweep_of_weights_and_biases_names_existing_keys() -> None:
    values = yaml.safe_load((ROOT / "docs" / "wandb_sweep.yaml").read_text())
    assert values["metric"]["name"] == SYSTEM.objective and values["command"][:2] == ["./playpen", "train"]
    compose_train(
        [f"{name}={spec.get('min', spec.get('values', [0])[0])}" for name, spec in values["parameters"].items()]
    )
