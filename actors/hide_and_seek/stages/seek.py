"""S, seeking: the seeker looks for the object in the room as the hider left it (Weihs et al., appendix B.5)."""

from __future__ import annotations

from actors.hide_and_seek import rewards
from actors.hide_and_seek.actions import Kind, Stage
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.episode import Episode, Step
from actors.hide_and_seek.world import World


class Seeking:
    """The stage's state machine. It ends when a ClaimVisible succeeds, or after `config.seek_steps` steps.

    Args:
        world: the room, with the agent at the hider's first pose and the goal where the hider left it.
        config: the rules.
    """

    stage = Stage.SEEK

    def __init__(self, world: World, config: GameConfig) -> None:
        self.episode = Episode(world, config, self.stage, config.seek_steps)
        self.found = False

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
        opened: tuple[str, ...] = ()
        in_view = None
        if action.kind is Kind.CLAIM:
            in_view = bool(episode.world.goal_pixels().sum() >= episode.config.claim_pixels)
            succeeded = self.found = in_view and episode.world.goal_distance() <= episode.config.claim_distance
        else:
            succeeded, opened = episode.perform(action)
        location, new, new_place, gain = episode.visit()
        reward = rewards.seek_reward(
            succeeded=succeeded,
            claims=action.kind is Kind.CLAIM,
            goal_in_view=bool(in_view),
            new_place=new_place,
            newly_opened=bool(opened),
            inner_failure=episode.config.punish_far_claims,
        )
        ended = self.found or episode.is_last
        return episode.finish(
            Step(
                self.stage,
                action,
                succeeded,
                reward,
                location,
                ended,
                opened,
                new,
                new_place,
                gain,
                goal_in_view=in_view,
            )
        )
