"""Oracles: ground truth that replaces an actor's own findings.

Source: supplement of the paper, "Providing more supervision"; docs/interaction.md, Variants and baselines.
`actors.supervision` selects the oracles by a name of `actors.interaction.config.SUPERVISIONS`.

- The *interaction oracle* leaves at most one point on each object in reach and adds one to each object that has none.
  Points that lie on no such object, or on its part out of reach, stay: the model's own hard negatives.
- The *mask oracle* gives the true mask of the object under a point in place of B+, or none if there is no object or it
  is out of reach. The mask must pass the same success rule as B+: enough of it lies around the point. The touch is
  still made, and with force trials the self-supervision module decides which force sufficed; if no force moved the
  object, the point gives a mask but no force.
- *Fully supervised* uses both oracles without touching: each object's force is its mass class.

Ground truth is that of the location's first observation, the image in the record, since touches move objects.
Where the interaction oracle adds points, a record has `ORACLE_TOUCHES` rows: the planned ones and `MAX_OBJECTS` more.
Under full supervision it also holds the true masks at full resolution, which Mask R-CNN learns from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ai2thor.server import Event
from numpy.typing import NDArray

from actors.config import SimulatorConfig
from actors.interaction.choose import DIRECTIONS, Touch
from actors.interaction.config import ActorConfig, SelfSupervisionConfig
from actors.interaction.geometry import reach_keywords, reach_mask
from actors.interaction.ground_truth import TrueObject, mass_class, objects_in_reach
from actors.interaction.self_supervision import succeeds
from actors.observation import Observation
from replay.interaction.record import GRID_SIZE, IMAGE_SIZE, MAGNITUDES, MAX_OBJECTS, Choice, Feedback, centres


@dataclass(frozen=True)
class Truth:
    """Ground truth of an observation: its n objects that can be touched, by object id."""

    masks: NDArray[np.bool_]
    """(n, 100, 100) cells whose centre pixel shows the object, also beyond reach; disjoint."""
    classes: NDArray[np.int64]
    """(n,) mass class, 0 light to 2 heavy: the smallest sufficient magnitude."""
    reachable: NDArray[np.bool_]
    """(100, 100) cells within reach; each object has at least one."""

    def object_at(self, touch: Touch) -> int | None:
        """Returns the index of the touched object; None if there is none or the touch is out of reach."""
        if not self.reachable[touch.row, touch.column]:
            return None
        found = np.flatnonzero(self.masks[:, touch.row, touch.column])
        return int(found[0]) if len(found) else None

    def outcome(
        self, touch: Touch, feedback: Feedback, rule: SelfSupervisionConfig
    ) -> tuple[Feedback, NDArray[np.bool_] | None]:
        """Returns a touch's outcome by the mask oracle.

        Args:
            touch: the touch.
            feedback: feedback of the touch that was made; it only determines the force.
            rule: kernel and threshold of the success rule.

        Returns:
            the feedback and the (100, 100) mask of the object; UNSUCCESSFUL and None if the touch hits no object, or if
            too little of the object lies around it.
        """
        item = self.object_at(touch)
        if item is None or not succeeds(self.masks[item], touch.row, touch.column, rule):
            return Feedback.UNSUCCESSFUL, None
        return Feedback.MOVED if feedback == Feedback.UNSUCCESSFUL else feedback, self.masks[item]


def simulator_keywords(config: ActorConfig, simulator: SimulatorConfig) -> dict[str, Any]:
    """Returns the Controller keywords that an actor's simulator needs for its reach and for oracles."""
    truth = {"renderInstanceSegmentation": True} if config.oracles.asked else {}
    return reach_keywords(config.reach, simulator) | truth


