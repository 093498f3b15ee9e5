"""Parts of objects: coloured primitives and small meshes, their bounds, and how they are added to a MuJoCo model.

An object is a list of `Part` in its own frame: the origin is the centre of its foot, x points right, y to the back (the
front faces -y), z up, in metres. Meshes are only drawn. Hidden primitives collide in their place, which is faster and
comes to rest more steadily than convex hulls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.things.openings import Motion, Vector

Color = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
MeshArrays = tuple[NDArray[np.float64], NDArray[np.int32]]
"""(N, 3) vertices and (M, 3) faces, counter-clockwise from outside."""

UPRIGHT: Quaternion = (1.0, 0.0, 0.0, 0.0)
FIXED_BITS, MOVING_BITS, FREE_BITS, ABSENT_BITS = (1, 1), (2, 0), (1, 3), (0, 4)
"""contype and conaffinity of fixed geoms, of doors and drawers, of objects, and of objects outside the room.

Doors and drawers collide with objects alone, because they are moved by us (`simulator.world.parts`), not by forces.
"""
COLLISION_GROUP = 3
"""Geom group of collision shapes, which are not drawn. Their alpha is 0 too, so that rays pass through them."""

_GEOM_TYPES = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    "mesh": mujoco.mjtGeom.mjGEOM_MESH,
}


@dataclass(frozen=True)
class Part:
    """One geom of an object."""

    form: str
    """Type of the geom: box, sphere, cylinder, capsule, ellipsoid or mesh."""
    size: Vector
    """MuJoCo's size, metres: half sides, radius, or radius and half length; half the bounding box for meshes."""
    pos: Vector
    """Centre (for a mesh its own origin) in the object's frame, metres."""
    rgb: Color = (0.5, 0.5, 0.5)
    finish: str = "plain"
    """Name of a material (`simulator.things.materials.FINISHES`)."""
    quat: Quaternion = UPRIGHT
    solid: bool = True
    """Whether it collides and has mass."""
    seen: bool = True
    """Whether it is drawn and stops rays."""
    density: float = 1.0
    """Relative to the object's other parts: heavy feet keep lamps upright."""
    vertices: NDArray[np.float64] | None = field(default=None, repr=False)
    """(N, 3) of a mesh."""
    faces: NDArray[np.int32] | None = field(default=None, repr=False)
    """(M, 3) of a mesh."""
    motion: Motion | None = None
    """How the part moves if it belongs to a door, a drawer or a lid."""
    behind: Motion | None = None
    """What hides the part while closed, which is not drawn then: the lining of a cupboard, the inside of a drawer."""


def about_z(angle: float) -> Quaternion:
    """The rotation by `angle` radians about +z as (w, x, y, z)."""
    return math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)


def tilt(axis: str, angle: float) -> Quaternion:
    """The rotation by `angle` radians about the "x" or "y" axis as (w, x, y, z)."""
    sine = math.sin(angle / 2)
    return (math.cos(angle / 2), sine, 0.0, 0.0) if axis == "x" else (math.cos(angle / 2), 0.0, sine, 0.0)


def box(sides: Vector, foot: Vector, rgb: Color, finish: str = "plain", **other: object) -> Part:
    """A box of full `sides` (x, y, z) whose bottom's centre is at `foot`."""
    width, depth, height = sides
    half = (width / 2, depth / 2, height / 2)
    return Part("box", half, (foot[0], foot[1], foot[2] + half[2]), rgb, finish, **other)  # type: ignore[arg-type]


def cylinder(radius: float, height: float, foot: Vector, rgb: Color, finish: str = "plain", **other: object) -> Part:
    """An upright cylinder whose bottom's centre is at `foot`."""
    size = (radius, height / 2, 0.0)
    pos = (foot[0], foot[1], foot[2] + height / 2)
    return Part("cylinder", size, pos, rgb, finish, **other)  # type: ignore[arg-type]


def sphere(radius: float, center: Vector, rgb: Color, finish: str = "plain", **other: object) -> Part:
    """A ball."""
    return replace(Part("sphere", (radius, 0.0, 0.0), center, rgb, finish), **other)  # type: ignore[arg-type]


