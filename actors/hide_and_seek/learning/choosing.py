"""What perspective simulation says in a game: where the hider tries to hide, and what places are worth."""

from __future__ import annotations

import numpy as np
import torch

from actors.hide_and_seek.learning.observed import from_key, location_key
from actors.hide_and_seek.locations import Location
from models.hide_and_seek.metric_map import MapState
from models.hide_and_seek.perspective import PerspectiveSimulation


class Chooser:
    """The order in which the hider of one game tries locations (Weihs et al., appendix C.3).

    Args:
        perspective: the module.
        places: the hider's metric map after exploration; one game.
        origin: where exploration ended, relative to the first pose.
        random: the hider's generator.
    """

    def __init__(
        self, perspective: PerspectiveSimulation, places: MapState, origin: Location, random: np.random.Generator
    ) -> None:
        choice = perspective.choose(places, _tensor(origin, places), _generator(random, places))
        self._locations = [from_key((*at, 1)) for at in choice.locations.tolist()]
        self._next = 0

    def next(self) -> Location:
        """The next location to try, standing, relative to the first pose; the last one again if none is left."""
        location = self._locations[min(self._next, len(self._locations) - 1)]
        self._next += 1
        return location


def value_of(perspective: PerspectiveSimulation, places: MapState, location: Location) -> float:
    """v, the value of a location by the hider's map; see `rewards.hide_bonus`."""
    return float(perspective.value_of(places, _tensor(location, places))[0])


def rollout_lengths(
    perspective: PerspectiveSimulation,
    places: MapState,
    origin: Location,
    chosen: Location,
    random: np.random.Generator,
) -> list[int]:
    """Steps of the seeker in mental rollouts at the chosen place, for the final reward of object hiding."""
    start, place = _tensor(origin, places), _tensor(chosen, places)[0]
    lengths = perspective.rollout_lengths(places, start, place, _generator(random, places))
    return [round(length) for length in lengths.tolist()]


def _tensor(location: Location, places: MapState) -> torch.Tensor:
    return torch.tensor([location_key(location)], dtype=torch.long, device=places.values.device)


def _generator(random: np.random.Generator, places: MapState) -> torch.Generator:
    generator = torch.Generator(device=places.values.device)
    generator.manual_seed(int(random.integers(2**63)))
    return generator
