"""Evaluation takes the distance of clustering and the network from the run, wherever instances are made."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from actors.config import SimulatorConfig
from actors.interaction.config import ActorConfig
from cluster.run.checkpoints import saved_config
from evaluation.interaction.dataset import load_entries
from evaluation.interaction.evaluate import Evaluator
from evaluation.interaction.evaluator import MakeEvaluator
from evaluation.interaction.locations import TestSet
from evaluation.interaction.report import make_panels, measure_references, write_report
from learner.checkpoint import save_checkpoint
from learner.interaction.learner import Learner
from models.interaction.build import build_network
from models.interaction.inference import Predictor
from models.weights import flat_weights
from tests.cluster.runs import ROOT, playpen_at_once, result_of
from tests.evaluation.conftest import default, evaluation_config
from tests.learner.helpers import SMALL
from tests.learner.helpers import config as learner_config

CELLS, WHOLE = 1e-12, 1e12
"""Squared distances at which an instance is one cell, and the whole grid."""


def actor_config(distance: float) -> ActorConfig:
    return replace(default(ActorConfig, "actors/interaction.yaml"), cluster_distance=distance)


def test_the_configuration_of_a_checkpoints_run_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "checkpoints/step_0000001"
    checkpoint.mkdir(parents=True)
    assert saved_config(checkpoint) is None
    (tmp_path / "config.yaml").touch()
    monkeypatch.chdir(checkpoint)
    assert saved_config(Path()) == saved_config(checkpoint) == tmp_path / "config.yaml"
    assert saved_config(tmp_path) is None


@pytest.mark.parametrize(("distance", "instances"), [(CELLS, 32), (WHOLE, 1)])
def test_instances_are_made_with_the_distance_of_the_actors(
    test_file: Path, distance: float, instances: int, session: None, tmp_path: Path
) -> None:
    simulator = default(SimulatorConfig, "simulator/rooms.yaml")
    config = evaluation_config(figures=2, figure_touches=0)
    test = TestSet(test_file, load_entries(test_file, annotated=True))
    predictor = Predictor(build_network(SMALL, 0))
    evaluator = Evaluator(config, test.path, test.entries, simulator, seed=0)
    actors = actor_config(distance)
    references = measure_references(evaluator, predictor, distance)
    report = write_report(tmp_path, evaluator, predictor, references, simulator, actors, show=False)
    assert report.trained.detections == report.untrained.detections == 3 * instances
    (panels,) = make_panels(evaluator, predictor, simulator, actors, 0, [1])
    assert len(panels.detections.scores) == instances
    # The evaluator during training.
    during = MakeEvaluator(config, simulator, actors, SMALL, test, seed=0, mass_classes=False)()
    during.prepare()
    assert during.references is not None and during.references.untrained.metrics.detections == 3 * instances
    during.load(flat_weights(build_network(SMALL, 1)))
    assert during.evaluate_quickly()["detections"] == 3 * instances
    assert during.report(tmp_path).trained.detections == 3 * instances


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with another network and another reach, whose actors' instances are single cells."""
    folder = tmp_path_factory.mktemp("run")
    learner = Learner(build_network(SMALL, 0), learner_config(), 0)
    learner.start_phase("segmentation")
    save_checkpoint(folder / "checkpoints" / "step_0000000", learner.get_state(), {"touches": 7})
    actors = yaml.safe_load((ROOT / "conf" / "actors" / "interaction.yaml").read_text())
    actors |= {"cluster_distance": CELLS, "reach": {"shape": "cylinder", "radius": 1.25}}
    (folder / "config.yaml").write_text(yaml.safe_dump({"actors": actors}))
    return folder


def predicted(checkpoint: Path, folder: Path, *overrides: str) -> Any:
    folder.mkdir(exist_ok=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)).save(folder / "rgb.png")
    np.save(folder / "depth.npy", np.random.default_rng(1).uniform(0.5, 3, (300, 300)))
    return playpen_at_once(
        "predict", f"checkpoint={checkpoint}", "image=rgb.png", "depth=depth.npy", *overrides, folder=folder
    )


def test_predict_uses_the_distance_and_the_network_of_the_run(run: Path, tmp_path: Path) -> None:
    checkpoint = run / "checkpoints" / "step_0000000"
    for where in (run, checkpoint):
        done = predicted(where, tmp_path / "a")
        assert done.returncode == 0, done.stderr
        assert result_of(done.stdout)["instances"] == 32
    done = predicted(run, tmp_path / "b", f"actors.cluster_distance={WHOLE}")
    assert result_of(done.stdout)["instances"] == 1
    # A checkpoint alone does not hold the distance, so the configuration's counts.
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in checkpoint.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    done = predicted(copy, tmp_path / "c")
    assert done.returncode == 0 and result_of(done.stdout)["instances"] < 32, done.stderr
    # Overridden values are not taken from the checkpoint.
    done = predicted(run, tmp_path / "d", "models.base_channels=8")
    assert done.returncode == 1 and "another model" in done.stderr


def test_a_configuration_that_does_not_fit_is_named(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "run"
    for path in (run / "checkpoints" / "step_0000000").iterdir():
        (other / "checkpoints" / "step_0000000").mkdir(parents=True, exist_ok=True)
        (other / "checkpoints" / "step_0000000" / path.name).write_bytes(path.read_bytes())
    for text, says in (
        ("actors: [", "config.yaml is not the configuration of a run"),
        ("learner: {}", "config.yaml is not the configuration of a run"),
        ("actors: {cluster_distance: -1}", "config.yaml does not fit this version's actors: actors.cluster_distance"),
        ("actors: {arms: 2}", "config.yaml does not fit this version's actors: "),
    ):
        (other / "config.yaml").write_text(text)
        done = predicted(other, tmp_path / "e")
        assert done.returncode == 2 and says in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_evaluate_prepares_its_test_file_alone_and_uses_the_settings_of_the_run(
    run: Path, test_file: Path, tmp_path: Path
) -> None:
    arguments = [f"checkpoint={run}", f"evaluation.test_file={test_file}", "evaluation.figures=0"]
    done = playpen_at_once("evaluate", *arguments, "evaluation.train_file=none.json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "outputs" / "evaluate").iterdir()
    assert len(json.loads((folder / "predictions" / "predictions_trained.json").read_text())) == 3 * 32
    saved = yaml.safe_load((folder / "config.yaml").read_text())
    assert saved["actors"]["cluster_distance"] == CELLS and saved["models"]["base_channels"] == SMALL.base_channels
    # The actors are the run's; which data set is measured on does not follow from the run.
    assert saved["actors"]["reach"] == {"shape": "cylinder", "radius": 1.25}
    assert saved["evaluation"]["dataset"]["reach_shape"] == "sphere"
    assert [path.name for path in (tmp_path / "outputs").iterdir()] == ["evaluate"], "no data set was made"
