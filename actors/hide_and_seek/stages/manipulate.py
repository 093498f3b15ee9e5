"""OM, object manipulation: the hider moves the held object to a target and drops it (Weihs et al., appendix B.4)."""

from __future__ import annotations

from actors.hide_and_seek import rewards
from actors.hide_and_seek.actions import Kind, Stage, Target
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.episode import Episode, Step
from actors.hide_and_seek.pixels import Landing, landing
from actors.hide_and_seek.world import World


class Manipulation:
    """The stage's state machine. It ends when the object is dropped, or after `config.manipulate_steps` steps.

    Args:
        world: the room, with the goal in the agent's hand.
        config: the rules.
        target: modality, row and column where the object shall land.
    """

    stage = Stage.MANIPULATE

    def __init__(self, world: World, config: GameConfig, target: Target) -> None:
        self.episode = Episode(world, config, self.stage, config.manipulate_steps)
        self.target = target
        self.landing: Landing | None = None
        """Where the object landed; None until it is dropped. Hindsight relabels the episode with `landing.best`."""

    @property
    def hit(self) -> bool:
        """Whether the object landed at the target: its cell and modality."""
        return self.landing is not None and self.landing.hit(*self.target)

    @property
    def placed(self) -> bool:
        """The same as the hiding stage sees it: for ContainedIn and Behind one row above or below counts, too."""
        return self.landing is not None and self.landing.hit(*self.target, neighbours=True)

    def step(self, number: int) -> Step:
        """Performs an action.

        Args:
            number: index into `actions.ACTIONS`.

        Raises:
            IllegalAction: the stage does not allow the action.
            EpisodeEnded: the episode has ended.
        """
        episode = self.episode
        action = episode.check(number)
        succeeded, opened = episode.perform(action)
        landed = None
        if action.kind is Kind.DROP and succeeded:
            self.landing = landed = look_at_goal(episode.world, episode.config)
        ended = landed is not None or episode.is_last
        reward = rewards.manipulate_reward(
            succeeded=succeeded,
            opens=action.kind is Kind.OPEN,
            newly_opened=bool(opened),
            landing=landed,
            target=self.target,
            last_step=ended,
            any_last_step=episode.config.punish_every_missing_drop,
        )
        return episode.finish(Step(self.stage, action, succeeded, reward, episode.start, ended, opened, landing=landed))


def look_at_goal(world: World, config: GameConfig) -> Landing:
    """How the agent sees the goal now: its pixels by modality and cell."""
    return landing(
        world.goal_pixels(), world.goal_pixels_alone(), bool(world.container()), lost_pixels=config.lost_pixels
    )
