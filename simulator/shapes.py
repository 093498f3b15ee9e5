"""Parts that things are made of: coloured primitives and small meshes, their bounds, and how they enter a MuJoCo spec.

A thing is a list of `Part` in the thing's own frame: origin at the centre of its foot, x to the right, y to the back
(the front looks along -y), z up, metres. Meshes are for the eye only; hidden primitives collide in their place, which
is faster and rests more steadily than a hull.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

Color = tuple[float, float, float]
Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]

UPRIGHT: Quaternion = (1.0, 0.0, 0.0, 0.0)
HIDDEN_GROUP = 3
"""Geom group of collision shapes that are not drawn (their alpha is 0 too, so rays pass through them)."""

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
    """One geom of a thing."""

    form: str
    """A key of the geom types: box, sphere, cylinder, capsule, ellipsoid or mesh."""
    size: Vector
    """MuJoCo's size: half sides, radius, or radius and half length; half the bounding box for meshes."""
    pos: Vector
    """Centre (a mesh's own origin), metres."""
    rgb: Color = (0.5, 0.5, 0.5)
    finish: str = "plain"
    """Name of a material (`simulator.materials.FINISHES`)."""
    quat: Quaternion = UPRIGHT
    solid: bool = True
    """Collides and has mass."""
    seen: bool = True
    """Is drawn and stops rays."""
    density: float = 1.0
    """Relative to the thing's other parts: heavy feet keep lamps upright."""
    vertices: NDArray[np.float64] | None = field(default=None, repr=False)
    """(N, 3) of a mesh."""
    faces: NDArray[np.int32] | None = field(default=None, repr=False)
    """(M, 3) of a mesh."""


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
    return replace(Part("box", half, (foot[0], foot[1], foot[2] + half[2]), rgb, finish), **other)  # type: ignore[arg-type]


def cylinder(radius: float, height: float, foot: Vector, rgb: Color, finish: str = "plain", **other: object) -> Part:
    """An upright cylinder whose bottom's centre is at `foot`."""
    size = (radius, height / 2, 0.0)
    part = Part("cylinder", size, (foot[0], foot[1], foot[2] + height / 2), rgb, finish)
    return replace(part, **other)  # type: ignore[arg-type]


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


def mesh(vertices: NDArray[np.float64], faces: NDArray[np.int32], rgb: Color, finish: str = "plain") -> Part:
    """A mesh for the eye: (N, 3) vertices in the thing's frame and (M, 3) faces, counter-clockwise from outside."""
    half = (vertices.max(axis=0) - vertices.min(axis=0)) / 2
    size = (float(half[0]), float(half[1]), float(half[2]))
    return Part("mesh", size, (0.0, 0.0, 0.0), rgb, finish, solid=False, vertices=vertices, faces=faces)


def lathe_mesh(
    profile: Sequence[tuple[float, float]], segments: int = 14
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The surface of revolution about z of a `profile` of (radius, height) points.

    Going up on the outside and down on the inside makes a vessel. A point with radius 0 closes the surface.

    Returns:
        (N, 3) vertices and (M, 3) faces, counter-clockwise from outside.
    """
    angles = np.arange(segments) * (2 * np.pi / segments)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rings = [np.hstack([circle * radius, np.full((segments, 1), height)]) for radius, height in profile]
    step = np.arange(segments)
    following = (step + 1) % segments
    faces = []
    for ring in range(len(profile) - 1):
        low, high = ring * segments, (ring + 1) * segments
        if profile[ring][0] > 0:
            faces.append(np.stack([low + step, low + following, high + following], axis=1))
        if profile[ring + 1][0] > 0:
            faces.append(np.stack([low + step, high + following, high + step], axis=1))
    return np.vstack(rings), np.vstack(faces).astype(np.int32)


def tube_mesh(
    path: NDArray[np.float64], radius: float, sides: int = 6
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """A tube around a (P, 3) `path` in a plane that holds the z axis: handles and spouts. Returns vertices, faces."""
    tangents = np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    across = np.cross(tangents, [0.0, 0.0, 1.0])
    lengths = np.linalg.norm(across, axis=1, keepdims=True)
    # All of the path lies in one plane: its normal, signed alike everywhere, serves where the path runs upright.
    normal = across[int(np.argmax(lengths))] / lengths.max()
    first = np.broadcast_to(normal, path.shape)
    second = np.cross(tangents, first)
    angles = np.arange(sides) * (2 * np.pi / sides)
    rings = path[:, None] + radius * (
        np.cos(angles)[None, :, None] * first[:, None] + np.sin(angles)[None, :, None] * second[:, None]
    )
    step = np.arange(sides)
    following = (step + 1) % sides
    faces = []
    for ring in range(len(path) - 1):
        low, high = ring * sides, (ring + 1) * sides
        faces.append(np.stack([low + step, low + following, high + following], axis=1))
        faces.append(np.stack([low + step, high + following, high + step], axis=1))
    return rings.reshape(-1, 3), np.vstack(faces).astype(np.int32)


def join_meshes(
    *pieces: tuple[NDArray[np.float64], NDArray[np.int32]],
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Several meshes as one (fewer geoms to draw)."""
    vertices, faces, count = [], [], 0
    for points, triangles in pieces:
        vertices.append(points)
        faces.append(triangles + count)
        count += len(points)
    return np.vstack(vertices), np.vstack(faces)


def superquadric_mesh(
    half: Vector, center: Vector, exponent: float, rows: int = 9, segments: int = 16
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """A superellipsoid: exponent 1 is an ellipsoid, towards 0 a box with rounded edges (pillows, loaves, bags)."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, rows)
    around = np.arange(segments) * (2 * np.pi / segments)

    def power(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sign(values) * np.abs(values) ** exponent

    ring, height = power(np.cos(angles)), power(np.sin(angles))
    x = ring[:, None] * power(np.cos(around))[None] * half[0] + center[0]
    y = ring[:, None] * power(np.sin(around))[None] * half[1] + center[1]
    z = np.broadcast_to(height[:, None] * half[2] + center[2], x.shape)
    _, faces = lathe_mesh([(0.0 if row in (0, rows - 1) else 1.0, 0.0) for row in range(rows)], segments)
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
    """(low, high) corners, each (3,), of a part's axis-aligned box in the thing's frame."""
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


def _volume(part: Part) -> float:
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
) -> None:
    """Adds the parts as geoms of `body`; solid ones share `mass` (kg) by volume times density.

    The materials named by the parts' finishes must exist in `spec`, or be "plain".
    """
    weights = [_volume(part) * part.density if part.solid else 0.0 for part in parts]
    total = sum(weights)
    for index, (part, weight) in enumerate(zip(parts, weights, strict=True)):
        settings: dict[str, object] = {
            "type": _GEOM_TYPES[part.form],
            "pos": part.pos,
            "quat": part.quat,
            "rgba": (*part.rgb, 1.0) if part.seen else (0.0, 0.0, 0.0, 0.0),
            "mass": mass * weight / total if total else 0.0,
            "friction": friction,
            "condim": condim,
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
            settings["group"] = HIDDEN_GROUP
        if not part.solid:
            settings["contype"] = settings["conaffinity"] = 0
        body.add_geom(**settings)
