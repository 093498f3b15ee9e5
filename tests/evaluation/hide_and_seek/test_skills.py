"""Skills of players: what is measured in each episode, and the figures with their intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors.hide_and_seek.actions import INDEX, MODALITY_NAMES, Stage
from actors.hide_and_seek.defaults import embedded_simulator, rules
from actors.hide_and_seek.game import GameObservation, GameTask
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.pixels import Modality
from actors.hide_and_seek.players.uniform import Uniform
from evaluation.hide_and_seek.skills import Episodes, Manipulating, SkillResults, measure, paired, summarise
from tests.actors.hide_and_seek.test_record import example

RULES = rules(explore_steps=12, manipulate_steps=6, seek_steps=8, turn_worlds=False, augment_images=False)
ON_TOP, BEHIND = MODALITY_NAMES[Modality.ON_TOP], MODALITY_NAMES[Modality.BEHIND]


def sought(found: bool, claims: int, in_view: int = 0) -> dict[str, Any]:
    return {"found": found, "steps": 10, "claims": claims, "claims_succeeded": int(found), "claims_in_view": in_view}


def test_figures_by_hand() -> None:
    results = SkillResults(
        explore=[{"coverage": 0.2, "coverage_plus": 0.4, "open_share": None}, None,
                 {"coverage": 0.4, "coverage_plus": 0.5, "open_share": 0.5}],
        manipulate=[{"modality": ON_TOP, "hit": True, "dropped": True}, {"modality": ON_TOP, "hit": False,
                    "dropped": False}, {"modality": BEHIND, "hit": False, "dropped": True}],
        seek=[sought(True, 4, 2), sought(False, 0), sought(True, 1, 1)],
    )  # fmt: skip
    found = summarise(results)
    assert (found["coverage"].value, found["coverage"].n) == (pytest.approx(0.3), 2)
    assert found["open_share"].n == 1
    assert (found["om_hit"].value, found["om_hit"].n) == (0.5, 2)
    assert (found["om_hit_behind"].value, found["om_hit_behind"].n) == (0.0, 1)
    assert "om_hit_contained" not in found
    assert found["dropped"].value == pytest.approx(2 / 3)
    assert found["found"].value == pytest.approx(2 / 3)
    assert (found["claim_precision"].value, found["claim_precision"].n) == (2 / 5, 5)
    assert found["claim_in_view"].value == 3 / 5
    assert summarise(SkillResults()) == {}


def test_players_are_compared_in_the_episodes_that_both_played() -> None:
    hit = {"modality": ON_TOP, "hit": True}
    missed = {"modality": ON_TOP, "hit": False}
    behind = {"modality": BEHIND, "hit": True}
    ours = SkillResults(manipulate=[hit, hit, None, behind], explore=[{"coverage": 0.5}])
    theirs = SkillResults(manipulate=[missed, None, hit, behind], explore=[{"coverage": 0.25}])
    assert paired(ours, theirs, "om_hit") == ([1.0], [0.0])
    assert paired(ours, theirs, "coverage") == ([0.5], [0.25])
    assert paired(ours, theirs, "found") == ([], [])


class Dropper(Uniform):
    """Walks ahead, drops the object at once, and claims at once."""

    seen: list[GameObservation] = []

    def choose_action(self, observation: GameObservation) -> int:
        self.seen.append(observation)
        names = {Stage.EXPLORE: "RotateLeft", Stage.MANIPULATE: "DropObject", Stage.SEEK: "ClaimVisible"}
        return INDEX[names[observation.stage]]


def test_episodes_of_each_skill() -> None:
    Dropper.seen.clear()
    task = GameTask("FloorPlan2", "Cup", 3)
    place = example().place
    episodes = Episodes(
        explore=[task, GameTask("FloorPlan999", "Cup", 1)],
        manipulate=[Manipulating(task, Location(0, 0, 0, True), (Modality.ON_TOP, 6, 3)),
                    Manipulating(task, Location(500, 0, 0, True), (Modality.ON_TOP, 6, 3))],
        seek=[replace(place, scene="FloorPlan999")],
    )  # fmt: skip
    found = measure(Dropper, episodes, embedded_simulator(), RULES, workers=1)
    explored = found.explore[0]
    assert explored is not None and found.explore[1] is None
    assert explored["opens"] == 0 and 0 < explored["coverage"] < 0.1
    moved = found.manipulate[0]
    assert moved is not None and found.manipulate[1] is None, "nobody can stand 125 m away"
    assert (moved["dropped"], moved["steps"], moved["modality"]) == (True, 1, ON_TOP)
    assert found.seek == [None]
    manipulating = [one for one in Dropper.seen if one.stage is Stage.MANIPULATE]
    assert [one.target for one in manipulating] == [(Modality.ON_TOP, 6, 3)]
