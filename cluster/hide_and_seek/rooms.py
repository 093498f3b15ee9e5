"""`./playpen rooms system=hide_and_seek`: plays a game in each room and draws its sheet, or draws a record again."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from actors.hide_and_seek.game import GameTask
from actors.hide_and_seek.players import make_player
from actors.hide_and_seek.players.core import Side
from actors.hide_and_seek.record import GameRecord, load_record
from actors.launch import check_launch
from cluster.command.result_line import print_result
from cluster.hide_and_seek.checks import check_players, check_scenes, not_played
from cluster.hide_and_seek.rooms_config import GameRoomsConfig
from common.errors import UsageError
from common.progress import Progress
from evaluation.hide_and_seek.evaluate import Match, play_all
from evaluation.hide_and_seek.game_sheet import game_sheet, save_game


def run(config: GameRoomsConfig, folder: Path) -> int:
    """Runs the command and returns its exit code."""
    started = time.monotonic()
    if config.record is not None:
        record = load_record(Path(config.record))
        sheet = folder / f"{Path(config.record).stem}.png"
        game_sheet(sheet, record)
        missing: list[str] = []
        games = [_summary(record) | {"sheet": str(sheet), "record": config.record}]
    else:
        games, missing = play(config, folder)
    print(f"RUN {folder}")
    print_result(
        {
            "command": "rooms",
            "system": config.system,
            "games": games,
            "not_played": missing,
            "wall_s": round(time.monotonic() - started, 1),
            "seed": config.seed,
        }
    )
    return 0


def play(config: GameRoomsConfig, folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Plays one game in each room, and saves its record and its sheet.

    Returns:
        What the RESULT line tells of each game, and a sentence on each that could not be played.

    Raises:
        UsageError: there is no such player, or none of the rooms can be played.
    """
    check_players("hider", [config.hider], Side.HIDER)
    check_players("seeker", [config.seeker], Side.SEEKER)
    check_launch(config.simulator)
    check_scenes(config.simulator, config.scenes)
    matches = [
        Match(config.hider, config.seeker, GameTask(scene, config.goals[n % len(config.goals)], config.seed), kept=True)
        for n, scene in enumerate(config.scenes)
    ]
    games, missing = [], []
    playing = play_all(matches, config.simulator, config.actors, make_player, 1, config.measure)
    with closing(playing), Progress("games", len(matches), "game") as progress:
        for played in playing:
            if played.record is None:
                missing.append(not_played(played.outcome))
                progress.note(missing[-1])
            else:
                record, sheet = save_game(folder, played.record)
                games.append(_summary(played.record) | {"sheet": str(sheet), "record": str(record)})
            progress.step()
    if not games:
        raise UsageError(f"scenes: {missing[0]}")
    return games, missing


def _summary(record: GameRecord) -> dict[str, Any]:
    task = record.task
    names = {"scene": task.scene, "goal": task.goal, "hider": record.hider, "seeker": record.seeker}
    return names | asdict(record.result)
