"""The sources of masks: optical flow on synthetic motion, filming a touch, and what may be combined."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from actors.controller import SimulatorError
from actors.interaction.choose import TouchPlan
from actors.interaction.config import ActorConfig
from actors.interaction.mask_sources import make_supervision, perform_touch
from actors.interaction.optical_flow import OpticalFlow, flow_length
from actors.interaction.rgbd import RgbdSupervision
from actors.interaction.self_supervision import ImageDifference, SelfSupervision
from actors.interaction.video import film_touch
from actors.interaction.video_pca import VideoPca
from actors.observation import Observation
from replay.interaction.record import LocationRecord, SoftMaskRecord, check_record, unpack_masks
from tests.actors.test_interact import CONFIG, Seer, Table, play


def texture(seed: int) -> np.ndarray:
    """(300, 300, 3) smooth random colours."""
    noise = np.random.default_rng(seed).random((60, 60, 3)).astype(np.float32)
    return (255 * cv2.resize(noise, (300, 300), interpolation=cv2.INTER_CUBIC).clip(0, 1)).astype(np.uint8)


WALL, OBJECT = texture(1), texture(2)


def scene(down: int = 0, right: int = 0) -> np.ndarray:
    """A square of 90x90 pixels, its upper left corner at (90, 120), moved by so many pixels over the wall."""
    image = WALL.copy()
    image[90 + down : 180 + down, 120 + right : 210 + right] = OBJECT[90:180, 120:210]
    return image


def seen(down: int = 0, right: int = 0) -> Observation:
    """An observation of `scene`, all of it 1 m away."""
    return Observation(scene(down, right), np.ones((300, 300), dtype=np.float32))


def grey(image: np.ndarray) -> NDArray[np.uint8]:
    """(H, W) grey image of an (H, W, 3) one."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


TRUTH = np.zeros((100, 100), dtype=bool)
TRUTH[30:60, 40:70] = True


@settings(max_examples=10)
@given(st.integers(-6, 6), st.integers(-6, 6))
def test_flow_of_a_square_is_its_motion(down: int, right: int) -> None:
    before, after = (grey(image) for image in (scene(), scene(down, right)))
    length = flow_length(before, after)
    assert length.shape == (100, 100)
    # The square's inner part moves as a whole; far from it nothing does.
    np.testing.assert_allclose(length[36:54, 46:64], np.hypot(down, right), atol=0.75)
    far = np.ones((100, 100), dtype=bool)
    far[20:70, 30:80] = False
    assert np.percentile(length[far], 99) < 0.5


def test_flow_as_a_source_of_masks() -> None:
    flow = OpticalFlow(scene(), threshold=2.0)
    changed = flow.after(scene(4, 6))  # 7.2 pixels
    assert (changed & TRUTH).sum() > 0.85 * TRUTH.sum() and changed.sum() < 1.6 * TRUTH.sum()
    # The mask belongs to the image before: it shows where the square was, not where it went.
    aside = OpticalFlow(scene(), threshold=2.0).after(scene(0, 12))
    assert aside[36:54, 40:44].mean() > 0.95 and aside[36:54, 70:74].mean() < 0.75
    # The image after is the image before the next: nothing has moved since; then it moves by less than the threshold.
    assert not flow.after(scene(4, 6)).any()
    assert not flow.after(scene(4, 7))[36:54, 46:64].any()


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("rgbd", RgbdSupervision),
        ("module", ImageDifference),
        ("optical_flow", OpticalFlow),
        ("video_pca", VideoPca),
    ],
)
def test_each_source_is_chosen_by_its_name(source: str, kind: type) -> None:
    supervision = make_supervision(seen(), replace(CONFIG, mask_source=source))
    assert isinstance(supervision.changes if isinstance(supervision, SelfSupervision) else supervision, kind)
    mask, successful, *_ = supervision.judge(seen(), 45, 55)
    assert mask.shape == (100, 100) and mask.dtype == bool and not mask.any() and not successful


class Slide:
    """A simulator in which a touch makes the square slide for some frames of 3 pixels each."""

    def __init__(self, frames: int, refuses: str = "") -> None:
        self.config = SimpleNamespace(name="slide")
        self.left, self.right = frames, 0
        self.moving = self.paused = False
        self.refuses = refuses
        self.asked: list[str] = []

    def step(self, action: str, **arguments: Any) -> SimpleNamespace:
        self.asked.append(action)
        if action == "PausePhysicsAutoSim":
            self.paused = True
        elif action == "UnpausePhysicsAutoSim":
            self.paused, self.right, self.left = False, self.right + 3 * self.left, 0
        elif action == "TouchThenApplyForce":
            assert self.paused and arguments == {"x": 0.5, "y": 0.4}
            self.moving = self.left > 0
        elif action == "AdvancePhysicsStep":
            assert arguments == {"timeStep": 0.04}
            self.right, self.left = self.right + 3, self.left - 1
            self.moving = self.left > 0
        return SimpleNamespace(
            metadata={
                "isSceneAtRest": not self.moving,
                "lastActionSuccess": action != self.refuses,
                "errorMessage": "out of time",
            }
        )

    def observe(self, event: SimpleNamespace) -> Observation:
        return seen(0, self.right)


ARGUMENTS = {"x": 0.5, "y": 0.4}


