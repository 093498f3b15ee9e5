"""E&M, exploration and mapping: the hider walks through the room and opens things (Weihs et al., appendix B.1)."""

from __future__ import annotations

from dataclasses import replace

from actors.hide_and_seek import rewards
from actors.hide_and_seek.actions import Kind, Stage
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.episode import Episode, Step
from actors.hide_and_seek.world import World


class Exploration:
    """The stage's state machine. It lasts `config.explore_steps` steps; no action ends it earlier.

    Args:
        world: the room, with the agent at its first pose.
        config: the rules.
    """

    stage = Stage.EXPLORE

    def __init__(self, world: World, config: GameConfig) -> None:
        self.episode = Episode(world, config, self.stage, config.explore_steps)

    def step(self, number: int) -> Step:
        """Performs an action.

        Args:
            number: index into `actions.ACTIONS`.

        Returns:
            The step. Its reward is that of pretraining: it leaves r_hide out, see `reward`.

        Raises:
            IllegalAction: the stage does not allow the action.
            EpisodeEnded: the episode has ended.
        """
        episode = self.episode
        action = episode.check(number)
        succeeded, opened = episode.perform(action)
        location, new, new_place, gain = episode.visit()
        step = Step(self.stage, action, succeeded, 0.0, location, episode.is_last, opened, new, new_place, gain)
        return episode.finish(replace(step, reward=reward(step, hide_bonus=0.0)))


def reward(step: Step, hide_bonus: float) -> float:
    """The whole reward of a step (Algorithm 1).

    Args:
        step: of an exploration.
        hide_bonus: `rewards.hide_bonus` of perspective simulation's values.
    """
    return rewards.explore_reward(
        succeeded=step.succeeded,
        opens=step.action.kind is Kind.OPEN,
        extrapolated_gain=step.extrapolated_gain,
        newly_opened=bool(step.opened),
        new_location=step.new_location,
        hide_bonus=hide_bonus,
    )
