"""Touches by a person, in a real simulator."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from actors.controller import SimulatorError
from cluster.interaction.touch_page import SharedPredictor, TouchMode, TouchSession, predictor_of
from cluster.play.core import BadMessage
from cluster.play.sessions import answer
from common.errors import UsageError
from learner.checkpoint import save_checkpoint
from learner.interaction.learner import Learner
from models.interaction.build import build_network
from models.interaction.inference import Predictor
from replay.interaction.record import MAGNITUDES
from tests.learner.helpers import SMALL, config


@pytest.fixture
def session(touch_mode: TouchMode, tmp_path: Path) -> Iterator[TouchSession]:
    """A session with a model."""
    learner = Learner(build_network(SMALL, 0), config(), seed=0)
    save_checkpoint(tmp_path / "kept", learner.get_state(), {})
    mode = TouchMode(touch_mode.config, touch_mode.simulator, predictor_of(str(tmp_path / "kept"), "stability"))
    assert mode.about()["predicts"] and mode.about()["knows_mass"]
    session = mode.open()
    yield session
    session.close()


def pixels(address: str) -> NDArray[np.uint8]:
    """The picture of a data address, RGB or grey."""
    kind, _, data = address.partition(",")
    assert kind == "data:image/png;base64"
    image = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return np.asarray(image[..., ::-1] if image.ndim == 3 else image, dtype=np.uint8)


def object_pixels(session: TouchSession) -> list[tuple[int, int]]:
    """A pixel in the middle of each object in reach, as far as the object has no hole there."""
    from evaluation.interaction.rooms import objects_in_view

    simulator = session.simulator.running
    event = simulator.last_event
    things = objects_in_view(simulator, event, session.config.actors, simulator.observe(event).depth)
    found = []
    for thing in things:
        rows, columns = np.nonzero(thing.mask)
        nearest = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
        found.append((int(rows[nearest]), int(columns[nearest])))
    return found


def test_a_person_touches_objects_and_sees_their_masks(session: TouchSession) -> None:
    with pytest.raises(BadMessage, match="nothing is being played"):
        session.handle({"do": "touch", "row": 0, "column": 0, "force": 2})
    first = session.handle({"do": "start", "scene": "FloorPlan3", "seed": 1})
    assert (first["kind"], first["number"], first["views"]) == ("view", 0, 2) and first["things"]
    start = pixels(first["image"])
    assert start.shape == (300, 300, 3) and start.std() > 20
    reach = pixels(first["reach"])
    assert reach.shape == (100, 100) and set(np.unique(reach)) == {0, 255}
    check_prediction(session)

    replies = [
        session.handle({"do": "touch", "row": row, "column": column, "force": 2, "direction": 7})
        for row, column in object_pixels(session)
    ]
    reached = [reply for reply in replies if reply["reached"]]
    good = [reply for reply in reached if reply["success"]]
    assert good, [reply["object"] for reply in replies]
    for reply in reached:
        mask = pixels(reply["mask"])
        assert mask.shape == (100, 100) and int((mask > 0).sum()) == reply["cells"]
        changed = (pixels(reply["before"]) != pixels(reply["image"])).any()
        assert changed or not reply["cells"]
    assert max(reply["iou"] or 0 for reply in good) > 0.5  # self-supervision found at least one object well
    assert all(reply["object"]["class"] in ("light", "medium", "heavy") for reply in good)

    # The same view again has everything back in its place; another view is another picture.
    assert (pixels(session.handle({"do": "view", "number": 0})["image"]) == start).all()
    assert (pixels(session.handle({"do": "view", "number": 1})["image"]) != start).any()

    # Out of reach: nothing is touched.
    far = np.argwhere(pixels(session.handle({"do": "view", "number": 0})["reach"]) == 0)
    assert len(far)
    row, column = (int(value) * 3 for value in far[0])
    reply = session.handle({"do": "touch", "row": row, "column": column, "force": 0})
    assert not reply["reached"] and not reply["success"] and "mask" not in reply
    assert (pixels(reply["image"]) == start).all()

    # Wrong messages change nothing.
    for message, error in (
        ({"do": "touch", "row": 300, "column": 0, "force": 2}, '"row" must be a whole number from 0 to 299, not 300'),
        ({"do": "touch", "row": 0, "column": 0, "force": MAGNITUDES}, '"force" must be a whole number from 0 to 2'),
        ({"do": "touch", "row": 0, "column": 0, "force": 0, "direction": 8}, '"direction" must be .* from -1 to 7'),
        ({"do": "view", "number": 2}, '"number" must be a whole number from 0 to 1'),
        ({"do": "start", "scene": "FloorPlan999"}, "the simulator has no scene 'FloorPlan999'"),
        ({"do": "start", "scene": ["FloorPlan1"]}, '"scene" must be a text'),
        ({"do": "fly"}, '"do" must be one of start, view, touch, predict, not "fly"'),
    ):
        with pytest.raises(BadMessage, match=error):
            session.handle(message)
    assert (pixels(session.handle({"do": "view", "number": 0})["image"]) == start).all()

    # A simulator that dies is replaced, and the view begins again.
    os.kill(session.simulator.running.pid, signal.SIGKILL)
    reply = answer(session, '{"do": "touch", "row": 5, "column": 5, "force": 0, "id": 4}')
    assert reply["id"] == 4 and reply["kind"] == "view" and "A new simulator was started" in reply["notice"]
    assert (pixels(reply["image"]) == start).all()
    process = psutil.Process(session.simulator.running.pid)
    session.close()
    process.wait(10)
    with pytest.raises(SimulatorError):
        session.handle({"do": "view", "number": 0})


def check_prediction(session: TouchSession) -> None:
    """Compares a prediction on the page with that of the same weights on the same observation."""
    reply = session.handle({"do": "predict"})
    assert session.observation is not None
    own = SharedPredictor(Predictor(build_network(SMALL, 0))).predict(session.observation, 8, 1.0)
    labels = pixels(reply["labels"])
    assert len(reply["instances"]) == len(own.masks) == labels.max()
    for number, (mask, instance) in enumerate(zip(own.masks, reply["instances"], strict=True), start=1):
        assert ((labels == number) == mask).all()
        assert mask[instance["row"], instance["column"]] and 0 <= instance["score"] <= 1


def test_without_a_checkpoint_nothing_is_predicted(touch_mode: TouchMode) -> None:
    assert not touch_mode.about()["predicts"]
    with pytest.raises(BadMessage, match="start ./playpen play with checkpoint=FOLDER"):
        touch_mode.open().handle({"do": "predict"})


def test_a_missing_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is neither a checkpoint folder nor a run folder"):
        predictor_of(str(tmp_path), "stability")
