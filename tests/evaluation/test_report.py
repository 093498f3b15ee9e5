"""Files of an evaluation."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace
from pathlib import Path

import faster_coco_eval
import pycocotools.coco
from omegaconf import OmegaConf

from actors.config import SimulatorConfig
from actors.interaction.config import ActorConfig
from evaluation.interaction.coco import SCALARS
from evaluation.interaction.columns import DETECTION_COLUMNS
from evaluation.interaction.config import DatasetConfig
from evaluation.interaction.evaluate import Evaluator
from evaluation.interaction.final import final_report
from evaluation.interaction.locations import locations_for
from evaluation.interaction.report import measure_references, write_metric_figures, write_report
from models.interaction.config import NetworkConfig
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
        normalize_input=True,
    )
    predictor = Predictor(InteractionNetwork(network))
    actors = OmegaConf.to_object(
        OmegaConf.merge(OmegaConf.structured(ActorConfig), OmegaConf.load(CONF / "actors" / "interaction.yaml"))
    )
    assert isinstance(actors, ActorConfig)
    references = measure_references(evaluator, predictor, actors.cluster_distance)
    report = write_report(tmp_path, evaluator, predictor, references, rooms, actors, show=False)
    assert report.trained.figures() == report.untrained.figures() and report.trained.objects > 0
    assert list(report.others) == ["untrained", "superpixels", "depth_edges"]

    final = final_report(report, "NovelSpaces")
    assert set(final.result["intervals"]) == set(SCALARS), "of all figures, also without a correct detection"
    for name, figures in final.result["baselines"].items():
        assert set(figures["intervals"]) == set(DETECTION_COLUMNS), name
        low, high = figures["intervals"]["mask_ap50"]
        assert low <= figures["mask_ap50"] <= high
    assert [row.interval("mask_ap50") is not None for row in final.rows] == [True] * 4
    quick = evaluator.evaluate(predictor, actors.cluster_distance, show=False, intervals=False)
    assert not quick.metrics.resampled() and quick.metrics.figures() == report.trained.figures()

    truth = json.loads((tmp_path / "predictions" / "ground_truth.json").read_text())
    assert len(truth["images"]) == 3 and len(truth["annotations"]) == report.trained.objects
    found = json.loads((tmp_path / "predictions" / "predictions_trained.json").read_text())
    assert len(found) == report.trained.detections
    assert {result["image_id"] for result in found} <= {image["id"] for image in truth["images"]}
    with contextlib.redirect_stdout(io.StringIO()):
        for reader in (pycocotools.coco.COCO, faster_coco_eval.COCO):
            read = reader(str(tmp_path / "predictions" / "ground_truth.json"))
            read.info()
            results = read.loadRes(str(tmp_path / "predictions" / "predictions_trained.json"))
            assert len(results.getAnnIds()) == report.trained.detections

    assert [path.relative_to(tmp_path / "figures").name for path in report.figures] == [
        "confusion.png", "precision_recall.png", "six_panels_0000.png", "six_panels_0001.png", "six_panels.png",
    ]  # fmt: skip
    assert all(path.stat().st_size > 5000 for path in report.figures)
    blind = replace(report, knows_mass=False)
    assert [path.name for path in write_metric_figures(tmp_path, blind)] == ["precision_recall.png"]
    assert set(report.known_figures()) - set(blind.known_figures()) == {"mass_accuracy", "mass_ap50"}
