"""Refused command lines: one sentence, exit code 2, nothing started and nothing left behind."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from unittest.mock import patch

import pytest

from cluster.command.help import HELP, USAGE
from tests.cluster.runs import ROOT, playpen, playpen_at_once


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "learner.lrr=1"], "learner.lrr: Key 'lrr' not in 'LearnerConfig'; did you mean learner.lr?"),
        (["train", "learner.lr=fast"], "learner.lr: Value 'fast' of type 'str' could not be converted to Float"),
        (["train", "learner.lr=-1"], "learner.lr must be positive, not -1.0"),
        (
            ["train", "experiment=nope"],
            "Could not find 'experiment/nope'; it must be one of comparison, overnight, paper,",
        ),
        (["train", "actors.supervision=all"], "actors.supervision must be one of self, interaction_oracle,"),
        (
            ["train", "actors.mask_source=pca"],
            "actors.mask_source must be one of rgbd, module, optical_flow, video_pca,",
        ),
        (
            ["train", "actors.reach.shape=infinite"],
            "models.max_depth must be at least 100 metres, as far as touches go with actors.reach.shape=infinite",
        ),
        (["train", "actors.reach.radius=6"], "models.max_depth must be at least 6 metres"),
        (["train", "models=video_pca"], "models=video_pca needs actors.mask_source=video_pca, not rgbd"),
        (
            ["train", "actors.mask_source=video_pca", "actors.supervision=both"],
            "actors.mask_source must be rgbd or module with",
        ),
        (
            ["train", "actors.supervision=full", "actors.self_supervision.superpixels=false"],
            "actors.self_supervision.superpixels=false cannot be combined with actors.supervision=full",
        ),
        (
            ["train", "models=video_pca", "actors.mask_source=video_pca", "actors.choice=greedy"],
            "actors.choice=greedy cannot be with models=video_pca",
        ),
        (
            ["train", "actors.self_supervision.kernel=delta"],
            "actors.self_supervision.success_threshold must be at most",
        ),
        (["train", "cluster.actors=0"], "cluster.actors must be at least 1, not 0"),
        (["train", "cluster.learner_cpus=-1"], "cluster.learner_cpus must be 0 or more, not -1"),
        (["train", "learner.lr=nan"], "learner.lr must be a finite number, not nan"),
        (["train", "actors.forces=[1,2,inf]"], "actors.forces[2] must be a finite number, not inf"),
        (
            ["train", "evaluation.baselines.depth_edges.step=0"],
            "depth_edges.step must be at least 1, not 0",
        ),
        (["train", "++resume=none"], "resume=none is not a run folder"),
        (["train", "learner.lr=1,2"], "'learner.lr=1,2' has several values; add -m"),
        (["train", "-m", "learner.lr=1e-3,fast"], "learner.lr: Value 'fast'"),
        (["train", "+extra=3"], "extra is no field of the configuration"),
        (["train", "lr"], "'lr' is not an override; write KEY=VALUE"),
        (["train", "replay.capacity=4"], "learner.phases.segmentation:"),
        (
            ["train", "learner.phases.segmentation.rounds=0", "learner.phases.joint.rounds=0"],
            "nothing would be trained",
        ),
        (["train", "evaluation.test_file=none.json", "evaluation.train_file=none.json"], "none.json"),
        (["train", "-m", "experiment=smoke", "replay.capacity=64,3"], "replay.capacity must be at least 4"),
        (["train", "learner=5"], "Config group override must be a string or a list"),
        (["train", "simulator.width=200"], "simulator.width must be 300, not 200"),
        (["train", "cluster.address=1.2.3"], "cluster.address must be HOST:PORT of a running Ray cluster"),
        (["train", "cluster.address=127.0.0.1:1"], "cluster.address=127.0.0.1:1: no Ray cluster answers there"),
        (
            ["dataset", "evaluation.dataset.folder=/dev/null/x"],
            "evaluation.dataset.folder=/dev/null/x must be a writable folder",
        ),
        (["evaluate", "checkpoint=null"], "checkpoint names no model, and none ships with this version of the"),
        (["evaluate", "checkpoint=none.safetensors"], "checkpoint=none.safetensors does not exist; name an exported"),
        (["train", "start_from=none"], "none is neither a checkpoint folder nor a run folder that holds one"),
        (
            ["train", "-m", "seed=1,2", "start_from=none.safetensors"],
            "none.safetensors does not exist; name an exported",
        ),
        (["export", "output=mine"], "checkpoint has no value; give one on the command line: checkpoint=VALUE"),
        (
            ["export", "checkpoint=none", "output=mine"],
            "checkpoint=none is neither a checkpoint folder nor a run folder",
        ),
        (["export", "checkpoint=none", "output=/"], "output must be a path such as models/mine, not '/'"),
        (["export", "system=hide_and_seek"], "system=hide_and_seek has no command 'export'"),
        (["evaluate", "checkpoint=none"], "checkpoint=none is neither a checkpoint folder nor a run folder"),
        (["predict", "checkpoint=none", "image=a.png", "depth=b.npy"], "checkpoint=none is neither"),
        (["bench", "nope"], "unknown benchmark 'nope'; one of"),
        (["fly"], "unknown command 'fly'; one of train,"),
    ],
)
def test_refusals(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    done = playpen_at_once(*arguments, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert done.stderr.startswith("playpen: ")
    assert len(done.stderr.strip().splitlines()) == 1
    left = {path.name for path in tmp_path.rglob("*") if path.is_file() and "home" not in path.parts}
    assert not left, "nothing may be left behind"


@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "export", "dataset", "bench"])
def test_help_says_what_is_read_and_written(command: str, tmp_path: Path) -> None:
    done = playpen_at_once(command, "--help", folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: ./playpen {command}")
    assert "example" in done.stdout


def test_the_usage_and_the_script_know_the_same_commands() -> None:
    """usage.txt, the script's `case`, and the help texts; the script alone runs `test`."""
    script = subprocess.run(["bash", str(ROOT / "playpen"), "--help"], capture_output=True, text=True, check=True)
    assert script.stdout == USAGE
    listed = [line.split()[0] for line in USAGE.splitlines() if line.startswith("  ")]
    assert sorted(listed) == sorted([*HELP, "test"])
    (accepted,) = re.findall(r"^    ([a-z |]+)\) shift ;;$", (ROOT / "playpen").read_text(), re.MULTILINE)
    assert accepted.split(" | ") == listed


