"""From a run to an exported model, and what commands do with it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir

from cluster.command import overrides
from cluster.command.compose import resumed_config
from cluster.command.overrides import CONF, ROOT, save_config
from cluster.interaction.config import TrainConfig
from cluster.interaction.export import described
from cluster.interaction.predictors import trained_predictor
from cluster.interaction.run_settings import named_checkpoint
from cluster.interaction.start_from import check_start, first_weights
from cluster.run.checkpoints import find_checkpoint
from cluster.run.identity import key_of
from cluster.systems import find, register
from cluster.table.plan import compose_train
from common import version
from common.errors import UsageError
from learner.checkpoint import load_model, save_checkpoint
from learner.checkpoint_index import read_index
from learner.interaction.learner import Learner
from models.interaction.build import build_network
from models.interaction.config import NetworkConfig
from models.weights import flat_weights
from tests.cluster.runs import playpen_at_once, result_of
from tests.cluster.test_run_settings import predicted
from tests.learner.helpers import SMALL, batch_of
from tests.learner.helpers import config as learner_config

NETWORK = [f"models.{name}={str(value).replace(' ', '')}" for name, value in asdict(SMALL).items() if name != "kind"]
"""Overrides of `train` that give the small network."""
CELLS = 1e-12
"""Squared distance at which an instance is one cell."""
FIGURES = {"mask_ap50": 12.5, "images": 3, "intervals": {"mask_ap50": [10.0, 15.0]}, "dataset": "NovelSpaces"}


def settings(*changes: str) -> TrainConfig:
    config = compose_train(["experiment=smoke", *NETWORK, *changes])
    assert isinstance(config, TrainConfig)
    return config


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that is not finished, whose actors' instances are single cells."""
    register()
    folder = tmp_path / "run"
    learner = Learner(build_network(SMALL, 0), learner_config(), seed=3)
    learner.start_phase("segmentation")
    learner.step(batch_of(1))
    extra = {"run": {"tasks": 9}, "run_id": "abc", "touches": 7, "experiment": "smoke", "commit": "c0ffee"}
    save_checkpoint(folder / "checkpoints" / "step_0000001", learner.get_state(), extra)
    save_config(settings(f"actors.cluster_distance={CELLS}", "actors.reach.radius=1.25"), folder / "config.yaml")
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(["experiment=smoke"]))
    return folder


