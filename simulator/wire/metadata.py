"""Metadata of a reply about the room and its objects, with AI2-THOR's names and in Unity's coordinates.

It holds few keys, because the client parses all of it at every step: 100 objects with AI2-THOR's 55 keys cost 5 ms.
Unity's frame is left-handed, x east, y up, z north; rotations are Euler angles in degrees applied in the order z, x, y.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgpack
import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.rooms.scene import SceneObject, to_unity
from simulator.wire.protocol import Packed
from simulator.world.camera import Camera
from simulator.world.frame import WORLD, Frame
from simulator.world.hand import middles
from simulator.world.rendering import HIDDEN_GROUP, VISIBLE_GROUPS, geom_groups, instance_color
from simulator.world.room import Room

MOVING = 1e-3
"""Speed above which an object counts as moving, m/s or rad/s."""
_PROBES = np.array([[0, 0, 0], [0, 0, 1], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, -1]]) * 0.9
"""Points of an object's bounding box, in half sides, at which its visibility is tested."""
_FINE_PROBES = np.array(
    [point for point in itertools.product(np.linspace(-0.95, 0.95, 5), repeat=3) if max(map(abs, point)) > 0.9]
)
"""(98, 3) points all over the box, for a closer look."""


def vector(x: float, y: float, z: float) -> dict[str, float]:
    """Converts a MuJoCo vector to Unity's frame in the protocol's form."""
    ux, uy, uz = to_unity(x, y, z)
    return {"x": float(ux), "y": float(uy), "z": float(uz)}


def euler_angles(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) Unity Euler angles, degrees in [0, 360), of MuJoCo rotation matrices (n, 3, 3)."""
    # Swapping the axes y and z on both sides expresses the same rotation in the other frame.
    swapped = matrices[:, [0, 2, 1]][:, :, [0, 2, 1]]
    about_x = np.arcsin(np.clip(-swapped[:, 1, 2], -1.0, 1.0))
    about_y = np.arctan2(swapped[:, 0, 2], swapped[:, 2, 2])
    about_z = np.arctan2(swapped[:, 1, 0], swapped[:, 1, 1])
    locked = np.abs(swapped[:, 1, 2]) > 1 - 1e-9
    # When facing straight up or down, only the difference of the other two angles is defined; y takes all of it.
    about_y = np.where(locked, np.arctan2(-swapped[:, 2, 0], swapped[:, 0, 0]), about_y)
    about_z = np.where(locked, 0.0, about_z)
    angles = np.mod(np.degrees(np.stack([about_x, about_y, about_z], axis=1)), 360.0)
    return np.where(angles == 360.0, 0.0, angles)  # what a tiny negative angle gives


def id_at(category: str, position: NDArray[np.float64]) -> str:
    """The id of an object by its position (3,) in the world, if no other has it."""
    x, y, z = to_unity(*position)
    return f"{category}|{x:+06.2f}|{y:+06.2f}|{z:+06.2f}"


def object_ids(room: Room) -> list[str]:
    """Ids of the room's objects: "Category|x|y|z" by their positions now, with a number where two would be equal.

    Objects that are not in the room have the id "".
    """
    found: dict[str, int] = {}
    ids = []
    for obj, position, present in zip(
        room.scene.objects, room.data.xpos[room.object_bodies], room.present.tolist(), strict=True
    ):
        if not present:
            ids.append("")
            continue
        name = id_at(obj.category, position)
        found[name] = found.get(name, 0) + 1
        ids.append(name if found[name] == 1 else f"{name}|{found[name]}")
    return ids


def axis_distances(camera: Camera, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) distances, metres, of points (n, 3) from the agent's vertical axis, which ends at the camera."""
    away = points - np.asarray(camera.position)
    np.maximum(away[:, 2], 0.0, out=away[:, 2])
    distances: NDArray[np.float64] = np.sqrt((away * away).sum(axis=1))
    return distances


