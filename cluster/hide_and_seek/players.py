"""Players by name: scripted ones, and agents of checkpoints, which are named by their folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from actors.hide_and_seek.players import make_player
from actors.hide_and_seek.players.core import GamePlayer, Side
from cluster.command.overrides import CONF
from cluster.run.checkpoints import find_checkpoint, saved_config
from cluster.run.config import first_line
from common.errors import UsageError

if TYPE_CHECKING:
    from models.hide_and_seek.network import HideAndSeekNetwork


def is_checkpoint(name: str) -> bool:
    """Whether a player's name is the path of a checkpoint or a run."""
    return os.sep in name or Path(name).is_dir()


def make_any_player(name: str, side: Side | None = None) -> GamePlayer:
    """Makes a player.

    Args:
        name: of a scripted player, or the folder of a checkpoint or a run: then its newest checkpoint.
        side: the side that it shall play; None: not known yet. Agents play both.

    Raises:
        UsageError: there is no such player, it does not play the side, or the checkpoint cannot be loaded.
    """
    if not is_checkpoint(name):
        return make_player(name, side)
    from actors.hide_and_seek.learning.network_player import NetworkPlayer

    network = load_network(name)
    return NetworkPlayer(network, network.config, shown_name(name), claim_above=claim_above(name))


def claim_above(path: str) -> float | None:
    """The probability above which a checkpoint's agent claims: that of its run's evaluations, or else of `conf/`.

    Raises:
        UsageError: there is no checkpoint, or its run's configuration cannot be read.
    """
    run = saved_config(find_checkpoint(path))
    saved, key = (run, "evaluation.claim_above") if run else (CONF / "evaluation/hide_and_seek.yaml", "claim_above")
    try:
        found: float | None = OmegaConf.select(OmegaConf.load(saved), key)
    except (OmegaConfBaseException, OSError, yaml.YAMLError) as error:
        raise UsageError(f"{saved} is not the configuration of a run: {first_line(error)}") from error
    return found


@cache
def load_network(path: str) -> HideAndSeekNetwork:
    """The networks of a checkpoint, on the CPU; they are loaded once.

    Args:
        path: folder of a checkpoint or a run.

    Raises:
        UsageError: there is no checkpoint, it is of another system, or it cannot be loaded.
    """
    # The command line starts fast without torch.
    import torch

    from learner.checkpoint import load_model
    from learner.checkpoint_index import CheckpointError, read_index
    from models.hide_and_seek.backbone import BackboneError, agent_config
    from models.hide_and_seek.network import build_network

    torch.set_num_threads(1)  # each simulator has a thread of its own
    folder = find_checkpoint(path)
    try:
        network = build_network(agent_config(read_index(folder)["network"], folder), 0)
        load_model(folder, network)
    except (BackboneError, CheckpointError) as error:
        raise UsageError(str(error)) from error
    return network.eval()


def shown_name(name: str) -> str:
    """What tables call a player: a scripted player's name, or the run's folder and the checkpoint's steps.

    It has no slash, which divides the players of a pair.

    Raises:
        UsageError: there is no checkpoint.
    """
    if not is_checkpoint(name):
        return name
    from learner.checkpoint_index import CheckpointError, read_index

    folder = find_checkpoint(name).resolve()
    try:
        steps = read_index(folder)["version"]
    except CheckpointError as error:
        raise UsageError(str(error)) from error
    run = folder.parent.parent if folder.parent.name == "checkpoints" else folder
    return f"{run.name}@{steps}"


def shown_names(names: Iterable[str]) -> dict[str, str]:
    """Names by what tables call them; equal ones get numbers."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        shown = title = shown_name(name)
        number = 1
        while shown in found:
            number += 1
            shown = f"{title} ({number})"
        found[shown] = name
    return found
