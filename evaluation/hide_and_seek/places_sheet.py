"""A sheet of hiding places: for each, a map with its place, and the picture of a location from which it is seen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle, Wedge
from numpy.typing import NDArray

from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.game import Game
from actors.hide_and_seek.locations import STEP, Location
from actors.hide_and_seek.places import DIFFICULTIES, HidingPlace
from actors.hide_and_seek.world import PAINT, World
from evaluation.pictures import save

TRIED_VIEWS = 12
"""Locations that are tried for the picture; the one that shows most of the goal is kept."""
VIEW_DISTANCES = (0.7, 2.0)
"""Metres between the goal and these locations, if there are such."""
CONE = 90
"""The camera's field of view, degrees."""
WHITE = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Shown:
    """What the sheet shows of a place."""

    place: HidingPlace
    furniture: Mapping[str, tuple[float, float]]
    """World x and z of the furniture, metres, by id."""
    cells: Mapping[tuple[float, float], int]
    """World x and z of each place to stand, and from how many of its eight location tuples the goal is seen."""
    view: tuple[float, float, int] | None
    """World x and z, and yaw in degrees, of the picture's location; None if the goal is seen from nowhere."""
    opened: bool
    """Whether the goal's container was opened for the picture."""
    image: NDArray[np.uint8] | None
    """(224, 224, 3) the picture; the goal is painted (255, 0, 255)."""


def examples(places: Sequence[HidingPlace], number: int) -> list[HidingPlace]:
    """The first places of each difficulty, those in different containers first.

    Args:
        places: to choose from.
        number: how many of each difficulty.
    """
    chosen = []
    for difficulty in DIFFICULTIES:
        some = [place for place in places if place.difficulty == difficulty]
        kinds = [place.contained_in.split("|")[0] for place in some]
        seen = [kinds[:index].count(kind) for index, kind in enumerate(kinds)]
        order = sorted(range(len(some)), key=lambda index: (seen[index], index))
        chosen += [some[index] for index in order[:number]]
    return chosen


def show(world: World, place: HidingPlace, config: GameConfig) -> Shown:
    """Restores a place and takes its picture, after opening its container if it cannot be seen before.

    Raises:
        Unplayable: the place does not fit into the room.
        SimulatorError: the simulator failed.
    """
    game = Game.from_place(world, place, config)
    where = game.facts.places
    furniture = world.furniture()
    seen = world.seen_from(where)
    tuples = Counter(one.place for one in seen)
    opened = False
    view, image = _best_view(world, seen)
    if view is None and place.contained_in in game.facts.openable:
        opened = world.act("OpenObject", objectId=place.contained_in, forceAction=True)
        view, image = _best_view(world, world.seen_from(where))
    frame = game.facts.frame
    return Shown(
        place=place,
        furniture=furniture,
        cells={frame.position(one): tuples[one] for one in sorted(where)},
        view=None if view is None else (*frame.position(view.place), (view.rotation + frame.yaw) % 360),
        opened=opened,
        image=image,
    )


def _best_view(world: World, seen: Sequence[Location]) -> tuple[Location | None, NDArray[np.uint8] | None]:
    goal = world.goal_pose().position
    near, far = VIEW_DISTANCES
    distances = {one: math.dist(world.frame.position(one.place), (goal["x"], goal["z"])) for one in seen}
    order = sorted(distances, key=lambda one: (max(near - distances[one], distances[one] - far, 0.0), one))
    good = [one for one in order if near <= distances[one] <= far] or order
    best: tuple[int, Location | None, NDArray[np.uint8] | None] = (0, None, None)
    for location in good[:: max(1, len(good) // TRIED_VIEWS)]:
        if not world.stand_at(location):
            continue
        pixels = world.goal_pixels()
        if pixels.sum() > best[0]:
            image = world.image.copy()
            image[pixels] = PAINT
            best = (int(pixels.sum()), location, image)
    return best[1], best[2]


def places_sheet(path: Path, shown: Sequence[Shown]) -> None:
    """Draws a map and a picture of each place, three places a row.

    Args:
        path: the PNG file.
        shown: the places.
    """
    pairs = 3
    rows = math.ceil(len(shown) / pairs)
    figure = Figure(figsize=(4.6 * pairs, 2.5 * rows), layout="constrained")
    grid = figure.subplots(rows, 2 * pairs, squeeze=False)
    for axis in grid.flat:
        axis.set_axis_off()
    for index, one in enumerate(shown):
        row, column = divmod(index, pairs)
        _map(grid[row, 2 * column], one)
        _picture(grid[row, 2 * column + 1], one)
    save(figure, path, 100)


def _map(axis: Axes, shown: Shown) -> None:
    """The room from above, north up: places to stand are bluer the more of their eight views show the goal."""
    place = shown.place
    for (x, z), count in shown.cells.items():
        shade = (1 - count / 8, 1 - count / 16, 1.0) if count else WHITE
        axis.add_patch(
            Rectangle((x - STEP / 2, z - STEP / 2), STEP, STEP, facecolor=shade, edgecolor="0.8", linewidth=0.3)
        )
    # Drawers and cupboards are parts of other furniture.
    for name, (x, z) in shown.furniture.items():
        kind = name.split("|")[0]
        axis.plot(x, z, ".", color="0.6", markersize=2)
        if kind not in ("Drawer", "Cabinet", "Shelf", "StoveBurner", "SinkBasin"):
            axis.text(x, z, kind, fontsize=4.5, color="0.4", ha="center", va="bottom", clip_on=True)
    if shown.view is not None:
        x, z, yaw = shown.view
        axis.add_patch(Wedge((x, z), 1.5, 90 - yaw - CONE / 2, 90 - yaw + CONE / 2, color="orange", alpha=0.35))
        axis.plot(x, z, "o", color="darkorange", markersize=4)
    axis.plot(place.start["x"], place.start["z"], "s", color="black", markersize=3.5)
    axis.plot(place.pose.position["x"], place.pose.position["z"], "*", color="magenta", mec="black", mew=0.5, ms=11)
    axis.set_aspect("equal")
    axis.autoscale_view()
    axis.set_title(f"{place.difficulty}: seen from {place.visible_from} of {place.tuples}", fontsize=8)


def _picture(axis: Axes, shown: Shown) -> None:
    if shown.image is None:
        axis.set_title("seen from nowhere", fontsize=8)
        return
    axis.imshow(shown.image)
    inside = shown.place.contained_in.split("|")[0]
    where = f"in a {inside}" if inside else "in no container"
    axis.set_title(where + (", opened for this picture" if shown.opened else ""), fontsize=8)
