"""The oracles on a table whose truth is known, by hand; with the real client; and whole small runs.

It is one file because all tests share one table of objects whose truth is known.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.controller import SimulatorProcess
from actors.interaction.choose import Touch, TouchPlan
from actors.interaction.config import MASK_SOURCES, SUPERVISIONS, ReachConfig
from actors.interaction.geometry import reach_mask
from actors.interaction.ground_truth import TrueObject, mass_class, objects_in_reach
from actors.interaction.interact import Visitor
from actors.interaction.locations import Location, set_up
from actors.interaction.oracles import Truth, labels, one_touch_each, simulator_keywords, truth_of, with_true_forces
from actors.interaction.self_supervision import succeeds
from actors.observation import Observation
from replay.interaction.record import (
    ORACLE_TOUCHES,
    Choice,
    Feedback,
    LabelledRecord,
    LocationRecord,
    centres,
    check_record,
    unpack_masks,
)
from tests.actors.test_interact import CONFIG, Seer, Table, play
from tests.settings import simulator_settings

UP = (1.0, 1.0, 1.0)


def item(name: str, mass: float) -> dict[str, Any]:
    return {"objectId": name, "objectType": name, "mass": mass, "moveable": True, "pickupable": False}


def answer(objects: dict[str, tuple[float, tuple[int, int, int, int]]]) -> Any:
    """A simulator's answer with objects of a mass at pixels (top, left, rows, columns)."""
    masks = {}
    for name, (_, (top, left, rows, columns)) in objects.items():
        masks[name] = np.zeros((300, 300), dtype=bool)
        masks[name][top : top + rows, left : left + columns] = True
    return SimpleNamespace(
        metadata={"objects": [item(name, mass) for name, (mass, _) in objects.items()]},
        instance_masks=masks,
        instance_segmentation_frame=np.zeros((300, 300, 3)),
    )


def grid(top: int, left: int, rows: int, columns: int) -> np.ndarray:
    """(100, 100) rectangle of cells."""
    mask = np.zeros((100, 100), dtype=bool)
    mask[top : top + rows, left : left + columns] = True
    return mask


def touch(row: int, column: int, magnitude: int = 0, choice: Choice = Choice.GREEDY) -> Touch:
    return Touch(row, column, magnitude, UP, choice)


class KnownTable(Table):
    """A table that shows its truth: object i is named "i" and has the i-th mass."""

    def __init__(self, *objects: tuple[int, int, float], masses: tuple[float, ...], far: int = 100) -> None:
        super().__init__(*objects, far=far)
        self.masses = masses

    @property
    def last_event(self) -> Any:
        return answer(
            {
                str(number): (mass, (3 * item[0], 3 * item[1], 60, 60))
                for number, (item, mass) in enumerate(zip(self.all_objects, self.masses, strict=True))
                if item in self.objects
            }
        )


def test_truth_of_an_observation_by_hand() -> None:
    event = answer(
        {
            # Centre pixels are 1, 4, 7 ...: of rows 31 to 38 those of cells 10, 11, 12; of columns 60 to 63 cell 20.
            "Mug": (0.3, (31, 60, 8, 4)),
            # Half of it is too far; the mask stays whole.
            "Shelf": (1.0, (90, 225, 30, 60)),
            # 12 pixels within reach, but between the centres: no touch can go there.
            "Wire": (0.1, (200, 100, 1, 12)),
            # Nine pixels within reach.
            "Bead": (0.1, (240, 30, 3, 3)),
            "Piano": (150.0, (150, 30, 30, 30)),
            "Chest": (30.0, (150, 90, 30, 30)),
        }
    )
    depth = np.ones((300, 300), dtype=np.float32)
    depth[:, 255:] = 1.6
    truth = truth_of(event, Observation(np.zeros((300, 300, 3), np.uint8), depth), 0.0, 90.0, CONFIG)
    # Sorted by name: Chest, Mug, Shelf.
    expected = np.stack([grid(50, 30, 10, 10), grid(10, 20, 3, 1), grid(30, 75, 10, 20)])
    assert truth.masks.shape == expected.shape and (truth.masks == expected).all()
    assert truth.classes.tolist() == [2, 0, 1]
    assert (truth.reachable == grid(0, 0, 100, 85)).all()
    assert [truth.object_at(touch(*cell)) for cell in ((55, 35), (12, 20), (12, 21), (35, 84), (35, 85), (50, 10))] == [
        0,
        1,
        None,
        2,
        None,
        None,
    ]
    with pytest.raises(ValueError, match="renderInstanceSegmentation"):
        truth_of(
            SimpleNamespace(instance_segmentation_frame=None),
            Observation(np.zeros((300, 300, 3), np.uint8), depth),
            0.0,
            90.0,
            CONFIG,
        )


