"""Where the agent can stand and walk: a vertical cylinder against the footprints of all geoms below its head.

A footprint is the convex hull of a geom seen from above. The agent meets a footprint F on a straight step d if its
start is too close to hull(F, F - d), so the same distance serves for standing and for stepping. The frame is MuJoCo's
(x east, y north, z up, metres).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.rooms.footprints import AGENT_RADIUS
from simulator.world.frame import WORLD, Frame

AGENT_HEIGHT = 1.8
"""Height of the agent, metres: geoms above it are no obstacles."""
STEP_HEIGHT = 0.03
"""Geoms up to this height (floor, rugs) are no obstacles, metres."""
CLEARANCE = AGENT_RADIUS - 1e-6
"""Radius around the agent's middle that must be free, metres; objects that it just touches are no obstacles."""
SLACK = 1e-4
"""Tolerance of `hit` and `beyond` compared with `free`, metres, so that rounding never forbids a reachable place."""
_CIRCLE = np.array([[math.cos(t), math.sin(t)] for t in np.linspace(0, 2 * math.pi, 16, endpoint=False)])
_POINTS_AT_ONCE = 1024
"""Number of points that are checked at once, which bounds the memory for large grids."""

Print = tuple[int, NDArray[np.float64]]
"""A geom and its footprint: (m, 2) corners of a convex polygon, counter-clockwise, metres."""


def _local_corners(model: mujoco.MjModel, geom: int) -> NDArray[np.float64]:
    """(n, 3) points in the geom's frame whose convex hull contains it, metres."""
    kind, size = int(model.geom_type[geom]), model.geom_size[geom]
    types = mujoco.mjtGeom
    if kind == types.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        start, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        return np.unique(model.mesh_vert[start : start + count], axis=0).astype(np.float64)
    if kind in (types.mjGEOM_CYLINDER, types.mjGEOM_CAPSULE):
        half = size[1] + (size[0] if kind == types.mjGEOM_CAPSULE else 0.0)
        rim = _CIRCLE * size[0]
        return np.concatenate([np.column_stack([rim, np.full(len(rim), z)]) for z in (-half, half)])
    # Boxes, and the bounding boxes of spheres and ellipsoids.
    extents = np.repeat(size[0], 3) if kind == types.mjGEOM_SPHERE else size
    return np.array(list(itertools.product((-1.0, 1.0), repeat=3))) * extents