def ellipsoid(half: Vector, center: Vector, rgb: Color, finish: str = "plain", **other: object) -> Part:
    """An ellipsoid with semi-axes `half`."""
    return replace(Part("ellipsoid", half, center, rgb, finish), **other)  # type: ignore[arg-type]


def rod(
    radius: float, start: Vector, end: Vector, rgb: Color, finish: str = "plain", form: str = "capsule", **other: object
) -> Part:
    """A capsule (or `form` "cylinder") of `radius` from `start` to `end`."""
    along = np.subtract(end, start)
    length = float(np.linalg.norm(along))
    direction = along / length
    # The shortest rotation from +z to the direction; the half-way formula fails only for straight down.
    if direction[2] < -0.9999:
        quat: Quaternion = (0.0, 1.0, 0.0, 0.0)
    else:
        raw = np.array([1.0 + direction[2], -direction[1], direction[0], 0.0])
        w, x, y, z = raw / np.linalg.norm(raw)
        quat = (float(w), float(x), float(y), float(z))
    middle = (float(start[0] + along[0] / 2), float(start[1] + along[1] / 2), float(start[2] + along[2] / 2))
    part = Part(form, (radius, length / 2, 0.0), middle, rgb, finish, quat)
    return replace(part, **other)  # type: ignore[arg-type]


def hidden_cylinder(radius: float, height: float, foot: Vector = (0.0, 0.0, 0.0), density: float = 1.0) -> Part:
    """A cylinder that collides in place of a mesh."""
    return cylinder(radius, height, foot, (0.5, 0.5, 0.5), seen=False, density=density)


def hidden_box(sides: Vector, foot: Vector = (0.0, 0.0, 0.0), density: float = 1.0) -> Part:
    """A box that collides in place of a mesh or of several small parts."""
    return box(sides, foot, (0.5, 0.5, 0.5), seen=False, density=density)


def mesh(vertices: NDArray[np.float64], faces: NDArray[np.int32], rgb: Color, finish: str = "plain") -> Part:
    """A visible mesh that does not collide.

    Args:
        vertices: (N, 3) in the object's frame, metres.
        faces: (M, 3) vertex numbers, counter-clockwise from outside.
        rgb: colour.
        finish: name of the material.
    """
    half = (vertices.max(axis=0) - vertices.min(axis=0)) / 2
    size = (float(half[0]), float(half[1]), float(half[2]))
    return Part("mesh", size, (0.0, 0.0, 0.0), rgb, finish, solid=False, vertices=vertices, faces=faces)


def lathe_mesh(profile: Sequence[tuple[float, float]], segments: int = 14) -> MeshArrays:
    """The surface of revolution about z of a `profile` of (radius, height) points.

    A profile that goes up on the outside and down on the inside makes a vessel. A point of radius 0 closes the surface.

    Returns:
        (N, 3) vertices and (M, 3) faces, counter-clockwise from outside.
    """
    radii, heights = np.array(profile, dtype=np.float64).T
    circle = _unit_circle(segments)
    vertices = np.empty((len(profile), segments, 3))
    vertices[..., :2] = radii[:, None, None] * circle
    vertices[..., 2] = heights[:, None]
    return vertices.reshape(-1, 3), _band_faces(tuple(radius > 0 for radius, _ in profile), segments)


@lru_cache(maxsize=32)
def _unit_circle(segments: int) -> NDArray[np.float64]:
    angles = np.arange(segments) * (2 * np.pi / segments)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@lru_cache(maxsize=256)
def _band_faces(open_rings: tuple[bool, ...], segments: int) -> NDArray[np.int32]:
    """(M, 3) faces between consecutive rings of `segments` vertices; rings that are not open are single points."""
    step = np.arange(segments)
    following = (step + 1) % segments
    faces = []
    for ring in range(len(open_rings) - 1):
        low, high = ring * segments, (ring + 1) * segments
        if open_rings[ring]:
            faces.append(np.stack([low + step, low + following, high + following], axis=1))
        if open_rings[ring + 1]:
            faces.append(np.stack([low + step, high + following, high + step], axis=1))
    result = np.vstack(faces).astype(np.int32)
    result.setflags(write=False)
    return result


