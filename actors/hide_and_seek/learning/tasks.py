"""The kinds of tasks: each makes exactly the records that its share asks for, of all tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np

from actors.hide_and_seek.actions import ACTIONS, Kind
from actors.hide_and_seek.augmentation import Augmentation
from actors.hide_and_seek.game import Game
from actors.hide_and_seek.learning.collecting import Collector
from actors.hide_and_seek.learning.config import Orders
from actors.hide_and_seek.learning.episodes import Full, explore, manipulate, seek
from actors.hide_and_seek.learning.games import note_exploration, play
from actors.hide_and_seek.learning.geometry import facing, to_point, with_posture
from actors.hide_and_seek.learning.memories import Memory
from actors.hide_and_seek.learning.seeking import Expert, hide_somewhere, start_within
from actors.hide_and_seek.learning.statistics import LearningStatistics
from actors.hide_and_seek.learning.targets import TargetMaker
from actors.hide_and_seek.learning.triplets import Reservoir, Triplet
from actors.hide_and_seek.learning.unrolls import Unroll
from actors.hide_and_seek.learning.work import Draw, Share, Work
from actors.hide_and_seek.stages.manipulate import Manipulation
from actors.hide_and_seek.stages.seek import Seeking
from actors.hide_and_seek.world import Unplayable
from replay.hide_and_seek.memory import MEMORIES
from replay.hide_and_seek.triplet import TRIPLETS
from replay.hide_and_seek.unroll import UNROLLS, UnrollShape

Send = Callable[[str, dict[str, np.ndarray]], None]
"""Takes a record for a table."""
Episode = Callable[[int, Collector, Full], None]
"""Plays what comes between two set-ups of a room, given its number, where the steps go, and when it is enough."""


GLIMPSES = tuple(
    number for number, action in enumerate(ACTIONS) if action.kind in (Kind.MOVE, Kind.ROTATE, Kind.POSTURE)
)
"""Actions of glimpses: they change nothing in the room."""


def kind_of(orders: Orders, seed: int, number: int) -> str:
    """The kind of a task, drawn from the phase's mixture."""
    kinds = sorted(kind for kind, weight in orders.mixture.items() if weight > 0)
    weights = np.array([orders.mixture[kind] for kind in kinds], dtype=np.float64)
    random = np.random.default_rng([seed, number, int(Draw.KIND)])
    return str(random.choice(kinds, p=weights / weights.sum()))


def work_on(
    work: Work, kind: str, share: Share, shape: UnrollShape, number: int, statistics: LearningStatistics, send: Send
) -> None:
    """Does one share of a task.

    Args:
        work: what it is done with.
        kind: of the task.
        share: how many records it makes.
        shape: of the unrolls.
        number: of the task in the run.
        statistics: of the task.
        send: takes the records.

    Raises:
        Unplayable: the room cannot be played.
        SimulatorError: the simulator failed.
    """
    triplets = Reservoir(share.triplets, work.random(Draw.TRIPLETS))
    unrolls: list[Unroll] = []
    collector = Collector(shape, number, triplets, statistics, unrolls.append)
    if kind == "play":
        memories = _play(work, share, shape, collector, unrolls)
        random = work.random(Draw.CHOICE)
        for unroll in _choose(unrolls, share.unrolls, random):
            send(UNROLLS, unroll)
        for index in random.permutation(len(memories))[: share.memories].tolist():
            send(MEMORIES, memories[index])
    else:
        left = share.unrolls

        def emit(unroll: Unroll) -> None:
            nonlocal left
            if left > 0:
                left -= 1
                send(UNROLLS, unroll)

        collector.emit = emit
        steps = max(share.unrolls * shape.length, share.triplets)
        _repeat(steps, collector, {"explore": _explore, "manipulate": _manipulate, "seek": _seek}[kind](work), work)
    for record in triplets.records(statistics.weights_version):
        send(TRIPLETS, record)


def _repeat(steps: int, collector: Collector, episode: Episode, work: Work) -> None:
    """Plays episodes for a number of steps; the last one may be cut off.

    Raises:
        Unplayable: the room cannot be set up for the task, several times in a row.
    """
    made, idle = collector.statistics, 0
    first = made.steps

    def full() -> bool:
        return made.steps - first >= steps

    for number in count():
        if full():
            break
        before = made.steps
        episode(number, collector, full)
        idle = 0 if made.steps > before else idle + 1
        if idle > work.config.room_tries:
            raise Unplayable(f"{work.task.scene} has no place where a {work.task.goal} could be put")
    collector.close()


def _explore(work: Work) -> Episode:
    def episode(number: int, collector: Collector, full: Full) -> None:
        game = work.game(number, collector.statistics)
        exploration = game.explore()
        mind = work.mind(game.augmentation, Draw.HIDER, number)
        bonus = work.perspective if work.orders.hide_bonus else None
        explore(mind, exploration, collector, bonus, full=full)
        if exploration.episode.ended:
            note_exploration(exploration.episode, game, collector.statistics)

    return episode


