"""The settings in `conf/`, for code that runs without Hydra, such as environments and benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from actors.config import SimulatorConfig
from actors.hide_and_seek.config import GameConfig
from common.errors import UsageError

CONF = Path(__file__).resolve().parents[2] / "conf"


def rules(**changes: Any) -> GameConfig:
    """The rules of `conf/actors/hide_and_seek.yaml`, with some values changed.

    Raises:
        UsageError: there is no such value, or it is impossible.
    """
    return _load(GameConfig, "actors/hide_and_seek.yaml", changes)


def embedded_simulator(**changes: Any) -> SimulatorConfig:
    """The settings of `conf/simulator/rooms.yaml`, with some values changed.

    Raises:
        UsageError: there is no such value, or it is impossible.
    """
    return _load(SimulatorConfig, "simulator/rooms.yaml", changes)


def _load(schema: type[GameConfig] | type[SimulatorConfig], name: str, changes: dict[str, Any]) -> Any:
    defaults = OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.load(CONF / name))
    for field in changes:
        if field not in schema.__dataclass_fields__:
            raise UsageError(
                f"{schema.__name__} has no value '{field}'; it has {', '.join(schema.__dataclass_fields__)}"
            )
    try:
        return OmegaConf.to_object(OmegaConf.merge(defaults, changes))
    except OmegaConfBaseException as error:
        # The rest of the message names types of the library.
        raise UsageError(f"{error.full_key or schema.__name__}: {str(error).splitlines()[0]}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
