"""Settings of a checkpoint's run, for commands that use its model later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cluster.interaction.config import EvaluateConfig, PredictConfig, kind_of
from cluster.run.checkpoints import saved_config
from cluster.run.config import first_line
from common.errors import UsageError
from learner.checkpoint_index import index_path, is_exported, read_index

Settings = TypeVar("Settings", EvaluateConfig, PredictConfig)


def settings_of_run(config: Settings, checkpoint: Path) -> Settings:
    """The configuration with the run's actor settings and the checkpoint's network settings, except overridden values.

    An exported model has its run's actor settings with it. If a checkpoint folder is not in a run's folder, the actor
    settings stay as they are. Network settings of Mask R-CNN and the videoPCA baseline are not merged:
    `cluster.interaction.predictors` takes them from the checkpoint.

    Args:
        config: as composed for this command.
        checkpoint: its folder, or the file of an exported model.

    Raises:
        UsageError: the saved settings do not fit this version.
        CheckpointError: see `read_index`.
    """
    changed = {}
    index = read_index(checkpoint)
    if kind_of(index["network"]) == "unet":
        changed["models"] = _merged(config.models, "models", index["network"], index_path(checkpoint))
    if is_exported(checkpoint):
        where, actors = index_path(checkpoint), index["extra"].get("actors")
        if not isinstance(actors, dict):
            raise UsageError(f'{where} lacks "actors" in "extra", the settings of the run\'s actors')
        changed["actors"] = _merged(config.actors, "actors", actors, where)
    elif run := saved_config(checkpoint):
        changed["actors"] = _merged(config.actors, "actors", saved_actors(run), run)
    return replace(config, **changed)


def named_checkpoint(checkpoint: Path, index: Mapping[str, Any]) -> str:
    """A sentence that names a checkpoint by its path, its steps and the commit of its code."""
    commit = index["extra"].get("commit")
    return f"checkpoint {checkpoint}: {index['version']} steps, commit {commit or 'not known'}"


def saved_actors(path: Path) -> dict[str, Any]:
    """The group `actors` of a run's saved configuration, as plain values.

    Raises:
        UsageError: the file is not the configuration of a run.
    """
    try:
        values = cast(dict[str, Any], OmegaConf.to_container(OmegaConf.load(path)))
        return dict(values["actors"])
    except (OmegaConfBaseException, OSError, ValueError, yaml.YAMLError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not the configuration of a run: {first_line(error)}") from error


def _merged(composed: Any, group: str, saved: Mapping[str, Any], where: Path) -> Any:
    """A group's saved settings, with the values that the command line overrides."""
    ours = OmegaConf.structured(composed)
    try:
        merged = OmegaConf.merge(ours, saved)
        for key in _named(group):
            OmegaConf.update(merged, key, OmegaConf.select(ours, key), merge=False)
        return OmegaConf.to_object(merged)
    except (OmegaConfBaseException, ValueError) as error:
        raise UsageError(f"{where} does not fit this version's {group}: {first_line(error)}") from error


def _named(group: str) -> list[str]:
    """Keys of a group that the command line overrides, without the group's name."""
    texts = HydraConfig.get().overrides.task
    keys = [str(text).split("=", 1)[0].lstrip("+") for text in texts]
    return [key.removeprefix(f"{group}.") for key in keys if key.startswith(f"{group}.")]
