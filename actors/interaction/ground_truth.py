"""Ground truth of a look, from the simulator's instance masks and metadata.

Source: supplement of the paper, "Dataset and interaction"; docs/interaction.md, Observations and touches.

For evaluation and for oracles only, never for self-supervised training: every moveable or pickupable object below
150 kg with at least 10 pixels within reach, with its whole visible mask (also the part beyond reach), and its class by
mass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ai2thor.server import Event
from numpy.typing import NDArray

from actors.interaction.config import ReachConfig
from actors.interaction.geometry import reachable_pixels

MASS_LIMITS = (0.5, 2.0)
"""Masses from which on an object is medium and heavy, kg (docs/interaction.md, Observations and touches)."""


@dataclass(frozen=True)
class TrueObject:
    """One object of a look."""

    object_id: str
    object_type: str
    mass: float
    """kg."""
    mask: NDArray[np.bool_]
    """(300, 300) its visible pixels."""
    pixels_in_reach: int
    """How many of them are within reach."""


def mass_class(mass: float) -> int:
    """Class of a mass in kg: 0 light < 0.5 <= 1 medium < 2 <= 2 heavy."""
    return sum(mass >= limit for limit in MASS_LIMITS)


def objects_in_reach(
    event: Event,
    depth: NDArray[np.floating],
    horizon: float,
    reach: ReachConfig,
    field_of_view: float,
    min_pixels: int,
    max_mass: float,
) -> list[TrueObject]:
    """The objects of a look that an agent could move, by object id.

    Args:
        event: the simulator's answer, with instance segmentation.
        depth: (300, 300) of the same look, metres along each ray minus the near plane; it decides for each pixel by
            itself whether that pixel is within reach.
        horizon: degrees that the camera looks down.
        reach: how far the agent reaches.
        field_of_view: degrees.
        min_pixels: fewest pixels within reach of an object that counts.
        max_mass: objects from this mass on do not count, kg.

    Raises:
        ValueError: the simulator was started without renderInstanceSegmentation.
    """
    if event.instance_segmentation_frame is None:
        raise ValueError("ground truth needs a simulator that was started with renderInstanceSegmentation=True.")
    masks = event.instance_masks
    reachable = reachable_pixels(depth, horizon, reach, field_of_view)
    found: list[TrueObject] = []
    for thing in sorted(event.metadata["objects"], key=lambda thing: thing["objectId"]):
        name = thing["objectId"]
        if not (thing["moveable"] or thing["pickupable"]) or thing["mass"] >= max_mass or name not in masks:
            continue
        mask = np.array(masks[name], dtype=bool)
        pixels = int((mask & reachable).sum())
        if pixels >= min_pixels:
            found.append(TrueObject(name, thing["objectType"], float(thing["mass"]), mask, pixels))
    return found
