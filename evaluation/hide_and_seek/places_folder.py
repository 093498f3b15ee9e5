"""Where hiding places are kept, and the settings that decide what a file of them holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ai2thor.build

from actors.config import SimulatorConfig
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.places import PlacesFile, check_fits, read_places
from actors.hide_and_seek.world import game_simulator
from common.errors import UsageError
from evaluation.hide_and_seek.make_places import PlaceRules
from evaluation.source import source_hash

DEFAULT_FOLDER = Path("outputs/places")
VERSION = 1
"""Version of the content; it changes whenever the same settings give other places."""
INDIFFERENT = ("cached_rooms",)
"""Options of the embedded simulator that change no place."""


def made_from(rules: PlaceRules, simulator: SimulatorConfig, config: GameConfig) -> dict[str, Any]:
    """Everything that decides the places of a given scene and goal, by name.

    The version of the rooms is a hash of the embedded simulator's source, or the commit of a Unity build.
    """
    used = game_simulator(simulator)
    decisive: dict[str, Any] = {
        "version": VERSION,
        **{name: value for name, value in asdict(rules).items()},
        **{f"actors.{name}": getattr(config, name) for name in ("seen_by", "claim_distance", "claim_pixels")},
        "simulator.name": used.name,
        "simulator.command": used.command,
        **{f"simulator.options.{name}": value for name, value in used.options.items() if name not in INDIFFERENT},
        **{f"simulator.push.{name}": value for name, value in used.push.given().items()},
        **{f"simulator.controller.{name}": value for name, value in used.controller.items()},
        "rooms": source_hash(used.command)[:12] if used.command is not None else ai2thor.build.COMMIT_ID,
    }
    text = json.dumps(decisive, sort_keys=True)
    return {**json.loads(text), "hash": hashlib.sha256(text.encode()).hexdigest()[:12]}


def places_folder(folder: str | None, settings: Mapping[str, Any]) -> Path:
    """The folder of files made by some settings: the named one, or one whose name carries their hash."""
    return Path(folder) if folder is not None else DEFAULT_FOLDER / str(settings["hash"])


def places_path(folder: Path, scene: str, goal: str) -> Path:
    """The file of one scene and goal."""
    return folder / scene / f"{goal}.json"


def find_made(path: Path, scene: str, goal: str, settings: Mapping[str, Any]) -> PlacesFile | None:
    """Reads places that were made earlier.

    Args:
        path: of the file.
        scene: of its places.
        goal: of its places.
        settings: see `made_from`.

    Returns:
        What the file holds; None if there is no file.

    Raises:
        UsageError: the file breaks the format, is for another scene or goal, or was made by other settings.
    """
    if not path.exists():
        return None
    found = read_places(path)
    for place in found.places:
        try:
            check_fits(place, scene, goal)
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None
    if found.made_from != settings:
        raise UsageError(f"{path} was made by other settings ({_difference(found.made_from, settings)}); {REMEDY}")
    return found


REMEDY = "choose another folder, or remove the file to make it anew"


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first setting that differs."""
    for name in (*now, *before):
        if before.get(name) != now.get(name):
            if name == "rooms":
                return "the simulator's rooms are of another version"
            return f"{name} was {before.get(name)} and is {now.get(name)}"
    return "their order"
