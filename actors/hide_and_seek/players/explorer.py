"""The explorer: walks to the nearest place where it has not been, and opens closed things within reach on its way."""

from __future__ import annotations

from actors.hide_and_seek.actions import Kind, Stage
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import GameObservation
from actors.hide_and_seek.players.core import Hints, Side
from actors.hide_and_seek.players.roamer import Roamer, change_posture


class Explorer(Roamer):
    """Explores by its own map; in the hider's other stages it plays as `Uniform` does.

    Coverage counts postures, so it stands up or crouches at each place where it has only been in one of them.
    """

    name = "explorer"
    sides = frozenset({Side.HIDER})

    def begin(self, seed: int, hints: Hints) -> None:
        """See `GamePlayer.begin`."""
        super().begin(seed, hints)
        self._no_posture: set[tuple[int, int]] = set()
        """Places where changing the posture failed."""

    def choose_action(self, observation: GameObservation) -> int:
        """The number of a legal action."""
        return self.roam(observation) if observation.stage is Stage.EXPLORE else super().choose_action(observation)

    def at_place(self, observation: GameObservation) -> int | None:
        """The other posture, if it is new here."""
        here = observation.location
        new = (here.x, here.z, not here.standing) not in self.map.visited
        return change_posture(here) if new and (here.x, here.z) not in self._no_posture else None

    def learn(self, step: Step) -> None:
        """See `GamePlayer.learn`."""
        if step.stage is not Stage.EXPLORE:
            return
        super().learn(step)
        if step.action.kind is Kind.POSTURE and not step.succeeded:
            self._no_posture.add((step.location.x, step.location.z))
