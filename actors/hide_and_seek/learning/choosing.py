"""Perspective simulation in a game: which locations the hider tries, in which order (Weihs et al., appendix C.3)."""

from __future__ import annotations

import numpy as np

from actors.hide_and_seek.learning.observed import LocationKey, from_key
from actors.hide_and_seek.locations import Location
from models.hide_and_seek.metric_map import MapState
from models.hide_and_seek.network import HideAndSeekNetwork


class Chooser:
    """The order in which the hider of one game tries locations.

    Args:
        network: with the module of perspective simulation.
        places: the hider's metric map after exploration; one game.
        origin: where exploration ended, relative to the first pose.
        random: the hider's generator.
    """

    def __init__(
        self, network: HideAndSeekNetwork, places: MapState, origin: Location, random: np.random.Generator
    ) -> None:
        self._random = random
        written = places.written[0] >= 0
        keys: list[LocationKey] = sorted({tuple(key[:3]) + (1,) for key in places.keys[0][written].tolist()})
        self._left = [from_key(key) for key in keys] or [origin._replace(standing=True)]

    def next(self) -> Location:
        """The next location to try, standing, relative to the first pose."""
        at = int(self._random.integers(len(self._left)))
        return self._left.pop(at) if len(self._left) > 1 else self._left[0]
