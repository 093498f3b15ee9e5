"""The skills of a player, each measured by itself: exploring, manipulating and seeking in held-out rooms.

All players get the same episodes: rooms, goals, starts, targets, places and seeds. So their results are paired. What is
drawn at random in an episode of a player comes from the episode's seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from actors.config import SimulatorConfig
from actors.hide_and_seek import metrics
from actors.hide_and_seek.actions import INDEX, MODALITY_NAMES, Kind, Stage, Target
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.game import Game, GameTask
from actors.hide_and_seek.locations import Location, all_locations
from actors.hide_and_seek.metrics import Estimate, estimate_mean, estimate_ratio, estimate_share
from actors.hide_and_seek.pixels import Modality
from actors.hide_and_seek.places import HidingPlace
from actors.hide_and_seek.play import play_explore, play_seek
from actors.hide_and_seek.players.core import GamePlayer
from actors.hide_and_seek.world import Unplayable, World
from evaluation.hide_and_seek.config import EpisodeCounts
from evaluation.hide_and_seek.evaluate import mean_within
from evaluation.hide_and_seek.parallel import share

SKILLS = (Stage.EXPLORE, Stage.MANIPULATE, Stage.SEEK)
"""Stages that are measured by themselves."""


@dataclass(frozen=True)
class Manipulating:
    """The beginning of a manipulation: where the agent stands with the goal in its hand, and its target."""

    task: GameTask
    location: Location
    """Relative to the agent's first pose."""
    target: Target


@dataclass(frozen=True)
class Episodes:
    """The episodes of all skills."""

    explore: Sequence[GameTask]
    manipulate: Sequence[Manipulating]
    seek: Sequence[HidingPlace]

    def first(self, counts: EpisodeCounts) -> Episodes:
        """The first episodes of each skill."""
        return Episodes(self.explore[: counts.explore], self.manipulate[: counts.manipulate], self.seek[: counts.seek])

    def all(self) -> Iterator[tuple[Stage, int]]:
        """Skill and number of each episode, long ones first, so that simulators end together."""
        for stage in (Stage.SEEK, Stage.EXPLORE, Stage.MANIPULATE):
            yield from ((stage, number) for number in range(len(getattr(self, stage.value))))


@dataclass(frozen=True)
class SkillResults:
    """What one player did: a dictionary of plain values for each episode, None for one that could not be played."""

    explore: list[dict[str, Any] | None] = field(default_factory=list)
    """With coverage, coverage_plus, open_share (None: nothing opens), opens and opened."""
    manipulate: list[dict[str, Any] | None] = field(default_factory=list)
    """With modality, hit, dropped and lost."""
    seek: list[dict[str, Any] | None] = field(default_factory=list)
    """With found, steps, claims, claims_succeeded and claims_in_view."""


def measure(
    make: Callable[[], GamePlayer],
    episodes: Episodes,
    simulator: SimulatorConfig,
    rules: GameConfig,
    workers: int,
    progress: Callable[[int], None] = lambda episodes: None,
) -> SkillResults:
    """Plays all episodes with one kind of player.

    Args:
        make: makes a player; it is called for each episode, in threads.
        episodes: to play.
        simulator: its settings.
        rules: of the game; `seek_steps` bounds seeking.
        workers: number of simulators.
        progress: called with 1 after each episode.

    Raises:
        SimulatorError: a simulator failed several times in the same episode.
    """
    found: dict[tuple[Stage, int], dict[str, Any] | None] = {}

    def work(world: World, item: tuple[Stage, int]) -> tuple[tuple[Stage, int], dict[str, Any] | None]:
        stage, number = item
        try:
            return item, play_episode(world, stage, getattr(episodes, stage.value)[number], rules, make())
        except Unplayable:
            return item, None

    for item, result in share(episodes.all(), simulator, workers, work):
        found[item] = result
        progress(1)
    return SkillResults(**{stage.value: [found[stage, n] for n in range(len(getattr(episodes, stage.value)))]
                           for stage in SKILLS})  # fmt: skip


def play_episode(world: World, stage: Stage, episode: Any, rules: GameConfig, player: GamePlayer) -> dict[str, Any]:
    """Plays one episode of a skill; see `SkillResults` for what it returns.

    Raises:
        Unplayable: the room does not allow it.
        SimulatorError: the simulator failed.
    """
    if stage is Stage.EXPLORE:
        return _explore(world, episode, rules, player)
    return _manipulate(world, episode, rules, player) if stage is Stage.MANIPULATE else _seek(
        world, episode, rules, player
    )  # fmt: skip