def test_an_observation_without_objects() -> None:
    observation = Observation(np.zeros((300, 300, 3), np.uint8), np.ones((300, 300), dtype=np.float32))
    truth = truth_of(answer({}), observation, 0.0, 90.0, CONFIG)
    assert truth.masks.shape == (0, 100, 100) and truth.object_at(touch(5, 5)) is None
    chosen = [touch(1, 1), touch(2, 2)]
    assert one_touch_each(chosen, truth, np.random.default_rng(0)) == chosen


RULE = CONFIG.self_supervision
TRUTH = Truth(
    masks=np.stack([grid(10, 10, 10, 10), grid(40, 40, 5, 5), grid(70, 80, 4, 20)]),
    classes=np.array([2, 0, 1]),
    reachable=grid(0, 0, 100, 90),
)


def test_mask_oracle_by_hand() -> None:
    moved, nothing, small = Feedback.MOVED, Feedback.UNSUCCESSFUL, Feedback.TOO_SMALL
    for cell, given_feedback, feedback, index in [
        ((12, 12), small, small, 0),
        ((12, 12), nothing, moved, 0),
        ((44, 44), moved, moved, 1),
        ((71, 89), nothing, moved, 2),
        ((71, 90), moved, nothing, None),  # out of reach
        ((0, 0), small, nothing, None),
    ]:
        found, mask = TRUTH.outcome(touch(*cell), given_feedback, RULE)
        assert found is feedback
        assert mask is None if index is None else mask is not None and (mask == TRUTH.masks[index]).all()


@pytest.mark.parametrize(
    ("cells", "kernel", "successful"),
    [
        # Sums of the paper's kernel around the first cell: 1, 1 + e^-1 = 1.37, 1 + 2 e^-1 = 1.74 and
        # 1 + e^-1 + e^-2 = 1.503.
        ([(50, 50)], "paper", False),
        ([(50, 50), (50, 51)], "paper", False),
        ([(50, 50), (50, 51), (49, 50)], "paper", True),
        ([(50, 50), (50, 51), (51, 51)], "paper", True),
        # The release's: 1 + e^-1 + e^-sqrt(2) = 1.61, 1 + 2 e^-2 = 1.27.
        ([(50, 50), (50, 51), (51, 51)], "released", True),
        ([(50, 50), (50, 52), (52, 50)], "released", False),
    ],
)
def test_true_masks_pass_the_success_test_of_the_module(
    cells: list[tuple[int, int]], kernel: str, successful: bool
) -> None:
    mask = np.zeros((1, 100, 100), dtype=bool)
    mask[0, [row for row, _ in cells], [column for _, column in cells]] = True
    truth = Truth(mask, np.zeros(1, dtype=np.int64), grid(0, 0, 100, 100))
    feedback, found = truth.outcome(touch(50, 50), Feedback.JUST_RIGHT, replace(RULE, kernel=kernel))
    assert feedback == (Feedback.JUST_RIGHT if successful else Feedback.UNSUCCESSFUL)
    assert (found is not None) == successful
    # The module decides in the same way about a B+ of these cells.
    assert succeeds(mask[0], 50, 50, replace(RULE, kernel=kernel)) == successful


def test_interaction_oracle_by_hand() -> None:
    chosen = [
        touch(44, 40),  # the second object: stays
        touch(0, 0),  # nothing there: stays
        touch(41, 43),  # the second object again: goes
        touch(72, 95),  # beyond reach: a negative, stays
        touch(40, 40, choice=Choice.RANDOM),  # the second object again: goes
        touch(99, 9, choice=Choice.RANDOM),  # stays
    ]
    found = one_touch_each(chosen, TRUTH, np.random.default_rng(3))
    assert found[:4] == [chosen[0], chosen[1], chosen[3], chosen[5]]
    first, third = found[4:]
    assert first.choice == third.choice == Choice.ORACLE
    assert TRUTH.object_at(first) == 0 and TRUTH.object_at(third) == 2 and third.column < 90
    # The added ones do not depend on what was chosen.
    assert one_touch_each([], TRUTH, np.random.default_rng(3))[::2] == [first, third]


def test_added_touches_go_everywhere() -> None:
    added = [one_touch_each([], TRUTH, np.random.default_rng(seed)) for seed in range(600)]
    cells = {(item.row, item.column) for found in added for item in found if TRUTH.object_at(item) == 1}
    assert cells == {(row, column) for row in range(40, 45) for column in range(40, 45)}
    assert {item.magnitude for found in added for item in found} == {0, 1, 2}
    assert len({item.direction for found in added for item in found}) == 8


