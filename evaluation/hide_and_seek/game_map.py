"""A room from above, with the ways of hider and seeker, what they opened, and where the object is."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from actors.hide_and_seek.actions import Stage
from actors.hide_and_seek.locations import STEP, Location
from actors.hide_and_seek.record import GameRecord

GROUND = "#d9d9d6"
"""Of the room where nobody can walk: furniture, and what lies behind it."""
FLOOR = "#ffffff"
FURNITURE = "#77777a"
START = "#1a1a1a"
CHOSEN = "#8e2c9a"
"""Of the hider's choice, and of what it opened while it hid the object."""
GOAL = "#ffc400"
HIDER, SEEKER = "#1f5fbf", "#d1541c"
WAYS: dict[Stage, Colormap] = {
    Stage.EXPLORE: LinearSegmentedColormap.from_list("hider", colormaps["Blues"](np.linspace(0.35, 1, 64))),
    Stage.SEEK: LinearSegmentedColormap.from_list("seeker", colormaps["Oranges"](np.linspace(0.4, 1, 64))),
}
"""Colours of the ways, from the first step to the last."""
OPENED = {Stage.EXPLORE: HIDER, Stage.HIDE: CHOSEN, Stage.MANIPULATE: CHOSEN, Stage.SEEK: SEEKER}
UNLABELLED = ("Floor", "Wall", "Ceiling", "Window", "StoveKnob", "LightSwitch", "SinkBasin", "BathtubBasin", "Drawer",
              "Cabinet", "Shelf", "StoveBurner")  # fmt: skip
"""Furniture without a name on the map: there are many of it, or it is part of another."""
SPREAD = 0.055
"""Metres by which visits of one place are drawn apart."""
Points = NDArray[np.float64]


def draw_map(axis: Axes, record: GameRecord, stage: Stage) -> None:
    """Draws the map of one side's part of the game.

    Args:
        axis: is made equal in both directions, metres; x is east and y is north of AI2-THOR's world.
        record: of the game.
        stage: EXPLORE draws all that the hider did, SEEK what the seeker did.
    """
    axis.set_aspect("equal")
    axis.set_axis_off()
    _room(axis, record)
    labelled = _Labels(axis, record)
    opened = [Stage.EXPLORE, Stage.HIDE, Stage.MANIPULATE] if stage is Stage.EXPLORE else [Stage.SEEK]
    _openable(axis, record, opened)
    start = record.starts.get(stage, Location(0, 0, 0, True))
    way = np.array([position(record, start)] + [position(record, record.steps[i].location) for i in record.of(stage)])
    _way(axis, way, WAYS[stage])
    _pose(axis, record, start, START, size=14)  # shows below one at the same place
    if stage is Stage.EXPLORE and record.chosen is not None:
        for choice in record.choices:
            if not choice.succeeded and choice.location.place in record.places:
                axis.plot(*position(record, choice.location), "x", color=CHOSEN, ms=4, mew=1, zorder=6)
        _pose(axis, record, record.chosen, CHOSEN)
    goal = (record.place.pose.position["x"], record.place.pose.position["z"])
    if stage is Stage.SEEK and record.result.found and record.of(stage):
        finder = record.steps[record.of(stage)[-1]].location
        axis.plot(*np.transpose([position(record, finder), goal]), color=START, ls=(0, (3, 2)), lw=1.2, zorder=7)
        _pose(axis, record, finder, SEEKER)
    axis.plot(*goal, "*", color=GOAL, ms=15, mec="black", mew=0.9, zorder=9)
    labelled.draw()


def legend(record: GameRecord) -> list[Line2D]:
    """Marks of the maps, for a legend."""

    def mark(marker: str, color: str, label: str, edge: str = "none", size: float = 7) -> Line2D:
        return Line2D([], [], ls="none", marker=marker, color=color, mec=edge, ms=size, label=label)

    marks = [mark("^", START, "start")]
    if record.chosen is not None:
        marks += [mark("^", CHOSEN, "hides from here"), mark("s", HIDER, "opened exploring"),
                  mark("s", CHOSEN, "opened hiding")]  # fmt: skip
    marks += [mark("s", SEEKER, "opened seeking"), mark("s", "white", "not opened", FURNITURE)]
    if record.result.found:
        marks += [mark("^", SEEKER, "finds it from here")]
    return [*marks, mark("*", GOAL, "the object", "black", 11)]


def position(record: GameRecord, location: Location) -> tuple[float, float]:
    """World x and z of a location, metres."""
    return record.frame.position(location.place)


