"""Both modes of the page with real simulators, and a real browser without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from actors.hide_and_seek.defaults import rules
from actors.hide_and_seek.players import make_player
from actors.interaction.config import ActorConfig
from cluster.hide_and_seek.game_page import GameMode
from cluster.hide_and_seek.play_config import GamePlayConfig
from cluster.interaction.play_config import TouchPlayConfig
from cluster.interaction.touch_page import TouchMode
from tests.cluster.play.fakes import app_of, served
from tests.settings import CONF, simulator_settings

RULES = rules(
    explore_steps=12, hide_steps=4, manipulate_steps=6, seek_steps=40, turn_worlds=False, augment_images=False
)
"""Short games."""


@pytest.fixture
def touch_mode() -> TouchMode:
    """The interaction system's tab, with few views."""
    parts = [OmegaConf.structured(ActorConfig), OmegaConf.load(CONF / "actors" / "interaction.yaml")]
    actors: Any = OmegaConf.to_object(OmegaConf.merge(*parts))
    return TouchMode(TouchPlayConfig(actors, views=2, tries=6, count=8), simulator_settings())


@pytest.fixture
def game_mode(tmp_path: Path) -> GameMode:
    """Hide and seek's tab with short games and the uniform player."""
    config = GamePlayConfig(
        RULES, ["uniform"], ["uniform"], [], str(tmp_path / "saved" / "places.json"), str(tmp_path / "records")
    )
    return GameMode(config, simulator_settings(), make_player)


@pytest.fixture
def address(touch_mode: TouchMode, game_mode: GameMode) -> Iterator[str]:
    """Address of a server with both modes."""
    with served(app_of(game_mode, touch_mode)) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window, driven by Playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the page is tested with playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip(
            "no chromium is installed (Debian: apt-get install chromium), so the page is not tested in a browser"
        )
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A new page; an error of its scripts fails the test."""
    problems: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert not problems
