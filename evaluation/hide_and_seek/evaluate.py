"""Plays games between pairs of players, and seekers against hiding places, and summarises them with 95 % intervals.

Source: Weihs et al., section 4 and appendix B. Games are independent pieces of work, so several simulators share them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from actors.config import SimulatorConfig
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.game import Game, GameTask
from actors.hide_and_seek.metrics import Estimate, estimate_mean, estimate_ratio, estimate_share
from actors.hide_and_seek.places import HidingPlace
from actors.hide_and_seek.play import play_game, play_seek
from actors.hide_and_seek.players.core import GamePlayer
from actors.hide_and_seek.record import GameRecord, Recorder
from actors.hide_and_seek.world import Unplayable, World
from evaluation.hide_and_seek.parallel import share

MakeGamePlayer = Callable[[str], GamePlayer]
"""Makes a player from its name."""


@dataclass(frozen=True)
class Match:
    """A game to be played."""

    hider: str
    """Name of the hider, or of a set of hiding places."""
    seeker: str
    task: GameTask
    place: HidingPlace | None = None
    """Where the goal is, if no hider plays."""
    kept: bool = False
    """Whether the game is recorded."""


@dataclass(frozen=True)
class Outcome:
    """A match that was played, as plain values."""

    hider: str
    seeker: str
    scene: str
    goal: str
    seed: int
    result: dict[str, Any] | None
    """The fields of `game.Result`; None if the game could not be played."""
    reason: str = ""
    """Why it could not be played."""


@dataclass(frozen=True)
class Played:
    """A match's outcome, and its record if it is kept."""

    outcome: Outcome
    record: GameRecord | None = None


def tasks(scenes: Sequence[str], goals: Sequence[str], games: int, seed: int) -> list[GameTask]:
    """Games spread evenly over scenes and goals.

    Args:
        scenes: names of rooms.
        goals: types of goal objects.
        games: number of games.
        seed: the first game's; each further game has the next.
    """
    return [
        GameTask(scenes[number % len(scenes)], goals[(number + number // len(scenes)) % len(goals)], seed + number)
        for number in range(games)
    ]


def play_match(world: World, match: Match, config: GameConfig, make: MakeGamePlayer, measure: bool) -> Played:
    """Plays one match from its beginning.

    Raises:
        SimulatorError: the simulator failed; nothing of the match counts.
    """
    task = match.task
    facts: dict[str, Any] = {
        "hider": match.hider,
        "seeker": match.seeker,
        "scene": task.scene,
        "goal": task.goal,
        "seed": task.seed,
    }
    seeker = make(match.seeker)
    recorder = Recorder(match.hider, match.seeker, place=match.place) if match.kept else None
    watch = None if recorder is None else recorder.watch
    try:
        if match.place is None:
            game = Game(world, task, config)
            play_game(game, make(match.hider), seeker, measure, watch)
        else:
            game = Game.from_place(world, match.place, config, task.seed)
            if measure:
                game.measure()
            seeker.begin(task.seed, world)
            play_seek(game, seeker, watch)
    except Unplayable as error:
        return Played(Outcome(**facts, result=None, reason=str(error)))
    outcome = Outcome(**facts, result=asdict(game.result()))
    return Played(outcome, None if recorder is None else recorder.finish(game))


def play_all(
    matches: Sequence[Match],
    simulator: SimulatorConfig,
    config: GameConfig,
    make: MakeGamePlayer,
    workers: int,
    measure: bool = True,
) -> Generator[Played, None, None]:
    """Plays matches on several simulators and yields each as it ends.

    Args:
        matches: to play.
        simulator: its settings.
        config: the rules.
        make: makes players.
        workers: number of simulators.
        measure: whether hiding places are measured.

    Raises:
        SimulatorError: a simulator failed several times in the same match.
    """
    return share(matches, simulator, workers, lambda world, match: play_match(world, match, config, make, measure))


# --- Summaries


FIGURES = {
    "found": "found",
    "steps": "seeker's steps",
    "coverage": "coverage",
    "coverage_plus": "coverage+",
    "open_share": "opened",
    "om_hit": "OM hits",
    "placed": "placed",
    "visible_share": "seen from",
    "bfs_share": "BFS",
}
"""Figures of a pair of players and their headings."""


def summarise(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Estimate]]:
    """The figures of each pair, by "hider/seeker"; figures that no game of the pair has are left out.

    Shares of games have Wilson's interval and means Student's, without what lies outside of the possible values. Hits
    have a bootstrap over games, because one game's manipulations depend on each other. Games count as independent,
    though some share a room.
    """
    pairs: dict[str, list[Mapping[str, Any]]] = {}
    for outcome in outcomes:
        if outcome.result is not None:
            pairs.setdefault(f"{outcome.hider}/{outcome.seeker}", []).append(outcome.result)
    return {pair: _figures(results) for pair, results in pairs.items()}


def _figures(results: Sequence[Mapping[str, Any]]) -> dict[str, Estimate]:
    count = len(results)
    figures = {
        "found": estimate_share(sum(one["found"] for one in results), count),
        "steps": mean_within([one["seeker_steps"] for one in results], math.inf),
    }
    played = [one for one in results if one["coverage"] is not None]
    for name in ("coverage", "coverage_plus", "open_share"):
        if values := [one[name] for one in played if one[name] is not None]:
            figures[name] = mean_within(values, 1.0)
    attempts = [one["manipulations"] for one in played]
    if sum(attempts):
        figures["om_hit"] = estimate_ratio([one["manipulation_hits"] for one in played], attempts)
    if played:
        figures["placed"] = estimate_share(sum(one["placed"] for one in played), len(played))
    for name in ("visible_share", "bfs_share"):
        if values := [one[name] for one in results if one[name] is not None]:
            figures[name] = mean_within(values, 1.0)
    return figures


def mean_within(values: Sequence[float], largest: float) -> Estimate:
    """The mean of values, whose interval is cut to 0 to `largest`; coverage can be above 1, and the mean is kept."""
    found = estimate_mean(values)
    if found.low is None or found.high is None:
        return found
    return replace(found, low=max(0.0, found.low), high=max(found.value, min(largest, found.high)))
