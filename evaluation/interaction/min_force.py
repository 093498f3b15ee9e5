"""Finds the smallest of the force magnitudes that moves an object, by trials (docs/interaction.md, Evaluation).

Each trial sets the location up again, so that touches do not affect each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from ai2thor.server import Event
from numpy.typing import NDArray

from actors.controller import SimulatorProcess
from actors.interaction.choose import DIRECTIONS
from actors.interaction.ground_truth import TrueObject
from actors.interaction.locations import Location, set_up
from evaluation.interaction.dataset import NOT_MEASURED
from replay.interaction.record import GRID_SIZE, GRID_STRIDE, centres

if TYPE_CHECKING:
    from scipy.spatial.transform import Rotation

MOVED_METRES = 0.05
MOVED_DEGREES = 15.0


def minimum_forces(
    simulator: SimulatorProcess,
    location: Location,
    objects: Sequence[TrueObject],
    reachable: NDArray[np.bool_],
    forces: Sequence[float],
    hand_distance: float,
    placement_attempts: int,
    random: np.random.Generator,
) -> list[float]:
    """Returns the smallest sufficient force of each object of an observation.

    A force suffices if it moves the object by more than 5 cm or turns it by more than 15 degrees. An object is touched
    in the middle of its part within reach. The direction is a random one of the eight, the same for each force.

    Args:
        simulator: a running simulator; its state afterwards is that after the last touch.
        location: of the observation.
        objects: its objects.
        reachable: (300, 300) pixels within reach; each object has at least one.
        forces: increasing magnitudes.
        hand_distance: metres that the hand reaches.
        placement_attempts: setting of the observation's set-up.
        random: draws the directions.

    Returns:
        one force for each object; `NOT_MEASURED` if none of them moved it.

    Raises:
        LocationError, SimulatorError: see `set_up`.
    """
    found = []
    for item in objects:
        row, column = inner_cell(item.mask, reachable)
        direction = DIRECTIONS[int(random.integers(len(DIRECTIONS)))].tolist()
        sufficient = float(NOT_MEASURED)
        for force in forces:
            set_up(simulator, location, placement_attempts)
            before = pose(simulator.last_event, item.object_id)
            event = simulator.step(
                "TouchThenApplyForce",
                x=(column + 0.5) / GRID_SIZE,
                y=(row + 0.5) / GRID_SIZE,
                direction=dict(zip("xyz", direction, strict=True)),
                moveMagnitude=force,
                handDistance=hand_distance,
                renderImage=False,
            )
            if moved(before, pose(event, item.object_id)):
                sufficient = float(force)
                break
        found.append(sufficient)
    return found


def inner_cell(mask: NDArray[np.bool_], reachable: NDArray[np.bool_]) -> tuple[int, int]:
    """Returns (row, column) of the grid cell deepest within the reachable part of an object.

    Args:
        mask: (300, 300) the object's pixels.
        reachable: (300, 300) pixels within reach; some of the mask's are.
    """
    pixels = mask & reachable
    # Pad with zeros, so that the edge of the image is also an edge of the mask.
    depth = cv2.distanceTransform(np.pad(pixels, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    cells = centres(np.where(pixels, depth, 0.0))
    if not cells.any():  # the part is thinner than a cell: take the cell with most of its pixels
        cells = pixels_by_cell(pixels).astype(np.float64)
    row, column = np.unravel_index(int(np.argmax(cells)), cells.shape)
    return int(row), int(column)


def pixels_by_cell(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(100, 100) number of pixels, 0 to 9, of a (300, 300) mask in each grid cell."""
    return mask.reshape(GRID_SIZE, GRID_STRIDE, GRID_SIZE, GRID_STRIDE).sum(axis=(1, 3))


def pose(event: Event, object_id: str) -> tuple[NDArray[np.float64], Rotation]:
    """Position (metres) and rotation of an object, in Unity's coordinates."""
    from scipy.spatial.transform import Rotation  # takes half a second, and is not needed if the data set exists

    item: dict[str, Any] = next(item for item in event.metadata["objects"] if item["objectId"] == object_id)
    position, angles = item["position"], item["rotation"]
    # Unity turns about z first, then x, then y.
    turn = Rotation.from_euler("YXZ", [angles["y"], angles["x"], angles["z"]], degrees=True)
    return np.array([position[axis] for axis in "xyz"]), turn


def moved(before: tuple[NDArray[np.float64], Rotation], after: tuple[NDArray[np.float64], Rotation]) -> bool:
    """Whether two poses differ visibly."""
    distance = float(np.linalg.norm(after[0] - before[0]))
    angle = np.degrees((after[1] * before[1].inv()).magnitude())
    return distance > MOVED_METRES or angle > MOVED_DEGREES