def test_hard_negatives_stay_however_many_objects_there_are() -> None:
    # 25 objects of 1 to 25 cells; 10 greedy and 10 random touches to none of them.
    masks = np.stack([grid(4 * number, 0, 1, number + 1) for number in range(25)])
    truth = Truth(masks, np.zeros(25, dtype=np.int64), grid(0, 0, 100, 100))
    chosen = [touch(99, column) for column in range(10)]
    chosen += [touch(98, column, choice=Choice.RANDOM) for column in range(10)]
    found = one_touch_each(chosen, truth, np.random.default_rng(0))
    assert found[:20] == chosen and [truth.object_at(item) for item in found[20:]] == list(range(25))


def test_more_objects_than_a_record_holds() -> None:
    # 85 objects of 1 to 85 cells; the model touches number 0, of one cell, and nothing: 80 of the others are added.
    masks = np.stack([grid(number, 0, 1, number + 1) for number in range(85)])
    truth = Truth(masks, np.zeros(85, dtype=np.int64), grid(0, 0, 100, 100))
    chosen = [touch(0, 0), *(touch(99, column) for column in range(19))]
    found = one_touch_each(chosen, truth, np.random.default_rng(0))
    assert found[:20] == chosen and [truth.object_at(item) for item in found[20:]] == list(range(5, 85))
    assert len(found) == ORACLE_TOUCHES


def test_labels_by_hand() -> None:
    def rectangle(top: int, left: int, rows: int, columns: int) -> np.ndarray:
        mask = np.zeros((300, 300), dtype=bool)
        mask[top : top + rows, left : left + columns] = True
        return mask

    few, many = rectangle(0, 0, 2, 5), rectangle(100, 100, 7, 11)
    found = labels([TrueObject("a", "A", 0.2, few, 10), TrueObject("b", "B", 3.0, many, 77)])
    # The one with more pixels in reach first.
    assert found["objects"] == 2 and found["classes"][:3].tolist() == [2, 0, 0]
    assert ((found["instances"] == 1) == many).all() and ((found["instances"] == 2) == few).all()
    crowd = [TrueObject(str(n), "C", 1.0, rectangle(3 * n, 0, 3, 1), 10 + n) for n in range(90)]
    found = labels(crowd)
    assert found["objects"] == 80 and (found["classes"] == 1).all()
    assert found["instances"][3 * 89, 0] == 1 and found["instances"][3 * 10, 0] == 80
    assert not found["instances"][:30].any(), "those with the fewest pixels are left out"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(0, 20))
def test_every_object_is_touched_once(seed: int, objects: int, touches: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(-1, objects, size=(20, 20)), np.ones((5, 5), dtype=np.int64))
    reachable = rng.random((100, 100)) < 0.7
    masks = [labels == number for number in range(objects)]
    masks = [mask for mask in masks if (mask & reachable).any()]
    truth = Truth(np.array(masks, dtype=bool).reshape(-1, 100, 100), np.zeros(len(masks), dtype=np.int64), reachable)
    chosen = [touch(int(row), int(column)) for row, column in rng.integers(100, size=(touches, 2))]
    found = one_touch_each(chosen, truth, np.random.default_rng(1))
    hit = [truth.object_at(item) for item in found if truth.object_at(item) is not None]
    assert len(set(hit)) == len(hit) == len(masks)
    negatives = [item for item in chosen if truth.object_at(item) is None]
    assert [item for item in found if truth.object_at(item) is None] == negatives


def test_true_forces() -> None:
    chosen = [touch(12, 12, 0), touch(44, 44, 1), touch(0, 0, 1), touch(71, 95, 0)]
    assert [item.magnitude for item in with_true_forces(chosen, TRUTH)] == [2, 0, 1, 0]


# An object that 200 N moves, one that nothing moves, one beyond reach, one that no oracle knows.
OBJECTS = ((30, 40, 200.0), (60, 60, 999.0), (10, 85, 5.0), (75, 5, 5.0))
MASSES = (0.4, 2.0, 1.0, 150.0)
HEAVY = grid(60, 60, 20, 20)
LIGHT = grid(30, 40, 20, 20)
# The first object, its old place, the wall, the object beyond reach, the unknown object.
SEEDS = ((35, 45, 0), (40, 50, 2), (5, 5, 1), (20, 90, 1), (80, 10, 0))


