"""Where rooms come from: those that this package generates, or those of a user's module."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from simulator.rooms.generate import SCENE_NAMES, build_scene
from simulator.rooms.scene import Scene
from simulator.rooms.spawn import spawn


@dataclass(frozen=True)
class RoomSource:
    """Where rooms come from."""

    names: tuple[str, ...]
    build: Callable[[str], Scene]
    spawn: Callable[..., None]
    """spawn(scene, data, seed, attempts=..., force_visible=..., inside_share=...) writes the positions of all dynamic
    objects."""


def generated_rooms(spares: bool = True) -> RoomSource:
    """The rooms that this package generates, with or without the spare objects that actions can bring in."""
    return RoomSource(SCENE_NAMES, partial(build_scene, spares=spares), spawn)


def rooms_of_module(name: str) -> RoomSource:
    """The rooms of a user's module that has SCENE_NAMES, build_scene(name) and spawn(scene, data, seed, ...).

    Raises:
        ValueError: the module cannot be imported or lacks one of the three.
    """
    try:
        module = importlib.import_module(name)
        return RoomSource(tuple(module.SCENE_NAMES), module.build_scene, _with_share(module.spawn))
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"--rooms must name a module with SCENE_NAMES, build_scene and spawn, but '{name}' has not: {error}"
        ) from None


def _with_share(spawn: Callable[..., None]) -> Callable[..., None]:
    """A user's function `spawn`, which need not know `inside_share`: it is not passed to one that does not."""
    parameters = inspect.signature(spawn).parameters.values()
    if any(each.name == "inside_share" or each.kind is each.VAR_KEYWORD for each in parameters):
        return spawn

    def without(*arguments: object, inside_share: float = 0.0, **others: object) -> None:
        spawn(*arguments, **others)

    return without