def _hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m, 2) convex hull of points (n, 2), counter-clockwise."""
    # OpenCV works in single precision, which is a tenth of a micrometre in a room.
    return cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)


class Footprints:
    """The footprints of some geoms of a model, for any of its states.

    Args:
        model: the room.
        geoms: numbers of the geoms; planes and geoms without collisions are left out.
    """

    def __init__(self, model: mujoco.MjModel, geoms: NDArray[np.intp]) -> None:
        # NumPy compares with MuJoCo's enumeration one by one; with a number it takes a thousandth of the time.
        plane = model.geom_type[geoms] == int(mujoco.mjtGeom.mjGEOM_PLANE)
        solid = (model.geom_contype[geoms] != 0) | (model.geom_conaffinity[geoms] != 0)
        self._geoms = geoms[solid & ~plane]
        corners = [_local_corners(model, geom) for geom in self._geoms.tolist()]
        self._counts = np.array([len(points) for points in corners], dtype=np.intp)
        self._starts = np.cumsum(self._counts) - self._counts
        self._corners = np.concatenate([*corners, np.empty((0, 3))])

    def distance(self, data: mujoco.MjData, point: NDArray[np.float64], height: float) -> float:
        """Distance of a point (2,) of the floor from the nearest footprint below `height`; infinite without any."""
        polygons = [hull for _, hull in self.at(data, height)]
        count = len(polygons)
        found = _Hulls(polygons).distances(point[None].repeat(count, axis=0), np.arange(count))
        return float(found.min(initial=math.inf))

    def at(self, data: mujoco.MjData, height: float = AGENT_HEIGHT) -> list[Print]:
        """The footprints of the geoms at the height of an agent. The poses in `data` must be up to date."""
        if not len(self._geoms):
            return []
        turns = data.geom_xmat[self._geoms].reshape(-1, 3, 3).repeat(self._counts, axis=0)
        shifts = data.geom_xpos[self._geoms].repeat(self._counts, axis=0)
        points = np.einsum("nij,nj->ni", turns, self._corners) + shifts
        highest = np.maximum.reduceat(points[:, 2], self._starts)
        lowest = np.minimum.reduceat(points[:, 2], self._starts)
        chosen = np.flatnonzero((highest > STEP_HEIGHT) & (lowest < height))
        return [
            (geom, _hull(points[start : start + count, :2]))
            for geom, start, count in zip(
                self._geoms[chosen].tolist(), self._starts[chosen].tolist(), self._counts[chosen].tolist(), strict=True
            )
        ]


class _Hulls:
    """Convex polygons in flat arrays, for computing many distances at once."""

    def __init__(self, polygons: list[NDArray[np.float64]]) -> None:
        self._counts = np.array([len(polygon) for polygon in polygons], dtype=np.intp)
        self._starts = np.cumsum(self._counts) - self._counts
        self._corners = np.concatenate([*polygons, np.empty((0, 2))])
        following = np.arange(len(self._corners)) + 1
        following[self._starts + self._counts - 1] = self._starts
        self._edges = self._corners[following] - self._corners
        self._squares = np.maximum((self._edges**2).sum(-1), 1e-12)
        self._low = np.minimum.reduceat(self._corners, self._starts) if polygons else self._corners
        self._high = np.maximum.reduceat(self._corners, self._starts) if polygons else self._corners

    def near(self, points: NDArray[np.float64], distance: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Pairs (point, polygon) that may be closer to each other than `distance`, as two arrays (p,)."""
        inside = np.ones((len(points), len(self._counts)), dtype=bool)
        for axis in (0, 1):
            along = points[:, axis, None]
            inside &= along > self._low[:, axis] - distance
            inside &= along < self._high[:, axis] + distance
        which, polygons = np.nonzero(inside)
        return which, polygons

    def distances(self, points: NDArray[np.float64], polygons: NDArray[np.intp]) -> NDArray[np.float64]:
        """(p,) distance of each point (p, 2) from the polygon with the number (p,), 0 inside; metres."""
        if not len(points):
            return np.empty(0)
        counts = self._counts[polygons]
        starts = np.cumsum(counts) - counts
        rows = np.arange(counts.sum()) + (self._starts[polygons] - starts).repeat(counts)
        edge = self._edges[rows]
        offset = points.repeat(counts, axis=0) - self._corners[rows]
        along = np.clip((offset * edge).sum(-1) / self._squares[rows], 0.0, 1.0)
        squares = ((offset - along[:, None] * edge) ** 2).sum(-1)
        left = edge[:, 0] * offset[:, 1] - edge[:, 1] * offset[:, 0] >= 0
        inside = np.logical_and.reduceat(left, starts) & (counts > 2)
        return np.where(inside, 0.0, np.sqrt(np.minimum.reduceat(squares, starts)))

    def clear(self, points: NDArray[np.float64], distance: float) -> NDArray[np.bool_]:
        """(n,) whether each of the points (n, 2) is at least `distance` away from every polygon."""
        clear = np.ones(len(points), dtype=bool)
        for start in range(0, len(points), _POINTS_AT_ONCE):
            some = points[start : start + _POINTS_AT_ONCE]
            which, polygons = self.near(some, distance)
            clear[start + which[self.distances(some[which], polygons) < distance]] = False
        return clear


