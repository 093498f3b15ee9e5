"""Choosing and playing, on a table of paper squares whose every answer can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from actors.interaction.choose import DIRECTIONS, Touch, TouchPlan, choose_touches
from actors.interaction.config import ActorConfig, ReachConfig
from actors.interaction.interact import Visitor, trials
from actors.interaction.locations import Location
from actors.interaction.self_supervision import Outcome
from actors.observation import Observation
from replay.interaction.record import Choice, Feedback, check_record, unpack_masks
from tests.actors.test_self_supervision import CONFIG as SELF_SUPERVISION
from tests.actors.test_video_pca import CONFIG as VIDEO_PCA

LOCATION = Location(3, "FloorPlan1", (0.0, 0.9, 0.0), 90.0, 30.0, 11)
CONFIG = ActorConfig(
    reach=ReachConfig("sphere", 1.5),
    supervision="self",
    truth_min_pixels=10,
    truth_max_mass=150.0,
    choice="both",
    forces=[5.0, 30.0, 200.0],
    cluster_distance=1.0,
    placement_attempts=5,
    drop_on_earlier_mask=True,
    mask_source="module",
    self_supervision=SELF_SUPERVISION,
    flow_threshold=1.0,
    video_pca=VIDEO_PCA,
)


class Table:
    """A simulator whose objects are squares that vanish when pushed hard enough.

    Args:
        objects: (top row, left column, smallest sufficient force) in cells; 20x20 cells each.
        far: columns from which on everything is out of reach.
    """

    def __init__(self, *objects: tuple[int, int, float], far: int = 100) -> None:
        self.config = SimpleNamespace(field_of_view=90.0, unlimited_reach=50.0)
        self.all_objects = list(objects)
        self.far = far
        self.asked: list[dict[str, Any]] = []

    def reset(self, scene: str) -> None:
        self.scene = scene
        self.objects = list(self.all_objects)

    def step(self, action: str, **arguments: Any) -> SimpleNamespace:
        if action == "TouchThenApplyForce":
            self.asked.append(arguments)
            row, column = 100 * arguments["y"], 100 * arguments["x"]
            for item in list(self.objects):
                top, left, force = item
                inside = top <= row < top + 20 and left <= column < left + 20
                if inside and arguments["moveMagnitude"] >= force:
                    self.objects.remove(item)
        if action == "TeleportFull":
            self.pose = arguments
        metadata: dict[str, Any] = {"lastActionSuccess": True, "sceneName": self.scene}
        if hasattr(self, "pose"):
            pose = {"position": self.pose["position"], "rotation": self.pose["rotation"]}
            metadata["agent"] = {**pose, "cameraHorizon": self.pose["horizon"]}
        return SimpleNamespace(metadata=metadata)

    def observe(self, event: SimpleNamespace) -> Observation:
        image = np.full((300, 300, 3), 120, dtype=np.uint8)
        for top, left, _ in self.objects:
            image[3 * top : 3 * top + 60, 3 * left : 3 * left + 60] = 200, 30, 30
        depth = np.ones((300, 300), dtype=np.float32)
        depth[:, 3 * self.far :] = 1.6
        return Observation(image, depth)


class Seer:
    """A predictor with fixed answers."""

    def __init__(self, *seeds: tuple[int, int, int]) -> None:
        self.seeds = seeds

    def predict(self, image: np.ndarray, depth: np.ndarray, count: int, threshold: float) -> list[SimpleNamespace]:
        assert image.shape == (300, 300, 3) and depth.shape == (300, 300) and threshold == 1.0
        cells = np.array([seed[:2] for seed in self.seeds[:count]]).reshape(-1, 2)
        return [SimpleNamespace(seeds=cells, force=np.array([seed[2] for seed in self.seeds[:count]]))]


def play(table: Table, seer: Seer, plan: TouchPlan, config: ActorConfig = CONFIG, number: int = 8) -> tuple:
    return Visitor(table, seer, config, seed=1, actor=4).play(LOCATION, number, plan, 77)  # type: ignore[arg-type]


def test_trials_by_hand() -> None:
    just, small, large = Feedback.JUST_RIGHT, Feedback.TOO_SMALL, Feedback.TOO_LARGE
    assert trials(0, True, "predicted") == [(0, just), (2, small)]
    assert trials(1, True, "predicted") == [(0, large), (1, just), (2, small)]
    assert trials(2, True, "predicted") == [(1, large), (2, just)]
    assert [trials(predicted, False, "predicted") for predicted in range(3)] == [[(2, Feedback.MOVED)]] * 3


def test_segmentation_phase() -> None:
    table = Table((30, 40, 200.0), (60, 60, 5.0), far=85)
    # A hit, a touch of the wall, the place the object left, a point out of reach, the second object.
    seer = Seer((35, 45, 0), (10, 10, 1), (40, 50, 2), (50, 90, 1), (70, 70, 0))
    record, statistics = play(table, seer, TouchPlan(5, 0, False))
    check_record(record)
    assert int(record.touches) == 5
    assert record.points[:5].tolist() == [[35, 45], [10, 10], [40, 50], [50, 90], [70, 70]]
    assert record.magnitudes[:5].tolist() == [0, 1, 2, 1, 0]
    assert [Feedback(value).name for value in record.feedback[:5]] == [
        "MOVED",
        "UNSUCCESSFUL",
        "DROPPED",
        "UNSUCCESSFUL",
        "MOVED",
    ]
    assert (record.choices[:5] == Choice.GREEDY).all()
    masks = unpack_masks(record.masks)
    expected = np.zeros((20, 100, 100), dtype=bool)
    expected[0, 30:50, 40:60] = expected[4, 60:80, 60:80] = True
    assert (masks == expected).all()
    for rows in (record.points, record.magnitudes, record.feedback, record.choices, record.masks):
        assert not rows[5:].any()
    assert (int(record.location), int(record.entry), int(record.weights_version), int(record.actor)) == (8, 3, 77, 4)
    assert (record.image[100, 130] == (200, 30, 30)).all() and record.depth[0, 0] == 1

    # The largest magnitude throughout, within the reach, at the cells' middles; the far point was not sent.
    assert [call["moveMagnitude"] for call in table.asked] == [200.0] * 4
    assert [(call["x"], call["y"]) for call in table.asked] == [
        (0.455, 0.355),
        (0.105, 0.105),
        (0.505, 0.405),
        (0.705, 0.705),
    ]
    assert {call["handDistance"] for call in table.asked} == {1.5}
    assert statistics.touches == 5 and statistics.trials == 4 and statistics.out_of_reach == 1
    assert statistics.touches_by_choice == {"greedy": 5} and statistics.successes_by_choice == {"greedy": 2}
    assert statistics.feedback == {"unsuccessful": 2, "moved": 2, "dropped": 1}
    assert set(statistics.seconds) == {"set_up", "inference", "simulator", "masks"}
    assert (statistics.number, statistics.entry, statistics.actor, statistics.weights_version) == (8, 3, 4, 77)


def test_earlier_masks_may_count() -> None:
    record, _ = play(
        Table((30, 40, 5.0)),
        Seer((35, 45, 0), (40, 50, 2)),
        TouchPlan(2, 0, False),
        replace(CONFIG, drop_on_earlier_mask=False),
    )
    assert record.feedback[:2].tolist() == [Feedback.MOVED, Feedback.UNSUCCESSFUL]


@pytest.mark.parametrize(
    ("predicted", "needed", "asked", "feedback"),
    [
        (0, 5, [5], Feedback.JUST_RIGHT),
        (0, 30, [5, 200], Feedback.TOO_SMALL),
        (0, 200, [5, 200], Feedback.TOO_SMALL),
        (0, 999, [5, 200], Feedback.UNSUCCESSFUL),
        (1, 5, [5], Feedback.TOO_LARGE),
        (1, 30, [5, 30], Feedback.JUST_RIGHT),
        (1, 200, [5, 30, 200], Feedback.TOO_SMALL),
        (1, 999, [5, 30, 200], Feedback.UNSUCCESSFUL),
        (2, 5, [30], Feedback.TOO_LARGE),
        (2, 30, [30], Feedback.TOO_LARGE),
        (2, 200, [30, 200], Feedback.JUST_RIGHT),
        (2, 999, [30, 200], Feedback.UNSUCCESSFUL),
    ],
)
def test_force_trials(predicted: int, needed: float, asked: list[float], feedback: Feedback) -> None:
    table = Table((30, 40, needed))
    record, statistics = play(table, Seer((35, 45, predicted)), TouchPlan(1, 0, True))
    assert [call["moveMagnitude"] for call in table.asked] == asked and statistics.trials == len(asked)
    assert record.feedback[0] == feedback and record.magnitudes[0] == predicted
    assert unpack_masks(record.masks)[0].sum() == (400 if feedback else 0)
    assert len({tuple(call["direction"].values()) for call in table.asked}) == 1


@pytest.mark.parametrize("shape", ["cylinder", "infinite"])
def test_reaches_that_are_no_sphere(shape: str) -> None:
    # The middle of the view is 1.6 m + 0.1 m away: no sphere of 1.5 m holds it.
    table = Table((30, 40, 5.0), far=0)
    record, _ = play(table, Seer((35, 45, 0)), TouchPlan(1, 0, False), replace(CONFIG, reach=ReachConfig(shape, 1.8)))
    assert record.feedback[0] == Feedback.MOVED and table.asked[0]["handDistance"] == 50.0


@pytest.mark.parametrize("outdated", [False, True])
def test_other_sources_of_masks_and_touches(outdated: bool) -> None:
    oracle = np.zeros((100, 100), dtype=bool)
    oracle[5, 5] = True

    class Oracle:
        def judge(self, after: Observation, row: int, column: int) -> Outcome:
            assert after.image.shape == (300, 300, 3) and (row, column) == (9, 9)
            return Outcome(oracle, True, outdated)

    def choose(*_: Any) -> list[Touch]:
        return [Touch(9, 9, 1, (1.0, 1.0, 1.0), Choice.ORACLE)]

    player = Visitor(Table(), Seer(), CONFIG, 0, supervise=lambda first: Oracle(), choose=choose)  # type: ignore[arg-type]
    record, statistics = player.play(LOCATION, 0, TouchPlan(1, 0, False), 0)
    if outdated:  # its mask is not of the image in the record
        assert not unpack_masks(record.masks)[0].any() and record.feedback[0] == Feedback.DROPPED
        assert not statistics.successes_by_choice
        return
    assert (unpack_masks(record.masks)[0] == oracle).all() and record.feedback[0] == Feedback.MOVED
    assert statistics.successes_by_choice == {"oracle": 1}


def test_an_ascending_search_by_hand() -> None:
    just = Feedback.JUST_RIGHT
    assert [trials(predicted, True, "ascending") for predicted in range(3)] == [[(0, just), (1, just), (2, just)]] * 3
    assert trials(0, False, "ascending") == [(2, Feedback.MOVED)]


@pytest.mark.parametrize(
    ("needed", "asked", "magnitude", "feedback"),
    [
        (3.0, [5.0], 0, Feedback.JUST_RIGHT),
        (20.0, [5.0, 30.0], 1, Feedback.JUST_RIGHT),
        (100.0, [5.0, 30.0, 200.0], 2, Feedback.JUST_RIGHT),
        (300.0, [5.0, 30.0, 200.0], 1, Feedback.UNSUCCESSFUL),
    ],
)
def test_an_ascending_search_records_the_sufficient_force(
    needed: float, asked: list[float], magnitude: int, feedback: Feedback
) -> None:
    table = Table((30, 40, needed))
    config = replace(CONFIG, force_search="ascending")
    record, statistics = play(table, Seer((35, 45, 1)), TouchPlan(1, 0, True), config)
    assert [call["moveMagnitude"] for call in table.asked] == asked and statistics.trials == len(asked)
    assert (record.magnitudes[0], record.feedback[0]) == (magnitude, feedback)


@pytest.mark.parametrize(
    ("outcomes", "made", "feedback"),
    [
        (["nudge", "move"], 2, Feedback.TOO_SMALL),
        (["nudge", "nudge"], 2, Feedback.MOVED),
        (["nudge", "fail"], 2, Feedback.MOVED),
        (["fail", "nudge"], 2, Feedback.MOVED),
        (["move"], 1, Feedback.JUST_RIGHT),
        (["fail", "fail"], 2, Feedback.UNSUCCESSFUL),
    ],
)
def test_a_force_that_only_nudges_does_not_suffice(outcomes: list[str], made: int, feedback: Feedback) -> None:
    masks = [np.zeros((100, 100), dtype=bool) for _ in outcomes]
    for number, mask in enumerate(masks):
        mask[number] = True
    left = iter(zip(masks, outcomes, strict=True))

    class Supervision:
        def judge(self, after: Observation, row: int, column: int) -> Outcome:
            mask, kind = next(left)
            return Outcome(mask, kind != "fail", nudged=kind == "nudge")

    def choose(*_: Any) -> list[Touch]:
        return [Touch(9, 9, 0, (1.0, 1.0, 1.0), Choice.GREEDY)]

    player = Visitor(Table(), Seer(), CONFIG, 0, supervise=lambda first: Supervision(), choose=choose)  # type: ignore[arg-type]
    record, statistics = player.play(LOCATION, 0, TouchPlan(1, 0, True), 0)
    assert record.feedback[0] == feedback and statistics.trials == made
    counts = next((n for n, kind in enumerate(outcomes) if kind == ("move" if "move" in outcomes else "nudge")), None)
    wanted = np.zeros((100, 100), dtype=bool) if counts is None else masks[counts]
    assert (unpack_masks(record.masks)[0] == wanted).all()


def test_a_nudge_counts_where_one_force_is_tried() -> None:
    class Supervision:
        def judge(self, after: Observation, row: int, column: int) -> Outcome:
            return Outcome(np.ones((100, 100), dtype=bool), True, nudged=True)

    def choose(*_: Any) -> list[Touch]:
        return [Touch(9, 9, 0, (1.0, 1.0, 1.0), Choice.GREEDY)]

    player = Visitor(Table(), Seer(), CONFIG, 0, supervise=lambda first: Supervision(), choose=choose)  # type: ignore[arg-type]
    record, _ = player.play(LOCATION, 0, TouchPlan(1, 0, False), 0)
    assert record.feedback[0] == Feedback.MOVED


def test_images_of_another_size_are_refused() -> None:
    table = Table()
    table.observe = lambda event: Observation(np.zeros((200, 200, 3), np.uint8), np.ones((200, 200), np.float32))  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="simulator.width and simulator.height must be 300, not 200 and 200"):
        play(table, Seer(), TouchPlan(0, 1, False))


def choose(plan: TouchPlan, seer: Seer, number: int) -> list[Touch]:
    observation = Table()
    observation.reset("FloorPlan1")
    return choose_touches(observation.observe(SimpleNamespace()), plan, seer, np.random.default_rng([1, number]), 1.0)  # type: ignore[arg-type]


def test_random_touches_depend_on_the_location_alone() -> None:
    seer = Seer((1, 2, 0), (3, 4, 1), (5, 6, 2))
    first, second = choose(TouchPlan(3, 7, False), seer, 5), choose(TouchPlan(3, 7, True), seer, 5)
    assert first == second
    assert [touch.choice for touch in first] == [Choice.GREEDY] * 3 + [Choice.RANDOM] * 7
    assert [(touch.row, touch.column, touch.magnitude) for touch in first[:3]] == list(seer.seeds)
    # Another model, or one that finds fewer instances, changes no random touch.
    assert choose(TouchPlan(3, 7, False), Seer((9, 9, 0)), 5)[1:] == first[3:]
    assert choose(TouchPlan(3, 7, False), seer, 6)[3:] != first[3:]


def test_random_touches_cover_everything() -> None:
    touches = [touch for number in range(400) for touch in choose(TouchPlan(0, 20, False), Seer(), number)]
    rows = np.bincount([touch.row for touch in touches], minlength=100)
    columns = np.bincount([touch.column for touch in touches], minlength=100)
    magnitudes = np.bincount([touch.magnitude for touch in touches], minlength=3)
    directions = np.unique([touch.direction for touch in touches], axis=0, return_counts=True)
    # 8000 draws: 80 a row and column, 2667 a magnitude, 1000 a direction; bounds of six standard deviations.
    assert len(rows) == len(columns) == 100 and len(magnitudes) == 3
    assert (np.abs(np.concatenate([rows, columns]) - 80) < 54).all()
    assert (np.abs(magnitudes - 8000 / 3) < 255).all()
    assert (directions[0] == np.unique(DIRECTIONS, axis=0)).all() and (np.abs(directions[1] - 1000) < 180).all()


def test_directions() -> None:
    assert len(DIRECTIONS) == 8
    assert {tuple(direction) for direction in DIRECTIONS} == {
        (x, y, z) for x in (-1, 1) for y in (1, 2) for z in (-1, 1)
    }


@pytest.mark.parametrize(("greedy", "random"), [(0, 0), (-1, 5), (11, 10)])
def test_plans_are_checked(greedy: int, random: int) -> None:
    with pytest.raises(ValueError, match="greedy and random touches must be 1 to 20 together"):
        TouchPlan(greedy, random, False)


@pytest.mark.parametrize(("choice", "touches"), [("both", (8, 4)), ("greedy", (12, 0)), ("random", (0, 12))])
def test_touches_of_one_kind_are_as_many_as_of_both(choice: str, touches: tuple[int, int]) -> None:
    assert replace(CONFIG, choice=choice).touches(8, 4) == touches


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"forces": [5.0, 30.0]}, "actors.forces"),
        ({"forces": [5.0, 5.0, 30.0]}, "actors.forces"),
        ({"choice": "none"}, "actors.choice"),
        ({"cluster_distance": 0.0}, "actors.cluster_distance"),
        ({"placement_attempts": 0}, "actors.placement_attempts"),
    ],
)
def test_settings_are_checked(changes: dict, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        replace(CONFIG, **changes)