def _manipulate(work: Work) -> Episode:
    def episode(number: int, collector: Collector, full: Full) -> None:
        game = work.game(number, collector.statistics)
        random = work.random(Draw.PLACE, number)
        maker = TargetMaker(work.world, game.facts, work.task.goal, work.rules, work.config, random)
        for index in range(work.config.manipulations_per_room):
            if full():
                break
            with collector.statistics.clock("set_up"):
                target = maker.begin()
            if target is None:
                continue
            # Each manipulation has an augmentation and a map of its own, as if it were a game.
            drawn = game.augmentation if index == 0 else _augmentation(work, random)
            mind = work.mind(drawn, Draw.HIDER, number * work.config.manipulations_per_room + index)
            manipulation = Manipulation(work.world, work.rules, target)
            manipulate(mind, manipulation, collector, full=full)

    return episode


def _augmentation(work: Work, random: np.random.Generator) -> Augmentation:
    return Augmentation.draw(random) if work.rules.augment_images else Augmentation.none()


def _seek(work: Work) -> Episode:
    def episode(number: int, collector: Collector, full: Full) -> None:
        random = work.random(Draw.PLACE, number)
        easy = bool(random.random() < work.orders.curriculum)
        game = work.game(number, collector.statistics)
        with collector.statistics.clock("set_up"):
            glimpsing = work.random(Draw.GLIMPSES, number)
            for _ in range(work.config.glimpse_places):
                if hide_somewhere(work.world, game.facts, work.task.goal, work.config, False, glimpsing):
                    _glimpse(work, game, collector, glimpsing)
                    work.world.take_out()
            if not hide_somewhere(work.world, game.facts, work.task.goal, work.config, easy, random):
                return
        config, searches = work.config, work.config.searches_per_place
        for index in range(searches):
            if full():
                break
            near = bool(random.random() < config.near_share)
            with collector.statistics.clock("set_up"):
                # Only a first search that is not near begins at the room's first pose.
                if near or index:
                    start_within(work.world, game.facts, config.near_m if near else np.inf, random)
            led = bool(random.random() < config.led_share)
            steps = min(work.rules.seek_steps, config.near_steps) if near else work.rules.seek_steps
            seeking = Seeking(work.world, replace(work.rules, seek_steps=steps))
            # Each search has an augmentation and a map of its own, as if it were a game.
            drawn = game.augmentation if index == 0 else _augmentation(work, random)
            mind = work.mind(drawn, Draw.SEEKER, number * searches + index)
            expert = Expert(work.world, game.facts.places, work.rules, config)
            seek(mind, seeking, collector, expert, full=full, led=led)

    return episode


def _glimpse(work: Work, game: Game, collector: Collector, random: np.random.Generator) -> None:
    """Makes triplets of single steps from random locations that face the goal, and returns to where the agent was.

    These steps are in no unroll. Each of them has an augmentation of its own, as if it were a game.
    """
    config, world, rules = work.config, work.world, work.rules
    first = world.location
    point = to_point(world.frame, world.goal_pose().position)
    near = facing(game.facts.places, point, 0.0, rules.claim_distance, config.facing_degrees)
    expert = Expert(world, game.facts.places, rules, config)
    chosen = random.choice(len(near), min(config.glimpses, len(near)), replace=False).tolist() if near else []
    for index in chosen:
        if not world.stand_at(with_posture(near[index], bool(random.integers(2)))):
            continue
        seeking = Seeking(world, rules)
        mind = work.mind(_augmentation(work, random), Draw.SEEKER, 0)
        before, cells = mind.see(seeking.episode), expert.sees(world.location)
        action = int(random.choice(GLIMPSES))
        step = seeking.step(action)
        after, claimable = mind.see(seeking.episode), int(cells is not None)
        collector.triplets.add(
            Triplet(before.image, after.image, action, step.succeeded, before.goal, claimable, cells)
        )
    world.stand_at(first)


def _play(work: Work, share: Share, shape: UnrollShape, collector: Collector, unrolls: list[Unroll]) -> list[Memory]:
    """Plays whole games until there are enough records; returns all memories."""
    memories: list[Memory] = []
    failures = 0
    for number in count():
        enough = len(unrolls) >= share.unrolls and len(memories) >= max(share.memories, work.config.games_per_task)
        if enough:
            break
        try:
            memories.append(play(work, number, collector, shape))
        except Unplayable:
            failures += 1
            if failures >= work.config.room_tries:
                raise
        collector.end_game()
    collector.close()
    return memories


def _choose(unrolls: list[Unroll], size: int, random: np.random.Generator) -> list[Unroll]:
    """Random unrolls in random order, with at least one of each stage as long as there is room for it."""
    order = random.permutation(len(unrolls)).tolist()
    seen: Counter[int] = Counter()
    rank = defaultdict[int, int](int)
    for index in order:
        stage = int(unrolls[index]["stage"])
        rank[index] = min(seen[stage], 1)
        seen[stage] += 1
    chosen = sorted(order, key=lambda index: rank[index])[:size]
    random.shuffle(chosen)
    return [unrolls[index] for index in chosen]
