"""`./playpen evaluate system=hide_and_seek`: games between pairs of players, in this process."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from actors.hide_and_seek.game import GameTask
from actors.hide_and_seek.places import HidingPlace, find_places
from actors.hide_and_seek.players.core import Side
from actors.hide_and_seek.scenes import scenes
from actors.launch import check_launch
from cluster.command.overrides import save_config
from cluster.command.result_line import print_result
from cluster.hide_and_seek.checks import check_players, check_scenes, not_played
from cluster.hide_and_seek.config import EvaluateConfig
from cluster.hide_and_seek.players import make_any_player, shown_names
from common.errors import UsageError
from common.files import write_json
from common.progress import Progress
from evaluation.hide_and_seek.evaluate import Match, Outcome, play_all, summarise, tasks
from evaluation.hide_and_seek.game_sheet import save_game
from evaluation.hide_and_seek.report import draw, draw_matrix, terminal_table, write_matrix, write_tables


def run(config: EvaluateConfig, folder: Path) -> int:
    """Runs the command and returns its exit code."""
    started = time.monotonic()
    check_players("hiders", config.hiders, Side.HIDER)
    check_players("seekers", config.seekers, Side.SEEKER)
    rooms = config.scenes or scenes(config.split, tuple(config.kinds))
    places = [] if config.places is None else find_places(config.places)
    players = shown_names([*config.hiders, *config.seekers])
    matches = _matches(config, {name: shown for shown, name in players.items()}, rooms, places)
    check_launch(config.simulator)
    check_scenes(config.simulator, sorted({match.task.scene for match in matches}))
    save_config(config, folder / "config.yaml")
    print(f"RUN {folder}", flush=True)
    outcomes: list[Outcome] = []
    playing = play_all(
        matches, config.simulator, config.actors, lambda shown: make_any_player(players[shown]), config.workers,
        config.measure,
    )  # fmt: skip
    with (
        closing(playing),
        Progress("games", len(matches), "game") as progress,
        open(folder / "games.jsonl", "w", encoding="utf-8") as games,
    ):
        for played in playing:
            outcomes.append(played.outcome)
            print(json.dumps(asdict(played.outcome)), file=games, flush=True)
            if played.record is not None:
                save_game(folder / "games", played.record)
            if played.outcome.reason:
                progress.note(not_played(played.outcome))
            progress.step()
    unplayable = [asdict(outcome) for outcome in outcomes if outcome.result is None]
    if len(unplayable) == len(outcomes):
        raise UsageError(f"none of {len(outcomes)} games could be played; the first: {not_played(outcomes[0])}")
    order = {f"{match.hider}/{match.seeker}": None for match in matches}
    found = summarise(outcomes)
    summary = {pair: found[pair] for pair in order if pair in found}
    write_tables(folder, summary)
    draw(folder / "games.png", summary)
    write_matrix(folder / "found.md", summary)
    draw_matrix(folder / "found.png", summary)
    sys.stderr.flush()
    Console(width=None if sys.stdout.isatty() else 180).print(terminal_table(summary))
    result = {
        "command": "evaluate",
        "system": config.system,
        "pairs": {pair: {name: asdict(one) for name, one in figures.items()} for pair, figures in summary.items()},
        "games": len(outcomes) - len(unplayable),
        "unplayable": len(unplayable),
        "simulator": config.simulator.name,
        "wall_s": round(time.monotonic() - started, 1),
        "seed": config.seed,
    }
    write_json(folder / "results.json", result | {"not_played": unplayable})
    print_result(result)
    return 0


def _matches(
    config: EvaluateConfig, shown: Mapping[str, str], rooms: list[str], places: list[HidingPlace]
) -> list[Match]:
    """All games; `shown` tells what tables call each player."""
    matches = [
        Match(shown[hider], shown[seeker], task, kept=number < config.sheets)
        for hider in config.hiders
        for seeker in config.seekers
        for number, task in enumerate(tasks(rooms, config.goals, config.games, config.seed))
    ]
    for seeker in config.seekers:
        games: Counter[str] = Counter()
        for place in places:
            name = f"{place.source} {place.difficulty}" if place.difficulty else place.source
            task = GameTask(place.scene, place.goal, place.seed)
            matches.append(Match(name, shown[seeker], task, place, kept=games[name] < config.sheets))
            games[name] += 1
    return matches
