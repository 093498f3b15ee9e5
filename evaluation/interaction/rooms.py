"""Views of rooms and touches, with ground truth beside the self-supervision module's results.

They serve pictures of the rooms (`./playpen rooms`) and the measurement of masks (`./playpen bench simulator`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from ai2thor.server import Event
from numpy.typing import NDArray

from actors.controller import SimulatorProcess
from actors.interaction.choose import DIRECTIONS
from actors.interaction.config import ActorConfig
from actors.interaction.geometry import hand_distance, reach_mask
from actors.interaction.ground_truth import TrueObject, objects_in_reach
from actors.interaction.locations import Location, set_up
from actors.interaction.mask_sources import make_supervision, perform_touch
from actors.observation import Observation
from evaluation.interaction.min_force import moved, pose
from replay.interaction.record import GRID_SIZE, GRID_STRIDE, centres

HORIZON = 30.0
"""Degrees that the camera looks down, at tables, shelves and the floor some steps away."""
MIN_PIXELS = 60
"""Minimum number of pixels within reach of an object that is touched on purpose: about seven cells."""


@dataclass(frozen=True)
class View:
    """One observation into a room."""

    location: Location
    image: NDArray[np.uint8]
    """(300, 300, 3)."""
    depth: NDArray[np.float32]
    """(300, 300) metres along each ray, minus the near plane."""
    instances: NDArray[np.uint8]
    """(300, 300, 3) a colour for each instance, including walls and floors."""
    objects: int
    """Number of moveable objects with at least `MIN_PIXELS` within reach."""


@dataclass(frozen=True)
class StudiedTouch:
    """One touch, its true outcome, and the self-supervision module's result."""

    mass: float | None
    """Mass of the touched moveable object, kg; None if something else was touched."""
    row: int
    column: int
    before: NDArray[np.uint8]
    """(300, 300, 3)."""
    after: NDArray[np.uint8]
    """(300, 300, 3)."""
    mask: NDArray[np.bool_]
    """(100, 100) B+, whether or not the touch counts as successful."""
    truth: NDArray[np.bool_]
    """(100, 100) cells whose centre pixel showed the touched object before the touch; empty if it was no object."""
    successful: bool
    """Whether the touch succeeded by the success rule."""
    moved: bool
    """Whether the touched object truly moved: more than 5 cm or 15 degrees."""
    seconds: float = 0.0
    """Time that self-supervision took."""

    @property
    def iou(self) -> float:
        """IoU of B+ with the object's true mask; NaN if no object was touched."""
        union = int((self.mask | self.truth).sum())
        return float((self.mask & self.truth).sum()) / union if self.truth.any() else float("nan")


def objects_in_view(simulator: SimulatorProcess, event: Event, config: ActorConfig, depth: NDArray) -> list[TrueObject]:
    """Returns the moveable objects with at least `MIN_PIXELS` within reach of an observation at `HORIZON`."""
    field_of_view = simulator.config.field_of_view
    return objects_in_reach(event, depth, HORIZON, config.reach, field_of_view, MIN_PIXELS, config.truth_max_mass)


def fullest_views(
    simulator: SimulatorProcess, scene: str, seed: int, config: ActorConfig, count: int, tries: int
) -> list[View]:
    """Returns the views with most objects in reach among `tries` random poses in a room, each from another position.

    Args:
        simulator: started with renderInstanceSegmentation.
        scene: name of the room.
        seed: seed of the arrangement and the poses.
        config: reach and placement attempts.
        count: at most so many observations.
        tries: number of poses to try.
    """
    random = np.random.default_rng(seed)
    simulator.reset(scene)
    spawn = {"randomSeed": seed, "forceVisible": True, "numPlacementAttempts": config.placement_attempts}
    simulator.step("InitialRandomSpawn", renderImage=False, **spawn)
    simulator.step("MakeAllObjectsMoveable", renderImage=False)
    places = simulator.step("GetReachablePositions", renderImage=False).metadata["actionReturn"] or []
    best: dict[tuple[float, ...], View] = {}
    for index in random.permutation(len(places))[:tries]:
        place = places[int(index)]
        yaw = float(random.integers(8) * 45)
        event = simulator.step(
            "TeleportFull", position=place, rotation={"x": 0.0, "y": yaw, "z": 0.0}, horizon=HORIZON, standing=True
        )
        if not event.metadata["lastActionSuccess"]:
            continue
        observation = simulator.observe(event)
        position = (place["x"], place["y"], place["z"])
        view = View(
            Location(0, scene, position, yaw, HORIZON, seed),
            observation.image.copy(),
            observation.depth.copy(),
            np.array(event.instance_segmentation_frame)[..., :3],
            len(objects_in_view(simulator, event, config, observation.depth)),
        )
        best[position] = view
    return sorted(best.values(), key=lambda view: -view.objects)[:count]


