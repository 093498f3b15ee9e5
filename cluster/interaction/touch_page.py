"""The interaction system's tab in `./playpen play`: a person touches objects and sees what self-supervision finds.

Messages, by their "do":

- start {scene, seed}: loads a room and finds its views; replies with the first view.
- view {number}: goes to another view of the room, with all objects back in their places.
- touch {row, column, force, direction}: touches a pixel; replies with the picture afterwards, the mask and the success.
- predict: the model's instances in the present picture.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from actors.config import SimulatorConfig
from actors.controller import SimulatorProcess
from actors.interaction.choose import DIRECTIONS
from actors.interaction.geometry import hand_distance, reach_keywords, reach_mask
from actors.interaction.ground_truth import TrueObject, mass_class
from actors.interaction.locations import set_up
from actors.interaction.mask_sources import make_supervision, perform_touch
from actors.observation import Observation
from cluster.interaction.config import check_picture, kind_of
from cluster.interaction.play_config import TouchPlayConfig
from cluster.play.config import PlayConfig
from cluster.play.core import BadMessage, SimulatorSlot, png, text, whole
from cluster.run.checkpoints import find_checkpoint
from cluster.run.config import first_line
from common.errors import UsageError
from evaluation.interaction.rooms import View, fullest_views, objects_in_view
from learner.checkpoint_index import index_path, read_index
from models.interaction.config import NetworkConfig
from replay.interaction.record import GRID_SIZE, GRID_STRIDE, IMAGE_SIZE, centres

if TYPE_CHECKING:  # importing torch takes seconds, and only predictions need it
    from models.interaction.inference import InstancePredictor, Prediction

KINDS = {"Kitchen": 0, "Living room": 200, "Bedroom": 300, "Bathroom": 400}
"""Number before the first FloorPlan of each kind of room; each kind has 30."""
MASSES = ("light", "medium", "heavy")
MOST_SEED = 2**31 - 1


def touch_mode(config: PlayConfig) -> TouchMode:
    """The tab for a configuration.

    Raises:
        UsageError: the checkpoint is missing or of another version, or the simulator's pictures are of another size.
        CheckpointError: it cannot be read.
    """
    try:
        check_picture(config.simulator)
    except ValueError as error:
        raise UsageError(str(error)) from error
    mode = config.modes["interaction"]
    predictor = None if config.checkpoint is None else predictor_of(config.checkpoint, mode.actors.confidence)
    return TouchMode(mode, config.simulator, predictor)


def predictor_of(checkpoint: str, confidence: str) -> SharedPredictor:
    """The model that a path names, see `find_checkpoint`.

    Args:
        checkpoint: the path.
        confidence: `actors.confidence`.

    Raises:
        UsageError, CheckpointError: see `touch_mode`.
    """
    from cluster.interaction.predictors import trained_predictor

    folder = find_checkpoint(checkpoint)
    network = read_index(folder)["network"]
    models: Any = OmegaConf.structured(NetworkConfig)
    if kind_of(network) == "unet":  # the others come from the checkpoint alone
        try:
            models = OmegaConf.to_object(OmegaConf.merge(models, network))
        except (OmegaConfBaseException, ValueError) as error:
            raise UsageError(f"{index_path(folder)} does not fit this version's models: {first_line(error)}") from error
    return SharedPredictor(trained_predictor(models, folder, confidence)[0])


class SharedPredictor:
    """A model that several sessions use, one after the other."""

    def __init__(self, predictor: InstancePredictor) -> None:
        self._predictor = predictor
        self._lock = threading.Lock()
        self.knows_mass = predictor.knows_mass

    def predict(self, observation: Observation, count: int, threshold: float) -> Prediction:
        """See `models.interaction.inference.Predictor.predict`."""
        with self._lock:
            return self._predictor.predict(observation.image, observation.depth, count, threshold)[0]


class TouchMode:
    """A `cluster.play.core.Mode`.

    Args:
        config: settings of touches.
        simulator: how to start simulators.
        predictor: the model whose predictions are shown; None: the page offers none.
    """

    name = "interaction"
    title = "Touch"
    scripts: tuple[Path, ...] = (Path(__file__).with_suffix(".js"),)

    def __init__(
        self, config: TouchPlayConfig, simulator: SimulatorConfig, predictor: SharedPredictor | None = None
    ) -> None:
        self.config = config
        self.simulator = simulator
        self._predictor = predictor

    def about(self) -> dict[str, Any]:
        """See `cluster.play.core.Mode.about`."""
        actors = self.config.actors
        scenes = {kind: [f"FloorPlan{first + number}" for number in range(1, 31)] for kind, first in KINDS.items()}
        return {
            "scenes": scenes,
            "forces": actors.forces,
            "force_names": list(MASSES),
            "directions": DIRECTIONS.tolist(),
            "size": IMAGE_SIZE,
            "grid": GRID_SIZE,
            "predicts": self._predictor is not None,
            "knows_mass": self._predictor is not None and self._predictor.knows_mass,
            "mask_source": actors.mask_source,
        }  # fmt: skip

    def open(self) -> TouchSession:
        """See `cluster.play.core.Mode.open`."""
        return TouchSession(self.config, self.simulator, self._predictor)


class TouchSession:
    """A `cluster.play.core.Session`; arguments as of `TouchMode`."""

    def __init__(self, config: TouchPlayConfig, simulator: SimulatorConfig, predictor: SharedPredictor | None) -> None:
        self.config = config
        self._predictor = predictor
        self._reach = config.actors.reach
        keywords = reach_keywords(self._reach, simulator)
        self.simulator = SimulatorSlot(lambda: SimulatorProcess(simulator, renderInstanceSegmentation=True, **keywords))
        self._scene, self._seed = "", 0
        self._views: list[View] = []
        self._number = 0
        self.observation: Observation | None = None
        self._random = np.random.default_rng()

    def handle(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """See `cluster.play.core.Session.handle`."""
        acts = {"start": self._start, "view": self._view, "touch": self._touch, "predict": self._predict}
        return acts[text(message, "do", tuple(acts))](message)

    def restart(self) -> dict[str, Any]:
        """See `cluster.play.core.Session.restart`."""
        self.simulator.drop()
        if not self._views:
            raise BadMessage("choose a room to start again")
        return self._go_to(self._number)

    def close(self) -> None:
        """See `cluster.play.core.Session.close`."""
        self.simulator.close()

    def _start(self, message: Mapping[str, Any]) -> dict[str, Any]:
        scene, seed = text(message, "scene"), whole(message, "seed", 0, MOST_SEED, default=1)
        simulator = self.simulator.get()
        if scene not in simulator.scenes:
            raise BadMessage(f"the simulator has no scene '{scene[:40]}'")
        config = self.config
        views = fullest_views(simulator, scene, seed, config.actors, config.views, max(config.tries, config.views))
        if not views:
            raise BadMessage(f"the agent finds no place in {scene} with seed {seed}; choose another seed")
        self._scene, self._seed, self._views = scene, seed, views
        return self._go_to(0)

    def _view(self, message: Mapping[str, Any]) -> dict[str, Any]:
        if not self._views:
            raise BadMessage("choose a room first")
        return self._go_to(whole(message, "number", 0, len(self._views) - 1))

    def _go_to(self, number: int) -> dict[str, Any]:
        simulator = self.simulator.get()
        self.observation = None  # until the room is complete
        self.observation = set_up(simulator, self._views[number].location, self.config.actors.placement_attempts)
        self._number = number
        return {
            "kind": "view",
            "scene": self._scene,
            "seed": self._seed,
            "number": number,
            "views": len(self._views),
        } | (self._picture())

    def _touch(self, message: Mapping[str, Any]) -> dict[str, Any]:
        row, column = (whole(message, name, 0, IMAGE_SIZE - 1) // GRID_STRIDE for name in ("row", "column"))
        force = whole(message, "force", 0, len(self.config.actors.forces) - 1)
        chosen = whole(message, "direction", -1, len(DIRECTIONS) - 1, default=-1)
        simulator, before = self._present()
        direction = chosen if chosen >= 0 else int(self._random.integers(len(DIRECTIONS)))
        touched: dict[str, Any] = {
            "kind": "touch",
            "row": row,
            "column": column,
            "force": force,
            "direction": direction,
        }
        if not self._reachable(before)[row, column]:
            # An actor does not ask the simulator for such a touch either.
            return touched | {"reached": False, "success": False, "object": None} | self._picture()
        things = objects_in_view(simulator, simulator.last_event, self.config.actors, before.depth)
        at = (row * GRID_STRIDE + GRID_STRIDE // 2, column * GRID_STRIDE + GRID_STRIDE // 2)
        thing = next((thing for thing in things if thing.mask[at]), None)
        # Made anew for each touch, so that it knows the objects where they are now.
        supervision = make_supervision(before, self.config.actors)
        arguments = {
            "x": (column + 0.5) / GRID_SIZE,
            "y": (row + 0.5) / GRID_SIZE,
            "direction": dict(zip("xyz", DIRECTIONS[direction].tolist(), strict=True)),
            "moveMagnitude": self.config.actors.forces[force],
            "handDistance": hand_distance(self._reach, simulator.config),
        }
        answer = perform_touch(simulator, arguments, supervision)
        self.observation = simulator.observe(answer)
        mask, successful, *_ = supervision.judge(self.observation, row, column)
        return touched | {
            "reached": True,
            "success": successful,
            "object": None if thing is None else described(thing),
            "before": png(before.image),
            "mask": bits(mask),
            "cells": int(mask.sum()),
            "truth": None if thing is None else bits(centres(thing.mask)),
            "iou": None if thing is None else iou(mask, centres(thing.mask)),
        } | self._picture()  # fmt: skip

    def _predict(self, message: Mapping[str, Any]) -> dict[str, Any]:
        if self._predictor is None:
            raise BadMessage("there is no model to predict with: start ./playpen play with checkpoint=FOLDER")
        _, now = self._present()
        actors = self.config.actors
        found = self._predictor.predict(now, self.config.count, actors.cluster_distance)
        labels = np.zeros((GRID_SIZE, GRID_SIZE), np.uint8)
        for index, mask in enumerate(found.masks, start=1):
            labels[mask] = index
        return {
            "kind": "prediction",
            "labels": png(labels),
            "instances": [
                {"score": round(float(score), 3), "mass": MASSES[int(force)], "row": int(row), "column": int(column)}
                for (row, column), score, force in zip(found.seeds, found.scores, found.force, strict=True)
            ],
        }

    def _present(self) -> tuple[SimulatorProcess, Observation]:
        simulator = self.simulator.running
        if self.observation is None:
            raise BadMessage("choose a room first")
        return simulator, self.observation

    def _reachable(self, observation: Observation) -> NDArray[np.bool_]:
        horizon = self._views[self._number].location.horizon
        return reach_mask(observation.depth, horizon, self._reach, self.simulator.running.config.field_of_view)

    def _picture(self) -> dict[str, Any]:
        simulator, now = self._present()
        things = objects_in_view(simulator, simulator.last_event, self.config.actors, now.depth)
        return {
            "image": png(now.image),
            "reach": bits(self._reachable(now)),
            "things": sorted(thing.object_type for thing in things),
        }


def bits(mask: NDArray[np.bool_]) -> str:
    """A data address of a mask's image: white where it is true."""
    return png(mask.astype(np.uint8) * 255)


def iou(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks of which the second is not empty."""
    return round(float((mask & truth).sum() / (mask | truth).sum()), 3)


def described(thing: TrueObject) -> dict[str, Any]:
    """What the page says about an object."""
    return {"type": thing.object_type, "mass": round(thing.mass, 2), "class": MASSES[mass_class(thing.mass)]}