def known_table() -> KnownTable:
    return KnownTable(*OBJECTS, masses=MASSES, far=85)


def rows(record: LocationRecord) -> list[tuple[list[int], str, str]]:
    """(point, feedback, choice) of each row."""
    made = int(record.touches)
    return [
        (point, Feedback(feedback).name, Choice(choice).name)
        for point, feedback, choice in zip(
            record.points[:made].tolist(), record.feedback[:made], record.choices[:made], strict=True
        )
    ]


def supervised(name: str, force_trials: bool = False) -> tuple[LocationRecord, Any, KnownTable]:
    table = known_table()
    record, statistics = play(table, Seer(*SEEDS), TouchPlan(5, 0, force_trials), replace(CONFIG, supervision=name))
    check_record(record)
    return record, statistics, table


def test_self_supervision_asks_for_no_truth() -> None:
    class Blind(Table):
        @property
        def last_event(self) -> Any:
            raise AssertionError("the simulator must not be asked")

    record, _ = play(Blind(*OBJECTS, far=85), Seer(*SEEDS), TouchPlan(5, 0, False))
    found = [feedback for _, feedback, _ in rows(record)]
    assert found == ["MOVED", "DROPPED", "UNSUCCESSFUL", "UNSUCCESSFUL", "MOVED"]
    for name in SUPERVISIONS:
        wanted = {} if name == "self" else {"renderInstanceSegmentation": True}
        keywords = simulator_keywords(replace(CONFIG, supervision=name), simulator_settings())
        assert keywords == wanted | {"visibilityDistance": 5.0}


def test_playing_with_the_interaction_oracle() -> None:
    record, statistics, table = supervised("interaction_oracle")
    *known, (point, feedback, choice) = rows(record)
    # The second touch of the first object goes, and the immovable object gets one, which fails; masks are B+.
    assert known == [
        ([35, 45], "MOVED", "GREEDY"),
        ([5, 5], "UNSUCCESSFUL", "GREEDY"),
        ([20, 90], "UNSUCCESSFUL", "GREEDY"),
        ([80, 10], "MOVED", "GREEDY"),
    ]
    assert HEAVY[tuple(point)] and (feedback, choice) == ("UNSUCCESSFUL", "ORACLE")
    masks = unpack_masks(record.masks)
    assert (masks[0] == LIGHT).all() and (masks[3] == grid(75, 5, 20, 20)).all() and not masks[4].any()
    assert len(table.asked) == 4 and statistics.touches == 5 and statistics.touches_by_choice["oracle"] == 1


def test_playing_with_the_mask_oracle() -> None:
    record, statistics, table = supervised("mask_oracle")
    # The object's place in the first observation counts, though it has left; other cells have no mask.
    found = [feedback for _, feedback, _ in rows(record)]
    assert found == ["MOVED", "MOVED", "UNSUCCESSFUL", "UNSUCCESSFUL", "UNSUCCESSFUL"]
    masks = unpack_masks(record.masks)
    assert (masks[0] == LIGHT).all() and (masks[1] == LIGHT).all() and not masks[2:].any()
    assert len(table.asked) == 4 and statistics.touches == 5


@pytest.mark.parametrize(
    ("needed", "predicted", "feedback"),
    [(30.0, 0, "TOO_SMALL"), (30.0, 1, "JUST_RIGHT"), (5.0, 2, "TOO_LARGE"), (999.0, 1, "MOVED")],
)
def test_the_mask_oracle_leaves_forces_to_the_touch(needed: float, predicted: int, feedback: str) -> None:
    table = KnownTable((30, 40, needed), masses=(0.4,))
    config = replace(CONFIG, supervision="mask_oracle")
    record, _ = play(table, Seer((35, 45, predicted)), TouchPlan(1, 0, True), config)
    assert rows(record)[0][1] == feedback and record.magnitudes[0] == predicted
    assert (unpack_masks(record.masks)[0] == LIGHT).all()


def test_playing_with_both_oracles() -> None:
    record, _, _ = supervised("both")
    found = rows(record)
    assert [feedback for _, feedback, _ in found] == ["MOVED", "UNSUCCESSFUL", "UNSUCCESSFUL", "UNSUCCESSFUL", "MOVED"]
    masks = unpack_masks(record.masks)
    assert (masks[0] == LIGHT).all() and (masks[4] == HEAVY).all() and not masks[[1, 2, 3]].any()


