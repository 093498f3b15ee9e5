"""Oracles: ground truth in place of what an actor finds out by itself.

Source: supplement of the paper, "Providing more supervision"; docs/interaction.md, Variants and baselines.
`actors.supervision` chooses; `actors.config.SUPERVISIONS` says which oracle each choice asks.

- The *interaction oracle* leaves at most one point on each object in reach and adds one to each object that has none.
  Points that lie on no such object, or on its part out of reach, stay: the model's own hard negatives.
- The *mask oracle* gives the true mask of the object under a point in place of B+, or none if there is no object or it
  is out of reach. The mask must pass the same success rule as B+: enough of it lies around the point. The touch is made
  all the same, and with force trials the self-supervision module goes on deciding which force sufficed; a point on an
  object that none of them moved teaches its mask and no force.
- *Fully supervised* is both without touching: each object's force is its mass class.

All of it is the truth of the location's first look: that is the image which a record shows, and touches move things.
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
    """What is true of a look: its n objects that can be touched, by object id."""

    masks: NDArray[np.bool_]
    """(n, 100, 100) cells whose centre pixel shows the object, also beyond reach; disjoint."""
    classes: NDArray[np.int64]
    """(n,) mass class, 0 light to 2 heavy: the magnitude that suffices."""
    reachable: NDArray[np.bool_]
    """(100, 100) cells within reach; some of each object's are."""

    def object_at(self, touch: Touch) -> int | None:
        """Index of the object that a touch goes to; None where there is none, or out of reach."""
        if not self.reachable[touch.row, touch.column]:
            return None
        found = np.flatnonzero(self.masks[:, touch.row, touch.column])
        return int(found[0]) if len(found) else None

    def judge(
        self, touch: Touch, feedback: Feedback, rule: SelfSupervisionConfig
    ) -> tuple[Feedback, NDArray[np.bool_] | None]:
        """The mask oracle's answer.

        Args:
            touch: where.
            feedback: of the touch that was made, which decides about forces only.
            rule: kernel and threshold of the success rule.

        Returns:
            feedback, and the (100, 100) mask of the object; UNSUCCESSFUL and None if the touch goes to no object, or if
            too little of the object lies around it.
        """
        thing = self.object_at(touch)
        if thing is None or not succeeds(self.masks[thing], touch.row, touch.column, rule):
            return Feedback.UNSUCCESSFUL, None
        return Feedback.MOVED if feedback == Feedback.UNSUCCESSFUL else feedback, self.masks[thing]


def simulator_keywords(config: ActorConfig, simulator: SimulatorConfig) -> dict[str, Any]:
    """What the simulator of an actor is started with beside its own settings: as far as it reaches, and for oracles."""
    truth = {"renderInstanceSegmentation": True} if config.oracles.asked else {}
    return reach_keywords(config.reach, simulator) | truth


def look_truth(event: Event, look: Observation, horizon: float, field_of_view: float, config: ActorConfig) -> Truth:
    """The truth of a look.

    An object that no cell's centre shows within reach cannot be touched, and is left out.

    Args:
        event: the simulator's answer, with instance segmentation.
        look: the same answer's image and depth.
        horizon: degrees that the camera looks down.
        field_of_view: degrees.
        config: reach, and what counts as an object.

    Raises:
        ValueError: the simulator was started without renderInstanceSegmentation.
    """
    reachable = reach_mask(look.depth, horizon, config.reach, field_of_view)
    things = [
        (centres(thing.mask), mass_class(thing.mass))
        for thing in true_objects(event, look, horizon, field_of_view, config)
    ]
    things = [(mask, number) for mask, number in things if (mask & reachable).any()]
    return Truth(
        masks=np.array([mask for mask, _ in things], dtype=bool).reshape(-1, GRID_SIZE, GRID_SIZE),
        classes=np.array([number for _, number in things], dtype=np.int64),
        reachable=reachable,
    )


def true_objects(
    event: Event, look: Observation, horizon: float, field_of_view: float, config: ActorConfig
) -> list[TrueObject]:
    """The objects of a look that count, by object id; arguments and errors as of `look_truth`."""
    return objects_in_reach(
        event, look.depth, horizon, config.reach, field_of_view, config.truth_min_pixels, config.truth_max_mass
    )


def labels(things: Sequence[TrueObject]) -> dict[str, NDArray[np.uint8]]:
    """The fields `instances`, `objects` and `classes` of a `LabelledRecord`.

    Args:
        things: of a look, with disjoint (300, 300) masks; of more than `MAX_OBJECTS` those with the fewest pixels
            within reach are left out.
    """
    kept = sorted(things, key=lambda thing: -thing.pixels_in_reach)[:MAX_OBJECTS]
    instances = np.zeros((IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    classes = np.zeros(MAX_OBJECTS, dtype=np.uint8)
    for index, thing in enumerate(kept):
        instances[thing.mask] = index + 1
        classes[index] = mass_class(thing.mass)
    return {"instances": instances, "objects": np.array(len(kept), dtype=np.uint8), "classes": classes}


def one_touch_each(touches: Sequence[Touch], truth: Truth, rng: np.random.Generator) -> list[Touch]:
    """The interaction oracle: one touch to each object, and all those to none.

    Of several touches to an object the first stays, which is the model's best. Added touches go to random cells of
    the object within reach, with random magnitude and direction; they are the same whatever the model chose.

    Args:
        touches: chosen ones, at most `MAX_TOUCHES`, greedy ones first.
        truth: of the look that they were chosen from.
        rng: of the location.

    Returns:
        the touches that stay in their order, then the added ones; at most `ORACLE_TOUCHES`. Of more than `MAX_OBJECTS`
        objects without a touch, those with the fewest cells within reach get none.
    """
    cells = [np.argwhere(mask & truth.reachable) for mask in truth.masks]
    added = {}
    for thing, places in enumerate(cells):
        row, column = (int(value) for value in places[rng.integers(len(places))])
        magnitude = int(rng.integers(MAGNITUDES))
        direction = DIRECTIONS[rng.integers(len(DIRECTIONS))]
        added[thing] = Touch(row, column, magnitude, tuple(direction), Choice.ORACLE)
    hit_first: dict[int, Touch] = {}
    kept = []
    for touch in touches:
        hit = truth.object_at(touch)
        if hit is None or hit_first.setdefault(hit, touch) is touch:
            kept.append(touch)
    missed = [thing for thing in added if thing not in hit_first]
    largest = sorted(missed, key=lambda thing: -len(cells[thing]))[:MAX_OBJECTS]
    return kept + [added[thing] for thing in missed if thing in largest]


def with_true_forces(touches: Sequence[Touch], truth: Truth) -> list[Touch]:
    """The touches with the mass class of the object that each goes to as its magnitude; others as they are."""
    found = [(touch, truth.object_at(touch)) for touch in touches]
    return [touch if thing is None else replace(touch, magnitude=int(truth.classes[thing])) for touch, thing in found]