@contextmanager
def rays_within(room: Room, camera: Camera, reach: float) -> Iterator[NDArray[np.bool_]]:
    """Makes rays of the camera meet only what is in view and within reach of the agent's axis, which (ngeom,) it gives.

    Every ray tests every geom of the given groups, so this saves two thirds of their time.
    """
    met = ~room.hidden_geoms() & room.in_view(camera)
    numbers = np.flatnonzero(met)
    met[numbers] = axis_distances(camera, room.data.geom_xpos[numbers]) <= reach + room.geom_radii[numbers]
    with geom_groups(room.model, np.where(met, room.model.geom_group, HIDDEN_GROUP)):
        yield met


def visible_objects(
    room: Room,
    camera: Camera,
    reach: float,
    only: int | None = None,
    hidden: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """(n,) whether a point of each object is in view, unobstructed and within `reach` metres of the agent's axis.

    Args:
        room: the poses in its data must be up to date.
        camera: the agent's camera.
        reach: metres.
        only: number of the only object that is asked for; the others count as not visible.
        hidden: (n,) objects that are known to be hidden, which saves their rays.
    """
    data, position = room.data, np.asarray(camera.position)
    rotations, centers = data.xmat[room.object_bodies].reshape(-1, 3, 3), middles(room)
    near = room.present & (axis_distances(camera, centers) <= reach + room.box_radii)
    if hidden is not None:
        near &= ~hidden
    if only is not None:
        near &= np.arange(len(near)) == only
    # The doors of an open cupboard are far from the box of its closed shape, so their own fronts decide below.
    opened = near & (room.parts.openness > 0.0)
    candidates = np.flatnonzero(near & (camera.sees(centers, room.box_radii) | opened))
    local = _PROBES * room.box_halves[candidates, None]
    probes = centers[candidates, None] + local @ rotations[candidates].transpose(0, 2, 1)
    in_view = camera.sees(probes.reshape(-1, 3)).reshape(probes.shape[:2])
    visible = np.zeros(len(centers), dtype=bool)
    if not len(candidates) or not (in_view.any() or opened.any() or only is not None):
        return visible
    rays = probes - position
    with rays_within(room, camera, reach) as met:
        # Most objects are seen at their first point, so the others are tried for the rest alone.
        first = np.zeros_like(in_view)
        rows = np.flatnonzero(in_view.any(axis=1))
        first[rows, in_view[rows].argmax(axis=1)] = True
        for tried in (first, in_view & ~first):
            of, which = np.nonzero(tried & ~visible[candidates, None])
            numbers = candidates[of]
            visible[numbers[_hits(room, position, reach, numbers, rays[of, which])]] = True
        # The others would take as long as everything before, in each reply.
        closer = candidates if only is not None else np.flatnonzero(opened)
        for number in closer[~visible[closer]].tolist():
            points = np.empty((0, 3))
            if only is not None:  # an action asks, so a corner of a large object at the image's edge counts, too
                points = centers[number] + (_FINE_PROBES * room.box_halves[number]) @ rotations[number].T
            if opened[number] and met[room.parts.geoms_of(number)].any():
                points = np.concatenate([points, room.parts.fronts(number, position)])
            points = points[camera.sees(points)]
            visible[number] = _hits(room, position, reach, np.full(len(points), number), points - position).any()
    return visible


def _hits(
    room: Room, position: NDArray[np.float64], reach: float, numbers: NDArray[np.intp], rays: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """(p,) whether each ray (p, 3) from the camera's position (3,) meets the object (p,) first, within reach."""
    if not len(rays):
        return np.zeros(0, dtype=bool)
    geoms, shares = np.full(len(rays), -1, np.int32), np.empty(len(rays))
    mujoco.mj_multiRay(
        room.model, room.data, position, rays.ravel(), VISIBLE_GROUPS, 1, -1, geoms, shares, None, len(rays),
        mujoco.mjMAXVAL,
    )  # fmt: skip
    # MuJoCo returns distances in units of the vectors' lengths. The rest is axis_distances for the points that are hit.
    away = shares[:, None] * rays
    away[:, 2] = np.maximum(away[:, 2], 0.0)
    met: NDArray[np.bool_] = (geoms >= 0) & (room.geom_instances[geoms] == numbers)
    return met & ((away * away).sum(axis=1) <= reach * reach)


def moving_objects(room: Room) -> NDArray[np.bool_]:
    """(n,) whether each object moves."""
    moving = np.zeros(len(room.scene.objects), dtype=bool)
    if room.data.qvel.any():
        for index, body in enumerate(room.object_bodies):
            count = int(room.model.body_dofnum[body])
            start = int(room.model.body_dofadr[body])
            moving[index] = count > 0 and bool(np.abs(room.data.qvel[start : start + count]).max() > MOVING)
    return moving


_BLANK: dict[str, Any] = {"distance": 0.0, "visible": False}
"""The last entries of an object's description, which depend on the agent, before they are filled in."""
_FALSE, _FLOAT_BYTES = msgpack.packb(False)[0], 8
_SEEN = len(msgpack.packb("visible")) + 1
"""Length of the last entry of an object, whose last byte is _FALSE or one more for true."""


class _Form:
    """Descriptions of objects in msgpack's form, into which what depends on the agent is filled.

    Args:
        only: numbers of the objects that are described; None for all that are in the room.
        objects: number -> description that ends with `_BLANK`.
    """

    def __init__(self, only: frozenset[int] | None, objects: dict[int, bytes]) -> None:
        self.only = only
        header = msgpack.Packer().pack_array_header(len(objects))
        self._numbers = np.array(list(objects), dtype=np.intp)
        self._bytes = np.frombuffer(b"".join([header, *objects.values()]), np.uint8).copy()
        ends = len(header) + np.cumsum([len(one) for one in objects.values()], dtype=np.intp)
        self._visible = ends - 1
        self._distances = (ends - _SEEN - _FLOAT_BYTES)[:, None] + np.arange(_FLOAT_BYTES)

    def filled(self, distances: NDArray[np.float64], visible: NDArray[np.bool_]) -> Packed:
        """The whole list with the distance (n,), metres, and visibility (n,) of each object of the room."""
        # msgpack writes numbers with the highest byte first.
        big_endian = distances[self._numbers].astype(">f8")
        self._bytes[self._distances] = big_endian.view(np.uint8).reshape(-1, _FLOAT_BYTES)
        self._bytes[self._visible] = _FALSE + visible[self._numbers]
        return Packed(self._bytes.tobytes())


class ObjectDescriptions:
    """Descriptions of a room's objects. The part that does not depend on the agent is cached until the room changes."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._state: tuple[object, ...] = ()
        self._keys: dict[int, tuple[Any, ...]] = {}
        """Number of each object in the room -> what its description is made from."""
        self._lasting: dict[int, dict[str, Any]] = {}
        self._packed: dict[int, bytes] = {}
        self._form: _Form | None = None
        self._enclosed = np.zeros(len(room.scene.objects), dtype=bool)

    def seen(
        self,
        ids: list[str],
        camera: Camera,
        reach: float,
        frame: Frame = WORLD,
        only: frozenset[int] | None = None,
    ) -> list[dict[str, Any]]:
        """One dictionary for each object, with its distance and visibility for the agent's camera.

        Args:
            ids: object ids in the scene's order.
            camera: the agent's camera.
            reach: distance up to which an object counts as visible, metres.
            frame: the client's, in which positions and rotations are given.
            only: numbers of the objects that are described; None for all that are in the room.
        """
        distances, visible = (each.tolist() for each in self._update(ids, camera, reach, frame, only))
        return [
            {**lasting, "distance": distances[number], "visible": visible[number]}
            for number, lasting in self._lasting.items()
            if only is None or number in only
        ]

    def packed(
        self,
        ids: list[str],
        camera: Camera,
        reach: float,
        frame: Frame = WORLD,
        only: frozenset[int] | None = None,
    ) -> Packed:
        """The same as `seen` in msgpack's form, of which all that does not depend on the agent is packed only once."""
        distances, visible = self._update(ids, camera, reach, frame, only)
        if self._form is None or self._form.only != only:
            chosen = [number for number in self._lasting if only is None or number in only]
            for number in chosen:
                if number not in self._packed:
                    self._packed[number] = msgpack.packb({**self._lasting[number], **_BLANK})
            self._form = _Form(only, {number: self._packed[number] for number in chosen})
        return self._form.filled(distances, visible)

    def _update(
        self, ids: list[str], camera: Camera, reach: float, frame: Frame, only: frozenset[int] | None
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Brings the lasting part up to date; returns each object's distance and whether it is visible."""
        room, data = self._room, self._room.data
        positions = data.xpos[room.object_bodies]
        # The state itself is compared, so no code that changes an object can forget to invalidate this.
        arrays = (
            positions, data.xmat[room.object_bodies], data.qvel, room.model.body_subtreemass, room.parts.openness,
            room.present,
        )  # fmt: skip
        state = (frame, room.held, *ids, *(array.tobytes() for array in arrays))
        if state != self._state:
            self._state = state
            self._describe(ids, positions, frame)
        distances = np.linalg.norm(positions - np.asarray(camera.position), axis=1)
        hidden = self._enclosed
        if only is not None:
            hidden = hidden | ~np.isin(np.arange(len(hidden)), list(only))
        return distances, visible_objects(room, camera, reach, hidden=hidden)

    def _describe(self, ids: list[str], positions: NDArray[np.float64], frame: Frame) -> None:
        """Describes the objects that have changed anew."""
        room = self._room
        turns = room.data.xmat[room.object_bodies].reshape(-1, 3, 3)
        angles = euler_angles(turns if frame.same else frame.rotation @ turns).tolist()
        moving = moving_objects(room).tolist()
        masses = room.model.body_subtreemass[room.object_bodies].tolist()
        openness = room.parts.openness.tolist()
        placed = frame.to_client(positions).tolist()
        survey = room.containment.survey(room.present, room.held, room.parts.openness)
        parents, self._enclosed = survey.parents, survey.enclosed
        inside: dict[int, list[str]] = {}
        for number, holders in enumerate(parents):
            for holder in holders:
                inside.setdefault(holder, []).append(ids[number])
        keys = {
            number: (
                ids[number], *placed[number], *angles[number], masses[number], moving[number], number == room.held,
                openness[number], inside.get(number, []), [ids[holder] for holder in parents[number]],
                [ids[holder] for holder in survey.containers[number]],
            )
            for number in np.flatnonzero(room.present).tolist()
        }  # fmt: skip
        lasting, packed = {}, {}
        for number, key in keys.items():
            if key != self._keys.get(number):
                lasting[number] = _description(room.scene.objects[number], *key)
            else:
                lasting[number] = self._lasting[number]
                if number in self._packed:
                    packed[number] = self._packed[number]
        self._keys, self._lasting, self._packed, self._form = keys, lasting, packed, None


def _description(
    obj: SceneObject, name: str, x: float, y: float, z: float, pitch: float, yaw: float, roll: float, mass: float,
    moving: bool, held: bool, openness: float, inside: list[str], parents: list[str],
    containers: list[str],
) -> dict[str, Any]:  # fmt: skip
    """The metadata of an object with the id `name`, without what depends on the agent; x, y and z are MuJoCo's."""
    return {
        "name": obj.name,
        "objectId": name,
        "objectType": obj.category,
        "position": {"x": x, "y": z, "z": y},
        "rotation": {"x": pitch, "y": yaw, "z": roll},
        "mass": mass if obj.dynamic else obj.mass,
        "moveable": obj.moveable,
        "pickupable": obj.pickupable,
        "isMoving": moving,
        "isPickedUp": held,
        "openable": obj.openable,
        "isOpen": openness > 0.0,
        "openness": openness,
        "receptacle": obj.receptacle,
        "receptacleObjectIds": inside if obj.receptacle else None,
        "parentReceptacles": parents or None,
        "containedIn": containers or None,
    }


def describe_colors(room: Room, ids: list[str]) -> list[dict[str, Any]]:
    """Name and RGB colour of every instance: objects by their ids, pieces of structure by their names."""
    return [
        {"name": name, "color": list(instance_color(number))}
        for number, name in enumerate([*ids, *room.structure_names])
        if name
    ]
