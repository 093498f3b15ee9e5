"""One job of making a data set: a visit to a room, whose accepted poses become locations with annotations.

All random choices of a job follow from (seed, split, number of the job).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai2thor.server import Event

from actors.controller import SimulatorProcess
from actors.interaction.geometry import hand_distance, reachable_pixels
from actors.interaction.ground_truth import TrueObject, mass_class, objects_in_reach
from actors.interaction.locations import Location, verify
from actors.observation import Observation
from evaluation.interaction.config import DatasetConfig, SplitConfig
from evaluation.interaction.dataset import NOT_MEASURED, SEED_LIMIT
from evaluation.interaction.dataset_folder import SPLITS
from evaluation.interaction.job_files import MadeLocation
from evaluation.interaction.masks import area, box, encode
from evaluation.interaction.min_force import minimum_forces
from replay.interaction.record import IMAGE_SIZE

POSITION_DIGITS = 4
"""Decimals of positions in metres; rounded, so that the file holds exactly where the agent stood."""


def rooms_of(config: DatasetConfig, split: SplitConfig) -> list[str]:
    """Returns the scene names of a split, in the order of their numbers."""
    numbers = range(split.first_room, split.last_room + 1)
    return [f"FloorPlan{offset + number}" for offset in config.scene_offsets for number in numbers]


def locations_of_job(config: DatasetConfig, name: str, number: int, simulator: SimulatorProcess) -> list[MadeLocation]:
    """Visits a room and returns its accepted poses: at most `poses_per_spawn` for each spawn."""
    split: SplitConfig = getattr(config, name)
    random = np.random.default_rng([config.seed, SPLITS.index(name), number])
    rooms = rooms_of(config, split)
    # Each round through the rooms has its own order.
    order = np.random.default_rng([config.seed, SPLITS.index(name), number // len(rooms), 1]).permutation(len(rooms))
    scene = rooms[order[number % len(rooms)]]
    return [
        location
        for seed in random.integers(SEED_LIMIT, size=split.spawns_per_visit)
        for location in _locations_of_spawn(config, split, scene, int(seed), random, simulator)
    ]


def _locations_of_spawn(
    config: DatasetConfig,
    split: SplitConfig,
    scene: str,
    seed: int,
    random: np.random.Generator,
    simulator: SimulatorProcess,
) -> list[MadeLocation]:
    """Returns the accepted poses of one spawn; none if the simulator refuses it or the agent can stand nowhere."""
    simulator.reset(scene)
    no_image = {"renderImage": False}
    spawn = {"randomSeed": seed, "forceVisible": True, "numPlacementAttempts": config.placement_attempts}
    if not _succeeded(simulator.step("InitialRandomSpawn", **spawn, **no_image)):
        return []
    if not _succeeded(simulator.step("MakeAllObjectsMoveable", **no_image)):
        return []
    positions = simulator.step("GetReachablePositions", **no_image).metadata["actionReturn"] or []
    accepted: list[_Pose] = []
    for _ in range(config.attempts_per_spawn if positions else 0):
        position = positions[random.integers(len(positions))]
        location = Location(
            entry=0,
            scene=scene,
            position=(_round(position["x"]), _round(position["y"]), _round(position["z"])),
            rotation=float(random.choice(config.rotations)),
            horizon=float(random.choice(config.horizons)),
            seed=seed,
        )
        pose = _try_pose(config, location, simulator)
        if pose is not None:
            accepted.append(pose)
            if len(accepted) == split.poses_per_spawn:
                break
    # Annotate last: measuring forces moves objects.
    return [_annotate(config, split, pose, simulator) for pose in accepted]


@dataclass(frozen=True)
class _Pose:
    """An accepted pose."""

    location: Location
    observation: Observation
    objects: list[TrueObject]


def _try_pose(config: DatasetConfig, location: Location, simulator: SimulatorProcess) -> _Pose | None:
    """Goes to a pose and observes; None if the simulator refuses the pose or too few objects are in reach."""
    event = simulator.step(
        "TeleportFull",
        position=dict(zip("xyz", location.position, strict=True)),
        rotation={"x": 0.0, "y": location.rotation, "z": 0.0},
        horizon=location.horizon,
        standing=True,
    )
    if not _succeeded(event):
        return None
    verify(event, location)
    observation = simulator.observe(event)
    found = objects_in_reach(
        event,
        observation.depth,
        location.horizon,
        config.reach(),
        simulator.config.field_of_view,
        config.min_annotated_pixels,
        config.max_mass,
    )
    if sum(item.pixels_in_reach >= config.min_pixels for item in found) < config.min_objects:
        return None
    return _Pose(location, observation, found)


def _annotate(config: DatasetConfig, split: SplitConfig, pose: _Pose, simulator: SimulatorProcess) -> MadeLocation:
    """Makes the entry of an accepted pose; measures the forces of its objects if the configuration asks for it."""
    location = pose.location
    fields = {
        "width": IMAGE_SIZE,
        "height": IMAGE_SIZE,
        "thor_meta": {
            "scene": location.scene,
            "position": dict(zip("xyz", location.position, strict=True)),
            "rotation": location.rotation,
            "horizon": location.horizon,
            "seed": location.seed,
        },
        "annotations": [],
    }
    if not split.annotated:
        return MadeLocation(fields, None)
    forces = [float(NOT_MEASURED)] * len(pose.objects)
    if config.forces:
        reach = config.reach()
        forces = minimum_forces(
            simulator,
            location,
            pose.objects,
            reachable_pixels(pose.observation.depth, location.horizon, reach, simulator.config.field_of_view),
            config.forces,
            hand_distance(reach, simulator.config),
            config.placement_attempts,
            np.random.default_rng([config.seed, location.seed]),
        )
    fields["annotations"] = [_annotation(item, force) for item, force in zip(pose.objects, forces, strict=True)]
    return MadeLocation(fields, pose.observation)


def _annotation(item: TrueObject, force: float) -> dict[str, Any]:
    rle = encode(item.mask)
    return {
        "segmentation": rle,
        "category_id": mass_class(item.mass),
        "gt_mass": item.mass,
        "min_force": int(force) if force == int(force) else force,
        "bbox": box(rle),
        "area": area(rle),
        "objectType": item.object_type,
    }


def _succeeded(event: Event) -> bool:
    return bool(event.metadata["lastActionSuccess"])


def _round(value: float) -> float:
    return round(float(value), POSITION_DIGITS)
