"""The network as a player of whole games, for evaluations, environments and the page on which people play."""

from __future__ import annotations

import numpy as np

from actors.hide_and_seek.actions import INDEX, Kind, Stage
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import GameObservation
from actors.hide_and_seek.learning.choosing import Chooser
from actors.hide_and_seek.learning.mind import MANIPULATE, landed_at
from actors.hide_and_seek.learning.observed import (
    STAGE_INDEX,
    Observed,
    action_index,
    location_key,
    shrink,
    target_index,
)
from actors.hide_and_seek.learning.policy import Policy
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.players.core import Hints
from actors.hide_and_seek.scenes import GOALS
from models.hide_and_seek.agent import AgentState
from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.metric_map import MapState
from models.hide_and_seek.network import HideAndSeekNetwork
from replay.hide_and_seek.unroll import UNKNOWN

CLAIM = INDEX["ClaimVisible"]


class NetworkPlayer:
    """An `actors.hide_and_seek.players.core.GamePlayer` that plays both sides.

    Its map begins empty with `begin`, so the hider's and the seeker's player of one game may be the same object, as
    `play_game` begins the seeker after the hider has ended.

    Args:
        network: with its weights, on its device.
        config: of the network.
        name: for reports.
        greedy: whether it takes the likeliest action, rather than a random one by the policy.
        claim_above: it takes ClaimVisible if its probability is larger than this, and never otherwise, so that small
            probabilities do not add up over many steps. Where a claim failed it claims again only after something was
            opened or closed, or else it might never walk on. None: it draws ClaimVisible as it draws all other actions.
    """

    def __init__(
        self,
        network: HideAndSeekNetwork,
        config: AgentConfig,
        name: str = "network",
        greedy: bool = False,
        claim_above: float | None = None,
    ) -> None:
        self.name = name
        self._network, self._config, self._greedy, self._claim_above = network, config, greedy, claim_above
        self._policy = Policy(network.agent)
        self.begin(0, None)

    def begin(self, seed: int, hints: Hints | None) -> None:
        """See `GamePlayer.begin`; the network needs no hints."""
        self._random = np.random.default_rng(seed)
        self._state: AgentState = self._policy.fresh()
        self._new_map = True
        self._stage: Stage | None = None
        self._aside: AgentState | None = None
        """The state of object hiding while a manipulation is under way."""
        self._landed = UNKNOWN
        self._chooser: Chooser | None = None
        self._vain: set[Location] = set()
        """Where it claimed in vain."""

    @property
    def places(self) -> MapState:
        """Its metric map, for evaluations."""
        return self._state.map

    def act(self, observation: GameObservation) -> int:
        """See `GamePlayer.act`."""
        stage = observation.stage
        if stage is not self._stage:
            if stage is Stage.MANIPULATE:
                self._aside = self._state
            elif self._stage is Stage.MANIPULATE and self._aside is not None:
                self._state = self._aside._replace(map=self._state.map)
            self._stage = stage
        seen = self._observe(observation)
        if self._greedy:
            decision, self._state = self._policy.look(seen, self._state, STAGE_INDEX[stage])
        else:
            decision, self._state = self._policy.act(seen, self._state, STAGE_INDEX[stage], self._random)
        self._new_map = False
        if self._claim_above is None or stage is not Stage.SEEK:
            return decision.action
        odds = decision.probabilities.copy()
        if odds[CLAIM] > self._claim_above and observation.location not in self._vain:
            return CLAIM
        odds[CLAIM] = 0
        if not odds.any():
            odds[:] = observation.mask
            odds[CLAIM] = 0
        return int(odds.argmax() if self._greedy else self._random.choice(len(odds), p=odds / odds.sum()))

    def learn(self, step: Step) -> None:
        """See `GamePlayer.learn`."""
        if step.action.kind is Kind.CLAIM and not step.succeeded:
            self._vain.add(step.location)
        elif step.action.kind in (Kind.OPEN, Kind.CLOSE) and step.succeeded:
            self._vain.clear()
        if step.stage is Stage.MANIPULATE:
            if step.ended:
                self._landed = landed_at(step.landing)
        elif step.action.kind is not Kind.PLACE or self._stage is not Stage.MANIPULATE:
            # Only a PlaceAt that was just played tells where the object landed.
            self._landed = UNKNOWN

    def choose(self, observation: GameObservation) -> Location:
        """See `GamePlayer.choose`."""
        if self._chooser is None:
            self._chooser = Chooser(self._network.perspective, self._state.map, observation.location, self._random)
        return self._chooser.next().seen_from(observation.location)

    def probability(self, observation: GameObservation) -> float:
        """What the manipulator says at its first step."""
        seen = self._observe(observation)
        decision, _ = self._policy.look(seen, self._state, MANIPULATE)
        return float(decision.hittable[seen.target])

    def _observe(self, observation: GameObservation) -> Observed:
        last = observation.last_action
        return Observed(
            image=shrink(observation.image, self._config.image_size),
            last_action=0 if last is None else action_index(last, observation.last_succeeded),
            standing=observation.location.standing,
            goal=GOALS.index(observation.goal),
            location=location_key(observation.location),
            target=target_index(observation.target),
            landed=self._landed if observation.stage is Stage.HIDE else UNKNOWN,
            first=observation.step == 0,
            new_map=self._new_map,
        )
