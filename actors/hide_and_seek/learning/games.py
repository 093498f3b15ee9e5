"""Plays whole games with the network on both sides, and makes training data of them."""

from __future__ import annotations

from actors.hide_and_seek.actions import Stage
from actors.hide_and_seek.episode import Episode
from actors.hide_and_seek.game import Game
from actors.hide_and_seek.learning.choosing import Chooser, rollout_lengths
from actors.hide_and_seek.learning.collecting import Collector
from actors.hide_and_seek.learning.episodes import explore, hide, seek
from actors.hide_and_seek.learning.memories import Memory, memory
from actors.hide_and_seek.learning.policy import Policy, to_recurrent
from actors.hide_and_seek.learning.seeking import Expert
from actors.hide_and_seek.learning.statistics import LearningStatistics
from actors.hide_and_seek.learning.work import Draw, Work
from actors.hide_and_seek.locations import all_locations, places
from actors.hide_and_seek.metrics import coverage
from actors.hide_and_seek.scenes import GOALS
from replay.hide_and_seek.unroll import UnrollShape


def play(work: Work, number: int, collector: Collector, shape: UnrollShape) -> Memory:
    """Plays a game to its end.

    In a share of the games one side has earlier weights; the other side alone makes unrolls then.

    Args:
        work: the share of the task.
        number: of the game in the share.
        collector: takes the steps.
        shape: of the model's map.

    Returns:
        the game's memory.

    Raises:
        Unplayable: the room cannot be played, or it was left so that the seeker can stand nowhere.
    """
    statistics, perspective = collector.statistics, work.perspective
    game = work.game(number, statistics)
    earlier, hider_learns, seeker_learns = _sides(work, number)
    hider = work.mind(game.augmentation, Draw.HIDER, number, None if hider_learns else earlier)
    exploration = game.explore()
    explore(hider, exploration, collector, perspective if work.orders.hide_bonus else None, hider_learns)
    note_exploration(exploration.episode, game, statistics)
    known = to_recurrent(hider.state)
    explored = hider.state.map

    choice = game.choose()
    with statistics.clock("choice"):
        chooser = Chooser(perspective, explored, choice.origin, hider.random)
    while not choice.ended:
        choice.step(chooser.next().seen_from(choice.origin))
    assert choice.chosen is not None

    hiding = game.hide()
    hidden = hide(hider, game, hiding, collector, hider_learns)

    with statistics.clock("set_up"):
        seeking = game.seek()
    seeker = work.mind(game.augmentation, Draw.SEEKER, number, None if seeker_learns else earlier)
    # The hider knows where it could walk; the seeker may begin beside its start, where that is blocked.
    walked = places(exploration.episode.visited) | {choice.chosen.place, seeking.episode.start.place}
    expert = Expert(work.world, walked, work.rules, work.config)
    _, steps = seek(seeker, seeking, collector, expert, seeker_learns)

    if hiding.placed and hider_learns:
        with statistics.clock("choice"):
            lengths = rollout_lengths(perspective, explored, choice.origin, choice.chosen, hider.random)
        bonus = hiding.final_bonus(lengths, game.result().seeker_steps)
        assert bonus is not None
        at, amount = bonus
        hidden.reward(hidden.steps[at], hidden.steps[at].reward + amount)
        statistics.add("play", hide_bonus=amount)
    hidden.flush()
    statistics.games += 1
    statistics.add("play", with_past=float(not (hider_learns and seeker_learns)))
    return memory(
        shape,
        work.config.memory_steps,
        version=statistics.weights_version,
        number=collector.number,
        hider=known,
        origin=choice.origin,
        goal=GOALS.index(work.task.goal),
        chosen=choice.chosen,
        hiding=hiding,
        found=seeking.found,
        seeker=steps,
    )


def note_exploration(books: Episode, game: Game, statistics: LearningStatistics) -> None:
    """Adds an ended exploration to the statistics."""
    share = coverage(books.visited, all_locations(game.facts.places))
    statistics.add(Stage.EXPLORE, coverage=share, opened=float(len(books.opened)))


def _sides(work: Work, number: int) -> tuple[Policy | None, bool, bool]:
    """An earlier agent, and which sides are played by the newest one."""
    random = work.random(Draw.SIDES, number)
    if random.random() >= work.orders.past_share:
        return None, True, True
    earlier = work.past(random)
    if earlier is None:
        return None, True, True
    hider_learns = bool(random.integers(2))
    return earlier, hider_learns, not hider_learns