@pytest.mark.parametrize(("frames", "limit", "seen"), [(0, 5, 0), (3, 5, 3), (8, 5, 5)])
def test_filming(frames: int, limit: int, seen: int) -> None:
    simulator = Slide(frames)
    watched: list[np.ndarray] = []
    event = film_touch(simulator, ARGUMENTS, 0.04, limit, watched.append)  # type: ignore[arg-type]
    assert simulator.asked == [
        "PausePhysicsAutoSim", "TouchThenApplyForce", *["AdvancePhysicsStep"] * seen, "UnpausePhysicsAutoSim"
    ]  # fmt: skip
    assert event.metadata["lastActionSuccess"] and not simulator.paused
    for number, image in enumerate(watched):
        assert (image == scene(0, 3 * (number + 1))).all()
    assert len(watched) == seen and simulator.right == 3 * frames


@pytest.mark.parametrize("action", ["PausePhysicsAutoSim", "AdvancePhysicsStep", "UnpausePhysicsAutoSim"])
def test_a_simulator_without_time_is_refused(action: str) -> None:
    with pytest.raises(SimulatorError, match=f"simulator 'slide' failed in {action}: out of time"):
        film_touch(Slide(3, action), ARGUMENTS, 0.04, 5, lambda image: None)  # type: ignore[arg-type]


def test_a_filmed_touch_from_beginning_to_end() -> None:
    config: ActorConfig = replace(
        CONFIG, mask_source="video_pca", self_supervision=replace(CONFIG.self_supervision, superpixels=False)
    )
    simulator = Slide(12)
    supervision = make_supervision(seen(), config)
    event = perform_touch(simulator, ARGUMENTS, supervision)  # type: ignore[arg-type]
    mask, successful, *_ = supervision.judge(simulator.observe(event), 45, 55)
    # In 12 frames the colours show a part of so large an object, and nothing beside it.
    assert successful and not (mask & ~TRUTH).any() and mask.sum() > TRUTH.sum() / 4
    # Other sources touch as before.
    plain = Slide(12)
    plain.paused = True
    perform_touch(plain, ARGUMENTS, make_supervision(seen(), CONFIG))  # type: ignore[arg-type]
    assert plain.asked == ["TouchThenApplyForce"]


class SlidingTable(Table):
    """Objects that slide to the right for 12 frames of 3 pixels when pushed."""

    def __init__(self, *objects: tuple[int, int, float]) -> None:
        super().__init__(*objects)
        self.sliding: tuple[int, int, float] | None = None
        self.frame = 0

    def step(self, action: str, **arguments: Any) -> SimpleNamespace:
        before = list(getattr(self, "objects", []))
        event = super().step(action, **arguments)
        if action == "TouchThenApplyForce":
            gone = [item for item in before if item not in self.objects]
            self.sliding, self.frame = (gone[0], 0) if gone else (None, 12)
            self.objects = before
        elif action in ("AdvancePhysicsStep", "UnpausePhysicsAutoSim") and self.sliding is not None:
            top, left, force = self.sliding
            steps = 1 if action == "AdvancePhysicsStep" else 12 - self.frame
            self.frame += steps
            self.objects = [item for item in self.objects if item != self.sliding]
            self.sliding = (top, left + steps, force)
            self.objects.append(self.sliding)
        event.metadata["isSceneAtRest"] = self.frame >= 12
        return event


def test_a_location_whose_touches_are_filmed() -> None:
    config = replace(CONFIG, mask_source="video_pca")
    table = SlidingTable((10, 10, 5.0), (60, 60, 5.0))
    record, statistics = play(table, Seer((15, 15, 0), (65, 65, 0), (90, 20, 0)), TouchPlan(3, 0, False), config)
    assert isinstance(record, SoftMaskRecord) and record.feedback[:3].tolist() == [4, 4, 0]
    check_record(record)
    truth = np.zeros((2, 100, 100), dtype=bool)
    truth[0, 10:30, 10:30] = truth[1, 60:80, 60:80] = True
    assert (unpack_masks(record.masks)[:2] == truth).all()  # whole superpixels
    soft = record.soft_mask
    assert soft.dtype == np.uint8 and (soft[truth.any(axis=0)] > 127).mean() > 0.7
    assert (soft[~truth.any(axis=0)] > 127).mean() < 0.02
    # Each was filmed to its end; the wall began no motion.
    assert statistics.trials == 3
    plain, _ = play(SlidingTable((10, 10, 5.0)), Seer((15, 15, 0)), TouchPlan(1, 0, False))
    assert type(plain) is LocationRecord


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mask_source": "flow"}, "actors.mask_source must be one of rgbd, module, optical_flow, video_pca, not"),
        ({"confidence": "area"}, "actors.confidence must be one of seed, stability, not 'area'"),
        ({"force_search": "down"}, "actors.force_search must be one of predicted, ascending, not 'down'"),
        ({"flow_threshold": 0.0}, "actors.flow_threshold must be greater than 0 pixels"),
        *[
            (
                {"mask_source": "video_pca", "supervision": supervision},
                "actors.mask_source must be rgbd or module with actors.s",
            )
            for supervision in ("mask_oracle", "both", "full")
        ],
    ],
)
def test_settings_are_checked(changes: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(CONFIG, **changes)