def study_touches(
    simulator: SimulatorProcess,
    location: Location,
    config: ActorConfig,
    random: np.random.Generator,
    objects: int,
    others: int,
    depth_noise: float = 0.0,
) -> Iterator[StudiedTouch]:
    """Touches objects of a location, each once at a random cell, and random cells within reach, in random order.

    Every touch uses the largest force and a random direction. As for an actor, the observation after one touch is the
    one before the next.

    Args:
        simulator: started with renderInstanceSegmentation.
        location: the location; its horizon must be `HORIZON`.
        config: settings of the actors.
        random: chooses objects, cells and directions.
        objects: at most so many touches of objects.
        others: number of touches of random cells.
        depth_noise: standard deviation of the Gaussian noise in the depth that self-supervision sees, m; the touches do
            not depend on it.
    """
    noise = random.spawn(1)[0]

    def seen(exact: Observation) -> Observation:
        if not depth_noise:
            return exact
        error = depth_noise * noise.standard_normal(exact.depth.shape, dtype=np.float32)
        return replace(exact, depth=exact.depth + error)

    observation = set_up(simulator, location, config.placement_attempts)
    supervision = make_supervision(seen(observation), config)
    names: list[str | None] = [
        item.object_id for item in objects_in_view(simulator, simulator.last_event, config, observation.depth)
    ]
    random.shuffle(names)
    names = names[:objects] + [None] * others
    random.shuffle(names)
    for name in names:
        event, before = simulator.last_event, Observation(observation.image.copy(), observation.depth.copy())
        found = {item.object_id: item for item in objects_in_view(simulator, event, config, before.depth)}
        reachable = reach_mask(before.depth, HORIZON, config.reach, simulator.config.field_of_view)
        wanted = reachable if name is None else reachable & centres(found[name].mask) if name in found else None
        if wanted is None or not wanted.any():
            continue  # an earlier touch moved it out of reach
        row, column = (int(value) for value in random.choice(np.argwhere(wanted)))
        at = (row * GRID_STRIDE + GRID_STRIDE // 2, column * GRID_STRIDE + GRID_STRIDE // 2)
        hit = next((item for item in found.values() if item.mask[at]), None)
        arguments = {
            "x": (column + 0.5) / GRID_SIZE,
            "y": (row + 0.5) / GRID_SIZE,
            "direction": dict(zip("xyz", DIRECTIONS[random.integers(len(DIRECTIONS))].tolist(), strict=True)),
            "moveMagnitude": config.forces[-1],
            "handDistance": hand_distance(config.reach, simulator.config),
        }
        answer = perform_touch(simulator, arguments, supervision)
        observation = simulator.observe(answer)
        shown = seen(observation)
        started = perf_counter()
        mask, successful, *_ = supervision.judge(shown, row, column)
        seconds = perf_counter() - started
        yield StudiedTouch(
            mass=hit.mass if hit else None,
            row=row,
            column=column,
            before=before.image,
            after=observation.image.copy(),
            mask=mask,
            truth=centres(hit.mask) if hit else np.zeros_like(mask),
            successful=successful,
            moved=hit is not None and moved(pose(event, hit.object_id), pose(answer, hit.object_id)),
            seconds=seconds,
        )
