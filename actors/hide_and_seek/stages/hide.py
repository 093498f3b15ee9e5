"""OH, object hiding: the hider chooses where the object goes (Weihs et al., appendix B.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from actors.hide_and_seek import rewards
from actors.hide_and_seek.actions import Action, Kind, Stage, Target
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.episode import Episode, EpisodeEnded, Step
from actors.hide_and_seek.stages.manipulate import Manipulation
from actors.hide_and_seek.world import World


@dataclass(frozen=True)
class Attempt:
    """The outcome of a PlaceAt, for hindsight."""

    step: int
    """Number of its step in the episode, from 0."""
    target: Target
    """Modality, row and column that it asked for."""
    succeeded: bool
    landed: Target | None
    """Where the object has most pixels; None if it was not dropped or is lost."""


class Hiding:
    """The stage's state machine. It ends with ReadyForSeeker, or after `config.hide_steps` steps.

    A PlaceAt takes two calls: `place` starts the manipulation, which the caller plays to its end, and `finish_placing`
    makes it one step. If no PlaceAt has succeeded at the end, the object is dropped from its default place in the hand.

    Args:
        world: the room, with the agent at the chosen location and the goal in its hand.
        config: the rules.
    """

    stage = Stage.HIDE

    def __init__(self, world: World, config: GameConfig) -> None:
        self.episode = Episode(world, config, self.stage, config.hide_steps)
        self.attempts: list[Attempt] = []
        self.manipulation: Manipulation | None = None
        """The manipulation that a PlaceAt started and `finish_placing` has not ended yet."""
        self._placing: Action | None = None

    @property
    def placed(self) -> bool:
        """Whether a PlaceAt has succeeded."""
        return any(attempt.succeeded for attempt in self.attempts)

    def place(self, number: int) -> Manipulation | None:
        """Starts the manipulation of a PlaceAt.

        Returns:
            The manipulation. None if there is none to play, because the action is no PlaceAt or because a PlaceAt has
            succeeded before; `step` performs such an action.

        Raises:
            IllegalAction: the stage does not allow the action.
            EpisodeEnded: the episode has ended, or another manipulation is under way.
        """
        action = self._check(number)
        if action.kind is not Kind.PLACE or self.placed:
            return None
        self._placing = action
        self.manipulation = Manipulation(self.episode.world, self.episode.config, action.target)
        return self.manipulation

    def finish_placing(self, probability: float) -> Step:
        """Ends a PlaceAt whose manipulation has ended; after a failure the object returns to the hand.

        Args:
            probability: with which the manipulator predicted success, in [0, 1].

        Raises:
            RuntimeError: no manipulation is under way, or it has not ended.
            ValueError: the probability is impossible; nothing was done.
        """
        manipulation, action, episode = self.manipulation, self._placing, self.episode
        if manipulation is None or action is None or not manipulation.episode.ended:
            raise RuntimeError("finish_placing needs a manipulation that has ended")
        if not 0 <= probability <= 1:
            raise ValueError(f"probability must be in [0, 1], not {probability}")
        succeeded = manipulation.placed
        landed = None if manipulation.landing is None else manipulation.landing.best
        self.attempts.append(Attempt(len(episode.steps), action.target, succeeded, landed))
        self.manipulation = self._placing = None
        if not succeeded:
            episode.world.take_back()
        return self._finish(action, succeeded, (), probability if succeeded else None, placed_before=False)

    def step(self, number: int) -> Step:
        """Performs an action that needs no manipulation.

        Args:
            number: index into `actions.ACTIONS`.

        Raises:
            IllegalAction: the stage does not allow the action.
            EpisodeEnded: the episode has ended, or a manipulation is under way.
            ValueError: a PlaceAt that can succeed; use `place`.
        """
        action, placed = self._check(number), self.placed
        opened: tuple[str, ...] = ()
        if action.kind is Kind.READY:
            succeeded = placed
        elif action.kind is Kind.PLACE:
            if not placed:
                raise ValueError("a PlaceAt needs a manipulation; use place and finish_placing")
            succeeded = False
        else:
            succeeded, opened = self.episode.perform(action)
        return self._finish(action, succeeded, opened, None, placed)

    def _check(self, number: int) -> Action:
        action = self.episode.check(number)
        if self.manipulation is not None:
            raise EpisodeEnded("a manipulation is under way; finish_placing ends it")
        return action

    def _finish(
        self, action: Action, succeeded: bool, opened: tuple[str, ...], probability: float | None, placed_before: bool
    ) -> Step:
        episode = self.episode
        reward = rewards.hide_reward(
            kind=action.kind,
            succeeded=succeeded,
            newly_opened=bool(opened),
            placed_before=placed_before,
            manipulator_probability=probability,
        )
        ended = (action.kind is Kind.READY and succeeded) or episode.is_last
        location, new, new_place, gain = episode.visit()
        if ended and not self.placed:
            episode.world.drop()
        return episode.finish(
            Step(self.stage, action, succeeded, reward, location, ended, opened, new, new_place, gain)
        )

    def final_bonus(self, rollout_lengths: Sequence[int], seeker_steps: int) -> tuple[int, float] | None:
        """The reward for the quality of the hiding place, which is known after the game (Algorithm 2).

        Args:
            rollout_lengths: steps of the seeker in each mental rollout at the chosen location.
            seeker_steps: steps that the seeker took, `config.seek_steps` if it did not find the object.

        Returns:
            number of the step that gets it, from 0, and the amount; None if no PlaceAt succeeded.
        """
        index = rewards.final_hiding_step([(step.action.kind, step.succeeded) for step in self.episode.steps])
        return None if index is None else (index, rewards.final_hiding_bonus(rollout_lengths, seeker_steps))
