"""Where the agent can stand: a vertical cylinder against the footprints of everything that is as low as its head.

Frame: MuJoCo's (x east, y north, z up, metres).
"""

from __future__ import annotations

import itertools
import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.scene import Scene

AGENT_RADIUS = 0.2
"""Metres, AI2-THOR's default agent."""
AGENT_HEIGHT = 1.8
"""Metres."""
STEP_HEIGHT = 0.03
"""Metres: what is lower (floor, rugs) does not stand in the agent's way."""
_CIRCLE = np.array([[math.cos(t), math.sin(t)] for t in np.linspace(0, 2 * math.pi, 16, endpoint=False)])


def _corners(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> NDArray[np.float64]:
    """(n, 3) points in the world whose convex hull holds the geom."""
    kind, size = model.geom_type[geom], model.geom_size[geom]
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


class Obstacles:
    """Footprints of what stands in the agent's way at one moment.

    Args:
        scene: the room.
        data: its state, poses up to date.
    """

    def __init__(self, scene: Scene, data: mujoco.MjData) -> None:
        self._floor = scene.floor
        model = scene.model
        solid = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
        self._footprints: list[tuple[int, NDArray[np.float64]]] = []
        for geom in np.flatnonzero(solid & (model.geom_type != mujoco.mjtGeom.mjGEOM_PLANE)):
            corners = _corners(model, data, int(geom))
            if corners[:, 2].max() > STEP_HEIGHT and corners[:, 2].min() < AGENT_HEIGHT:
                self._footprints.append((int(geom), _hull(corners[:, :2])))

    def outside(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,) whether an agent at each of the points (n, 2) would reach beyond the floor."""
        x_min, x_max, y_min, y_max = self._floor
        x, y = points[:, 0], points[:, 1]
        return (
            (x < x_min + AGENT_RADIUS)
            | (x > x_max - AGENT_RADIUS)
            | (y < y_min + AGENT_RADIUS)
            | (y > y_max - AGENT_RADIUS)
        )

    def free(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,) whether an agent fits at each of the points (n, 2)."""
        fits = ~self.outside(points)
        for _, hull in self._footprints:
            candidates = np.flatnonzero(fits)
            if not len(candidates):
                break
            near = candidates[
                (
                    (points[candidates] >= hull.min(0) - AGENT_RADIUS)
                    & (points[candidates] <= hull.max(0) + AGENT_RADIUS)
                ).all(-1)
            ]
            if len(near):
                fits[near] = _distance(hull, points[near]) >= AGENT_RADIUS
        return fits

    def hit(self, x: float, y: float) -> int | None:
        """The geom that an agent at (x, y) would stand in, or None."""
        point = np.array([[x, y]])
        for geom, hull in self._footprints:
            if _distance(hull, point)[0] < AGENT_RADIUS:
                return geom
        return None

    def reachable(self, x: float, y: float, grid: float) -> NDArray[np.float64]:
        """(n, 2) points of the grid through (x, y), `grid` metres wide, to which an agent at (x, y) can walk.

        Steps go along the axes; a step needs room at its end and half way. Sorted by x, then y; without (x, y) itself
        if something stands there.
        """
        x_min, x_max, y_min, y_max = self._floor
        columns = np.arange(math.ceil((x_min - x) / grid), math.floor((x_max - x) / grid) + 1)
        rows = np.arange(math.ceil((y_min - y) / grid), math.floor((y_max - y) / grid) + 1)
        if not len(columns) or not len(rows):
            return np.empty((0, 2))

        def free(column_offset: float, row_offset: float) -> NDArray[np.bool_]:
            points = np.stack(
                np.meshgrid(x + (columns + column_offset) * grid, y + (rows + row_offset) * grid, indexing="ij"), -1
            )
            return self.free(points.reshape(-1, 2)).reshape(points.shape[:2])

        cells = free(0, 0)
        east = cells[:-1] & cells[1:] & free(0.5, 0)[:-1]
        north = cells[:, :-1] & cells[:, 1:] & free(0, 0.5)[:, :-1]
        reached = np.zeros_like(cells)
        start = (int(-columns[0]), int(-rows[0]))
        if not (0 <= start[0] < len(columns) and 0 <= start[1] < len(rows)):
            return np.empty((0, 2))
        if cells[start]:
            reached[start] = True
        else:
            # Something was pushed to where the agent stands: it may still leave to a free neighbour.
            for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                column, row = start[0] + i, start[1] + j
                if 0 <= column < len(columns) and 0 <= row < len(rows):
                    reached[column, row] = cells[column, row]
        while True:
            grown = reached.copy()
            grown[1:] |= reached[:-1] & east
            grown[:-1] |= reached[1:] & east
            grown[:, 1:] |= reached[:, :-1] & north
            grown[:, :-1] |= reached[:, 1:] & north
            if (grown == reached).all():
                break
            reached = grown
        found = np.argwhere(reached)
        return np.column_stack([x + columns[found[:, 0]] * grid, y + rows[found[:, 1]] * grid])

    def start(self, grid: float) -> tuple[float, float]:
        """Where the agent stands in a fresh room: of the largest connected free area, the point nearest the middle.

        Raises:
            ValueError: there is no room for an agent.
        """
        x_min, x_max, y_min, y_max = self._floor
        middle = np.array([(x_min + x_max) / 2, (y_min + y_max) / 2])
        xs = np.arange(math.ceil(x_min / grid), math.floor(x_max / grid) + 1) * grid
        ys = np.arange(math.ceil(y_min / grid), math.floor(y_max / grid) + 1) * grid
        points = np.stack(np.meshgrid(xs, ys, indexing="ij"), -1).reshape(-1, 2)
        left = {(round(px / grid), round(py / grid)) for px, py in points[self.free(points)]}
        best = np.empty((0, 2))
        while left:
            column, row = min(left)
            area = self.reachable(column * grid, row * grid, grid)
            left -= {(round(px / grid), round(py / grid)) for px, py in area} | {(column, row)}
            if len(area) > len(best):
                best = area
        if not len(best):
            raise ValueError("the room has no place where the agent fits")
        x, y = best[((best - middle) ** 2).sum(-1).argmin()]
        return float(x), float(y)
