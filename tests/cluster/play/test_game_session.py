"""Games of hide and seek on the page, in a real simulator."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from actors.controller import SimulatorError
from actors.hide_and_seek.places import load_places, save_places
from actors.hide_and_seek.record import load_record
from cluster.hide_and_seek.game_page import GameMode, GameSession
from cluster.play.core import BadMessage
from cluster.play.sessions import answer
from tests.cluster.play.conftest import RULES

START = {"do": "start", "scene": "FloorPlan2", "goal": "Cup", "seed": 3}


@pytest.fixture
def session(game_mode: GameMode) -> Iterator[GameSession]:
    session = game_mode.open()
    yield session
    session.close()


def act(session: GameSession, *names: str) -> dict[str, Any]:
    """Performs actions; returns the last reply."""
    for name in names:
        reply = session.handle({"do": "act", "action": name})
    return reply


def hide(session: GameSession) -> dict[str, Any]:
    """Hides the object by waiting until the clock ends hiding; returns the reply."""
    session.handle({"do": "explored"})
    session.handle({"do": "choose", "x": 0, "z": 0, "rotation": 180})
    return act(session, *["CloseObjects"] * RULES.hide_steps)


def test_a_person_hides_and_a_player_seeks(session: GameSession, game_mode: GameMode) -> None:
    state = session.handle({**START, "hider": "human", "seeker": "uniform"})
    assert (state["phase"], state["turn"], state["step"], state["steps_left"]) == ("explore", None, 0, 12)
    assert "PlaceAt" not in state["legal"] and "MoveAhead" in state["legal"] and state["last"] is None
    assert state["location"] == [0, 0, 0, True] and state["map"]["path"] == [[0, 0, 0, True]]

    state = act(session, "RotateRight", "RotateRight", "Crouch", "CloseObjects")
    assert state["location"] == [0, 0, 180, False] and state["step"] == 4
    assert state["last"] == {"action": "CloseObjects", "succeeded": False, "reward": -0.03, "words": ""}
    assert state["map"]["path"] == [[0, 0, 0, True], [0, 0, 90, True], [0, 0, 180, True], [0, 0, 180, False]]

    # An action outside the mask, an unknown one, and those of other stages change nothing.
    for message, error in (
        ({"do": "act", "action": "PlaceAt(Behind,1,1)"}, "is not legal in stage 'explore'"),
        ({"do": "act", "action": "Fly"}, "must be the name of an action"),
        ({"do": "act", "action": 7}, '"action" must be a text, not 7'),
        ({"do": "go", "moves": 1}, "no player of the program is to move"),
        ({"do": "choose", "x": 0, "z": 0, "rotation": 0}, "a location is chosen after exploration"),
        ({"do": "seek"}, "seeking begins once the object is hidden"),
        ({"do": "save"}, "no hiding place to save before the object is hidden"),
        ({"do": "start", "place": 0, "seeker": "human"}, "there are no hiding places"),
        ({**START, "scene": "FloorPlan301", "hider": "human", "seeker": "human"}, '"scene" must be one of FloorPlan1,'),
        ({**START, "goal": "Sofa", "hider": "human", "seeker": "human"}, '"goal" must be one of Bread'),
        ({**START, "hider": "nobody", "seeker": "human"}, '"hider" must be one of human, uniform'),
        ({"do": "record", "name": "../../secret"}, "must be one of the records"),
    ):
        with pytest.raises(BadMessage, match=error):
            session.handle(message)
    state = act(session, "RotateLeft")
    assert state["step"] == 5

    state = session.handle({"do": "explored"})
    assert (state["phase"], state["legal"]) == ("perspective", [])
    state = session.handle({"do": "choose", "x": 900, "z": 0, "rotation": 0})
    assert (state["phase"], state["last"]["succeeded"]) == ("perspective", False)
    assert state["last"]["words"] == "the agent cannot stand there"
    with pytest.raises(BadMessage, match='"rotation" must be one of 0, 90, 180, 270, not 45'):
        session.handle({"do": "choose", "x": 0, "z": 0, "rotation": 45})
    state = session.handle({"do": "choose", "x": 0, "z": 0, "rotation": 270})
    assert (state["phase"], state["location"]) == ("hide", [0, 0, 270, True])
    assert {"PlaceAt", "ReadyForSeeker", "OpenAt"} <= set(state["legal"]) and "MoveAhead" not in state["legal"]

    state = act(session, "PlaceAt(OnTop,4,4)")
    assert (state["phase"], state["target"]) == ("manipulate", ["OnTop", 3, 3])
    assert "MoveHandUp" in state["legal"] and "ReadyForSeeker" not in state["legal"]
    while state["phase"] == "manipulate":
        state = act(session, "MoveHandAhead" if state["step"] < RULES.manipulate_steps - 1 else "DropObject")
    assert state["phase"] == "hide" and state["last"]["action"] == "PlaceAt(OnTop,4,4)"
    state = act(session, "ReadyForSeeker") if state["placed"] else act(session, *["CloseObjects"] * 3)
    assert state["phase"] == "hidden" and state["can_save"] and state["map"]["goal"]
    assert 0 <= state["place"]["visible_share"] <= 1

    # A place that cannot be saved is refused in a sentence, and can be saved later.
    blocked = Path(game_mode.config.save_places).parent
    blocked.touch()
    error = answer(session, '{"do": "save"}')["error"]
    assert error == f"The hiding place could not be saved in {game_mode.config.save_places}: File exists."
    blocked.unlink()
    saved = session.handle({"do": "save"})
    assert saved["places"] == 1
    with pytest.raises(BadMessage, match="is in .* already"):
        session.handle({"do": "save"})
    (place,), _ = load_places(Path(game_mode.config.save_places))
    assert (place.scene, place.goal, place.source) == ("FloorPlan2", "Cup", "human")
    assert session.handle({"do": "places"})["places"][0]["source"] == "human"

    state = session.handle({"do": "seek"})
    assert (state["phase"], state["turn"], state["reward"]) == ("seek", "uniform", 0) and "goal" not in state["map"]
    with pytest.raises(BadMessage, match="it is the turn of the player 'uniform'"):
        act(session, "RotateLeft")
    state = session.handle({"do": "go", "moves": 3})
    assert state["step"] == 3 or state["phase"] == "over"
    while state["phase"] == "seek":
        state = session.handle({"do": "go", "moves": 100})
    assert state["result"]["seeker_steps"] <= RULES.seek_steps and state["map"]["goal"]

    # The game is recorded, and the record can be shown.
    (name,) = session.handle({"do": "records"})["records"]
    film = session.handle({"do": "record", "name": name})
    record = load_record(Path(game_mode.config.records) / f"{name}.json")
    assert [step["action"] for step in film["steps"]] == [step.action for step in record.steps]
    assert film["steps"][0]["action"] == "RotateRight" and film["steps"][-1]["stage"] == "seek"
    assert film["pictures"]["0"].startswith("data:image/jpeg;base64,") and film["hidden_at"] == state["map"]["goal"]

    # The saved place can be sought at by a person, who is not told where it is.
    state = session.handle({"do": "start", "place": 0, "seeker": "human"})
    assert (state["phase"], state["hider"]) == ("hidden", "human") and not {"image", "map", "place"} & set(state)
    state = session.handle({"do": "seek"})
    assert state["phase"] == "seek" and state["turn"] is None and "goal" not in state["map"]
    state = act(session, "ClaimVisible")
    assert state["last"]["words"] in ("", "not in view", "in view, but too far away")


def test_a_person_who_seeks_is_not_shown_the_hiding(session: GameSession, game_mode: GameMode) -> None:
    state = session.handle({**START, "hider": "uniform", "seeker": "human"})
    phases = set()
    while state["turn"]:
        assert state["turn"] == "uniform" and not {"image", "map", "last", "location", "place"} & set(state)
        phases.add(state["phase"])
        state = session.handle({"do": "go", "moves": 4})
    assert {"explore", "hide"} <= phases
    assert state["phase"] == "hidden" and not {"image", "map", "place"} & set(state)
    state = session.handle({"do": "seek"})
    assert state["image"] and state["map"]["path"] == [state["location"]] and "goal" not in state["map"]
    # The record cannot be saved where a file is; the result is shown all the same.
    Path(game_mode.config.records).touch()
    for _ in range(RULES.seek_steps):
        state = act(session, "RotateLeft")
    assert state["notice"] == f"The record of this game could not be saved in {game_mode.config.records}: File exists."
    assert state["phase"] == "over" and not state["result"]["found"] and state["map"]["goal"]


def test_a_dead_simulator_begins_the_game_again(session: GameSession) -> None:
    first = session.handle({**START, "hider": "human", "seeker": "uniform"})
    assert hide(session)["phase"] == "hidden"
    os.kill(session.simulator.running.pid, signal.SIGKILL)
    reply = answer(session, '{"do": "seek", "id": 3}')
    assert reply.pop("notice").endswith("A new simulator was started, and this begins again.")
    assert reply.pop("id") == 3 and reply == first
    process = psutil.Process(session.simulator.running.pid)
    session.close()
    process.wait(10)
    with pytest.raises(SimulatorError, match="closed"):
        session.handle({**START, "hider": "human", "seeker": "uniform"})


def test_a_hopeless_place_is_refused_with_a_sentence(session: GameSession, game_mode: GameMode) -> None:
    session.handle({**START, "hider": "human", "seeker": "human"})
    hide(session)
    session.handle({"do": "save"})
    path = Path(game_mode.config.save_places)
    places, _ = load_places(path)
    save_places(path, [replace(places[0], moved={"Nothing|1|2|3": places[0].pose})])
    assert (
        "The hiding place does not fit FloorPlan2"
        in answer(session, '{"do": "start", "place": 0, "seeker": "human"}')["error"]
    )
    assert answer(session, '{"do": "seek"}')["error"] == "No game is being played: start one first."
    path.write_text("{}")
    assert "schema must be 1" in answer(session, '{"do": "places"}')["error"]
