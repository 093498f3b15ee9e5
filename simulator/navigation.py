"""Where the agent can stand: a vertical cylinder against the footprints of everything that is as low as its head.

Frame: MuJoCo's (x east, y north, z up, metres).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

AGENT_RADIUS = 0.2
"""Metres, AI2-THOR's default agent."""
AGENT_HEIGHT = 1.8
"""Metres."""
STEP_HEIGHT = 0.03
"""Metres: what is lower (floor, rugs) does not stand in the agent's way."""
_CIRCLE = np.array([[math.cos(t), math.sin(t)] for t in np.linspace(0, 2 * math.pi, 16, endpoint=False)])


def _corners(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> NDArray[np.float64]:
    """(n, 3) points in the world whose convex hull holds the geom."""
    kind, size = int(model.geom_type[geom]), model.geom_size[geom]
    types = mujoco.mjtGeom
    if kind == types.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        start, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        local = model.mesh_vert[start : start + count].astype(np.float64)
    elif kind in (types.mjGEOM_CYLINDER, types.mjGEOM_CAPSULE):
        half = size[1] + (size[0] if kind == types.mjGEOM_CAPSULE else 0.0)
        rim = _CIRCLE * size[0]
        local = np.concatenate([np.column_stack([rim, np.full(len(rim), z)]) for z in (-half, half)])
    else:
        # Boxes, and the bounding boxes of what remains (spheres, ellipsoids).
        extents = np.repeat(size[0], 3) if kind == types.mjGEOM_SPHERE else size
        local = np.array(list(itertools.product((-1.0, 1.0), repeat=3))) * extents
    return local @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom]