@pytest.fixture
def model(run: Path, tmp_path: Path) -> Path:
    done = playpen_at_once("export", f"checkpoint={run}", "output=models/mine", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "models" / "mine.safetensors"


def test_a_run_that_is_not_finished_is_exported_without_figures(run: Path, tmp_path: Path) -> None:
    done = playpen_at_once("export", f"checkpoint={run}", "output=mine.safetensors", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"without figures: {run / 'results.json'} does not exist yet, as the run is not finished" in done.stdout
    result = result_of(done.stdout)
    assert (result["model"], result["description"]) == ("mine.safetensors", "mine.json")
    assert (result["steps"], result["commit"], result["figures"]) == (1, "c0ffee", False)
    assert result["bytes"] == (tmp_path / "mine.safetensors").stat().st_size
    extra = read_index(tmp_path / "mine.safetensors")["extra"]
    assert (extra["touches"], extra["experiment"], extra["commit"]) == (7, "smoke", "c0ffee")
    assert (extra["batch_size"], extra["images"]) == (64, 64)
    later = read_index(run / "checkpoints" / "step_0000001") | {"version": 3}
    assert described(resumed_config(run, []), run, later, None)["images"] == 192
    assert "run" not in extra and "run_id" not in extra, "only to resume"
    assert extra["actors"]["reach"] == {"shape": "sphere", "radius": 1.25}
    assert (extra["train_locations"], extra["dataset"]["name"]) == (16, "NovelSpaces")
    assert extra["overrides"] == ["experiment=smoke"] and extra["figures"] is None


def test_the_figures_of_a_finished_run_are_exported(run: Path, tmp_path: Path) -> None:
    (run / "results.json").write_text(json.dumps(FIGURES | {"steps": 1, "baselines": {}, "wall_s": 3}))
    (run / ".hydra" / "overrides.yaml").unlink()
    done = playpen_at_once(
        "export", f"checkpoint={run / 'checkpoints/step_0000001'}", "output=mine", "commit=abc", folder=tmp_path
    )
    assert done.returncode == 0 and "without" not in done.stdout, done.stderr
    extra = read_index(tmp_path / "mine.safetensors")["extra"]
    assert (extra["figures"], extra["commit"], extra["overrides"]) == (FIGURES, "abc", [])
    # Figures of other weights do not count.
    (run / "results.json").write_text(json.dumps(FIGURES | {"steps": 2}))
    done = playpen_at_once("export", f"checkpoint={run}", "output=mine", folder=tmp_path)
    assert f"without figures: those in {run / 'results.json'} are of step 2, not 1" in done.stdout
    assert read_index(tmp_path / "mine.safetensors")["extra"]["figures"] is None


def test_the_actors_of_an_older_run_stay_as_they_are(run: Path, tmp_path: Path) -> None:
    """So the model is evaluated as its run's folder is: values that the run lacks come from conf/ in both cases."""
    saved = yaml.safe_load((run / "config.yaml").read_text())
    del saved["actors"]["rgbd"]
    (run / "config.yaml").write_text(yaml.safe_dump(saved))
    done = playpen_at_once("export", f"checkpoint={run}", "output=mine", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert read_index(tmp_path / "mine.safetensors")["extra"]["actors"] == saved["actors"]


def test_what_cannot_be_exported(run: Path, model: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    (run / "checkpoints" / "step_0000001").rename(alone)
    for checkpoint, sentence in (
        (model, "is exported already; name a checkpoint folder or a run folder"),
        (alone, "is not in the folder of a run, whose config.yaml describes the model"),
    ):
        done = playpen_at_once("export", f"checkpoint={checkpoint}", "output=no", folder=tmp_path)
        assert done.returncode == 2 and sentence in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    alone.rename(run / "checkpoints" / "step_0000001")
    (run / "results.json").write_text("{")
    done = playpen_at_once("export", f"checkpoint={run}", "output=no", folder=tmp_path)
    assert done.returncode == 2 and "results.json does not hold a run's results" in done.stderr
    (run / "config.yaml").write_text("{schema_version: 3, system: hide_and_seek}")
    done = playpen_at_once("export", f"checkpoint={run}", "output=no", folder=tmp_path)
    assert done.returncode == 2 and "is of system=hide_and_seek, which has no export" in done.stderr
    assert not list(tmp_path.glob("no*"))


def test_predict_takes_network_and_actors_from_the_model(model: Path, tmp_path: Path) -> None:
    done = predicted(model, tmp_path / "a")
    assert done.returncode == 0, done.stderr
    assert f"checkpoint {model}: 1 steps, commit c0ffee" in done.stdout
    result = result_of(done.stdout)
    assert (result["instances"], result["steps"], result["commit"]) == (32, 1, "c0ffee")
    done = predicted(model, tmp_path / "b", "actors.cluster_distance=1e12")
    assert result_of(done.stdout)["instances"] == 1
    done = predicted(model, tmp_path / "c", "models.base_channels=8")
    assert done.returncode == 1 and "belongs to another model" in done.stderr


def test_evaluate_names_the_model(model: Path, test_file: Path, tmp_path: Path) -> None:
    arguments = [f"checkpoint={model}", f"evaluation.test_file={test_file}", "evaluation.figures=0"]
    done = playpen_at_once("evaluate", *arguments, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"checkpoint {model}: 1 steps, commit c0ffee" in done.stdout
    (folder,) = (tmp_path / "outputs" / "evaluate").iterdir()
    results = json.loads((folder / "results.json").read_text())
    assert (results["steps"], results["commit"], results["touches"]) == (1, "c0ffee", 7)
    assert yaml.safe_load((folder / "config.yaml").read_text())["actors"]["reach"]["radius"] == 1.25


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        (lambda model, index: index["extra"].pop("actors"), 2, 'mine.json lacks "actors" in "extra"'),
        (lambda model, index: index["extra"].update(actors={"arms": 2}), 2, "does not fit this version's actors"),
        (lambda model, index: index["network"].update(heads=4), 2, "does not fit this version's models"),
        (lambda model, index: model.write_bytes(model.read_bytes()[:-1]), 1, "mine.safetensors has"),
    ],
)
def test_damaged_models_are_refused_in_one_sentence(
    model: Path, tmp_path: Path, change: Callable[[Path, Any], Any], code: int, sentence: str
) -> None:
    index = json.loads(model.with_suffix(".json").read_text())
    change(model, index)
    model.with_suffix(".json").write_text(json.dumps(index))
    done = predicted(model, tmp_path / "a")
    assert done.returncode == code and sentence in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_a_model_of_the_repository_is_the_default_of_evaluate_predict_and_play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register()
    monkeypatch.setattr(overrides, "ROOT", tmp_path)
    monkeypatch.chdir("/")
    path = tmp_path / "checkpoints" / "interaction.safetensors"

    def defaults() -> set[Any]:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return {compose(name).checkpoint for name in ("evaluate", "predict", "play")}

    assert defaults() == {None}
    path.parent.mkdir()
    path.touch()
    assert defaults() == {str(path)}
    assert find_checkpoint(str(path)) == path
    with pytest.raises(
        UsageError, match="checkpoint names no model, and none ships .*; train one with ./playpen train"
    ):
        find_checkpoint(None)


SHIPPED = ROOT / "checkpoints" / "interaction.safetensors"


@pytest.mark.skipif(not SHIPPED.is_file(), reason="this version ships no model")
def test_the_model_of_the_repository_is_whole_and_small() -> None:
    models = NetworkConfig(**read_index(SHIPPED)["network"])
    _, index = trained_predictor(models, SHIPPED, "seed")
    assert SHIPPED.stat().st_size <= 8e6
    assert index["extra"]["commit"] and index["extra"]["figures"] and index["extra"]["actors"]


def test_a_new_run_begins_with_the_weights(run: Path, model: Path) -> None:
    wanted = build_network(SMALL, 9)
    load_model(model, wanted)
    for start in (model, run, run / "checkpoints" / "step_0000001"):
        config = settings(f"start_from='{start}'", "seed=4")
        weights, steps = find("interaction").learner(config)(torch.device("cpu")).weights()
        np.testing.assert_array_equal(weights, flat_weights(wanted))
        assert steps == 0
        assert find("interaction").facts(config)["start_from"] == str(start)
    # It is another run than one with new weights; a resumed run has its own.
    assert key_of(settings(f"start_from='{model}'")) != key_of(settings())
    model.unlink()
    resumed = replace(config, start_from=str(model), resume=str(run))
    check_start(resumed)
    assert first_weights(resumed) is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["models.base_channels=8"], "holds another network: models.base_channels is 4 there, not 8"),
        (["models.normalize_input=false"], "holds another network: models.normalize_input is True there, not False"),
        (["models=video_pca", "actors.mask_source=video_pca"], "needs models=interaction, whose weights it loads"),
    ],
)
def test_weights_of_another_network_are_refused_before_the_start(
    model: Path, changes: list[str], sentence: str
) -> None:
    network = [] if changes[0] == "models=video_pca" else NETWORK
    with pytest.raises(UsageError, match=f"^start_from={model} {sentence}$"):
        compose_train(["experiment=smoke", *network, *changes, f"start_from='{model}'"])


