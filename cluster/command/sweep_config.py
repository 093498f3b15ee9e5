"""Hydra's configuration of a sweep: its parameters and its launcher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from omegaconf import OmegaConf

from cluster.command.overrides import CONF
from common.errors import UsageError


def sweep_parameters(overrides: Sequence[str]) -> list[str]:
    """The parameters of the chosen sweep, each as an override with several values.

    Raises:
        UsageError: the sweep does not exist, or a package of its launcher or sweeper cannot be imported.
    """
    hydra = sweep_config(overrides)
    try:
        if hydra.runtime.choices["hydra/launcher"] == "ray":
            import ray  # noqa: F401
        if hydra.runtime.choices["hydra/sweeper"] == "optuna":
            import optuna  # noqa: F401
    except ImportError as error:
        raise UsageError(f"the sweep needs a package that cannot be imported: {error}") from error
    given = {text.split("=")[0] for text in overrides}
    params = OmegaConf.select(hydra, "sweeper.params") or {}
    return [f"{name}={value}" for name, value in params.items() if name not in given]


def ray_launcher(overrides: Sequence[str]) -> dict[str, Any] | None:
    """Arguments of `ray.init` if the chosen launcher is Ray's, else None."""
    hydra = sweep_config(overrides)
    if hydra.runtime.choices["hydra/launcher"] != "ray":
        return None
    return cast(dict[str, Any], OmegaConf.to_container(hydra.launcher.ray.init, resolve=True))


def sweep_config(overrides: Sequence[str]) -> Any:
    """Hydra's part of the configuration of `train` with some overrides.

    Raises:
        UsageError: the sweep does not exist.
    """
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException

    from cluster.run.config import first_line
    from cluster.systems import chosen

    plain = [text for text in overrides if text.startswith(("sweep=", "hydra"))]
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose(chosen(overrides).commands["train"].config, overrides=plain, return_hydra_config=True).hydra
    except HydraException as error:
        raise UsageError(first_line(error)) from error
