"""The state behind the protocol: the room, the agent and what the client asked to see.

The environment knows nothing of pipes or JSON. `simulator.wire.actions` changes it; `Environment.reply` describes it.
Coordinates are MuJoCo's (simulator.rooms.scene) until they go on the wire.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.wire.metadata import ObjectDescriptions, describe_colors, object_ids, vector
from simulator.wire.protocol import Field
from simulator.world.camera import FAR, NEAR, Camera
from simulator.world.push import PushSettings
from simulator.world.rendering import VISIBLE_GROUPS, Quality, open_graphics
from simulator.world.room import Room, RoomCache, RoomSource

AGENT_CENTER = 0.9
"""Height of the agent's position above the floor, metres."""
STANDING_EYES = 0.675
"""Height of the camera above the agent's position when it stands, metres."""
CROUCH = 0.22
"""Metres by which crouching lowers the camera."""
SCENE_SUFFIX = "_physics"
"""The client appends it to the names of rooms."""


class ActionFailed(Exception):
    """An action that did not succeed.

    Args:
        message: one sentence.
        code: AI2-THOR's errorCode; "" for failures that the client does not turn into an exception.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Limits:
    """What the simulator was started with."""

    time_step: float
    """Of the physics, seconds."""
    rest_timeout: float
    """Longest motion after an action, simulated seconds."""
    cached_rooms: int
    """How many compiled rooms are kept."""
    push: PushSettings = PushSettings()
    """How a touch pushes."""


@dataclass(frozen=True)
class View:
    """What Initialize sets; the defaults are AI2-THOR's."""

    grid_size: float = 0.25
    visibility_distance: float = 1.5
    field_of_view: float = 90.0
    snap_to_grid: bool = True
    rotate_step: float = 90.0
    rgb: bool = True
    depth: bool = False
    instances: bool = False


@dataclass(frozen=True)
class Agent:
    """The agent's pose."""

    x: float
    y: float
    yaw: float = 0.0
    horizon: float = 0.0
    standing: bool = True


@dataclass(frozen=True)
class Pick:
    """What a ray hit."""

    geom: int
    object: int | None
    """Number of the object; None: structure."""
    point: NDArray[np.float64]
    """(3,) metres."""
    distance: float
    """From the camera, metres."""


class Environment:
    """One agent in one room at a time.

    Args:
        source: where rooms come from.
        limits: see Limits.
        quality: of the drawing.
        width: of the images, pixels.
        height: of the images, pixels.
    """

    def __init__(self, source: RoomSource, limits: Limits, quality: Quality, width: int, height: int) -> None:
        self.source = source
        self.quality = quality
        self.width, self.height = width, height
        self.view = View()
        self.initialized = False
        self.physics_paused = False
        self.agent = Agent(0.0, 0.0)
        self._camera: Camera | None = None
        self.ids: list[str] = []
        open_graphics()
        self._rooms = RoomCache(source, limits.cached_rooms, limits.time_step, limits.rest_timeout, limits.push)
        self._room: Room | None = None
        self._no_room = "send Reset with a sceneName first"

    @property
    def room(self) -> Room:
        """The present room.

        Raises:
            ActionFailed: there is none yet.
        """
        if self._room is None:
            raise ActionFailed(f"No scene is loaded: {self._no_room}.")
        return self._room

    @property
    def camera(self) -> Camera:
        """The agent's camera."""
        agent = self.agent
        eyes = AGENT_CENTER + STANDING_EYES - (0.0 if agent.standing else CROUCH)
        camera = Camera(
            (agent.x, agent.y, eyes), agent.yaw, agent.horizon, self.view.field_of_view, self.width, self.height
        )
        # The same object as long as it looks the same way, because it keeps its frustum.
        if camera != self._camera:
            self._camera = camera
        return self._camera

    def reset(self, name: str) -> None:
        """Loads a room as it was made and puts the agent to its start.

        If that fails no room is loaded, so that a client that overlooks it (as AI2-THOR's Controller.reset does) hears
        of it with its next action, instead of playing on in the room before.

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
        self.agent = Agent(*self._room.start)
        self._objects = ObjectDescriptions(self._room)
        self.ids = object_ids(self._room)

    def spawn(self, seed: int, attempts: int, force_visible: bool) -> None:
        """Moves the room's objects about by the seed alone (not by where they are), and lets them settle.

        If that fails everything is where it was before, at rest.
        """
        room = self.room
        before = room.data.qpos.copy()
        try:
            room.restore_positions()
            self.source.spawn(room.scene, room.data, seed, attempts=attempts, force_visible=force_visible)
            room.physics.place(room.data.qpos.copy())
            room.physics.run_to_rest()
        except Exception:
            room.physics.place(before)
            raise
        self.ids = object_ids(room)

    def move_agent(self, **changes: Any) -> None:
        """Sets fields of the agent's pose."""
        self.agent = replace(self.agent, **changes)

    def snapped(self, x: float, y: float) -> tuple[float, float]:
        """The point of the grid nearest to (x, y), if the client asked for snapToGrid; else (x, y)."""
        if not self.view.snap_to_grid:
            return x, y
        grid = self.view.grid_size
        # To the nanometre, because multiples of most grid sizes are no binary numbers.
        return round(x - math.remainder(x, grid), 9), round(y - math.remainder(y, grid), 9)

    def name_of_geom(self, geom: int) -> str:
        """The id of the object that a geom belongs to, or the name of a piece of structure."""
        number = int(self.room.geom_instances[geom])
        return self.ids[number] if number < len(self.ids) else self.room.structure_names[number - len(self.ids)]

    def pick(self, x: float, y: float, reach: float) -> Pick | None:
        """The first object that the ray through the image point (x, y), [0, 1] from the top left, hits within `reach`.

        The ray sees what the camera draws, beginning at the near plane.
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
        """(3,) world vector of a Unity vector (right, up, ahead) in the agent's body frame."""
        yaw = math.radians(self.agent.yaw)
        right, up, ahead = direction
        east = right * math.cos(yaw) + ahead * math.sin(yaw)
        north = ahead * math.cos(yaw) - right * math.sin(yaw)
        return np.array([east, north, up])

    def images(self, wanted: bool) -> list[tuple[Field, NDArray[Any]]]:
        """The pictures that the client asked for; none without a room or if `wanted` is False."""
        view = self.view
        if self._room is None or not wanted:
            return []
        graphics = self._room.draw_with(self.quality, self.width, self.height)
        drawn = graphics.draw(self._room.data, self.camera, view.rgb, view.depth, view.instances)
        fields = ((Field.RGB, drawn.rgb), (Field.DEPTH, drawn.depth), (Field.INSTANCES, drawn.instances))
        return [(field, image) for field, image in fields if image is not None]

    def describe(self) -> dict[str, Any]:
        """The agent's metadata, without what concerns the action."""
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
            "cameraPosition": vector(*camera.position),
            "thirdPartyCameras": [],
            "agent": {
                "name": "agent",
                "position": vector(agent.x, agent.y, AGENT_CENTER),
                "rotation": {"x": 0.0, "y": agent.yaw % 360.0, "z": 0.0},
                "cameraHorizon": agent.horizon,
                "isStanding": agent.standing,
            },
            "isSceneAtRest": room is None or room.physics.at_rest,
            "objects": [] if room is None else self._objects.seen(self.ids, camera, self.view.visibility_distance),
            "inventoryObjects": [],
            "colors": None if room is None or not self.view.instances else describe_colors(room, self.ids),
        }

    def close(self) -> None:
        """Frees the cached rooms."""
        self._room = None
        self._rooms.clear()
