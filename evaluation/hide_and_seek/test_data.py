"""The test data of learning agents: episodes of each skill and triplets, made once and kept in a folder.

The folder's name carries a hash of everything that decides its content. Results of players whose weights never change,
such as the untrained network, are kept beside them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from actors.config import SimulatorConfig
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.game import GameTask
from actors.hide_and_seek.learning.config import LearningConfig
from actors.hide_and_seek.learning.targets import TargetMaker
from actors.hide_and_seek.metrics import Difficulty
from actors.hide_and_seek.pixels import Modality
from actors.hide_and_seek.scenes import scenes
from actors.hide_and_seek.world import Unplayable, World
from common.files import atomic, write_json
from common.plain import from_plain, read_json
from evaluation.hide_and_seek.config import LearnedEvaluationConfig
from evaluation.hide_and_seek.dynamics import Triplets
from evaluation.hide_and_seek.evaluate import tasks
from evaluation.hide_and_seek.make_places import PlaceRules
from evaluation.hide_and_seek.parallel import share
from evaluation.hide_and_seek.places_folder import made_from
from evaluation.hide_and_seek.places_job import make_files
from evaluation.hide_and_seek.skills import Episodes, Manipulating, SkillResults
from evaluation.hide_and_seek.walks import collect
from evaluation.source import source_hash

VERSION = 1
"""Version of the content; it changes whenever the same settings give other test data or other results."""
TARGET_TRIES = 20
"""Targets that are drawn for a manipulation until one has the wanted modality; the last one drawn serves otherwise."""
MAKING = ("every_minutes", "folder", "quick", "claim_above", "batch_size", "games", "shown", "workers")
"""Settings that change no test data."""


@dataclass(frozen=True)
class TestData:
    """Everything on which agents are measured."""

    __test__ = False  # no class of tests, though its name begins so

    folder: Path
    episodes: Episodes
    triplets: Triplets

    def kept(self, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A result that is measured once and then kept.

        Args:
            name: of its file; it must tell everything that decides the result beside the test data.
            measure: measures it, as plain values.
        """
        path = self.folder / "results" / f"{name}.json"
        if not path.exists():
            write_json(path, measure())
        found: dict[str, Any] = read_json(path)
        return found


def test_rules(rules: GameConfig, config: LearnedEvaluationConfig) -> GameConfig:
    """The rules with rooms and pictures as they are, and with the evaluation's bound of seeking."""
    plain = {field.name: getattr(rules, field.name) for field in fields(GameConfig)}  # a subclass may have more
    return GameConfig(**plain | {"turn_worlds": False, "augment_images": False, "seek_steps": config.seek_steps})


test_rules.__test__ = False  # type: ignore[attr-defined]


def load(
    config: LearnedEvaluationConfig,
    simulator: SimulatorConfig,
    rules: GameConfig,
    learning: LearningConfig,
    image_size: int,
) -> TestData:
    """Loads the test data, or makes what is missing of them, with progress bars.

    Args:
        config: what they hold.
        simulator: its settings.
        rules: of the game, as in training.
        learning: how targets of manipulations are made.
        image_size: S, of the network's pictures.

    Raises:
        SimulatorError: a simulator failed several times.
        UsageError: a room has no hiding place.
    """
    rules = test_rules(rules, config)
    place_rules = PlaceRules(1, config.place_candidates, 1, 0.0, config.seed)
    settings = made_from(place_rules, simulator, rules)
    decisive = {name: value for name, value in asdict(config).items() if name not in MAKING}
    decisive |= {"version": VERSION, "places": settings, "rules": asdict(rules), "targets": targets_of(learning)}
    digest = hashlib.sha256(json.dumps([decisive, image_size], sort_keys=True).encode()).hexdigest()[:12]
    folder = Path(config.folder) / f"hide_and_seek-{digest}"
    rooms = scenes(config.split, tuple(config.kinds))
    counts, seed = config.final, config.seed
    triplets = _triplets(
        folder / "triplets.npz",
        lambda: collect(
            tasks(rooms, config.goals, config.walks, seed),
            simulator,
            replace(rules, explore_steps=config.walk_steps),
            image_size,
            config.triplets,
            config.workers,
        ),
    )
    path = folder / "manipulations.json"
    if not path.exists():
        wanted = list(zip(tasks(rooms, config.goals, counts.manipulate, seed),
                          modalities(counts.manipulate, config.behind_share), strict=True))  # fmt: skip
        made = list(
            share(
                enumerate(wanted),
                simulator,
                config.workers,
                lambda world, item: (item[0], _manipulating(world, *item[1], rules, learning)),
            )
        )
        write_json(path, [asdict(one) for _, one in sorted(made, key=lambda pair: pair[0]) if one is not None])
    manipulate = [from_plain(Manipulating, one, str(path)) for one in read_json(path)]
    pairs = list(dict.fromkeys((task.scene, task.goal) for task in tasks(rooms, config.goals, counts.seek, seed)))
    made_places = make_files(pairs, folder / "places", place_rules, rules, simulator, config.workers)
    places = [place for file in made_places for place in file.content.places if place.difficulty == Difficulty.EASY]
    return TestData(folder, Episodes(tasks(rooms, config.goals, counts.explore, seed), manipulate, places), triplets)


def network_key(weights: np.ndarray) -> str:
    """A name for the results of a network: a hash of its weights, and of the code that plays with them."""
    digest = hashlib.sha256(np.ascontiguousarray(weights).tobytes())
    for package in ("models.hide_and_seek", "actors.hide_and_seek"):
        digest.update(source_hash(f"python -m {package}").encode())
    return digest.hexdigest()[:16]


def modalities(count: int, behind_share: float) -> list[Modality]:
    """The wanted modality of each manipulation: equally often Behind and ContainedIn, spread among OnTop."""
    found = []
    for number in range(count):
        behind = int((number + 1) * behind_share) > int(number * behind_share)
        # Half a period later.
        contained = int((number + 1) * behind_share + 0.5) > int(number * behind_share + 0.5)
        found.append(Modality.BEHIND if behind else Modality.CONTAINED_IN if contained else Modality.ON_TOP)
    return found


def skill_results(values: dict[str, Any]) -> SkillResults:
    """Results from plain values."""
    return SkillResults(**{name: values[name] for name in ("explore", "manipulate", "seek")})


def targets_of(learning: LearningConfig) -> dict[str, Any]:
    """The settings that decide the targets of manipulations."""
    names = ("resting_candidates", "target_near_m", "target_far_m", "facing_degrees")
    return {name: getattr(learning, name) for name in names}


def _manipulating(
    world: World, task: GameTask, wanted: Modality, rules: GameConfig, learning: LearningConfig
) -> Manipulating | None:
    """The beginning of a manipulation in a room; None if the room has no target at all."""
    try:
        facts = world.set_up(task.scene, task.seed)
    except Unplayable:
        return None
    maker = TargetMaker(world, facts, task.goal, rules, learning, np.random.default_rng(task.seed))
    found: Manipulating | None = None
    for _ in range(TARGET_TRIES):
        target = maker.begin()
        if target is not None:
            found = Manipulating(task, world.location, target)
            if target[0] is wanted:
                break
    return found


def _triplets(path: Path, make: Callable[[], Triplets]) -> Triplets:
    """Triplets from a file, which is made if it is missing."""
    if not path.exists():
        made = make()
        with atomic(path) as file:
            np.savez(file, **{field.name: getattr(made, field.name) for field in fields(Triplets)})
    with np.load(path) as arrays:
        return Triplets(**{field.name: arrays[field.name] for field in fields(Triplets)})
