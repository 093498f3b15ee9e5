"""A complete smoke run, and what users do with it afterwards."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cluster.runs import SmokeRun, playpen, processes_of, result_of, start


def test_result_line_holds_what_other_tools_read(smoke: SmokeRun) -> None:
    result = smoke.result
    figures = ("mask_ap50", "mask_ap", "box_ap50", "box_ap", "mass_accuracy", "mass_ap50")
    assert all(0 <= result[name] <= 100 for name in figures)
    # 6 + 3 * 3 + 2 * 3 locations; K = 2, 3, 4 and 2, 2 batches.
    assert (result["locations"], result["steps"], result["images"], result["seed"]) == (21, 13, 8, 3)
    assert 15 * 11 <= result["touches"] <= 15 * 20 + 6 * 10
    assert result["wall_s"] > 0
    assert 0 <= result["greedy_success"] <= 1 and 0 <= result["random_success"] <= 1
    assert set(result["baselines"]) == {"untrained", "superpixels", "depth_edges"}
    assert all({"mask_ap50", "box_ap50"} <= set(figures) for figures in result["baselines"].values())
    assert set(result["intervals"]) == set(figures)
    assert all(set(of["intervals"]) == set(figures[:4]) for of in result["baselines"].values())
    stored = json.loads((smoke.folder / "results.json").read_text())
    assert stored["mask_ap50"] == result["mask_ap50"] and stored["intervals"] == result["intervals"]
    assert "[" in (smoke.folder / "results.md").read_text()


def test_run_folder_is_complete(smoke: SmokeRun) -> None:
    files = {str(path.relative_to(smoke.folder)) for path in smoke.folder.rglob("*") if path.is_file()}
    assert {
        "config.yaml",
        "metrics.jsonl",
        "metrics.csv",
        "results.json",
        "results.md",
        "results.csv",
        "run.log",
        "predictions/ground_truth.json",
        "predictions/predictions_trained.json",
        "figures/six_panels.png",
        "figures/learning_curve.png",
        "figures/confusion.png",
        "figures/precision_recall.png",
        "checkpoints/step_0000013/learner.json",
    } <= files
    rows = list(csv.DictReader((smoke.folder / "metrics.csv").open()))
    assert float(rows[-1]["final/mask_ap50"]) == smoke.result["mask_ap50"]
    for name in (
        "rate/touches_per_s",
        "learner/wait_share",
        "learner/staleness_max",
        "replay/size",
        "actors/busy",
        "checkpoint/learner_pause_s",
    ):
        assert any(row[name] for row in rows), name
    assert list(smoke.folder.glob("wandb/offline-run-*/*.wandb"))
    assert re.search("to send it: .*wandb'? sync ", smoke.errors)


def test_progress_is_readable_in_a_file(smoke: SmokeRun) -> None:
    assert "segmentation: prefill: 6/6 locations" in smoke.errors
    assert "joint: training: 4/4 steps" in smoke.errors
    assert "\r" not in smoke.errors


def test_no_process_is_left(smoke: SmokeRun) -> None:
    assert not processes_of(smoke.root)


def test_evaluate_gives_the_same_figures_again(smoke: SmokeRun) -> None:
    done = playpen(
        "evaluate",
        f"checkpoint={smoke.folder}",
        "evaluation.dataset.train.locations=16",
        "evaluation.dataset.test.locations=8",
        "evaluation.figures=0",
        folder=smoke.root,
    )
    assert done.returncode == 0, done.stderr
    result = result_of(done.stdout)
    for name in ("mask_ap50", "mask_ap", "box_ap50", "box_ap", "mass_accuracy", "mass_ap50", "images", "steps"):
        assert result[name] == smoke.result[name], name


def test_predict_from_files(smoke: SmokeRun, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (300, 300, 3), dtype=np.uint8)).save(tmp_path / "rgb.png")
    np.save(tmp_path / "depth.npy", rng.uniform(0.5, 3, (300, 300)).astype(np.float32))
    arguments = [f"checkpoint={smoke.folder}", f"image={tmp_path / 'rgb.png'}", f"output={tmp_path / 'found'}"]
    done = playpen("predict", *arguments, f"depth={tmp_path / 'depth.npy'}", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "found" / "predictions.json").read_text())
    assert len(document["annotations"]) == result_of(done.stdout)["instances"] >= 1
    with Image.open(tmp_path / "found" / "overlay.png") as overlay:
        assert overlay.size[0] >= 300
    refused = playpen("predict", *arguments, "depth=none.npy", folder=tmp_path)
    assert refused.returncode == 2
    assert len(refused.stderr.strip().splitlines()) == 1 and "none.npy" in refused.stderr


def test_bad_checkpoints_are_refused_in_one_sentence(smoke: SmokeRun, tmp_path: Path) -> None:
    arguments = ["image=x.png", "depth=x.npy"]
    other = playpen("predict", f"checkpoint={smoke.folder}", "models.base_channels=16", *arguments, folder=tmp_path)
    assert other.returncode == 1 and "another model" in other.stderr
    cut = tmp_path / "cut"
    shutil.copytree(smoke.folder / "checkpoints" / "step_0000013", cut)
    model = next(cut.glob("model-*.safetensors"))
    model.write_bytes(model.read_bytes()[:1000])
    truncated = playpen("predict", f"checkpoint={cut}", *arguments, folder=tmp_path)
    assert truncated.returncode == 1 and model.name in truncated.stderr
    for done in (other, truncated):
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_strict_alternation_with_one_actor_repeats_bit_for_bit(smoke: SmokeRun, tmp_path: Path) -> None:
    weights = []
    for attempt in ("first", "second"):
        folder = tmp_path / attempt
        (folder / "outputs").mkdir(parents=True)
        (folder / "outputs" / "datasets").symlink_to(smoke.root / "outputs" / "datasets")
        done = playpen("train", "experiment=smoke", "replay.strict=true", "evaluation.figures=0", folder=folder)
        assert done.returncode == 0, done.stderr
        # The file's name holds the SHA-256 of the weights.
        weights.append(next(folder.glob("outputs/train/*/checkpoints/step_0000013/model-*.safetensors")).name)
    assert weights[0] == weights[1]


def test_interrupt_saves_a_checkpoint_and_leaves_nothing(smoke: SmokeRun, tmp_path: Path) -> None:
    process = start(tmp_path, smoke.root, "learner.phases.segmentation.rounds=50")
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not has_trained(tmp_path):
            time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: the whole foreground group
        asked = time.monotonic()
        _, errors = process.communicate(timeout=60)
        assert time.monotonic() - asked < 30  # 10 s on a quiet machine
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert "checkpoint saved in" in errors
    assert "Traceback" not in errors
    assert list(tmp_path.glob("outputs/train/*/checkpoints/step_*/learner.json"))
    time.sleep(2)
    assert not processes_of(tmp_path)


def has_trained(folder: Path) -> bool:
    """Whether a row of the run's metrics has optimiser steps."""
    for path in folder.glob("outputs/train/*/metrics.jsonl"):
        if any(json.loads(line).get("steps", 0) > 0 for line in path.read_text().splitlines() if line.endswith("}")):
            return True
    return False
