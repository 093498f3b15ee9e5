"""What an evaluation leaves in its folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from omegaconf import OmegaConf

from actors.config import ActorConfig, SimulatorConfig
from evaluation.config import DatasetConfig
from evaluation.evaluate import Evaluator
from evaluation.locations import locations_for
from evaluation.report import write_metric_figures, write_predictions, write_six_panels
from models.config import NetworkConfig
from models.interaction.inference import Predictor
from models.interaction.network import InteractionNetwork
from tests.evaluation.conftest import CONF, evaluation_config


def test_predictions_and_figures_of_a_tiny_network(
    made: tuple[DatasetConfig, dict[str, Path]], rooms: SimulatorConfig, tmp_path: Path
) -> None:
    dataset, _ = made
    config = replace(evaluation_config(images=3, figures=2, figure_touches=1), dataset=dataset)
    _, test = locations_for(config, rooms)
    evaluator = Evaluator(config, test.path, test.entries, rooms, seed=0)
    network = NetworkConfig(
        base_channels=4,
        up_channels=[4, 4, 4],
        shared_channels=4,
        embedding_channels=2,
        batch_norm_momentum=0.1,
        smooth_upsampling=False,
    )
    predictor = Predictor(InteractionNetwork(network))
    evaluation = evaluator.evaluate(predictor, show=False)

    write_predictions(tmp_path, "trained", evaluator, evaluation)
    truth = json.loads((tmp_path / "ground_truth.json").read_text())
    found = json.loads((tmp_path / "predictions_trained.json").read_text())
    assert len(truth["images"]) == 3 and len(truth["annotations"]) == evaluation.metrics.objects
    assert len(found) == evaluation.metrics.detections
    assert {result["image_id"] for result in found} <= {image["id"] for image in truth["images"]}

    actors = OmegaConf.to_object(
        OmegaConf.merge(OmegaConf.structured(ActorConfig), OmegaConf.load(CONF / "actors" / "interaction.yaml"))
    )
    assert isinstance(actors, ActorConfig)
    paths = write_metric_figures(tmp_path, evaluation, {"untrained": evaluation.metrics})
    paths += write_six_panels(tmp_path, evaluator, predictor, rooms, actors, seed=0)
    assert [path.name for path in paths] == [
        "confusion.png", "precision_recall.png", "six_panels_0000.png", "six_panels_0001.png", "six_panels.png",
    ]  # fmt: skip
    assert all(path.stat().st_size > 5000 for path in paths)