@pytest.mark.parametrize("force_trials", [False, True])
def test_fully_supervised(force_trials: bool) -> None:
    record, statistics, table = supervised("full", force_trials)
    found = rows(record)
    assert table.asked == [] and statistics.touches == statistics.trials == statistics.out_of_reach == 0
    assert statistics.touches_by_choice == {} and "simulator" not in statistics.seconds
    # 0.4 kg is light, 2 kg is heavy; negatives are the model's own.
    assert [feedback for _, feedback, _ in found] == [
        "JUST_RIGHT",
        "UNSUCCESSFUL",
        "UNSUCCESSFUL",
        "UNSUCCESSFUL",
        "JUST_RIGHT",
    ]
    assert record.magnitudes[:5].tolist() == [0, 1, 1, 0, 2]
    # Both objects in reach at full resolution, and their mass classes; both have 3600 pixels in reach.
    assert isinstance(record, LabelledRecord) and record.objects == 2 and record.classes[:3].tolist() == [0, 2, 0]
    for index, mask in enumerate((LIGHT, HEAVY)):
        assert ((record.instances == index + 1) == mask.repeat(3, 0).repeat(3, 1)).all()
    masks = unpack_masks(record.masks)
    assert (masks[0] == LIGHT).all() and (masks[4] == HEAVY).all() and not masks[[1, 2, 3]].any()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"supervision": "oracle"}, "actors.supervision must be one of self, interaction_oracle, .* not 'oracle'"),
        ({"truth_min_pixels": 0}, "actors.truth_min_pixels must be at least 1"),
        ({"truth_max_mass": 0.0}, "actors.truth_max_mass must be greater than 0 kg"),
        *(
            (
                {"supervision": name, "mask_source": "optical_flow"},
                f"mask_source must be rgbd or module .*={name}, which",
            )
            for name in ("mask_oracle", "both", "full")
        ),
    ],
)
def test_settings_are_checked(changes: dict, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        replace(CONFIG, **changes)


def test_the_interaction_oracle_works_with_any_mask_source() -> None:
    for source in MASK_SOURCES:
        config = replace(CONFIG, supervision="interaction_oracle", mask_source=source)
        assert config.oracles.points and not config.oracles.masks


def test_real_rooms() -> None:
    config = replace(CONFIG, supervision="full", reach=ReachConfig("sphere", 1.75))
    simulator = SimulatorProcess(simulator_settings(), **simulator_keywords(config, simulator_settings()))
    try:
        simulator.reset("FloorPlan1")
        simulator.step("InitialRandomSpawn", randomSeed=3, forceVisible=True, numPlacementAttempts=5)
        place = simulator.step("GetReachablePositions").metadata["actionReturn"]
        spots = {index: place[index] for index in range(0, len(place), len(place) // 3)}

        def number_of_objects(location: Location) -> int:
            return len(truth_of(simulator.last_event, set_up(simulator, location), 45.0, 90.0, config).masks)

        locations = [
            Location(0, "FloorPlan1", (spot["x"], spot["y"], spot["z"]), 45.0 * index, 45.0, 3)
            for index, spot in spots.items()
        ]
        location = max(locations, key=number_of_objects)
        observation = set_up(simulator, location)
        objects = objects_in_reach(simulator.last_event, observation.depth, 45.0, config.reach, 90.0, 10, 150.0)
        truths = [(centres(item.mask), mass_class(item.mass)) for item in objects]
        for name in ("full", "both"):
            player = Visitor(simulator, Seer(), replace(config, supervision=name), 0)  # type: ignore[arg-type]
            record, _ = player.play(location, 0, TouchPlan(0, 10, True), 0)
            check_record(record)
            masks = unpack_masks(record.masks)
            # Each object has one touch, which is successful if enough of the mask lies around it.
            reachable = reach_mask(observation.depth, 45.0, config.reach, 90.0)
            points = [(int(y), int(x)) for y, x in record.points[: int(record.touches)]]
            positive = 0
            for mask, number in truths:
                (row,) = [row for row, point in enumerate(points) if (mask & reachable)[point]]
                if not succeeds(mask, *points[row], config.self_supervision):
                    assert record.feedback[row] == Feedback.UNSUCCESSFUL and not masks[row].any()
                    continue
                positive += 1
                assert (masks[row] == mask).all()
                if name == "full":
                    assert record.feedback[row] == Feedback.JUST_RIGHT and record.magnitudes[row] == number
            assert len(truths) >= 2 and positive == masks.any(axis=(1, 2)).sum() >= 1
            if name == "full":
                assert isinstance(record, LabelledRecord) and record.objects == len(objects)
                for index, item in enumerate(sorted(objects, key=lambda item: -item.pixels_in_reach)):
                    assert ((record.instances == index + 1) == item.mask).all()
    finally:
        simulator.stop()
