"""The state behind the protocol: the room, the agent and the options that the client has set.

The actions change this state, and `Environment.describe` and `Environment.images` make the reply's content from it. It
knows nothing of pipes or JSON. Coordinates are MuJoCo's (`simulator.rooms.scene`) except in what `describe` returns.
The agent's pose is in the client's frame, and the room is in the world (`simulator.world.frame`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.wire.metadata import ObjectDescriptions, describe_colors, object_ids, vector
from simulator.wire.protocol import Field, Packed
from simulator.world.camera import FAR, NEAR, Camera
from simulator.world.frame import WORLD, Frame
from simulator.world.looks import MASK, Looks, WalkableFloor
from simulator.world.navigation import Obstacles
from simulator.world.push import PushSettings
from simulator.world.rendering import PAINTS, VISIBLE_GROUPS, Quality, RoomGraphics, open_graphics
from simulator.world.room import Room, RoomCache
from simulator.world.sources import RoomSource

AGENT_CENTER = 0.9
"""Height of the agent's position above the floor, metres."""
STANDING_EYES = 0.675
"""Height of the camera above the agent's position when it stands, metres."""
CROUCH = 0.675
"""Distance by which crouching lowers the camera, metres."""
MAX_PIVOT = 1e4
"""Largest coordinate of the agent when the world turns about it, metres."""
SCENE_SUFFIX = "_physics"
"""Suffix that the client appends to the names of scenes."""


class ActionFailed(Exception):
    """An action did not succeed.

    Args:
        message: one sentence.
        code: AI2-THOR's errorCode, or "" for a failure for which the client raises no exception.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Limits:
    """Limits and settings of the physics, from the command line."""

    time_step: float
    """Time step of the physics, seconds."""
    rest_timeout: float
    """Longest motion after an action, simulated seconds."""
    cached_rooms: int
    """Number of compiled rooms that are kept."""
    push: PushSettings = PushSettings()
    """How a touch pushes."""
    inside_share: float = 0.15
    """Share of the objects that InitialRandomSpawn without forceVisible puts into what is closed."""


@dataclass(frozen=True)
class View:
    """The options that Initialize sets. The defaults are AI2-THOR's."""

    grid_size: float = 0.25
    """Metres."""
    visibility_distance: float = 1.5
    """Metres from the camera."""
    field_of_view: float = 90.0
    """Vertical, degrees."""
    snap_to_grid: bool = True
    rotate_step: float = 90.0
    """Degrees."""
    rgb: bool = True
    depth: bool = False
    instances: bool = False
    normals: bool = False


@dataclass(frozen=True)
class Agent:
    """The agent's pose in the client's frame: x and y in metres (MuJoCo's axes), yaw and horizon in degrees.

    The angles are as in `Camera`.
    """

    x: float
    y: float
    yaw: float = 0.0
    horizon: float = 0.0
    standing: bool = True


@dataclass(frozen=True)
class Pick:
    """The first hit of a ray."""

    geom: int
    object: int | None
    """Number of the object; None for structure."""
    point: NDArray[np.float64]
    """(3,) hit point, world frame, metres."""
    distance: float
    """Distance from the camera along the ray, metres."""


