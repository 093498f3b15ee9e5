"""Results of the baselines that are stored beside a test file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.interaction import evaluate
from evaluation.interaction.baselines import BaselineResult, evaluate_baselines
from evaluation.interaction.stored_baselines import baselines_path, read_baselines, write_baselines
from tests.evaluation.conftest import evaluation_config
from tests.evaluation.test_baselines import rectangle, truth, wall_with_box


def results() -> dict[str, BaselineResult]:
    image = np.full((300, 300, 3), 200, dtype=np.uint8)
    truths = [truth(5, [rectangle(120, 90, 90, 60)], [1])]
    return evaluate_baselines([image], [wall_with_box()], truths, evaluation_config().baselines)


def test_they_are_read_as_they_were_written(tmp_path: Path) -> None:
    wanted = results()
    path = tmp_path / "baselines.json"
    assert read_baselines(path) is None
    write_baselines(path, wanted)
    found = read_baselines(path)
    assert found is not None and list(found) == list(wanted)
    for name, result in found.items():
        assert (result.variant, result.variants) == (wanted[name].variant, wanted[name].variants)
        assert result.metrics.figures() == wanted[name].metrics.figures()
        np.testing.assert_allclose(result.metrics.resamples, wanted[name].metrics.resamples, atol=1e-3)


@pytest.mark.parametrize("content", ["", "[1]", "{}x", '{"superpixels": 3}', '{"superpixels": {"metrics": {}}}'])
def test_damaged_files_are_measured_again(tmp_path: Path, content: str) -> None:
    path = tmp_path / "baselines.json"
    path.write_text(content)
    assert read_baselines(path) is None
    write_baselines(path, results())
    values = json.loads(path.read_text())
    del values["depth_edges"]["metrics"]["mask_ap50"]  # as another version wrote it
    path.write_text(json.dumps(values))
    assert read_baselines(path) is None


def test_the_name_tells_what_decides_the_results(tmp_path: Path) -> None:
    config, test_file = evaluation_config(), tmp_path / "test.json"
    test_file.write_text("[]")
    first = baselines_path(test_file, config)
    assert first.parent == tmp_path and baselines_path(test_file, replace(config, figures=1, batch_size=3)) == first
    edges = replace(config.baselines, depth_edges=replace(config.baselines.depth_edges, threshold=0.1))
    others = [replace(config, images=3), replace(config, depth_noise=0.1), replace(config, baselines=edges)]
    assert len({first, *(baselines_path(test_file, other) for other in others)}) == 4
    test_file.write_text("[ ]")
    assert baselines_path(test_file, config) != first


def test_a_folder_that_takes_no_files_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr("evaluation.interaction.stored_baselines.write_json", refuse)
    write_baselines(tmp_path / "baselines.json", results())
    assert not list(tmp_path.iterdir())


def test_the_evaluator_measures_them_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test_file, made = tmp_path / "test.json", list[int]()
    test_file.write_text("[]")
    evaluator = evaluate.Evaluator.__new__(evaluate.Evaluator)
    evaluator.config, evaluator.path, evaluator.entries = evaluation_config(), test_file, []
    evaluator.observations = evaluate.Observations(
        np.zeros((0, 300, 300, 3), np.uint8), np.zeros((0, 300, 300), np.float16)
    )
    evaluator.ground_truths = []

    def measured(*_: object) -> dict[str, BaselineResult]:
        made.append(1)
        return results()

    monkeypatch.setattr(evaluate, "evaluate_baselines", measured)
    first, second = evaluator.baselines(), evaluator.baselines()
    assert made == [1] and first.keys() == second.keys()