def _hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m, 2) convex hull of points (n, 2), counter-clockwise (Andrew's monotone chain)."""
    ordered = sorted({(round(float(x), 6), round(float(y), 6)) for x, y in points})
    if len(ordered) < 3:
        return np.array(ordered)
    halves = []
    for sequence in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for point in sequence:
            while len(chain) >= 2:
                (ax, ay), (bx, by) = chain[-2], chain[-1]
                if (bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax) > 0:
                    break
                chain.pop()
            chain.append(point)
        halves.append(chain[:-1])
    return np.array(halves[0] + halves[1])


def _distance(hull: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) distance of points (n, 2) from the convex polygon (m, 2), 0 inside."""
    following = np.roll(hull, -1, axis=0)
    edge = following - hull
    offset = points[:, None] - hull
    along = np.clip((offset * edge).sum(-1) / np.maximum((edge**2).sum(-1), 1e-12), 0.0, 1.0)
    nearest = np.sqrt(((offset - along[..., None] * edge) ** 2).sum(-1).min(-1))
    inside = (edge[:, 0] * offset[..., 1] - edge[:, 1] * offset[..., 0] >= 0).all(-1) & (len(hull) > 2)
    return np.where(inside, 0.0, nearest)


def footprints(
    model: mujoco.MjModel, data: mujoco.MjData, geoms: NDArray[np.intp]
) -> list[tuple[int, NDArray[np.float64]]]:
    """(geom, convex footprint (m, 2)) of those of the geoms that stand in an agent's way.

    Args:
        model: the room.
        data: its state, poses up to date.
        geoms: numbers of the geoms to look at; planes and geoms without collisions never count.
    """
    solid = ((model.geom_contype != 0) | (model.geom_conaffinity != 0)) & (
        model.geom_type != mujoco.mjtGeom.mjGEOM_PLANE
    )
    radius = model.geom_rbound
    reaches = (data.geom_xpos[:, 2] + radius > STEP_HEIGHT) & (data.geom_xpos[:, 2] - radius < AGENT_HEIGHT)
    found = []
    for geom in geoms[(solid & reaches)[geoms]].tolist():
        corners = _corners(model, data, geom)
        if corners[:, 2].max() > STEP_HEIGHT and corners[:, 2].min() < AGENT_HEIGHT:
            found.append((geom, _hull(corners[:, :2])))
    return found


@dataclass(frozen=True)
class _Grid:
    """Points of a grid and the steps between them."""

    xs: NDArray[np.float64]
    ys: NDArray[np.float64]
    cells: NDArray[np.bool_]
    """(len(xs), len(ys)) where the agent fits."""
    east: NDArray[np.bool_]
    """(len(xs) - 1, len(ys)) whether it can step from each point to its eastern neighbour, and back."""
    north: NDArray[np.bool_]
    """(len(xs), len(ys) - 1) the same to the north."""

    def flood(self, reached: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """All that can be reached from the given points."""
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
        """(n, 2) the chosen points, sorted by x, then y."""
        columns, rows = np.nonzero(chosen)
        return np.column_stack([self.xs[columns], self.ys[rows]])


class Obstacles:
    """What stands in the agent's way at one moment.

    Args:
        floor: (x_min, x_max, y_min, y_max) of the room.
        prints: from `footprints`.
    """

    def __init__(self, floor: tuple[float, float, float, float], prints: list[tuple[int, NDArray[np.float64]]]) -> None:
        self._floor = floor
        self._prints = [(geom, hull, hull.min(0) - AGENT_RADIUS, hull.max(0) + AGENT_RADIUS) for geom, hull in prints]

    def outside(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,) whether an agent at each of the points (n, 2) would reach beyond the floor."""
        x_min, x_max, y_min, y_max = self._floor
        low = np.array([x_min, y_min]) + AGENT_RADIUS
        high = np.array([x_max, y_max]) - AGENT_RADIUS
        return np.any((points < low) | (points > high), axis=-1)

    def free(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,) whether an agent fits at each of the points (n, 2)."""
        fits = ~self.outside(points)
        for _, hull, low, high in self._prints:
            near = np.flatnonzero(fits & ((points >= low) & (points <= high)).all(-1))
            if len(near):
                fits[near] = _distance(hull, points[near]) >= AGENT_RADIUS
        return fits

    def hit(self, x: float, y: float) -> int | None:
        """The geom that an agent at (x, y) would stand in, or None."""
        point = np.array([[x, y]])
        for geom, hull, low, high in self._prints:
            if ((point >= low) & (point <= high)).all() and _distance(hull, point)[0] < AGENT_RADIUS:
                return geom
        return None

    def _grid(self, x: float, y: float, spacing: float) -> _Grid:
        """The grid through (x, y) on the floor; a step needs room at its ends and half way."""
        x_min, x_max, y_min, y_max = self._floor
        xs = x + spacing * np.arange(
            math.ceil((x_min - x) / spacing), math.floor((x_max - x) / spacing) + 1, dtype=np.float64
        )
        ys = y + spacing * np.arange(
            math.ceil((y_min - y) / spacing), math.floor((y_max - y) / spacing) + 1, dtype=np.float64
        )

        def free(columns: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.bool_]:
            points = np.stack(np.meshgrid(columns, rows, indexing="ij"), -1)
            return self.free(points.reshape(-1, 2)).reshape(len(columns), len(rows))

        cells = free(xs, ys)
        east = cells[:-1] & cells[1:] & free(xs[:-1] + spacing / 2, ys)
        north = cells[:, :-1] & cells[:, 1:] & free(xs, ys[:-1] + spacing / 2)
        return _Grid(xs, ys, cells, east, north)

    def reachable(self, x: float, y: float, spacing: float) -> NDArray[np.float64]:
        """(n, 2) points of the grid through (x, y), `spacing` metres wide, to which an agent at (x, y) can walk.

        Steps go along the axes. An agent in whose place something was put counts as being in the largest free area.
        """
        grid = self._grid(x, y, spacing)
        own = np.maximum(np.abs(grid.xs - x)[:, None], np.abs(grid.ys - y)[None]) < spacing / 2
        return grid.points(grid.flood(own) if (own & grid.cells).any() else grid.largest_area())

    def start(self, spacing: float) -> tuple[float, float]:
        """Where the agent stands in a fresh room: of the largest connected free area, the point nearest the middle.

        Raises:
            ValueError: there is no room for an agent.
        """
        x_min, x_max, y_min, y_max = self._floor
        grid = self._grid(0.0, 0.0, spacing)
        points = grid.points(grid.largest_area())
        if not len(points):
            raise ValueError("the room has no place where the agent fits")
        middle = np.array([(x_min + x_max) / 2, (y_min + y_max) / 2])
        x, y = points[((points - middle) ** 2).sum(-1).argmin()].tolist()
        return x, y
