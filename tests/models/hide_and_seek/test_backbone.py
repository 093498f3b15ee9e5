"""The encoder as a backbone: the same numbers as in the agent, checks of the checkpoint, and the how-to's code."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from learner.checkpoint import save_checkpoint
from learner.state import LearnerState
from models.hide_and_seek.backbone import BackboneError, load_backbone
from models.hide_and_seek.network import HideAndSeekNetwork, build_network
from models.weights import float_state
from tests.models.hide_and_seek.networks import tiny

PAGE = Path(__file__).resolve().parents[3] / "docs/howto/backbone.md"


def save(folder: Path, network: HideAndSeekNetwork) -> Path:
    """Writes a checkpoint of a network."""
    weights = {
        name: value.detach().clone(memory_format=torch.contiguous_format)
        for name, value in float_state(network).items()
    }
    state = LearnerState(weights, None, {}, 3, "", {}, 0.5, 1, asdict(network.config), {})
    save_checkpoint(folder, state, {})
    return folder


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint in a run's folder; an older one lies beside it."""
    save(tmp_path / "run/checkpoints/step_0000001", build_network(tiny(), 2))
    return save(tmp_path / "run/checkpoints/step_0000003", build_network(tiny(), 1))


def test_the_sir_is_that_of_the_agent(checkpoint: Path) -> None:
    images = torch.randint(0, 256, (2, 28, 28, 3), dtype=torch.uint8)
    expected = build_network(tiny(), 1).agent.encoder(images).sir
    floats = images.permute(0, 3, 1, 2).float() / 255
    for path in (checkpoint, checkpoint / "learner.json", checkpoint.parent.parent):
        backbone = load_backbone(path)
        found = backbone(floats)
        assert found.shape == (2, backbone.channels, 7, 7)
        torch.testing.assert_close(found, expected)


def test_other_sizes_are_resized(checkpoint: Path) -> None:
    backbone = load_backbone(checkpoint)
    grey = torch.full((1, 3, 28, 28), 0.25)
    torch.testing.assert_close(backbone(torch.full((1, 3, 61, 90), 0.25)), backbone(grey))
    with pytest.raises(ValueError, match="images must be"):
        backbone(torch.zeros(1, 28, 28, 3))
    with pytest.raises(ValueError, match="images must be"):
        backbone(torch.zeros(1, 3, 28, 28, dtype=torch.uint8))


def test_frozen_weights_get_no_gradients(checkpoint: Path) -> None:
    images = torch.rand(1, 3, 28, 28)
    assert not load_backbone(checkpoint)(images).requires_grad
    trainable = load_backbone(checkpoint, frozen=False)
    trainable(images).sum().backward()
    first = next(trainable.parameters())
    assert first.grad is not None and first.grad.abs().sum() > 0


def change(checkpoint: Path, **values: Any) -> None:
    index = json.loads((checkpoint / "learner.json").read_text())
    (checkpoint / "learner.json").write_text(json.dumps(index | values))


def test_bad_checkpoints_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="neither a checkpoint folder nor a run folder"):
        load_backbone(tmp_path / "nothing")
    network = asdict(tiny())
    change(checkpoint, network={"kind": "unet"})
    with pytest.raises(BackboneError, match="no agent of hide and seek"):
        load_backbone(checkpoint)
    change(checkpoint, network=network | {"sir_channels": 7})
    with pytest.raises(BackboneError, match="does not hold the encoder"):
        load_backbone(checkpoint)
    change(checkpoint, network={name: value for name, value in network.items() if name != "perspective"})
    with pytest.raises(BackboneError, match="does not describe an agent"):
        load_backbone(checkpoint)
    change(checkpoint, network=network)
    weights = next(checkpoint.glob("model-*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    with pytest.raises(BackboneError, match="was changed"):
        load_backbone(checkpoint)
    (checkpoint / "learner.json").write_text("{")
    with pytest.raises(BackboneError, match="no index"):
        load_backbone(checkpoint)


def test_the_howto_runs(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    code = "\n".join(blocks).replace("outputs/train/RUN", str(checkpoint.parent.parent))
    exec(compile(code, str(PAGE), "exec"), {})
    assert float(capsys.readouterr().out.split()[-1]) > 0.8