def _room(axis: Axes, record: GameRecord) -> None:
    """Draws the floor where the agent can walk, and around it all that is known of the room."""
    half = STEP / 2
    places = np.array([record.frame.position(place) for place in record.places]).reshape(-1, 2)
    corners = np.array([(-half, -half), (half, -half), (half, half), (-half, half)])
    tiles = places[:, None] + corners
    known = np.concatenate([tiles.reshape(-1, 2), np.array([*record.furniture.values()]).reshape(-1, 2)])
    # The furniture's middles are known, not its walls; 0.3 m is about half of a counter's depth.
    outline = cv2.convexHull(known.astype(np.float32))[:, 0]
    axis.add_patch(Polygon(outline, facecolor=GROUND, edgecolor=GROUND, lw=14, joinstyle="round", zorder=0))
    for tile in tiles:
        axis.add_patch(Polygon(tile, facecolor=FLOOR, edgecolor=FLOOR, lw=0.8, zorder=1))
    axis.scatter(places[:, 0], places[:, 1], s=1.5, color="#c4c4c0", zorder=2, lw=0)
    low, high = outline.min(axis=0) - 0.35, outline.max(axis=0) + 0.35
    axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))


def _openable(axis: Axes, record: GameRecord, stages: Sequence[Stage]) -> None:
    """Draws a square at each object that opens, filled with the colour of the stage that opened it last."""
    colors: dict[str, str] = {}
    for stage in stages:
        for index in record.of(stage):
            for name in record.steps[index].opened:
                colors[name] = OPENED[stage]
    for name in record.openable:
        if name in record.furniture and name not in colors:
            axis.plot(*record.furniture[name], "s", color="white", mec=FURNITURE, mew=0.7, ms=5, zorder=3)
    for name, color in colors.items():
        if name in record.furniture:
            axis.plot(*record.furniture[name], "s", color=color, mec="white", mew=0.6, ms=6.5, zorder=4)


def _way(axis: Axes, points: Points, colors: Colormap) -> None:
    """Draws a way through (n, 2) points, whose colour tells the time."""
    number = np.arange(len(points))
    # Visits of one place are drawn apart by the golden angle, so that a long way is no single line.
    angle, distance = number * 2.399963, SPREAD * np.sqrt((number * 0.618034) % 1.0)
    stays = np.r_[False, (np.diff(points, axis=0) == 0).all(axis=1)]
    drawn = (points + (distance * np.array([np.cos(angle), np.sin(angle)])).T)[~stays]
    when = number[~stays]
    if len(drawn) > 1:
        lines = LineCollection(
            np.stack([drawn[:-1], drawn[1:]], axis=1).tolist(), cmap=colors, norm=Normalize(0, max(len(points) - 1, 1)),
            lw=1.6, capstyle="round", zorder=5,
        )  # fmt: skip
        lines.set_array(when[1:])
        axis.add_collection(lines)


def _pose(axis: Axes, record: GameRecord, location: Location, color: str, size: float = 11) -> None:
    """Draws an arrow head that points where the agent looks."""
    yaw = (location.rotation + record.frame.yaw) % 360
    axis.plot(
        *position(record, location),
        marker=(3, 0, -yaw),
        color=color,
        mec="white",
        mew=0.8,
        ms=size,
        ls="none",
        zorder=8,
    )


class _Labels:
    """Names of furniture, drawn where they cover neither another name nor a mark."""

    def __init__(self, axis: Axes, record: GameRecord) -> None:
        self._axis = axis
        goal = record.place.pose.position
        self._marks = [record.furniture[name] for name in record.openable if name in record.furniture]
        self._marks.append((goal["x"], goal["z"]))
        kinds: dict[str, list[tuple[float, float]]] = {}
        for name, where in record.furniture.items():
            kind = name.split("|")[0]
            if kind not in UNLABELLED:
                kinds.setdefault(kind, []).append(where)
        # Rare things say most about where one is.
        self._kinds = sorted(kinds.items(), key=lambda one: (len(one[1]), one[0]))

    def draw(self) -> None:
        """Draws the names; the axis must have its limits and the figure its size."""
        left, right = self._axis.get_xlim()
        # Metres of a letter: the map is about 70 letters of this size wide.
        letter = max(right - left, 1.3 * float(np.ptp(self._axis.get_ylim()))) / 72
        dots = [(x, z, letter / 3) for _, at in self._kinds for x, z in at]
        marks = [(x, z, letter) for x, z in self._marks]
        taken = [(x - half, z - half, x + half, z + half) for x, z, half in dots + marks]
        for kind, at in self._kinds:
            for x, z in at:
                self._axis.plot(x, z, ".", color=FURNITURE, ms=2.5, zorder=2.5)
                half = letter * len(kind) / 2
                middle = min(max(x, left + half), right - half)
                for above in (-2.1 * letter, 2.1 * letter):
                    box = (middle - half, z + above - letter, middle + half, z + above + letter)
                    if not any(_overlap(box, other) for other in taken):
                        taken.append(box)
                        self._axis.text(middle, z + above, kind, fontsize=5, color="#55555a", ha="center",
                                        va="center", zorder=3.5)  # fmt: skip
                        break


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