def test_damaged_weights_are_refused_before_the_start(model: Path, tmp_path: Path) -> None:
    index = json.loads(model.with_suffix(".json").read_text())
    data = model.read_bytes()
    model.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    done = playpen_at_once("train", "experiment=smoke", *NETWORK, f"start_from={model}", folder=tmp_path)
    assert done.returncode == 2 and "was changed after it was written" in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "outputs").exists()
    for network in ({"kind": "hide_and_seek"}, {}):
        model.with_suffix(".json").write_text(json.dumps(index | {"network": network}))
        with pytest.raises(UsageError, match="holds no network of models=interaction"):
            settings(f"start_from='{model}'")


def test_a_harmless_difference_of_the_network_is_allowed(model: Path) -> None:
    settings(f"start_from='{model}'", "models.batch_norm_momentum=0.3", "models.smooth_upsampling=true")


def test_the_commit_is_that_of_this_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(tmp_path)]
        return subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    monkeypatch.setattr(version, "ROOT", tmp_path)
    found = version.commit.__wrapped__
    assert found() is None
    git("init")
    (tmp_path / "code").write_text("1")
    git("add", "code")
    git("commit", "-m", "one", "--no-gpg-sign")
    assert found() == git("rev-parse", "HEAD")
    (tmp_path / "code").write_text("2")
    assert found() == git("rev-parse", "HEAD") + "-dirty"
    # A folder within another project's repository is not that project.
    (tmp_path / "inside").mkdir()
    monkeypatch.setattr(version, "ROOT", tmp_path / "inside")
    assert found() is None
    monkeypatch.setenv("PATH", os.devnull)
    assert found() is None


def test_a_checkpoint_without_a_commit_is_named_all_the_same() -> None:
    assert named_checkpoint(Path("a"), {"version": 3, "extra": {}}) == "checkpoint a: 3 steps, commit not known"