@dataclass(frozen=True)
class _Grid:
    """Points of a grid and which of them the agent can step between."""

    xs: NDArray[np.float64]
    ys: NDArray[np.float64]
    cells: NDArray[np.bool_]
    """(len(xs), len(ys)) whether the agent fits at each point."""
    east: NDArray[np.bool_]
    """(len(xs) - 1, len(ys)) whether the agent can step between each point and its eastern neighbour."""
    north: NDArray[np.bool_]
    """(len(xs), len(ys) - 1) the same for the northern neighbour."""

    def flood(self, reached: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """All points that can be reached from the given ones."""
        while True:
            grown = reached.copy()
            grown[1:] |= reached[:-1] & self.east
            grown[:-1] |= reached[1:] & self.east
            grown[:, 1:] |= reached[:, :-1] & self.north
            grown[:, :-1] |= reached[:, 1:] & self.north
            if (grown == reached).all():
                return reached
            reached = grown

    def largest_area(self) -> NDArray[np.bool_]:
        """The largest set of points that can be reached from each other; empty if the agent fits nowhere."""
        left, best = self.cells.copy(), np.zeros_like(self.cells)
        while left.any():
            seed = np.zeros_like(left)
            seed.flat[int(left.argmax())] = True
            area = self.flood(seed)
            left &= ~area
            if area.sum() > best.sum():
                best = area
        return best

    def points(self, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(n, 2) coordinates of the chosen points, sorted by x, then y."""
        columns, rows = np.nonzero(chosen)
        return np.column_stack([self.xs[columns], self.ys[rows]])


class Obstacles:
    """All obstacles for the agent at one moment. Places are in the world.

    Args:
        floor: (x_min, x_max, y_min, y_max) of the room.
        prints: footprints of all geoms that are obstacles, see `Footprints.at`.
    """

    def __init__(self, floor: tuple[float, float, float, float], prints: list[Print]) -> None:
        self._floor = floor
        self._low = np.array(floor[::2]) + AGENT_RADIUS
        self._high = np.array(floor[1::2]) - AGENT_RADIUS
        self.prints = prints
        self._hulls = _Hulls([hull for _, hull in prints])
        self._reached: tuple[float, Frame, NDArray[np.float64]] | None = None

    def beyond(self, x: float, y: float) -> bool:
        """Whether an agent at (x, y) would extend beyond the floor."""
        point = np.array([x, y])
        return bool(((point < self._low - SLACK) | (point > self._high + SLACK)).any())

    def free(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,) whether an agent fits at each of the points (n, 2)."""
        fits: NDArray[np.bool_] = np.all((points >= self._low) & (points <= self._high), axis=-1)
        fits[fits] = self._hulls.clear(points[fits], CLEARANCE)
        return fits

    def hit(self, x: float, y: float, step: tuple[float, float] = (0.0, 0.0)) -> int | None:
        """The closest geom that an agent at (x, y) would overlap there or meet on a straight step; or None.

        Geoms that the agent already overlaps do not stop it from leaving: only the end of the step must clear them.
        """
        start = np.array([x, y])
        shift, middle = np.array(step), start + np.array(step) / 2
        _, near = self._hulls.near(middle[None], AGENT_RADIUS + float(np.abs(shift).max()) / 2)
        before = self._hulls.distances(start[None].repeat(len(near), axis=0), near)
        limit = AGENT_RADIUS - SLACK
        for index, distance in sorted(zip(near.tolist(), before.tolist(), strict=True), key=lambda pair: pair[1]):
            geom, hull = self.prints[index]
            if not shift.any():
                blocked = distance < limit
            else:
                grown = hull - shift if distance < limit else _hull(np.concatenate([hull, hull - shift]))
                blocked = _Hulls([grown]).distances(start[None], np.zeros(1, np.intp))[0] < limit
            if blocked:
                return geom
        return None

    def _grid(self, x: float, y: float, spacing: float, frame: Frame) -> _Grid:
        """The grid through (x, y) on the floor, along the axes of `frame`."""
        x_min, x_max, y_min, y_max = self._floor
        corners = np.array(list(itertools.product((x_min, x_max), (y_min, y_max))))
        (x_min, y_min), (x_max, y_max) = (bound(frame.to_client(corners), axis=0) for bound in (np.min, np.max))
        xs = x + spacing * np.arange(
            math.ceil((x_min - x) / spacing), math.floor((x_max - x) / spacing) + 1, dtype=np.float64
        )
        ys = y + spacing * np.arange(
            math.ceil((y_min - y) / spacing), math.floor((y_max - y) / spacing) + 1, dtype=np.float64
        )
        points = frame.from_client(np.stack(np.meshgrid(xs, ys, indexing="ij"), -1))
        cells = self.free(points.reshape(-1, 2)).reshape(len(xs), len(ys))

        east, north = cells[:-1] & cells[1:], cells[:, :-1] & cells[:, 1:]
        # A row of the matrix is an axis of the client in the world.
        shifts = spacing * frame.rotation[:2, :2]
        for starts, steps, shift in ((points[:-1], east, shifts[0]), (points[:, :-1], north, shifts[1])):
            if steps.any():
                swept = _Hulls([_hull(np.concatenate([hull, hull - shift])) for _, hull in self.prints])
                steps[steps] = swept.clear(starts[steps], CLEARANCE)
        return _Grid(xs, ys, cells, east, north)

    def reachable(self, x: float, y: float, spacing: float, frame: Frame = WORLD) -> NDArray[np.float64]:
        """(n, 2) points of the grid through (x, y), `spacing` metres wide, to which an agent at (x, y) can walk.

        The grid and all points are in `frame`, and steps go along its axes. If the agent's own place is not free, the
        largest free area counts as reachable.
        """
        grid = self._grid(x, y, spacing, frame)
        own = np.maximum(np.abs(grid.xs - x)[:, None], np.abs(grid.ys - y)[None]) < spacing / 2
        return grid.points(grid.flood(own) if (own & grid.cells).any() else grid.largest_area())

    def reachable_in_any_order(self, x: float, y: float, spacing: float, frame: Frame) -> NDArray[np.float64]:
        """The same points as `reachable`, which are found again only when the agent is at none of the last ones."""
        if self._reached is not None and self._reached[:2] == (spacing, frame):
            points = self._reached[2]
            if len(points) and np.abs(points - (x, y)).max(axis=1).min() < SLACK:
                return points
        points = self.reachable(x, y, spacing, frame)
        self._reached = spacing, frame, points
        return points

    def start(self, spacing: float) -> tuple[float, float]:
        """Where the agent starts: the point of the largest connected free area that is closest to the room's middle.

        Raises:
            ValueError: there is no room for an agent.
        """
        x_min, x_max, y_min, y_max = self._floor
        grid = self._grid(0.0, 0.0, spacing, WORLD)
        points = grid.points(grid.largest_area())
        if not len(points):
            raise ValueError("the room has no place where the agent fits")
        middle = np.array([(x_min + x_max) / 2, (y_min + y_max) / 2])
        x, y = points[((points - middle) ** 2).sum(-1).argmin()].tolist()
        return x, y