def test_help_without_a_command_is_the_usage(tmp_path: Path) -> None:
    for arguments in ([], ["--help"]):
        done = playpen_at_once(*arguments, folder=tmp_path)
        assert (done.returncode, done.stdout) == (0, USAGE)


def test_a_missing_unity_build_is_reported_in_one_sentence(tmp_path: Path) -> None:
    done = playpen_at_once("dataset", "simulator=thor", folder=tmp_path)
    assert done.returncode in (1, 2)
    assert len(done.stderr.strip().splitlines()) == 1
    assert "build" in done.stderr


def test_a_run_that_did_not_start_leaves_no_folder(tmp_path: Path) -> None:
    done = playpen_at_once("train", "simulator.command=nonsense", folder=tmp_path)
    assert done.returncode == 1 and "names 'nonsense'" in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and "home" not in path.parts]


def test_an_unwritable_home_is_replaced(capfd: pytest.CaptureFixture[str]) -> None:
    from cluster.command.cli import writable_home

    with patch.dict(os.environ, {"HOME": "/proc/no-home"}):
        os.environ.pop("NETRC", None)
        with writable_home():
            home = Path.home()
            (home / "file").touch()
        assert os.environ["NETRC"] == "/proc/no-home/.netrc"
    assert not home.exists()
    assert capfd.readouterr().err.startswith("playpen: the home folder /proc/no-home cannot be written")


def test_system_errors_name_their_file_first(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise FileExistsError(17, "File exists", "found")

    from cluster.command.cli import guarded

    assert guarded(work) == 1
    assert capfd.readouterr().err == "playpen: found: File exists\n"


def test_a_full_disk_is_reported_with_the_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from cluster.command.cli import guarded

    def work() -> int:
        with open("/dev/full", "w") as file:
            print("a row of metrics", file=file, flush=True)
        return 0

    assert guarded(work, tmp_path) == 1
    assert capfd.readouterr().err == f"playpen: {tmp_path}: No space left on device\n"


def test_an_unexpected_error_is_one_sentence(tmp_path: Path) -> None:
    from cluster.command.cli import guarded

    def work() -> int:
        raise ZeroDivisionError("by zero")

    assert guarded(work) == 1


def test_rooms_draws_its_sheets(tmp_path: Path) -> None:
    done = playpen("rooms", "scenes=[FloorPlan402]", "views=1", "touches=3", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("RESULT ")
    assert {path.name for path in tmp_path.glob("outputs/rooms/*/*.png")} == {"views.png", "touches.png"}
    refused = playpen("rooms", "scenes=[FloorPlan99]", folder=tmp_path)
    assert refused.returncode == 2 and "no scene 'FloorPlan99'" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
