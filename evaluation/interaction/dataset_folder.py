"""The folder of a made data set file: its name carries a hash of everything that decides the content of the file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from actors.config import SimulatorConfig
from actors.interaction.geometry import hand_distance
from evaluation.interaction.config import DatasetConfig, SplitConfig
from evaluation.source import source_hash
from simulator.world.push import PushSettings

SPLITS = ("train", "test")
"""Files of a data set; their indices seed their random streams."""
CONTENT_VERSION = 2
"""Version of the content; it changes whenever the same settings give another file, so that old files are not reused.
2: pixels within reach are counted individually, not by grid cells."""


def dataset_folder(config: DatasetConfig, simulator: SimulatorConfig, name: str) -> Path:
    """Returns the folder of a split's file; its name carries a hash of everything that decides the file's content.

    The hash covers the source of an embedded simulator, since another version makes other rooms. It ignores the
    settings of the other split, so a longer training file does not change the test file.
    """
    decisive = asdict(config)
    for other in ("folder", "workers", *SPLITS):
        del decisive[other]
    split: SplitConfig = getattr(config, name)
    if not split.annotated:
        del decisive["forces"]
    decisive["split"] = [name, asdict(split)]
    decisive["version"] = CONTENT_VERSION
    decisive["simulator"] = [
        simulator.name,
        simulator.command,
        sorted(simulator.options.items()),
        simulator.width,
        simulator.height,
        simulator.field_of_view,
        sorted(simulator.controller.items()),
        source_hash(simulator.command),
        *changed_push(simulator),
        *([hand_distance(config.reach(), simulator), simulator.visibility_distance] if split.annotated else []),
    ]
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]
    return Path(config.folder) / f"{config.name}-{digest}"


def changed_push(simulator: SimulatorConfig) -> list[tuple[str, float]]:
    """Returns the values of `simulator.push` that differ from the embedded simulator's defaults, for hashes.

    A value left to the simulator and an explicit default give the same hash.
    """
    own = asdict(PushSettings())
    return sorted((name, value) for name, value in simulator.push.given().items() if value != own[name])
