"""Checkpoints: round trips, atomic replacement, and one sentence for each way in which they can be wrong."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from learner import checkpoint
from learner.checkpoint import load_checkpoint, load_model, save_checkpoint
from learner.checkpoint_index import INDEX, CheckpointError, read_index
from learner.interaction.learner import Learner
from learner.state import LearnerState
from models.interaction.build import build_network
from models.interaction.config import NetworkConfig
from tests.learner.helpers import SMALL, batch_of, config

State = Callable[..., LearnerState]


@pytest.fixture(scope="module")
def states() -> dict[float, LearnerState]:
    """A state after two steps, without and with a moving average."""
    found = {}
    for ema_decay in (0.0, 0.5):
        learner = Learner(build_network(SMALL, 0), config(ema_decay=ema_decay), seed=3)
        learner.start_phase("joint")
        learner.steer(0.5, {"force_head_only": False})
        for n in range(2):
            learner.step(batch_of(1, seed=n))
        found[ema_decay] = learner.get_state()
    return found


@pytest.fixture
def state(states: dict[float, LearnerState]) -> LearnerState:
    return states[0.0]


@pytest.fixture
def folder(tmp_path: Path, state: LearnerState) -> Path:
    save_checkpoint(tmp_path / "checkpoint", state, {"run": "a"})
    return tmp_path / "checkpoint"


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_a_state_comes_back_whole(states: dict[float, LearnerState], ema_decay: float, tmp_path: Path) -> None:
    state = states[ema_decay]
    path = tmp_path / "new" / "checkpoint"
    written = save_checkpoint(path, state, {"round": 7})
    assert sorted(p.name.split("-")[0] for p in path.iterdir()) == [INDEX, "model", "training"]
    assert written == sum(p.stat().st_size for p in path.iterdir())
    assert os.listdir(tmp_path / "new") == ["checkpoint"]  # nothing temporary is left
    found = load_checkpoint(path, build_network(SMALL, 1))
    for field in ("weights", "moments", "average"):
        ours, theirs = getattr(state, field), getattr(found, field)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert ours.keys() == theirs.keys()
            assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    for field in ("version", "phase", "orders", "progress", "seed", "network_config", "learner_config"):
        assert getattr(found, field) == getattr(state, field), field
    assert read_index(path)["extra"] == {"round": 7}


def test_a_learner_continues_from_the_disk_exactly(folder: Path, state: LearnerState) -> None:
    weights = []
    for source in (state, load_checkpoint(folder, build_network(SMALL, 1))):
        learner = Learner(build_network(SMALL, 5), config(), seed=5)
        learner.set_state(source)
        learner.step(batch_of(1, seed=9))
        weights.append(learner.weights()[0])
    from_memory, from_disk = weights
    np.testing.assert_array_equal(from_memory, from_disk)


def test_the_model_alone_is_enough_to_evaluate(states: dict[float, LearnerState], tmp_path: Path) -> None:
    state = states[0.5]
    save_checkpoint(tmp_path / "c", state, {})
    next((tmp_path / "c").glob("training-*")).unlink()
    network = build_network(SMALL, 8)
    assert load_model(tmp_path / "c", network)["version"] == 2
    assert state.average is not None
    assert all(torch.equal(network.state_dict()[name], value) for name, value in state.average.items())


def test_writing_over_a_checkpoint_replaces_it_and_leaves_other_files(folder: Path, state: LearnerState) -> None:
    (folder / "other-thing.safetensors").write_text("mine")
    save_checkpoint(folder, replace(state, version=99, weights={k: v + 1 for k, v in state.weights.items()}), {})
    assert load_checkpoint(folder, build_network(SMALL, 1)).version == 99
    assert len(list(folder.iterdir())) == 4


def fail_at(monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException) -> None:
    """Makes the number-th fsync of a file fail."""
    calls = {"left": number}
    real = os.fsync

    def fsync(descriptor: int) -> None:
        calls["left"] -= 1
        if calls["left"] < 0:
            raise error
        real(descriptor)

    monkeypatch.setattr(checkpoint.os, "fsync", fsync)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_full_disk_leaves_what_was_there(
    folder: Path, state: LearnerState, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    newer = replace(state, version=99, weights={k: v + 1 for k, v in state.weights.items()}, moments={})
    fail_at(monkeypatch, number, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(CheckpointError, match="checkpoint could not be written: No space left on device"):
        save_checkpoint(folder, newer, {})
    fresh = folder.with_name("fresh")
    with pytest.raises(CheckpointError, match="fresh could not be written: No space left on device"):
        save_checkpoint(fresh, newer, {})
    monkeypatch.undo()
    assert load_checkpoint(folder, build_network(SMALL, 1)).version == 2
    assert not fresh.exists() and [p.name for p in folder.parent.iterdir()] == ["checkpoint"]
    assert not list(folder.glob(".*"))
    save_checkpoint(folder, newer, {})
    assert load_checkpoint(folder, build_network(SMALL, 1)).version == 99
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("number", [0, 1, 2])
def test_dying_while_writing_leaves_what_was_there(
    folder: Path, state: LearnerState, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fail_at(monkeypatch, number, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(folder, replace(state, version=99, weights={k: v + 1 for k, v in state.weights.items()}), {})
    monkeypatch.undo()
    assert load_checkpoint(folder, build_network(SMALL, 1)).version == 2


def test_weights_with_nan_are_not_written(folder: Path, state: LearnerState) -> None:
    weights = {name: value.clone() for name, value in state.weights.items()}
    weights["score_head.bias"][0] = torch.nan
    with pytest.raises(CheckpointError, match="was not written: tensor 'score_head.bias' holds NaN or infinity"):
        save_checkpoint(folder, replace(state, weights=weights), {})
    assert load_checkpoint(folder, build_network(SMALL, 1)).version == 2


def test_another_models_checkpoint_names_the_difference(folder: Path) -> None:
    wider = NetworkConfig(**{**vars(SMALL), "embedding_channels": 5})
    for load in (load_checkpoint, load_model):
        with pytest.raises(CheckpointError) as caught:
            load(folder, build_network(wider, 0))
        message = "belongs to another model: 'embedding_head.bias' is shape [3] there, but shape [5] in the"
        assert message in str(caught.value)


def refused(folder: Path, message: str) -> None:
    """Both ways of loading everything refuse the folder with a single line."""
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(folder, build_network(SMALL, 1))
    assert "\n" not in str(caught.value)


def test_missing_files(folder: Path, tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", r"nowhere/learner.json cannot be read, so there is no checkpoint: No such file")
    model = next(folder.glob("model-*"))
    data = model.read_bytes()
    model.unlink()
    refused(folder, rf"{model.name} cannot be read: No such file")
    model.write_bytes(data)
    (folder / INDEX).unlink()
    (folder / INDEX).mkdir()
    refused(folder, "learner.json cannot be read, so there is no checkpoint: Is a directory")


@pytest.mark.parametrize("kind", ["model", "training"])
def test_truncated_and_changed_tensors(folder: Path, kind: str) -> None:
    path = next(folder.glob(f"{kind}-*"))
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    refused(folder, rf"{path.name} has {len(data) - 100} bytes, not the {len(data)}")
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    refused(folder, rf"{path.name} was changed after it was written")


def forge(folder: Path, kind: str, data: bytes) -> None:
    """Puts other bytes in the place of a file, with an index that agrees."""
    index = json.loads((folder / INDEX).read_text())
    index["files"][kind] = {
        "name": "forged.safetensors",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    (folder / "forged.safetensors").write_bytes(data)
    (folder / INDEX).write_text(json.dumps(index))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95 pickle",
        (10**12).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"{}",
        (60).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4]}}' + bytes(4),
    ],
)
def test_forged_files(folder: Path, data: bytes) -> None:
    forge(folder, "model", data)
    refused(folder, r"forged.safetensors (is not a safetensors file|lacks the tensor)")


def changed(tensors: dict[str, torch.Tensor], change: Callable[[dict[str, torch.Tensor]], Any]) -> bytes:
    tensors = {name: value.clone() for name, value in tensors.items()}
    change(tensors)
    return safetensors.torch.save(tensors)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("score_head.bias"), "lacks the tensor 'score_head.bias'"),
        (lambda t: t.update(extra=torch.zeros(1)), "holds an unexpected tensor 'extra'"),
        (
            lambda t: t.update({"score_head.bias": torch.zeros(2)}),
            r"'score_head.bias' must be float32 of shape \[1\], not",
        ),
        (lambda t: t.update({"score_head.bias": torch.zeros(1).double()}), "must be float32 of shape .+ not float64"),
        (lambda t: t["stem.0.weight"].fill_(torch.nan), "'stem.0.weight' holds NaN or infinity"),
    ],
)
def test_wrong_tensors(folder: Path, state: LearnerState, change: Callable, message: str) -> None:
    forge(folder, "model", changed(state.weights, change))
    refused(folder, message)


def test_moments_must_be_whole(folder: Path, state: LearnerState) -> None:
    forge(folder, "training", changed(state.moments, lambda t: t.pop("exp_avg.score_head.bias")))
    refused(folder, "holds only a part of Adam's moments of 'score_head.bias'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "learner.json is not JSON: it is truncated or was changed"),
        ('{"format": "playpen le', "learner.json is not JSON"),
        ("[" * 100_000, "learner.json is not JSON"),
        ("\xff\xfe", "learner.json is not JSON"),
        ("[1, 2]", 'learner.json is no learner checkpoint: "format" must be "playpen learner"'),
        ('{"format": "other"}', "learner.json is no learner checkpoint"),
        ('{"format": "playpen learner", "format_version": 9}', "has format_version 9, but this program reads 1"),
        ('{"format": "playpen learner", "format_version": 1}', '"architecture" must be of type dict, not NoneType'),
    ],
)
def test_bad_indices(folder: Path, text: str, message: str) -> None:
    (folder / INDEX).write_bytes(text.encode("latin-1"))
    refused(folder, message)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("version", "2", '"version" must be of type int, not str'),
        ("version", True, '"version" must be of type int, not bool'),
        ("version", -1, "version and seed must not be negative"),
        ("progress", 1.5, r"progress must be in \[0, 1\]"),
        ("progress", float("nan"), r"progress must be in \[0, 1\]"),
        ("phase", None, '"phase" must be of type str, not NoneType'),
        ("architecture", {"a": "b"}, "architecture.a must be a list of whole numbers"),
        ("files", {}, '"model" must be of type dict, not NoneType'),
        ("files", {"model": {"name": "../x.safetensors", "bytes": 1, "sha256": ""}}, "must be the plain name of a"),
        ("files", {"model": {"name": "x.safetensors", "bytes": "1", "sha256": ""}}, '"bytes" must be of type int'),
    ],
)
def test_bad_fields(folder: Path, key: str, value: object, message: str) -> None:
    index = json.loads((folder / INDEX).read_text())
    index[key] = value
    (folder / INDEX).write_text(json.dumps(index))
    refused(folder, message)