class Environment:
    """One agent in one room at a time.

    Args:
        source: where rooms come from.
        limits: of the physics and the cache of rooms.
        quality: options of drawing.
        width: of the images, pixels.
        height: of the images, pixels.
    """

    def __init__(self, source: RoomSource, limits: Limits, quality: Quality, width: int, height: int) -> None:
        self.source = source
        self._inside_share = limits.inside_share
        self.quality = quality
        self.width, self.height = width, height
        self.view = View()
        self.initialized = False
        self.physics_paused = False
        self.agent = Agent(0.0, 0.0)
        self.frame = WORLD
        """The client's frame; RotateUniverseAroundAgent turns it."""
        self.looks = Looks()
        """What the client has hidden and painted."""
        self._camera: Camera | None = None
        self.ids: list[str] = []
        self.described: frozenset[int] | None = None
        """Numbers of the objects whose metadata the client wants; None for all."""
        open_graphics()
        self._rooms = RoomCache(source, limits.cached_rooms, limits.time_step, limits.rest_timeout, limits.push)
        self._room: Room | None = None
        self._no_room = "send Reset with a sceneName first"

    @property
    def room(self) -> Room:
        """The loaded room.

        Raises:
            ActionFailed: no room is loaded.
        """
        if self._room is None:
            raise ActionFailed(f"No scene is loaded: {self._no_room}.")
        return self._room

    @property
    def camera(self) -> Camera:
        """The agent's camera, in the world."""
        camera = self.camera_of(self.agent)
        # An unchanged camera stays the same instance, because it caches its frustum.
        if camera != self._camera:
            self._camera = camera
        return self._camera

    def camera_of(self, agent: Agent) -> Camera:
        """The camera of an agent with this pose, in the world."""
        eyes = AGENT_CENTER + STANDING_EYES - (0.0 if agent.standing else CROUCH)
        place, yaw = self.in_world(agent.x, agent.y), agent.yaw
        if self.frame.angle:
            yaw -= self.frame.angle
        return Camera((*place, eyes), yaw, agent.horizon, self.view.field_of_view, self.width, self.height)

    @property
    def place(self) -> tuple[float, float]:
        """(x, y) of the agent in the world, metres."""
        return self.in_world(self.agent.x, self.agent.y)

    def in_world(self, x: float, y: float) -> tuple[float, float]:
        """The place (x, y) of the client's frame in the world, metres."""
        if self.frame.same:
            return x, y
        x, y = self.frame.from_client(np.array([x, y])).tolist()
        return x, y

    @property
    def heading(self) -> float:
        """The agent's yaw in the world, degrees."""
        return self.agent.yaw - self.frame.angle if self.frame.angle else self.agent.yaw

    def to_client(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Converts points in the world (..., 2 or 3) to the client's frame; MuJoCo's axes, metres."""
        return self.frame.to_client(points)

    def from_client(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Converts points in the client's frame (..., 2 or 3) to the world; MuJoCo's axes, metres."""
        return self.frame.from_client(points)

    def reachable_places(self, obstacles: Obstacles | None = None) -> NDArray[np.float64]:
        """(n, 2) grid points where the agent can walk, in the client's frame, metres."""
        x, y = self.snapped(self.agent.x, self.agent.y)
        return (obstacles or self.room.obstacles()).reachable(x, y, self.view.grid_size, self.frame)

    def walkable_floor(self) -> WalkableFloor:
        """The floor on which the agent can walk."""
        x, y, spacing = *self.snapped(self.agent.x, self.agent.y), self.view.grid_size
        places = self.room.obstacles().reachable_in_any_order(x, y, spacing, self.frame)
        return WalkableFloor(places, spacing, self.frame)

    def turned(self, angle: int) -> Frame:
        """The client's frame after the world has turned by `angle` degrees about the agent, clockwise from above.

        Raises:
            ActionFailed: the hand holds something, which would have to turn with the agent and not with the world; or
                forceAction has put the agent so far away that positions would lose their digits.
        """
        if angle % 360 == 0:
            return self.frame
        if self.room.held is not None:
            raise ActionFailed("The world turns only about an agent with an empty hand.")
        if max(abs(self.agent.x), abs(self.agent.y)) > MAX_PIVOT:
            raise ActionFailed(f"The world turns only about an agent within {MAX_PIVOT:g} m of the origin.")
        return self.frame.turned(angle, (self.agent.x, self.agent.y))

    def reset(self, name: str) -> None:
        """Loads a room in its fresh state and puts the agent at its start.

        If that fails, no room is loaded. AI2-THOR's Controller.reset ignores the failure; so its next action fails too,
        instead of acting in the previous room.

        Raises:
            ActionFailed: there is no room of this name.
        """
        name = name.removesuffix(SCENE_SUFFIX)
        self._room = None
        if name not in self.source.names:
            self._no_room = f"there is no scene '{name}'"
            raise ActionFailed(
                f"There is no scene '{name}': GetScenesInBuild lists the {len(self.source.names)} that exist.",
                "InvalidArgument",
            )
        self._no_room = f"loading '{name}' failed, see the simulator's log"
        self._room = self._rooms.get(name)
        self.physics_paused = False
        self.described = None
        self.agent, self.frame, self.looks = Agent(*self._room.start), WORLD, Looks()
        self._objects = ObjectDescriptions(self._room)
        self.ids = object_ids(self._room)

    def spawn(self, seed: int, attempts: int, force_visible: bool) -> None:
        """Places the room's objects anew and lets them settle. The result depends on the seed, not on where they are.

        If that fails, all objects are back where they were, at rest.
        """
        room = self.room
        before = room.state()
        try:
            room.restore_positions()
            self.source.spawn(
                room.scene,
                room.data,
                seed,
                attempts=attempts,
                force_visible=force_visible,
                inside_share=self._inside_share,
            )
            room.physics.place(room.data.qpos.copy())
            room.physics.run_to_rest()
        except Exception:
            room.set_state(before)
            raise
        self.ids, self.looks = object_ids(room), Looks()

    def move_agent(self, **changes: Any) -> None:
        """Sets fields of the agent's pose."""
        self.agent = replace(self.agent, **changes)

    def snapped(self, x: float, y: float) -> tuple[float, float]:
        """The grid point closest to (x, y) if snapToGrid is set, else (x, y); metres."""
        if not self.view.snap_to_grid:
            return x, y
        grid = self.view.grid_size
        # Rounded to the nanometre, because multiples of most grid sizes are inexact in binary.
        return round(x - math.remainder(x, grid), 9), round(y - math.remainder(y, grid), 9)

    def name_of_geom(self, geom: int) -> str:
        """The id of the object that a geom belongs to, or the name of a piece of structure."""
        number = int(self.room.geom_instances[geom])
        return self.ids[number] if number < len(self.ids) else self.room.structure_names[number - len(self.ids)]

    def object_number(self, object_id: str) -> int:
        """The number of the object with this id.

        Raises:
            ActionFailed: there is no such object in the room.
        """
        if not object_id or object_id not in self.ids:
            raise ActionFailed(f"There is no object '{object_id}' in the scene.")
        return self.ids.index(object_id)

    def graphics(self) -> RoomGraphics:
        """The room's graphics."""
        return self.room.draw_with(self.quality, self.width, self.height)

    def pick(self, x: float, y: float, reach: float) -> Pick | None:
        """The first hit of the ray through the image point (x, y), or None if there is none within `reach` metres.

        x and y are in [0, 1] from the top left. The ray hits whatever the camera draws, from the near plane on.
        """
        room, camera = self.room, self.camera
        direction = camera.ray(x, y)
        _, _, forward = camera.axes()
        skipped = NEAR / float(direction @ forward)
        start = np.asarray(camera.position) + skipped * direction
        geom = np.full(1, -1, np.int32)
        found = mujoco.mj_ray(room.model, room.data, start, direction, VISIBLE_GROUPS, 1, -1, geom)
        distance = found + skipped
        if found < 0 or distance > reach:
            return None
        number = int(geom[0])
        return Pick(number, room.object_of_geom(number), start + found * direction, distance)

    def to_world(self, direction: NDArray[np.float64]) -> NDArray[np.float64]:
        """(3,) vector in the world frame from one in the agent's body frame, (right, up, ahead)."""
        yaw = math.radians(self.heading)
        right, up, ahead = direction
        east = right * math.cos(yaw) + ahead * math.sin(yaw)
        north = ahead * math.cos(yaw) - right * math.sin(yaw)
        return np.array([east, north, up])

    def images(self, wanted: bool) -> list[tuple[Field, NDArray[Any]]]:
        """The images that Initialize asked for; none without a room or if `wanted` is False."""
        view = self.view
        if self._room is None or not wanted:
            return []
        room, looks = self._room, self.looks
        drawn = self.graphics().draw(
            room.data,
            self.camera,
            room.in_view(self.camera),
            view.rgb,
            view.depth or (view.rgb and looks.walkable),
            view.instances,
            looks.hidden_geoms(room),
            looks.paints(room),
            self.frame if view.normals else None,
        )
        if drawn.rgb is not None and drawn.depth is not None and looks.walkable:
            drawn.rgb[self.walkable_floor().contains(self.camera.points(drawn.depth[::-1]))[::-1]] = PAINTS[MASK]
        depth = drawn.depth if view.depth else None
        fields = (
            (Field.RGB, drawn.rgb), (Field.DEPTH, depth), (Field.NORMALS, drawn.normals),
            (Field.INSTANCES, drawn.instances),
        )  # fmt: skip
        return [(field, image) for field, image in fields if image is not None]

    def describe(self, packed: bool = False) -> dict[str, Any]:
        """The agent's metadata, except for the fields about the action. Coordinates are Unity's.

        With `packed`, the objects are in the form in which they are sent.
        """
        camera, agent, room = self.camera, self.agent, self._room
        return {
            "agentId": 0,
            "sceneName": "" if room is None else room.scene.name + SCENE_SUFFIX,
            "screenWidth": self.width,
            "screenHeight": self.height,
            "depthFormat": "Meters",
            "fov": self.view.field_of_view,
            "cameraNearPlane": NEAR,
            "cameraFarPlane": FAR,
            "cameraPosition": vector(*self.to_client(np.array(camera.position)).tolist()),
            "thirdPartyCameras": [],
            "agent": {
                "name": "agent",
                "position": vector(agent.x, agent.y, AGENT_CENTER),
                "rotation": {"x": 0.0, "y": agent.yaw % 360.0, "z": 0.0},
                "cameraHorizon": agent.horizon,
                "isStanding": agent.standing,
            },
            "isSceneAtRest": room is None or room.physics.at_rest,
            "objects": [] if room is None else self._described(camera, packed),
            "inventoryObjects": [] if room is None or room.held is None else [self._held(room, room.held)],
            "colors": None if room is None or not self.view.instances else describe_colors(room, self.ids),
        }

    def _described(self, camera: Camera, packed: bool) -> list[dict[str, Any]] | Packed:
        describe = self._objects.packed if packed else self._objects.seen
        return describe(self.ids, camera, self.view.visibility_distance, self.frame, self.described)

    def _held(self, room: Room, number: int) -> dict[str, str]:
        return {"objectId": self.ids[number], "objectType": room.scene.objects[number].category}

    def close(self) -> None:
        """Frees the cached rooms."""
        self._room = None
        self._rooms.clear()
