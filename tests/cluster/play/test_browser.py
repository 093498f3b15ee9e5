"""A real browser plays on the page: it touches an object, hides one, seeks, and looks at the replay."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import psutil
from PIL import Image

from cluster.hide_and_seek.game_page import GameMode
from cluster.interaction.touch_page import TouchMode
from cluster.play.server import PAGE


def spread(element: Any) -> float:
    """Standard deviation of the colours of what the browser shows of an element; 0 if it is of one colour."""
    with Image.open(io.BytesIO(element.screenshot())) as picture:
        return float(np.asarray(picture.convert("RGB")).std())


def ready(page: Any) -> None:
    """Waits until the simulator is done."""
    page.locator("#state.ready").wait_for()


def press(page: Any, *keys: str) -> None:
    """Presses keys, each when the reply to the one before has come."""
    for key in keys:
        ready(page)
        page.keyboard.press(key)
        ready(page)


def simulators() -> list[psutil.Process]:
    """Simulator processes of this test."""
    return [one for one in psutil.Process().children(recursive=True) if "simulator" in " ".join(one.cmdline())]


def test_a_person_touches_an_object_in_the_browser(page: Any, address: str) -> None:
    page.goto(f"{address}/#interaction")
    stage = page.locator(".stage canvas")
    assert spread(stage) < 20  # nothing is shown yet
    page.select_option("#scene", "FloorPlan3")
    page.click("#enter")
    page.locator(".stage canvas.live").wait_for()
    assert spread(stage) > 25
    page.keyboard.press("3")
    box = stage.bounding_box()
    # The plate in the shelf, in the first view of this room.
    page.mouse.click(box["x"] + 0.68 * box["width"], box["y"] + 0.56 * box["height"])
    page.locator("#touches li").wait_for()
    assert page.locator("#verdict .verdict").inner_text() == "success"
    cells = re.search(r"mask of (\d+) cells", page.locator("#verdict").inner_text())
    assert cells and int(cells[1]) > 20
    with_mask = stage.screenshot()
    page.get_by_label("mask that self-supervision found").uncheck()
    assert stage.screenshot() != with_mask
    assert spread(page.locator("figure canvas").first) > 20

    (process,) = simulators()
    page.get_by_role("tab", name="Hide and seek").click()
    process.wait(10)  # another tab of the page ends the session


def test_a_person_plays_a_game_in_the_browser(page: Any, address: str) -> None:
    page.goto(f"{address}/#hide_and_seek")
    page.select_option("#hider", "human")
    page.select_option("#seeker", "uniform")
    page.select_option("#scene", "FloorPlan2")
    page.select_option("#goal", "Cup")
    page.fill("#seed", "3")
    page.click("#start")
    page.locator("#phase", has_text="Exploration").wait_for()
    stage = page.locator(".stage canvas")
    first = stage.screenshot()
    assert spread(stage) > 25 and page.locator("#left").inner_text() == "12"
    press(page, "ArrowRight", "e", "c")
    assert page.locator("#left").inner_text() == "9" and stage.screenshot() != first
    assert page.locator("[data-action=Stand]").count() == 1 and page.locator("[data-action=Crouch]").count() == 0
    assert page.locator("[data-action=ReadyForSeeker]").count() == 0  # not legal here
    press(page, "Enter", "s", "p")  # keys without a legal action do nothing
    assert page.locator("#left").inner_text() == "9"
    stage.click(position={"x": 10, "y": 10})  # opens what is in the top left cell, if anything is
    page.locator("#last").get_by_text("failed").wait_for()
    before = stage.screenshot()
    press(page, "g")
    assert stage.screenshot() != before  # the grid

    (process,) = simulators()
    process.kill()
    process.wait(10)
    page.keyboard.press("q")
    page.locator("#banner", has_text="A new simulator was started, and this begins again.").wait_for()
    ready(page)
    assert page.locator("#left").inner_text() == "12"
    press(page, "ArrowRight")
    assert not page.locator("#banner").is_visible() and page.locator("#left").inner_text() == "11"

    page.click("#explored")
    page.locator("#phase", has_text="Choice").wait_for()
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert spread(page.locator("#map")) > 5
    page.click("#choose")
    page.locator("#phase", has_text="Hiding").wait_for()
    press(page, "p", "2")
    stage.click(position={"x": 300, "y": 500})
    page.locator("#phase", has_text="Moving").wait_for()
    assert re.search(r"inside, row \d, column \d", page.locator("#now").inner_text())
    press(page, "w", "ArrowLeft", "A", "Enter", "Enter", "Enter")
    for _ in range(12):  # until the clock has ended hiding
        if page.locator("#seek").count():
            break
        press(page, "Enter" if page.locator("[data-action=DropObject]").count() else "x")
    page.click("#save")
    page.locator(".stage", has_text="Hiding place 1 of").wait_for()
    page.click("#seek")
    page.locator("#phase", has_text="over").wait_for()
    assert page.locator("#result").inner_text().startswith("winner")

    page.click("#replays summary")
    page.locator("#records option").wait_for(state="attached")
    page.click("#show")
    page.locator("#strip .thumb").first.wait_for()
    assert spread(page.locator(".stage canvas")) > 25 and spread(page.locator("#strip")) > 25
    caption = page.locator("#film-step")
    assert "RotateRight" in caption.inner_text()
    page.keyboard.press("ArrowRight")
    page.locator("#film-step", has_text="step 2 of").wait_for()
    page.click("#back")
    page.locator("#phase", has_text="over").wait_for()
    (process,) = simulators()
    page.close()
    process.wait(10)  # closing the tab ends the session's simulator


def test_the_page_loads_nothing_from_elsewhere() -> None:
    for path in (*PAGE.iterdir(), *GameMode.scripts, *TouchMode.scripts):
        found = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text(encoding="utf-8"))
        assert set(found) <= {"http://www.w3.org"}, (path, found)
