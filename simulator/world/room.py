"""A room in use: its compiled model with its state, physics and graphics, and which geom belongs to which object."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.rooms.bodies import park_place
from simulator.rooms.footprints import GRID
from simulator.rooms.scene import Scene
from simulator.things.shapes import ABSENT_BITS, FREE_BITS
from simulator.world.camera import Camera
from simulator.world.containment import Containment
from simulator.world.navigation import Footprints, Obstacles
from simulator.world.parts import NUDGE, Parts
from simulator.world.physics import Physics
from simulator.world.push import PushSettings
from simulator.world.rendering import Quality, RoomGraphics, geom_radii
from simulator.world.sources import RoomSource


@dataclass(frozen=True)
class Left:
    """What is remembered of a disabled object, so that it can come back."""

    object_id: str
    pose: NDArray[np.float64]
    """(7,) position and rotation of its free joint."""


@dataclass(frozen=True)
class RoomState:
    """Where everything in a room is: what an action that fails must restore."""

    positions: NDArray[np.float64]
    """(nq,) of the objects with a free joint."""
    openness: NDArray[np.float64]
    """(n,) of each object."""
    present: NDArray[np.bool_]
    """(n,) whether each object is in the room."""
    carried: tuple[int, ...] = ()
    """The held object and its contents."""
    left: Mapping[int, Left] = field(default_factory=dict)
    """Objects that have been disabled."""


class Room:
    """One compiled room with its state, physics and graphics.

    Args:
        scene: the room.
        time_step: of the physics, seconds.
        rest_timeout: longest motion after a touch, simulated seconds.
        push: how a touch pushes.
    """

    def __init__(
        self,
        scene: Scene,
        time_step: float,
        rest_timeout: float,
        push: PushSettings = PushSettings(),  # noqa: B008 - a frozen value
    ) -> None:
        self.scene = scene
        self.model = scene.model
        self.data = mujoco.MjData(self.model)
        self.physics = Physics(self.model, self.data, time_step, rest_timeout, push)
        self.graphics: RoomGraphics | None = None
        self.parts = Parts(scene, self.data)
        """Its doors, drawers and lids."""
        self.object_bodies = np.array([self.model.body(obj.name).id for obj in scene.objects], dtype=np.intp)
        """(n,) MuJoCo body of each object."""
        self.box_centers = np.array([obj.center_offset for obj in scene.objects]).reshape(-1, 3)
        """(n, 3) centre of each object's bounding box in its body's frame, metres."""
        self.box_halves = np.array([obj.half_extents for obj in scene.objects]).reshape(-1, 3)
        """(n, 3) half sides of that box, metres."""
        self.box_radii = np.linalg.norm(self.box_halves, axis=1)
        """(n,) half diagonal of that box, metres."""
        self.openable = np.array([obj.openable for obj in scene.objects], dtype=bool)
        """(n,) whether each object opens."""
        self.geom_instances, self.structure_names = self._number_instances()
        """(ngeom,) instance number of each geom (the objects in order, then pieces of structure), and the names of the
        latter."""
        self.geom_radii = geom_radii(self.model)
        """(ngeom,) radii of the geoms' bounding spheres, metres."""
        self.present = np.array([not obj.parked for obj in scene.objects], dtype=bool)
        """(n,) whether each object is in the room; set it with `set_present`."""
        self.solid = (self.model.geom_contype != 0) | (self.model.geom_conaffinity != 0)
        """(ngeom,) whether each geom collides with anything while its object is in the room and in nobody's hand."""
        self.containment = Containment(scene, self.data, self.geom_instances)
        """What lies in what."""
        self.carried: tuple[int, ...] = ()
        """Numbers of the held object and of what comes along in it; empty for an empty hand. Set it with `hold`."""
        self._spare_data: list[mujoco.MjData] = []
        self.left: dict[int, Left] = {}
        """Number -> what is remembered of a disabled object."""
        self._hiders = self._number_hiders()
        self._hidden: dict[tuple[bytes, bytes, bool], NDArray[np.bool_]] = {}
        self._seen_by: tuple[Camera, bytes] | None = None
        self._in_view = np.empty(0, dtype=bool)
        self._original_mass = self.model.body_mass.copy()
        self._original_inertia = self.model.body_inertia.copy()
        self._original_damping = self.model.dof_damping.copy()
        self._masses_changed = False
        self.physics.place(self.model.qpos0)
        for number in np.flatnonzero(~self.present).tolist():
            self.set_present(number, False)
        self.physics.run_to_rest()
        self._fresh = self.state()
        still = self.model.body_weldid == 0
        still[[part.body for part in self.parts.parts]] = False
        fixed = still[self.model.geom_bodyid]
        self._fixed_prints = Footprints(self.model, np.flatnonzero(fixed)).at(self.data)
        self._movable = np.flatnonzero(~fixed)
        self._movable_bodies = np.unique(self.model.geom_bodyid[self._movable])
        self._footprints = Footprints(self.model, self._movable)
        self._obstacles: Obstacles | None = None
        self._poses_of_obstacles = np.empty(0)
        self.start = self.obstacles().start(GRID)
        """(x, y) where the agent stands in the fresh room."""

    @property
    def held(self) -> int | None:
        """Number of the held object; None for an empty hand."""
        return self.carried[0] if self.carried else None

    def hold(self, numbers: tuple[int, ...]) -> None:
        """Holds objects with a free joint where they are now, instead of those that were held; an empty hand for ().

        Args:
            numbers: of the held object and of what comes along in it.
        """
        self.carried = numbers
        self.physics.pin(self.object_bodies[list(numbers)])

    def obstacles(self) -> Obstacles:
        """The obstacles for an agent now, without what it holds. They are computed again only after one has moved."""
        # The poses themselves are compared, so no code that moves an object can forget to invalidate this.
        bodies = self._movable_bodies
        poses = np.concatenate([self.data.xpos[bodies], self.data.xquat[bodies]], axis=1)
        if self.carried:
            poses[np.isin(self.model.body_rootid[bodies], self.object_bodies[list(self.carried)])] = 0.0
        if self._obstacles is None or not np.array_equal(poses, self._poses_of_obstacles):
            held = np.isin(self.geom_instances, self.carried)
            prints = [one for one in self._footprints.at(self.data) if not held[one[0]]]
            self._obstacles = Obstacles(self.scene.floor, self._fixed_prints + prints)
            self._poses_of_obstacles = poses
        return self._obstacles

    def restore(self) -> None:
        """Restores the positions and masses of the fresh room."""
        if self._masses_changed:
            self.model.body_mass[:] = self._original_mass
            self.model.body_inertia[:] = self._original_inertia
            self.model.dof_damping[:] = self._original_damping
            mujoco.mj_setConst(self.model, self.data)
            self._masses_changed = False
        self.restore_positions()

    def restore_positions(self) -> None:
        """Restores the fresh room, at rest: where objects are, what is open and what is in the room."""
        self.set_state(self._fresh)

    def state(self) -> RoomState:
        """Where everything is now."""
        return RoomState(
            self.data.qpos.copy(), self.parts.openness.copy(), self.present.copy(), self.carried, dict(self.left)
        )

    def set_state(self, state: RoomState) -> None:
        """Puts everything where it was, at rest."""
        self._put_back(state, lambda: self.physics.place(state.positions))

    def _put_back(self, state: RoomState, positions: Callable[[], None]) -> None:
        """Restores a state, whose positions the given function restores."""
        self.hold(())
        self.parts.restore(state.openness)
        for number in np.flatnonzero(self.present != state.present).tolist():
            self.set_present(number, bool(state.present[number]))
        positions()
        self.hold(state.carried)
        self.left = dict(state.left)

    @contextmanager
    def trial(self) -> Iterator[Callable[[], None]]:
        """Gives, inside a `with` block, a function that puts everything back exactly, also what moves or sleeps.

        It is faster than `set_state`, after which everything is awake.
        """
        saved = self._spare_data.pop() if self._spare_data else mujoco.MjData(self.model)
        mujoco.mj_copyData(saved, self.model, self.data)
        state = self.state()

        def restore() -> None:
            self._put_back(state, lambda: mujoco.mj_copyData(self.data, self.model, saved))

        try:
            yield restore
        finally:
            self._spare_data.append(saved)

    def wake(self, numbers: NDArray[np.intp]) -> None:
        """Lets dynamic objects that sleep take part in the physics again: what they rested on has gone."""
        joints = self.model.body_jntadr[self.object_bodies[numbers]]
        self.data.qvel[self.model.jnt_dofadr[joints[joints >= 0]]] += NUDGE

    def set_present(self, number: int, present: bool) -> None:
        """Takes a dynamic object out of the room, or lets it take part again where it is now.

        An object that is taken out waits below the room: nothing draws it or collides with it, and it does not fall.
        """
        self.present[number] = present
        body = int(self.object_bodies[number])
        bodies = np.flatnonzero(self.model.body_rootid == body)
        geoms = np.isin(self.model.geom_bodyid, bodies)
        solid = geoms & (self.model.geom_conaffinity != 0)
        self.model.geom_contype[solid], self.model.geom_conaffinity[solid] = FREE_BITS if present else ABSENT_BITS
        # MuJoCo keeps the bits of all geoms of a body together, and looks for contacts only of bodies that have some.
        self.model.body_contype[bodies], self.model.body_conaffinity[bodies] = FREE_BITS if present else (0, 0)
        self.model.body_gravcomp[bodies] = 0.0 if present else 1.0
        if not present:
            start = self.model.jnt_qposadr[self.model.body_jntadr[body]]
            self.data.qpos[start : start + 7] = (*park_place(number), 1.0, 0.0, 0.0, 0.0)
            speeds = self.model.jnt_dofadr[self.model.body_jntadr[body]]
            self.data.qvel[speeds : speeds + 6] = 0.0
            mujoco.mj_kinematics(self.model, self.data)

    def hidden_geoms(self, insides: bool = False) -> NDArray[np.bool_]:
        """(ngeom,) what need not be drawn: absent objects, and the insides of what is closed.

        With `insides`, the insides must be drawn, because something else makes them visible.
        """
        state = (self.parts.openness.tobytes(), self.present.tobytes(), insides)
        if state not in self._hidden:
            closed = (self._hiders >= 0) & (self.parts.openness[self._hiders] == 0.0) & (not insides)
            instances = self.geom_instances
            objects = len(self.present)
            absent = (instances < objects) & ~self.present[np.minimum(instances, objects - 1)]
            self._hidden = {state: closed | absent}
        return self._hidden[state]

    def in_view(self, camera: Camera) -> NDArray[np.bool_]:
        """(ngeom,) which geoms may reach into the camera's frustum. Pictures and visibility both need this."""
        state = (camera, self.data.geom_xpos.tobytes())
        if state != self._seen_by:
            self._seen_by, self._in_view = state, camera.sees(self.data.geom_xpos, self.geom_radii)
        return self._in_view

    def set_mass(self, index: int, mass: float, drag: float, angular_drag: float) -> None:
        """Changes the mass of an object with a free joint, its inertia in proportion, and its drag.

        Args:
            index: number of the object in the scene.
            mass: kg, positive.
            drag: rate at which its speed decays in free flight, 1/s.
            angular_drag: rate at which its spin decays, 1/s.
        """
        body = int(self.object_bodies[index])
        whole = self.model.body_rootid == body
        before = self.model.body_mass[whole]  # lids share the object's mass
        self.model.body_inertia[whole] *= mass / before.sum()
        self.model.body_mass[whole] = before / before.sum() * mass
        start = self.model.jnt_dofadr[self.model.body_jntadr[body]]
        self.model.dof_damping[start : start + 3] = drag * mass
        self.model.dof_damping[start + 3 : start + 6] = angular_drag * self.model.body_inertia[body]
        positions, velocities = self.data.qpos.copy(), self.data.qvel.copy()
        # mj_setConst computes constants in the reference pose and overwrites the state.
        mujoco.mj_setConst(self.model, self.data)
        self.data.qpos[:], self.data.qvel[:] = positions, velocities
        mujoco.mj_forward(self.model, self.data)
        self._masses_changed = True

    def object_of_geom(self, geom: int) -> int | None:
        """The number of the object that a geom belongs to; None for structure."""
        instance = int(self.geom_instances[geom])
        return instance if instance < len(self.scene.objects) else None

    def free(self) -> None:
        """Frees the room's OpenGL memory."""
        if self.graphics is not None:
            self.graphics.free()
            self.graphics = None

    def draw_with(self, quality: Quality, width: int, height: int) -> RoomGraphics:
        """The room's graphics, which are loaded at the first call."""
        if self.graphics is None:
            self.graphics = RoomGraphics(self.model, self.geom_instances, quality, width, height)
        return self.graphics

    def _number_hiders(self) -> NDArray[np.intp]:
        """(ngeom,) number of the object that hides each geom while it is closed; -1 for geoms that nothing hides."""
        hiders = np.full(self.model.ngeom, -1, dtype=np.intp)
        numbers = {obj.name: number for number, obj in enumerate(self.scene.objects)}
        for geom, name in self.scene.hidden.items():
            hiders[self.model.geom(geom).id] = numbers[name]
        return hiders

    def _number_instances(self) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """(ngeom,) instance numbers of the geoms, and the names of the pieces of structure."""
        model = self.model
        owner = np.full(model.nbody, -1)
        owner[self.object_bodies] = np.arange(len(self.object_bodies))
        for part in self.parts.parts:
            owner[part.body] = part.object
        for body in range(1, model.nbody):
            # Parents come first in MuJoCo, so parts of an object inherit its number.
            if owner[body] < 0:
                owner[body] = owner[model.body_parentid[body]]
        instances = owner[model.geom_bodyid].astype(np.int64)
        names: dict[str, int] = {}
        for geom in np.flatnonzero(instances < 0):
            body = int(model.geom_bodyid[geom])
            name = (model.geom(int(geom)).name if body == 0 else model.body(body).name) or f"structure_{geom}"
            instances[geom] = len(self.object_bodies) + names.setdefault(name, len(names))
        return instances, tuple(names)


class RoomCache:
    """The most recently used compiled rooms.

    Args:
        source: where rooms come from.
        size: number of rooms to keep.
        time_step: see Room.
        rest_timeout: see Room.
        push: see Room.
    """

    def __init__(
        self,
        source: RoomSource,
        size: int,
        time_step: float,
        rest_timeout: float,
        push: PushSettings = PushSettings(),  # noqa: B008 - a frozen value
    ) -> None:
        self._source, self._size = source, size
        self._time_step, self._rest_timeout, self._push = time_step, rest_timeout, push
        self._rooms: OrderedDict[str, Room] = OrderedDict()

    def get(self, name: str) -> Room:
        """The room in its fresh state, compiled if it is not in the cache.

        Raises:
            ValueError: there is no room of this name.
        """
        room = self._rooms.pop(name, None)
        if room is None:
            while len(self._rooms) >= self._size:
                self._rooms.popitem(last=False)[1].free()
            room = Room(self._source.build(name), self._time_step, self._rest_timeout, self._push)
        # A new room, too: what sleeps in it would otherwise differ from the same room restored.
        room.restore()
        self._rooms[name] = room
        return room

    def clear(self) -> None:
        """Frees every room."""
        while self._rooms:
            self._rooms.popitem()[1].free()