def tube_mesh(path: NDArray[np.float64], radius: float, normal: Vector, sides: int = 6) -> MeshArrays:
    """A tube around a (P, 3) `path` in the plane with the given unit `normal`: handles, spouts, rings."""
    tangents = np.gradient(path, axis=0)
    if np.allclose(path[0], path[-1]):
        tangents[0] = tangents[-1] = tangents[0] + tangents[-1]
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    across = np.cross(tangents, normal)
    angles = np.arange(sides) * (2 * np.pi / sides)
    rings = path[:, None] + radius * (
        np.cos(angles)[None, :, None] * np.asarray(normal)[None, None] + np.sin(angles)[None, :, None] * across[:, None]
    )
    return rings.reshape(-1, 3), _band_faces((True,) * len(path), sides)


def handle_mesh(reach: float, low: float, high: float, start: float, radius: float) -> MeshArrays:
    """A half ring from (start, 0, low) to (start, 0, high) that stands out by `reach` along +x."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, 7)
    path = np.stack(
        [start + reach * np.cos(angles), np.zeros(7), (low + high) / 2 + (high - low) / 2 * np.sin(angles)], axis=1
    )
    return tube_mesh(path, radius, (0.0, 1.0, 0.0), 5)


_BOX_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])
_BOX_QUADS = np.array([0, 1, 3, 2, 4, 6, 7, 5, 0, 4, 5, 1, 2, 3, 7, 6, 0, 2, 6, 4, 1, 5, 7, 3])
_BOX_FACES = np.array([[4 * q, 4 * q + i, 4 * q + i + 1] for q in range(6) for i in (1, 2)], dtype=np.int32)


def box_mesh(sides: Vector, foot: Vector, lean: Quaternion = UPRIGHT) -> MeshArrays:
    """A box as a mesh with its own corners for each face, turned by `lean` about its foot: legs, slats and frames."""
    corners = (_BOX_CORNERS * sides) @ rotation(lean).T + foot
    return corners[_BOX_QUADS], _BOX_FACES


def move_mesh(pieces: MeshArrays, turn: Quaternion = UPRIGHT, shift: Vector = (0.0, 0.0, 0.0)) -> MeshArrays:
    """The mesh turned about the origin and then shifted."""
    return pieces[0] @ rotation(turn).T + shift, pieces[1]


def join_meshes(*pieces: MeshArrays) -> MeshArrays:
    """Several meshes as one, which needs fewer geoms to draw."""
    vertices, faces, count = [], [], 0
    for points, triangles in pieces:
        vertices.append(points)
        faces.append(triangles + count)
        count += len(points)
    return np.vstack(vertices), np.vstack(faces)


def superquadric_mesh(half: Vector, center: Vector, exponent: float, rows: int = 9, segments: int = 16) -> MeshArrays:
    """A superellipsoid: an ellipsoid for exponent 1, towards 0 a box with rounded edges (pillows, loaves, bags)."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, rows)
    around = np.arange(segments) * (2 * np.pi / segments)

    def power(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sign(values) * np.abs(values) ** exponent

    ring, height = power(np.cos(angles)), power(np.sin(angles))
    x = ring[:, None] * power(np.cos(around))[None] * half[0] + center[0]
    y = ring[:, None] * power(np.sin(around))[None] * half[1] + center[1]
    z = np.broadcast_to(height[:, None] * half[2] + center[2], x.shape)
    faces = _band_faces(tuple(row not in (0, rows - 1) for row in range(rows)), segments)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3), faces


def rotation(quat: Quaternion) -> NDArray[np.float64]:
    """The (3, 3) matrix of a unit quaternion (w, x, y, z)."""
    w, x, y, z = quat
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def part_bounds(part: Part) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(low, high) corners, each (3,), of a part's axis-aligned box in the object's frame."""
    if part.vertices is not None:
        return part.vertices.min(axis=0), part.vertices.max(axis=0)
    size, center = np.array(part.size), np.array(part.pos)
    if part.form == "sphere":
        half = np.full(3, size[0])
    elif part.quat == UPRIGHT:
        if part.form == "cylinder":
            half = np.array([size[0], size[0], size[1]])
        elif part.form == "capsule":
            half = np.array([size[0], size[0], size[0] + size[1]])
        else:
            half = size
    else:
        turn = rotation(part.quat)
        if part.form == "box":
            half = np.abs(turn) @ size
        elif part.form == "ellipsoid":
            half = np.sqrt((turn**2) @ (size**2))
        else:
            axis = turn[:, 2]
            if part.form == "capsule":
                half = np.abs(axis) * size[1] + size[0]
            else:
                half = np.abs(axis) * size[1] + size[0] * np.sqrt(np.maximum(0.0, 1 - axis**2))
    return center - half, center + half


def bounds(parts: Sequence[Part]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(low, high) corners, each (3,), of the box around all parts."""
    corners = [part_bounds(part) for part in parts]
    return np.min([low for low, _ in corners], axis=0), np.max([high for _, high in corners], axis=0)


