"""Files of the page's games: the list of records, and what is refused before the page opens."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.hide_and_seek import play_files
from cluster.hide_and_seek.game_page import GameMode
from cluster.hide_and_seek.play_files import check_files, record_files
from common.errors import UsageError

RECORD = '{"schema": 1, "task": {"scene": "FloorPlan1"'


def write(path: Path, text: str, time: int) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, (time, time))


def test_only_records_are_listed_newest_first(tmp_path: Path) -> None:
    write(tmp_path / "games" / "old.json", RECORD, 1)
    write(tmp_path / "games" / "new.one.json", RECORD, 3)
    write(tmp_path / "indented.json", '{\n  "schema": 1,\n  "task": {}}', 2)
    write(tmp_path / "run.json", '{"run_id": "f83d", "command": "evaluate"}', 4)
    write(tmp_path / "places.json", '{"schema": 1, "made_from": {}, "task": 1}', 5)
    write(tmp_path / "binary.json", "", 6)
    write(tmp_path / "record.txt", RECORD, 7)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "vanished.json").symlink_to(tmp_path / "nothing.json")
    assert list(record_files(tmp_path, 9)) == ["games/new.one", "indented", "games/old"]
    assert record_files(tmp_path, 1) == {"games/new.one": tmp_path / "games" / "new.one.json"}
    assert record_files(tmp_path / "missing", 9) == {}


def test_places_to_save_in_are_checked_before_the_page_opens(
    game_mode: GameMode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    before = sorted(tmp_path.iterdir())
    for name, path, words in (
        ("records", "file", "must name a folder that can be written; '.*/file' is a file"),
        ("records", "file/below", "must name a folder that can be written; '.*/file/below' lies below the file"),
        ("save_places", "", "must name a file that can be written; '.*' is a folder"),
        ("save_places", "file/places.json", "must name a file that can be written; .* lies below the file"),
        ("save_places", "x" * 300, "must name a file that can be written; .* cannot be looked up: File name too long"),
    ):
        config = replace(game_mode.config)
        setattr(config, name, str(tmp_path / path))
        with pytest.raises(UsageError, match=f"^modes.hide_and_seek.{name} {words}"):
            GameMode(config, game_mode.simulator, game_mode._make_player)
    check_files(replace(game_mode.config, save_places=str(tmp_path / "file"), records=str(tmp_path)))
    assert sorted(tmp_path.iterdir()) == before

    # Root may write anywhere, so the system's answer is replaced.
    monkeypatch.setattr(play_files.os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(UsageError, match="^modes.hide_and_seek.records must .* does not allow it"):
        check_files(game_mode.config)
