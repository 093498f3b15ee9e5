"""A game of hide and seek that is played one step at a time, by people and by players of the program in turns.

`actors.hide_and_seek.play.play_game` plays whole games; a page must stop before each move of a person.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from actors.hide_and_seek.actions import Stage
from actors.hide_and_seek.episode import Episode, Step
from actors.hide_and_seek.game import Game
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.places import HidingPlace
from actors.hide_and_seek.players.core import GamePlayer
from actors.hide_and_seek.stages.perspective import Choice, Perspective


class Phase(StrEnum):
    """Where a game is: in a stage, between hiding and seeking, or over."""

    EXPLORE = "explore"
    PERSPECTIVE = "perspective"
    HIDE = "hide"
    MANIPULATE = "manipulate"
    HIDDEN = "hidden"
    SEEK = "seek"
    OVER = "over"


class NotNow(ValueError):
    """A move that the game does not allow now; nothing was done."""


class Turns:
    """One game and who plays it.

    Args:
        game: a new game, of which no stage has begun.
        hider: plays the hider's stages; None: a person.
        seeker: plays seeking; None: a person.
        watch: called after each step.
        hidden: whether the game was made from a hiding place, so that it begins with seeking.

    All methods raise SimulatorError if the simulator fails; then the game is lost.
    """

    def __init__(
        self,
        game: Game,
        hider: GamePlayer | None,
        seeker: GamePlayer | None,
        watch: Callable[[Game, Step], None],
        hidden: bool = False,
    ) -> None:
        self.game = game
        self.hider = hider
        self.seeker = seeker
        self.place: HidingPlace | None = None
        """Where the goal is, once it is hidden by this game's hider."""
        self.last: Step | Choice | None = None
        """What the latest move of the present stage did."""
        self._watch = watch
        self._probability = 1.0
        self._steps: list[Step] = []
        self.path: list[Location] = []
        """Where the present side's agent has been: the hider's, or from seeking on the seeker's."""
        self.phase = Phase.HIDDEN if hidden else Phase.EXPLORE
        if not hidden:
            if hider is not None:
                hider.begin(game.task.seed, game.world)
            game.explore()
            self.path.append(game.world.location)

    # --- What is going on

    @property
    def player(self) -> GamePlayer | None:
        """Whose turn it is; None: a person's, or nobody's."""
        if self.phase in (Phase.HIDDEN, Phase.OVER):
            return None
        return self.seeker if self.phase is Phase.SEEK else self.hider

    @property
    def episode(self) -> Episode | None:
        """The present stage's books; None where there are none."""
        current = self.game.current
        return None if current is None or isinstance(current, Perspective) else current.episode

    def reward(self) -> float:
        """The sum of the rewards of the present side: the hider's stages, or seeking."""
        seeking = self.phase in (Phase.SEEK, Phase.OVER)
        return sum(step.reward for step in self._steps if (step.stage is Stage.SEEK) == seeking)

    # --- Moves

    def act(self, number: int) -> None:
        """Performs an action of the present stage; a PlaceAt begins its manipulation.

        Raises:
            NotNow: no action is possible in this phase.
            IllegalAction: the stage does not allow it.
        """
        game = self.game
        match self.phase:
            case Phase.EXPLORE:
                assert game.exploration is not None
                self._note(game.exploration.step(number))
            case Phase.HIDE:
                assert game.hiding is not None
                manipulation = game.hiding.place(number)
                if manipulation is None:
                    self._note(game.hiding.step(number))
                else:
                    self.phase, self.last = Phase.MANIPULATE, None
                    self._probability = 1.0 if self.hider is None else self.hider.probability(game.observe())
            case Phase.MANIPULATE:
                assert game.hiding is not None and game.hiding.manipulation is not None
                self._note(game.hiding.manipulation.step(number))
                if game.hiding.manipulation.episode.ended:
                    game.end_placing(self._probability)
                    self.phase = Phase.HIDE
                    self._note(game.hiding.episode.steps[-1])
            case Phase.SEEK:
                assert game.seeking is not None
                self._note(game.seeking.step(number))
            case _:
                raise NotNow(f"no action is possible in the phase '{self.phase.value}'")
        self._advance()

    def choose(self, location: Location) -> Choice:
        """Tries a location to hide from, relative to the pose at the end of exploration.

        Raises:
            NotNow: it is not the time to choose.
        """
        if self.phase is not Phase.PERSPECTIVE or self.game.perspective is None:
            raise NotNow("a location is chosen after exploration, and once")
        choice = self.game.perspective.step(location)
        self.last = choice
        if self.game.perspective.ended:
            self.game.hide()
            self.phase, self.last = Phase.HIDE, None
            self.path.append(self.game.world.location)
        return choice

    def end_exploration(self) -> None:
        """Ends exploration before its clock does, as a person may have seen enough.

        Raises:
            NotNow: nobody explores.
        """
        if self.phase is not Phase.EXPLORE or self.game.exploration is None:
            raise NotNow("only exploration can be ended early")
        self.game.exploration.episode.ended = True
        self._advance()

    def seek(self) -> None:
        """Begins seeking.

        Raises:
            NotNow: the object is not hidden, or sought already.
        """
        if self.phase is not Phase.HIDDEN:
            raise NotNow("seeking begins once the object is hidden")
        if self.seeker is not None:
            self.seeker.begin(self.game.task.seed, self.game.world)
        self.game.seek()
        self.phase, self.last = Phase.SEEK, None
        self.path = [self.game.world.location]

    def play_on(self, moves: int) -> int:
        """Lets the player whose turn it is make up to so many moves; returns how many it made."""
        made = 0
        while made < moves and (player := self.player) is not None:
            observation = self.game.observe()
            if self.phase is Phase.PERSPECTIVE:
                self.choose(player.choose(observation))
            else:
                self.act(player.act(observation))
            made += 1
        return made

    def _note(self, step: Step) -> None:
        self._steps.append(step)
        self.last = step
        if step.new_location or (self.path and step.location != self.path[-1]):
            self.path.append(step.location)
        player = self.seeker if step.stage is Stage.SEEK else self.hider
        if player is not None:
            player.learn(step)
        self._watch(self.game, step)

    def _advance(self) -> None:
        """Goes to the next phase if the present stage has ended."""
        game = self.game
        if self.phase is Phase.EXPLORE and game.exploration is not None and game.exploration.episode.ended:
            game.choose()
            self.phase, self.last = Phase.PERSPECTIVE, None
        elif self.phase is Phase.HIDE and game.hiding is not None and game.hiding.episode.ended:
            game.measure()
            self.place = game.place("human" if self.hider is None else self.hider.name)
            self.phase = Phase.HIDDEN
        elif self.phase is Phase.SEEK and game.seeking is not None and game.seeking.episode.ended:
            self.phase = Phase.OVER
