"""A folder holds one run: others are refused, and a checkpoint resumes only its own run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cluster.run.run_folder import RUN_FILE, RUN_ID, check_folder_is_free, check_same_run, claim, holds_run, run_id
from common.errors import UsageError
from learner.checkpoint_index import INDEX
from tests.cluster.runs import SmokeRun, playpen_at_once


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_claimed_once(tmp_path: Path) -> None:
    assert not holds_run(tmp_path) and run_id(tmp_path) is None
    claim(tmp_path, "train")
    first = run_id(tmp_path)
    assert first and holds_run(tmp_path)
    with pytest.raises(UsageError, match="was just taken by another run; choose a fresh folder"):
        claim(tmp_path, "train")
    assert run_id(tmp_path) == first
    (tmp_path / RUN_FILE).write_text("{")
    with pytest.raises(UsageError, match=r"run\.json is damaged"):
        run_id(tmp_path)


@pytest.mark.parametrize("left", ["config.yaml", "metrics.jsonl", "results.json", "status.json", "replay", "bank"])
def test_files_of_any_run_mark_the_folder_as_taken(left: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    check_folder_is_free(tmp_path, "hydra.run.dir")
    check_folder_is_free(tmp_path / "new", "hydra.run.dir")
    (tmp_path / "0_seed=1").mkdir()
    (tmp_path / "0_seed=1" / left).touch()
    check_folder_is_free(tmp_path, "hydra.run.dir")  # runs in folders beside
    with pytest.raises(UsageError, match="already holds the run 0_seed=1; choose a fresh folder"):
        check_folder_is_free(tmp_path, "hydra.sweep.dir")
    (tmp_path / left).touch()
    with pytest.raises(UsageError, match=f"hydra.run.dir={tmp_path} already holds a run; choose a fresh folder"):
        check_folder_is_free(tmp_path, "hydra.run.dir")


def test_no_command_writes_into_the_folder_of_a_run(smoke: SmokeRun, tmp_path: Path) -> None:
    run = smoke.folder
    before = files_of(run)
    for arguments in (
        ["train", "experiment=smoke", "seed=9", f"hydra.run.dir={run}"],
        ["train", "-m", "experiment=smoke", "seed=1,2", f"hydra.sweep.dir={run.parent}"],
        ["evaluate", f"checkpoint={run}", f"hydra.run.dir={run}"],
        ["rooms", f"hydra.run.dir={run}"],
        ["predict", f"checkpoint={run}", "image=a.png", "depth=a.npy", f"output={run}"],
        ["predict", f"checkpoint={run}", "image=a.png", "depth=a.npy", f"output={run}/predictions"],
        ["dataset", f"evaluation.dataset.folder={run}"],
    ):
        done = playpen_at_once(*arguments, folder=tmp_path)
        assert done.returncode == 2, (arguments, done.stderr)
        assert ("holds" in done.stderr or "is in the folder of a run" in done.stderr) and str(run.parent) in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert files_of(run) == before


def test_a_run_that_can_be_resumed_is_named_with_its_command(smoke: SmokeRun, tmp_path: Path) -> None:
    run = tmp_path / "a=b, c"
    shutil.copytree(smoke.folder / "checkpoints", run / "checkpoints")
    with pytest.raises(UsageError, match=r"resume it: ./playpen train 'resume=.*/a=b, c', or choose a fresh"):
        check_folder_is_free(run, "hydra.run.dir")


def test_another_runs_checkpoint_is_refused(smoke: SmokeRun, tmp_path: Path) -> None:
    """The folder looks like that of two runs: the second's configuration lies beside the first's checkpoint."""
    run = tmp_path / "run"
    shutil.copytree(smoke.folder, run, ignore=shutil.ignore_patterns("results.json", "wandb"))
    (run / "bank").mkdir()
    checkpoint = sorted((run / "checkpoints").iterdir())[-1]
    check_same_run(run, checkpoint, seed=3)
    index = json.loads((checkpoint / INDEX).read_text())
    assert index["extra"][RUN_ID] == run_id(run) == run_id(smoke.folder)
    with pytest.raises(UsageError, match=r"was saved by a run with seed 3, but config\.yaml has seed 4"):
        check_same_run(run, checkpoint, seed=4)
    (run / RUN_FILE).unlink()
    claim(run, "train")
    (run / "bank" / "_lock").touch()  # the check for a running process creates this file
    before = files_of(run)
    done = playpen_at_once("train", f"resume={run}", folder=tmp_path)
    assert done.returncode == 2 and "was saved by another run than the one that" in done.stderr
    assert files_of(run) == before


def test_runs_of_older_versions_without_id_can_be_resumed(smoke: SmokeRun, tmp_path: Path) -> None:
    shutil.copytree(smoke.folder / "checkpoints", tmp_path / "checkpoints")
    checkpoint = sorted((tmp_path / "checkpoints").iterdir())[-1]
    index = json.loads((checkpoint / INDEX).read_text())
    del index["extra"][RUN_ID]
    (checkpoint / INDEX).write_text(json.dumps(index))
    check_same_run(tmp_path, checkpoint, seed=3)


def test_a_resumed_run_keeps_its_seed(smoke: SmokeRun, tmp_path: Path) -> None:
    done = playpen_at_once("train", f"resume={smoke.folder}", "seed=8", folder=tmp_path)
    assert done.returncode == 2 and "seed=8: a resumed run keeps its seed, 3" in done.stderr