def truth_of(
    event: Event, observation: Observation, horizon: float, field_of_view: float, config: ActorConfig
) -> Truth:
    """Returns the ground truth of an observation.

    Objects that no cell's centre shows within reach are left out, since they cannot be touched.

    Args:
        event: the simulator's answer, with instance segmentation.
        observation: image and depth of the same answer.
        horizon: degrees that the camera looks down.
        field_of_view: degrees.
        config: the reach, and which objects count.

    Raises:
        ValueError: the simulator was started without renderInstanceSegmentation.
    """
    reachable = reach_mask(observation.depth, horizon, config.reach, field_of_view)
    objects = [
        (centres(item.mask), mass_class(item.mass))
        for item in true_objects(event, observation, horizon, field_of_view, config)
    ]
    objects = [(mask, number) for mask, number in objects if (mask & reachable).any()]
    return Truth(
        masks=np.array([mask for mask, _ in objects], dtype=bool).reshape(-1, GRID_SIZE, GRID_SIZE),
        classes=np.array([number for _, number in objects], dtype=np.int64),
        reachable=reachable,
    )


def true_objects(
    event: Event, observation: Observation, horizon: float, field_of_view: float, config: ActorConfig
) -> list[TrueObject]:
    """Returns the objects of an observation that count, sorted by object id; arguments and errors as of `truth_of`."""
    return objects_in_reach(
        event, observation.depth, horizon, config.reach, field_of_view, config.truth_min_pixels, config.truth_max_mass
    )


def labels(objects: Sequence[TrueObject]) -> dict[str, NDArray[np.uint8]]:
    """Returns the fields `instances`, `objects` and `classes` of a `LabelledRecord`.

    Args:
        objects: an observation's objects, with disjoint (300, 300) masks; only the `MAX_OBJECTS` with the most pixels
            within reach are kept.
    """
    kept = sorted(objects, key=lambda item: -item.pixels_in_reach)[:MAX_OBJECTS]
    instances = np.zeros((IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    classes = np.zeros(MAX_OBJECTS, dtype=np.uint8)
    for index, item in enumerate(kept):
        instances[item.mask] = index + 1
        classes[index] = mass_class(item.mass)
    return {"instances": instances, "objects": np.array(len(kept), dtype=np.uint8), "classes": classes}


def one_touch_each(touches: Sequence[Touch], truth: Truth, rng: np.random.Generator) -> list[Touch]:
    """Applies the interaction oracle: one touch for each object; touches of no object stay.

    Of several touches of an object only the first stays, which is the model's best. Added touches go to random cells
    of the object within reach, with random magnitude and direction; they do not depend on the model's choices.

    Args:
        touches: the chosen touches, at most `MAX_TOUCHES`, greedy ones first.
        truth: ground truth of the observation that they were chosen from.
        rng: the location's generator.

    Returns:
        the remaining touches in their order, then the added ones; at most `ORACLE_TOUCHES`. If more than
        `MAX_OBJECTS` objects have no touch, only those with the most cells within reach get one.
    """
    cells = [np.argwhere(mask & truth.reachable) for mask in truth.masks]
    added = {}
    for item, places in enumerate(cells):
        row, column = (int(value) for value in places[rng.integers(len(places))])
        magnitude = int(rng.integers(MAGNITUDES))
        direction = DIRECTIONS[rng.integers(len(DIRECTIONS))]
        added[item] = Touch(row, column, magnitude, tuple(direction), Choice.ORACLE)
    hit_first: dict[int, Touch] = {}
    kept = []
    for touch in touches:
        hit = truth.object_at(touch)
        if hit is None or hit_first.setdefault(hit, touch) is touch:
            kept.append(touch)
    missed = [item for item in added if item not in hit_first]
    largest = sorted(missed, key=lambda item: -len(cells[item]))[:MAX_OBJECTS]
    return kept + [added[item] for item in missed if item in largest]


def with_true_forces(touches: Sequence[Touch], truth: Truth) -> list[Touch]:
    """Sets each touch's magnitude to the mass class of the touched object; touches of no object stay as they are."""
    found = [(touch, truth.object_at(touch)) for touch in touches]
    return [touch if item is None else replace(touch, magnitude=int(truth.classes[item])) for touch, item in found]
