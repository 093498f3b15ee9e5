"""Exported models: what they hold, and one sentence for each way in which they can be wrong."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from learner.checkpoint import export_model, load_model, save_checkpoint
from learner.checkpoint_index import INDEX, MODEL_FORMAT, CheckpointError, read_index
from learner.interaction.learner import Learner
from learner.interaction.make import MakeLearner
from models.interaction.build import build_network
from models.weights import flat_weights, float_state
from tests.learner.helpers import SMALL, batch_of, config


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint after one step, with a moving average."""
    learner = Learner(build_network(SMALL, 0), config(ema_decay=0.5), seed=3)
    learner.start_phase("joint")
    learner.step(batch_of(1))
    folder = tmp_path_factory.mktemp("run") / "checkpoint"
    save_checkpoint(folder, learner.get_state(), {"only": "the checkpoint's"})
    return folder


@pytest.fixture
def model(checkpoint: Path, tmp_path: Path) -> Path:
    export_model(checkpoint, tmp_path / "mine.v2.safetensors", {"touches": 7})
    return tmp_path / "mine.v2.safetensors"


def index_of(model: Path) -> dict[str, Any]:
    return json.loads(model.with_suffix(".json").read_bytes())


def test_it_holds_the_weights_to_evaluate_and_says_what_they_are(checkpoint: Path, model: Path) -> None:
    assert sorted(path.name for path in model.parent.iterdir()) == ["mine.v2.json", "mine.v2.safetensors"]
    theirs, ours = build_network(SMALL, 1), build_network(SMALL, 2)
    load_model(checkpoint, theirs)
    index = load_model(model, ours)
    assert all(torch.equal(value, float_state(theirs)[name]) for name, value in float_state(ours).items())
    assert index["extra"] == {"touches": 7} and (index["version"], index["seed"], index["averaged"]) == (1, 3, True)
    entry = {"name": model.name, "bytes": model.stat().st_size}
    assert index["files"] == {"model": entry | {"sha256": hashlib.sha256(model.read_bytes()).hexdigest()}}
    assert {name: index[name] for name in ("network", "learner", "architecture")} == {
        name: read_index(checkpoint)[name] for name in ("network", "learner", "architecture")
    }


def test_both_files_may_get_another_name(model: Path) -> None:
    moved = model.with_name("other.safetensors")
    model.rename(moved)
    model.with_suffix(".json").rename(moved.with_suffix(".json"))
    assert load_model(moved, build_network(SMALL, 2))["version"] == 1


def test_a_learner_begins_with_its_weights_alone(model: Path) -> None:
    wanted = build_network(SMALL, 9)
    load_model(model, wanted)
    make = MakeLearner(SMALL, config(ema_decay=0.5), 4, "priority", "min", False, start_from=model)
    learner = make(torch.device("cpu"))
    assert isinstance(learner, Learner)
    state = learner.get_state()
    assert (state.version, state.seed, state.moments) == (0, 4, {})
    assert state.average is not None
    for name, value in float_state(wanted).items():
        assert torch.equal(state.weights[name], value) and torch.equal(state.average[name], value)
    fresh = replace(make, start_from=None)(torch.device("cpu"))
    assert (fresh.weights()[0] == flat_weights(build_network(SMALL, 4))).all()


@pytest.mark.parametrize("number", [0, 1])
def test_a_full_disk_leaves_what_was_there(
    model: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    other = tmp_path_factory.mktemp("other")
    save_checkpoint(other, Learner(build_network(SMALL, 5), config(), seed=3).get_state(), {})
    real, left = os.fsync, [number]

    def fsync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    before = {path.name: path.read_bytes() for path in model.parent.iterdir()}
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(CheckpointError, match="mine.v2.safetensors could not be written: No space left on device"):
        export_model(other, model, {})
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in model.parent.iterdir()} == before


def refused(model: Path, message: str) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        load_model(model, build_network(SMALL, 1))
    assert "\n" not in str(caught.value)


def test_missing_files(model: Path) -> None:
    description, text = model.with_suffix(".json"), model.with_suffix(".json").read_bytes()
    description.unlink()
    refused(model, r"mine.v2.json cannot be read, so there is no checkpoint: No such file")
    description.write_bytes(text)
    model.unlink()
    refused(model, r"mine.v2.safetensors cannot be read: No such file")


def test_truncated_and_changed_weights(model: Path) -> None:
    data = model.read_bytes()
    model.write_bytes(data[:-100])
    refused(model, f"mine.v2.safetensors has {len(data) - 100} bytes, not the {len(data)} it was written with")
    model.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    refused(model, "mine.v2.safetensors was changed after it was written: its SHA-256 is not the one in mine.v2.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda index: index.update(format="playpen learner"),
            f'is no exported model: "format" must be "{MODEL_FORMAT}"',
        ),
        (lambda index: index.update(format_version=9), "has format_version 9, but this program reads 1"),
        (lambda index: index["files"].clear(), '"model" must be of type dict, not NoneType'),
        (lambda index: index["files"]["model"].pop("sha256"), '"sha256" must be of type str, not NoneType'),
        (lambda index: index.pop("version"), '"version" must be of type int, not NoneType'),
    ],
)
def test_wrong_descriptions(model: Path, change: Callable[[dict[str, Any]], Any], message: str) -> None:
    index = index_of(model)
    change(index)
    model.with_suffix(".json").write_text(json.dumps(index))
    refused(model, message)


def test_a_truncated_description(model: Path) -> None:
    model.with_suffix(".json").write_bytes(model.with_suffix(".json").read_bytes()[:500])
    refused(model, "mine.v2.json is not JSON: it is truncated or was changed")


def test_nothing_is_unpickled(model: Path) -> None:
    index, data = index_of(model), b"\x80\x04cos\nsystem\n"
    index["files"]["model"] |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    model.write_bytes(data)
    model.with_suffix(".json").write_text(json.dumps(index))
    refused(model, "mine.v2.safetensors is not a safetensors file")


def test_another_network(model: Path) -> None:
    with pytest.raises(CheckpointError, match="belongs to another model: 'embedding_head.bias' is shape"):
        load_model(model, build_network(replace(SMALL, embedding_channels=5), 0))
    # Weights that do not fit their own description.
    tensors = safetensors.torch.load(model.read_bytes())
    data = safetensors.torch.save({name: value for name, value in tensors.items() if name != "score_head.bias"})
    index = index_of(model)
    index["files"]["model"] |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    model.write_bytes(data)
    model.with_suffix(".json").write_text(json.dumps(index))
    refused(model, "mine.v2.safetensors lacks the tensor 'score_head.bias'")


def test_a_checkpoint_that_is_damaged_is_not_exported(checkpoint: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for path in checkpoint.iterdir():
        (damaged / path.name).write_bytes(path.read_bytes() if path.name == INDEX else path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="bytes, not the"):
        export_model(damaged, tmp_path / "out.safetensors", {})
    assert not list(tmp_path.glob("out*"))