def _explore(world: World, task: GameTask, rules: GameConfig, player: GamePlayer) -> dict[str, Any]:
    game = Game(world, task, rules)
    player.begin(task.seed, world)
    play_explore(game, player)
    assert game.exploration is not None
    books = game.exploration.episode
    feasible = all_locations(game.facts.places)
    opens = [step for step in books.steps if step.action.kind is Kind.OPEN]
    return {
        "coverage": metrics.coverage(books.visited, feasible),
        "coverage_plus": metrics.coverage_plus(books.extrapolated, feasible),
        "open_share": metrics.open_share(books.opened, game.facts.openable) if game.facts.openable else None,
        "opens": len(opens),
        "opened": sum(step.succeeded for step in opens),
    }


def _manipulate(world: World, episode: Manipulating, rules: GameConfig, player: GamePlayer) -> dict[str, Any]:
    game = Game(world, episode.task, rules)
    hiding = game.hide_at(episode.location)
    if hiding is None:
        raise Unplayable(f"the agent cannot stand at {episode.location} in {episode.task.scene}")
    modality, row, column = episode.target
    manipulation = hiding.place(INDEX[f"PlaceAt({MODALITY_NAMES[modality]},{row + 1},{column + 1})"])
    assert manipulation is not None
    player.begin(episode.task.seed, world)
    while not manipulation.episode.ended:
        player.learn(manipulation.step(player.act(game.observe())))
    landing = manipulation.landing
    return {
        "modality": MODALITY_NAMES[modality],
        "target": [row, column],
        "hit": manipulation.hit,
        "dropped": landing is not None,
        "lost": landing is not None and landing.lost,
        "steps": len(manipulation.episode.steps),
    }


def _seek(world: World, place: HidingPlace, rules: GameConfig, player: GamePlayer) -> dict[str, Any]:
    game = Game.from_place(world, place, rules, place.seed)
    player.begin(place.seed, world)
    play_seek(game, player)
    assert game.seeking is not None
    steps = game.seeking.episode.steps
    claims = [step for step in steps if step.action.kind is Kind.CLAIM]
    return {
        "found": game.seeking.found,
        "steps": len(steps),
        "claims": len(claims),
        "claims_succeeded": sum(step.succeeded for step in claims),
        "claims_in_view": sum(bool(step.goal_in_view) for step in claims),
    }


# --- Summaries


def summarise(results: SkillResults) -> dict[str, Estimate]:
    """The figures of a player with 95 % intervals; those without any episode are left out.

    Keys: coverage, coverage_plus, open_share, om_hit (OnTop), om_hit_behind, om_hit_contained, dropped, found,
    seek_steps, claim_precision (share of all ClaimVisible that succeeded; bootstrap over episodes), claim_in_view.
    """
    figures: dict[str, Estimate] = {}
    explored = [one for one in results.explore if one is not None]
    for name in ("coverage", "coverage_plus", "open_share"):
        if values := [one[name] for one in explored if one[name] is not None]:
            figures[name] = mean_within(values, 1.0)
    moved = [one for one in results.manipulate if one is not None]
    for modality, name in MODALITY_KEYS.items():
        if some := [one for one in moved if one["modality"] == MODALITY_NAMES[modality]]:
            figures[name] = estimate_share(sum(one["hit"] for one in some), len(some))
    if moved:
        figures["dropped"] = estimate_share(sum(one["dropped"] for one in moved), len(moved))
    sought = [one for one in results.seek if one is not None]
    if sought:
        figures["found"] = estimate_share(sum(one["found"] for one in sought), len(sought))
        figures["seek_steps"] = estimate_mean([one["steps"] for one in sought])
    claims = [one["claims"] for one in sought]
    if sum(claims):
        figures["claim_precision"] = estimate_ratio([one["claims_succeeded"] for one in sought], claims)
        figures["claim_in_view"] = estimate_ratio([one["claims_in_view"] for one in sought], claims)
    return figures


MODALITY_KEYS = {
    Modality.ON_TOP: "om_hit",
    Modality.BEHIND: "om_hit_behind",
    Modality.CONTAINED_IN: "om_hit_contained",
}
"""Key of the share of hits by the target's modality."""
PAIRED = {"coverage": (Stage.EXPLORE, "coverage"), "om_hit": (Stage.MANIPULATE, "hit"), "found": (Stage.SEEK, "found")}
"""Figures that are compared episode by episode: their skill and field."""


def paired(ours: SkillResults, theirs: SkillResults, figure: str) -> tuple[list[float], list[float]]:
    """One of the figures `PAIRED` of two players, in the episodes that both played; om_hit: those with target OnTop."""
    stage, name = PAIRED[figure]
    pairs: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
        (first, second)
        for first, second in zip(getattr(ours, stage.value), getattr(theirs, stage.value), strict=True)
        if first is not None and second is not None
    ]
    if stage is Stage.MANIPULATE:
        pairs = [pair for pair in pairs if pair[0]["modality"] == MODALITY_NAMES[Modality.ON_TOP]]
    return [float(first[name]) for first, _ in pairs], [float(second[name]) for _, second in pairs]


def to_plain(results: SkillResults) -> dict[str, Any]:
    """The results as plain values for JSON."""
    return asdict(results)
