"""Observations of the environments: a dictionary of arrays and numbers, the same in all stages."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from actors.hide_and_seek.actions import ACTIONS, Stage
from actors.hide_and_seek.game import GameObservation
from actors.hide_and_seek.locations import STEP
from actors.hide_and_seek.pixels import GRID, Modality
from actors.hide_and_seek.scenes import GOALS
from actors.hide_and_seek.world import SIZE

STAGES = tuple(Stage)
"""Stages in the order of their numbers in an observation."""
NO_ACTION = len(ACTIONS)
"""`last_action` before an episode's first action."""
FARTHEST = 100.0
"""Metres: bound of `location`."""

Encoded = dict[str, Any]
"""An observation, with the keys of `observation_space`."""


def observation_space() -> spaces.Dict:
    """The space of `encode`'s results.

    image: (224, 224, 3) uint8 RGB.
    stage: index into `STAGES`.
    goal: index into `scenes.GOALS`, the type of the hidden object.
    location: (2,) float32, metres to the right of the agent's first pose in the game, and ahead of it.
    rotation: quarter turns clockwise from that pose.
    standing: 1 standing, 0 crouching.
    target: (3,) modality, row and column where the object shall land, counted from 1; zeros but in object manipulation.
    last_action: number of the episode's last action, `NO_ACTION` before the first.
    last_succeeded: 1 if it succeeded.
    placed: 1 if a PlaceAt has succeeded; 0 outside object hiding.
    steps_left: (1,) float32, share of the episode's steps that is left.
    """
    return spaces.Dict(
        {
            "image": spaces.Box(0, 255, (SIZE, SIZE, 3), np.uint8),
            "stage": spaces.Discrete(len(STAGES)),
            "goal": spaces.Discrete(len(GOALS)),
            "location": spaces.Box(-FARTHEST, FARTHEST, (2,), np.float32),
            "rotation": spaces.Discrete(4),
            "standing": spaces.Discrete(2),
            "target": spaces.MultiDiscrete([len(Modality) + 1, GRID + 1, GRID + 1]),
            "last_action": spaces.Discrete(NO_ACTION + 1),
            "last_succeeded": spaces.Discrete(2),
            "placed": spaces.Discrete(2),
            "steps_left": spaces.Box(0.0, 1.0, (1,), np.float32),
        }
    )


def encode(observation: GameObservation) -> Encoded:
    """An observation as arrays and numbers of its own; see `observation_space`."""
    location, target = observation.location, observation.target
    steps = observation.step + observation.steps_left
    last = NO_ACTION if observation.last_action is None else observation.last_action
    return {
        "image": np.array(observation.image),
        "stage": np.int64(STAGES.index(observation.stage)),
        "goal": np.int64(GOALS.index(observation.goal)),
        "location": np.array([location.x * STEP, location.z * STEP], np.float32).clip(-FARTHEST, FARTHEST),
        "rotation": np.int64(location.rotation // 90),
        "standing": np.int64(location.standing),
        "target": np.array((0, 0, 0) if target is None else [number + 1 for number in target], np.int64),
        "last_action": np.int64(last),
        "last_succeeded": np.int64(observation.last_succeeded),
        "placed": np.int64(observation.placed),
        "steps_left": np.array([observation.steps_left / steps], np.float32),
    }


def blank(stage: Stage, goal: str) -> Encoded:
    """What a player observes while the other one plays: the stage and the goal alone."""
    return {
        "image": np.zeros((SIZE, SIZE, 3), np.uint8),
        "stage": np.int64(STAGES.index(stage)),
        "goal": np.int64(GOALS.index(goal)),
        "location": np.zeros(2, np.float32),
        "rotation": np.int64(0),
        "standing": np.int64(1),
        "target": np.zeros(3, np.int64),
        "last_action": np.int64(NO_ACTION),
        "last_succeeded": np.int64(0),
        "placed": np.int64(0),
        "steps_left": np.zeros(1, np.float32),
    }


def int8_mask(mask: NDArray[np.bool_]) -> NDArray[np.int8]:
    """A mask of legal actions as Gymnasium's `Discrete.sample` expects it."""
    return mask.astype(np.int8)