def flat_top(parts: Sequence[Part]) -> tuple[Vector, tuple[float, float]] | None:
    """The largest rectangle on an object's highest face: (centre, half sides), metres; None if that face is not flat.

    Only upright solid boxes and cylinders count, so open cartons and objects with domes, arms or handles have none.
    """
    _, high = bounds(parts)
    for part in parts:
        if not part.solid or part.quat != UPRIGHT or part.form not in ("box", "cylinder"):
            continue
        low, top = part_bounds(part)
        # The walls of containers are as high, but do not reach over the middle.
        if top[2] > high[2] - 2e-3 and (low[:2] < -0.05).all() and (top[:2] > 0.05).all():
            share = math.sqrt(0.5) if part.form == "cylinder" else 1.0
            center = (float(low[0] + top[0]) / 2, float(low[1] + top[1]) / 2, float(high[2]))
            return center, (share * float(top[0] - low[0]) / 2, share * float(top[1] - low[1]) / 2)
    return None


def _volume(part: Part) -> float:
    """Volume of a primitive, m^3."""
    a, b, c = part.size
    match part.form:
        case "box":
            return 8 * a * b * c
        case "sphere":
            return 4 / 3 * math.pi * a**3
        case "ellipsoid":
            return 4 / 3 * math.pi * a * b * c
        case "cylinder":
            return 2 * math.pi * a * a * b
        case _:
            return 2 * math.pi * a * a * b + 4 / 3 * math.pi * a**3


def add_parts(
    spec: mujoco.MjSpec,
    body: mujoco.MjsBody,
    parts: Sequence[Part],
    *,
    mass: float = 0.0,
    friction: tuple[float, float, float] = (0.4, 0.005, 0.0002),
    condim: int = 3,
    priority: int = 0,
    bits: tuple[int, int] = FIXED_BITS,
    origin: Vector = (0.0, 0.0, 0.0),
) -> None:
    """Adds the parts as geoms of `body`. Solid parts share `mass` (kg) by volume times density.

    `bits` are contype and conaffinity of the solid parts. The body lies at `origin` in the frame of the parts. The
    geoms of a body with a name are called "BODY|0", "BODY|1" and so on.

    The materials named by the parts' finishes must exist in `spec`. Where two geoms touch, MuJoCo takes the friction of
    the one with the higher `priority`, or the larger friction if both have the same.
    """
    weights = [_volume(part) * part.density if part.solid else 0.0 for part in parts]
    total = sum(weights)
    for index, (part, weight) in enumerate(zip(parts, weights, strict=True)):
        settings: dict[str, object] = {
            "name": f"{body.name}|{index}" if body.name else "",
            "type": _GEOM_TYPES[part.form],
            "pos": [place - zero for place, zero in zip(part.pos, origin, strict=True)],
            "quat": part.quat,
            "rgba": (*part.rgb, 1.0) if part.seen else (0.0, 0.0, 0.0, 0.0),
            "mass": mass * weight / total if total else 0.0,
            "friction": friction,
            "condim": condim,
            "priority": priority,
        }
        if part.vertices is not None and part.faces is not None:
            name = f"{body.name}_{index}"
            shape = spec.add_mesh(name=name, uservert=part.vertices.ravel(), userface=part.faces.ravel())
            shape.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL  # open surfaces have no volume
            settings["meshname"] = name
        else:
            settings["size"] = part.size
        if part.seen:
            settings["material"] = part.finish
        else:
            settings["group"] = COLLISION_GROUP
        settings["contype"], settings["conaffinity"] = bits if part.solid else (0, 0)
        body.add_geom(**settings)
