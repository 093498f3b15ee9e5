"""Ground truth of an observation, from the simulator's instance masks and metadata.

Source: supplement of the paper, "Dataset and interaction"; docs/interaction.md, Observations and touches.

It serves evaluation and oracles only, never self-supervised training. It holds every moveable or pickupable object
below 150 kg with at least 10 pixels within reach, with its whole visible mask (also the part beyond reach), and its
class by mass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ai2thor.server import Event
from numpy.typing import NDArray

from actors.interaction.config import ReachConfig
from actors.interaction.geometry import reachable_pixels

MASS_LIMITS = (0.5, 2.0)
"""Minimum masses of medium and heavy objects, kg (docs/interaction.md, Observations and touches)."""


@dataclass(frozen=True)
class TrueObject:
    """One object of an observation."""

    object_id: str
    object_type: str
    mass: float
    """kg."""
    mask: NDArray[np.bool_]
    """(300, 300) visible pixels of the object."""
    pixels_in_reach: int
    """Number of visible pixels within reach."""


def mass_class(mass: float) -> int:
    """Returns the class of a mass in kg: 0 light < 0.5 <= 1 medium < 2 <= 2 heavy."""
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
    """Returns the objects of an observation that an agent could move, sorted by object id.

    Args:
        event: the simulator's answer, with instance segmentation.
        depth: (300, 300) of the same observation, metres along each ray minus the near plane; it
            decides separately for each pixel whether it is within reach.
        horizon: degrees that the camera looks down.
        reach: how far the agent reaches.
        field_of_view: degrees.
        min_pixels: minimum number of an object's pixels within reach.
        max_mass: only objects below this mass count, kg.

    Raises:
        ValueError: the simulator was started without renderInstanceSegmentation.
    """
    if event.instance_segmentation_frame is None:
        raise ValueError("ground truth needs a simulator that was started with renderInstanceSegmentation=True.")
    masks = event.instance_masks
    reachable = reachable_pixels(depth, horizon, reach, field_of_view)
    found: list[TrueObject] = []
    for item in sorted(event.metadata["objects"], key=lambda item: item["objectId"]):
        name = item["objectId"]
        if not (item["moveable"] or item["pickupable"]) or item["mass"] >= max_mass or name not in masks:
            continue
        mask = np.array(masks[name], dtype=bool)
        pixels = int((mask & reachable).sum())
        if pixels >= min_pixels:
            found.append(TrueObject(name, item["objectType"], float(item["mass"]), mask, pixels))
    return found
