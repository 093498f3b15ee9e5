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
from actors.hide_and_seek.record import GameRecord, load_record, save_record
from actors.launch import check_launch
from cluster.command.result_line import print_result
from cluster.hide_and_seek.rooms_config import GameRoomsConfig
from common.errors import UsageError
from common.progress import Progress
from evaluation.hide_and_seek.evaluate import Match, play_all
from evaluation.hide_and_seek.game_sheet import game_sheet


def run(config: GameRoomsConfig, folder: Path) -> int:
    """Runs the command and returns its exit code."""
    started = time.monotonic()
    if config.record is not None:
        record = load_record(Path(config.record))
        sheet = folder / f"{Path(config.record).stem}.png"
        game_sheet(sheet, record)
        games = [_summary(record) | {"sheet": str(sheet), "record": config.record}]
    else:
        games = play(config, folder)
    print(f"RUN {folder}")
    print_result(
        {
            "command": "rooms",
            "system": config.system,
            "games": games,
            "wall_s": round(time.monotonic() - started, 1),
            "seed": config.seed,
        }
    )
    return 0


def play(config: GameRoomsConfig, folder: Path) -> list[dict[str, Any]]:
    """Plays one game in each room; writes SCENE_GOAL.json and SCENE_GOAL.png of each.

    Returns:
        What the RESULT line tells of each game. A room that cannot be played is named on standard error.

    Raises:
        UsageError: there is no such player, or none of the rooms can be played.
    """
    for name, side in ((config.hider, Side.HIDER), (config.seeker, Side.SEEKER)):
        make_player(name, side)  # refuses unknown names
    check_launch(config.simulator)
    matches = [
        Match(config.hider, config.seeker, GameTask(scene, config.goals[n % len(config.goals)], config.seed), kept=True)
        for n, scene in enumerate(config.scenes)
    ]
    games, reasons = [], []
    playing = play_all(matches, config.simulator, config.actors, make_player, 1, config.measure)
    with closing(playing), Progress("games", len(matches), "game") as progress:
        for played in playing:
            if played.record is None:
                reasons.append(f"{played.outcome.scene} cannot be played: {played.outcome.reason}")
                progress.note(reasons[-1])
            else:
                path = folder / f"{played.record.task.scene}_{played.record.task.goal}"
                record, sheet = path.with_suffix(".json"), path.with_suffix(".png")
                save_record(record, played.record)
                game_sheet(sheet, played.record)
                games.append(_summary(played.record) | {"sheet": str(sheet), "record": str(record)})
            progress.step()
    if not games:
        raise UsageError(f"scenes: {reasons[0]}")
    return games


def _summary(record: GameRecord) -> dict[str, Any]:
    task = record.task
    names = {"scene": task.scene, "goal": task.goal, "hider": record.hider, "seeker": record.seeker}
    return names | asdict(record.result)
