"""What the game asks of a room. Only this module knows the simulator's actions; it runs on both simulators.

It is one file because nothing else may know them. All actions are those of AI2-THOR. Where a Unity build may answer
less than the embedded simulator, the code falls back to what both tell, as the functions say.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai2thor.server import Event
from numpy.typing import NDArray

from actors.config import SimulatorConfig
from actors.controller import SimulatorError, SimulatorProcess
from actors.core import TaskError
from actors.hide_and_seek.locations import STEP, Frame, Location, Place
from actors.hide_and_seek.pixels import GRID
from actors.hide_and_seek.scenes import REMOVED

SIZE = 224
"""Width and height of the agent's pictures, pixels (paper)."""
PAINT = np.array([255, 0, 255], dtype=np.uint8)
"""Colour of masked and emphasized objects."""
KEYWORDS: dict[str, Any] = {
    "gridSize": STEP,
    "snapToGrid": True,
    "visibilityDistance": 1.5,
    "renderDepthImage": False,
    "rotateStepDegrees": 90.0,
}
"""Keywords of the AI2-THOR controller (paper: grid of 0.25 m, turns of 90 degrees, interaction within 1.5 m)."""
NO_CONTAINERS = ("Table", "Counter", "Top", "Burner", "Chair", "Sofa", "Shelf", "Ottoman")
"""Parts of the names of receptacles that only hold what lies on them (AI2-THOR's rule, for a Unity build)."""

Vector = dict[str, float]


def game_simulator(config: SimulatorConfig) -> SimulatorConfig:
    """The configuration of a simulator with the images and objects that the game needs.

    Only the embedded simulator has the option `spare_objects`.
    """
    options = config.options
    if config.command is not None and "spare_objects" in options:
        options = {**options, "spare_objects": True}
    controller = {**config.controller, "snapToGrid": True}
    return dataclasses.replace(
        config, width=SIZE, height=SIZE, field_of_view=90.0, visibility_distance=1.5, options=options,
        controller=controller,
    )  # fmt: skip


def start_simulator(config: SimulatorConfig) -> SimulatorProcess:
    """Starts a simulator for the game.

    Raises:
        SimulatorError: it does not start.
    """
    return SimulatorProcess(game_simulator(config), **KEYWORDS)


class Unplayable(TaskError):
    """A room in which a game cannot be played, such as one that has no reachable place."""


@dataclass(frozen=True)
class Pose:
    """Position and rotation of an object, in AI2-THOR's world frame: metres, and Euler angles in degrees."""

    position: Vector
    rotation: Vector


@dataclass(frozen=True)
class Resting:
    """A place at which a new object would come to rest."""

    pose: Pose
    supports: tuple[str, ...]
    """Ids of the objects that it would lie in or on."""


@dataclass(frozen=True)
class Facts:
    """What a room looks like when a game begins."""

    frame: Frame
    """The agent's first pose."""
    places: frozenset[Place]
    """All places to which the agent can walk."""
    openable: frozenset[str]
    """Ids of all objects that open."""
    poses: Mapping[str, Pose]
    """Pose of each object that can be moved, by id."""
    turned: int = 0
    """Degrees by which the room was turned about the agent."""
    furniture: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    """World x and z, metres, of each object that cannot be carried or that opens, by id; for maps."""


@dataclass(frozen=True)
class Look:
    """What the centres of the picture's 7x7 cells show, row by row."""

    distances: NDArray[np.float64]
    """(7, 7) metres from the camera; infinite where nothing is hit."""
    objects: tuple[tuple[str, ...], ...]
    """7x7 ids; empty for walls, floor and ceiling."""
    closed: NDArray[np.bool_]
    """(7, 7) whether the cell shows an object that opens and is closed."""
    walkable: NDArray[np.bool_]
    """(7, 7) whether the cell shows floor on which the agent can walk."""


class World:
    """A room in a running simulator, with the agent in it.

    Args:
        simulator: made by `start_simulator`.

    All methods raise SimulatorError if the simulator fails; then the whole game must be played anew.
    """

    def __init__(self, simulator: SimulatorProcess) -> None:
        self._simulator = simulator
        self._frame: Frame | None = None
        self.image: NDArray[np.uint8] = np.zeros((SIZE, SIZE, 3), np.uint8)
        """(224, 224, 3) RGB picture of the agent's present view, without augmentation."""
        self.goal = ""
        """Id of the goal object; empty before it is created."""
        self._goal_type = ""

    # --- Setting up

    def set_up(self, scene: str, seed: int, start: Mapping[str, float] | None = None, turned: int = 0) -> Facts:
        """Loads a room, places its objects by a seed, and puts the agent at its first pose.

        Args:
            scene: name of the room.
            seed: of the objects' places, and of the agent's start.
            start: x and z of the agent's first pose in the world, metres, and its yaw, a multiple of 90 degrees. None:
                random by the seed.
            turned: whole degrees by which the room is turned about the agent's start.

        Raises:
            Unplayable: there is no such room, the agent can walk nowhere, or it cannot stand at `start`.
        """
        self.goal, self._frame = "", None
        try:
            self._simulator.reset(scene)
        except ValueError as error:
            raise Unplayable(str(error)) from None
        self._must("InitialRandomSpawn", randomSeed=seed, forceVisible=False, renderImage=False)
        for name in REMOVED:
            self._must("DisableAllObjectsOfType", objectId=name, renderImage=False)
        positions = self._must("GetReachablePositions", renderImage=False).metadata["actionReturn"]
        if not positions:
            raise Unplayable(f"the agent can walk nowhere in {scene} with seed {seed}")
        if start is None:
            random = np.random.default_rng(seed)
            position, yaw = positions[int(random.integers(len(positions)))], 90 * int(random.integers(4))
        else:
            position = min(positions, key=lambda one: (one["x"] - start["x"]) ** 2 + (one["z"] - start["z"]) ** 2)
            yaw = round(start["yaw"]) % 360
            if max(abs(position["x"] - start["x"]), abs(position["z"] - start["z"])) > STEP / 10:
                raise Unplayable(f"start must be a place where the agent can stand in {scene}, not {dict(start)}")
        frame = Frame(position["x"], position["y"], position["z"], yaw)
        here = frame.to_world(Location(0, 0, 0, True))
        event = self._step("TeleportFull", **here)
        if not _succeeded(event):
            raise Unplayable(f"the agent cannot stand at its start in {scene}: {event.metadata['errorMessage']}")
        if turned:
            # A rotation about the agent leaves its own pose as it is, but all places are new.
            self._must("RotateUniverseAroundAgent", rotation={"x": 0.0, "y": float(turned), "z": 0.0})
            positions = self._must("GetReachablePositions", renderImage=False).metadata["actionReturn"]
        event = self._simulator.last_event
        objects = event.metadata["objects"]
        openable = frozenset(one["objectId"] for one in objects if one["openable"])
        poses = {one["objectId"]: _pose(one) for one in objects if one["moveable"] or one["pickupable"]}
        furniture = {
            one["objectId"]: (float(one["position"]["x"]), float(one["position"]["z"]))
            for one in objects
            if one["openable"] or not one["pickupable"]
        }
        self._frame = frame
        # Only these objects' states are needed after each step.
        self._must("SetObjectFilter", objectIds=sorted(openable))
        places = frozenset(frame.place(one) for one in positions) | {Place(0, 0)}
        return Facts(frame, places, openable, poses, turned, furniture)

    @property
    def frame(self) -> Frame:
        """The agent's first pose in this room."""
        if self._frame is None:
            raise RuntimeError("set_up comes first")
        return self._frame

    # --- The agent

    @property
    def location(self) -> Location:
        """Where the agent is."""
        return self.frame.to_location(self._simulator.last_event.metadata["agent"])

    @property
    def open_objects(self) -> frozenset[str]:
        """Ids of all objects that are open now."""
        return frozenset(one["objectId"] for one in self._simulator.last_event.metadata["objects"] if one["isOpen"])

    def act(self, action: str, **arguments: Any) -> bool:
        """Performs an action of the agent; returns whether it succeeded."""
        return _succeeded(self._step(action, **arguments))

    def stand_at(self, location: Location) -> bool:
        """Moves the agent to a location; returns False, and changes nothing, if it cannot stand there."""
        return self.act("TeleportFull", **self.frame.to_world(location))

    def open_at(self, row: int, column: int) -> bool:
        """Opens a closed object that the picture shows within half a cell of a cell's centre."""
        x, y = (column + 0.5) / GRID, (row + 0.5) / GRID
        return self.act("OpenObjectAtLocation", x=x, y=y, z=0.5 / GRID)

    def close_all(self) -> bool:
        """Closes every open object within reach; returns whether one was closed.

        AI2-THOR's CloseVisibleObjects is broken in recent builds, so each object is closed by itself.
        """
        found = [one for one in self._simulator.last_event.metadata["objects"] if one["isOpen"] and one["visible"]]
        closed = [self.act("CloseObject", objectId=one["objectId"]) for one in found]
        return any(closed)

    # --- The goal object

    def take_new(self, goal: str) -> None:
        """Puts a new object of the goal's type into the agent's empty hand.

        Raises:
            Unplayable: the simulator cannot create it.
        """
        event = self._step("CreateObject", objectType=goal, forceAction=True)
        if not _succeeded(event):
            raise Unplayable(f"the goal {goal} cannot be created: {event.metadata['errorMessage']}")
        self._goal_type = goal
        self._watch(self._created(event, goal))

    def put_new(self, goal: str, pose: Pose) -> bool:
        """Puts a new object of the goal's type at a place; returns False if it does not fit there."""
        event = self._step("CreateObjectAtLocation", objectType=goal, **dataclasses.asdict(pose), forceAction=False)
        if _succeeded(event):
            self._goal_type = goal
            self._watch(self._created(event, goal))
        return _succeeded(event)

    def take_out(self) -> None:
        """Takes the goal out of the room for good."""
        self._must("RemoveFromScene", objectId=self.goal)
        self.goal = ""

    def resting_places(self, goal: str, seed: int, count: int) -> list[Resting]:
        """Random places at which a new object of the goal's type would come to rest, also in closed furniture.

        A Unity build takes the seed alone and leaves objects in the room; they are taken out here (not tried on one).

        Args:
            goal: type of the object; there must be none of it in the room.
            seed: of the places.
            count: largest number of places; a Unity build decides itself.
        """
        try:
            event = self._simulator.step("SpamObjectsInRoom", objectType=goal, randomSeed=seed, count=count)
        except ValueError:
            event = self._step("SpamObjectsInRoom", randomSeed=seed)
        found = event.metadata["actionReturn"]
        if isinstance(found, list):
            return [Resting(_pose(one), tuple(one["parentReceptacles"])) for one in found]
        left = [one for one in self._all_objects() if one["objectType"] in REMOVED]
        for one in left:
            self._must("RemoveFromScene", objectId=one["objectId"], renderImage=False)
        return [Resting(_pose(one), tuple(one["parentReceptacles"] or ())) for one in left if one["objectType"] == goal]

    def take_back(self) -> None:
        """Returns the goal to its default place in the hand, upright and empty.

        A new one replaces it, so that an object that is still in the hand need not be dropped first, onto other things.
        """
        goal = self._goal_type
        self.take_out()
        self.take_new(goal)

    def drop(self) -> None:
        """Lets go of the goal, which comes to rest. What it overlaps pushes it away."""
        self._must("DropHeldObject", forceAction=True)

    @property
    def holding(self) -> bool:
        """Whether the goal is in the agent's hand."""
        return bool(self.goal) and bool(self._goal_data()["isPickedUp"])

    def _created(self, event: Event, goal: str) -> str:
        """Id of a new object. A Unity build may not return it, but no other object of its type is in the room."""
        answer = event.metadata["actionReturn"]
        if isinstance(answer, str) and answer:
            return answer
        found = [one["objectId"] for one in self._all_objects() if one["objectType"] == goal]
        if not found:
            raise SimulatorError(f"the simulator does not say what it created for {goal}")
        return str(found[-1])

    def _watch(self, goal: str) -> None:
        self.goal = goal
        filtered = {one["objectId"] for one in self._simulator.last_event.metadata["objects"] if one["openable"]}
        self._must("SetObjectFilter", objectIds=sorted(filtered | {goal}))

    def _goal_data(self) -> dict[str, Any]:
        if not self.goal:
            raise RuntimeError("no goal object was created")
        for one in self._simulator.last_event.metadata["objects"]:
            if one["objectId"] == self.goal:
                data: dict[str, Any] = one
                return data
        raise SimulatorError(f"the simulator no longer describes the goal object {self.goal}")

    def goal_pose(self) -> Pose:
        """Where the goal is."""
        return _pose(self._goal_data())

    def goal_distance(self) -> float:
        """Metres between the agent and the goal, seen from above."""
        agent, goal = self._simulator.last_event.metadata["agent"]["position"], self._goal_data()["position"]
        return float(np.hypot(goal["x"] - agent["x"], goal["z"] - agent["z"]))

    def container(self) -> str:
        """Id of a container that the goal lies in; empty if it lies in none.

        A Unity build does not tell what lies inside and what on top, so there the receptacle's type decides.
        """
        data = self._goal_data()
        if "containedIn" in data:
            inside = data["containedIn"] or []
        else:
            inside = [
                name for name in data["parentReceptacles"] or []
                if name.split("|")[0] != "Floor" and not any(part in name.split("|")[0] for part in NO_CONTAINERS)
            ]  # fmt: skip
        return min(inside, default="")

    def goal_pixels(self) -> NDArray[np.bool_]:
        """(224, 224) pixels of the present view that show the goal."""
        found = _painted(self._must("MaskObject", objectId=self.goal))
        self._must("UnmaskObject", objectId=self.goal, renderImage=False)
        return found

    def goal_pixels_alone(self) -> NDArray[np.bool_]:
        """(224, 224) pixels of the present view that would show the goal if nothing else were there."""
        found = _painted(self._must("EmphasizeObject", objectId=self.goal))
        self._must("UnemphasizeAll", renderImage=False)
        return found

    def look(self) -> Look:
        """What the centres of the 7x7 cells show now."""
        found = self._must("GetMetadataOnGrid", x=GRID, y=GRID, renderImage=False).metadata["actionReturn"]
        distances = [np.inf if one["distance"] is None else one["distance"] for one in found]
        names = [one["objectId"] or "" for one in found]
        return Look(
            np.array(distances, dtype=np.float64).reshape(GRID, GRID),
            tuple(tuple(names[row * GRID : (row + 1) * GRID]) for row in range(GRID)),
            np.array([one["openable"] and not one["isOpen"] for one in found]).reshape(GRID, GRID),
            np.array([one["walkable"] for one in found], dtype=bool).reshape(GRID, GRID),
        )

    # --- Questions about the whole room

    def visible_from(self, places: Iterable[Place], by: str = "pixels") -> tuple[int, int]:
        """Number of location tuples from which a pixel of the goal is seen at any distance, and of all tuples.

        Args:
            places: of the tuples; each has four rotations and two postures.
            by: pixels or points, see `GameConfig.seen_by`. A Unity build knows only points.
        """
        answer = self._seen(places, by)
        return int(answer["count"]), int(answer["total"])

    def seen_from(self, places: Iterable[Place], by: str = "pixels") -> list[Location]:
        """The location tuples that `visible_from` counts; a Unity build does not tell them."""
        return [
            Location(*self.frame.place(one), round(one["rotation"] - self.frame.yaw) % 360, bool(one["standing"]))
            for one in self._seen(places, by)["tuples"]
        ]

    def _seen(self, places: Iterable[Place], by: str) -> dict[str, Any]:
        # The default is not sent: only the embedded simulator knows the argument.
        how = {} if by == "pixels" else {"by": by}
        answer: dict[str, Any] = self._must(
            "NumberOfPositionsFromWhichItemIsVisible",
            objectId=self.goal,
            positions=self._positions(places),
            **how,
            renderImage=False,
        ).metadata["actionReturn"]
        return answer

    def search(self, places: Iterable[Place], seed: int) -> tuple[bool, int]:
        """Breadth-first search for the goal through doors: whether it is seen, and after how many places.

        Args:
            places: to visit; the nearest to where the agent is come first.
            seed: shuffles places that are equally far away.
        """
        answer = self._must(
            "ExhaustiveSearchForItem",
            objectId=self.goal,
            positions=self._positions(places),
            randomSeed=seed,
            renderImage=False,
        ).metadata["actionReturn"]
        return bool(answer["objectSeen"]), int(answer["positionsTried"])

    def _positions(self, places: Iterable[Place]) -> list[Vector]:
        return [{"x": x, "y": self.frame.y, "z": z} for x, z in map(self.frame.position, sorted(places))]

    def all_poses(self) -> dict[str, Pose]:
        """The poses of all objects that can be moved, by id."""
        return {one["objectId"]: _pose(one) for one in self._all_objects() if one["moveable"] or one["pickupable"]}

    def furniture(self) -> dict[str, tuple[float, float]]:
        """World x and z of the fixed objects that hold others, by id, metres."""
        return {
            one["objectId"]: (float(one["position"]["x"]), float(one["position"]["z"]))
            for one in self._all_objects()
            if one["receptacle"] and not one["moveable"] and not one["pickupable"] and one["objectType"] != "Floor"
        }

    def _all_objects(self) -> list[dict[str, Any]]:
        """Metadata of all objects. Afterwards events describe only those that open and the goal, as before."""
        objects: list[dict[str, Any]] = self._must("ResetObjectFilter", renderImage=False).metadata["objects"]
        watched = {one["objectId"] for one in objects if one["openable"]} | ({self.goal} if self.goal else set())
        self._must("SetObjectFilter", objectIds=sorted(watched), renderImage=False)
        return objects

    # --- Restoring a room

    def restore(self, opened: Sequence[str], moved: Mapping[str, Pose]) -> list[str]:
        """Opens objects and moves others, as a hider left them; returns the ids for which that failed."""
        failed = [name for name in opened if not self.act("OpenObject", objectId=name, forceAction=True)]
        left = dict(moved)
        # An object may lie where another one was, so each round may free the place of the next.
        while True:
            for name in list(left):
                if self.act("PlaceObjectAtPoint", objectId=name, **dataclasses.asdict(left[name]), forceKinematic=True):
                    del left[name]
            if len(left) in (0, len(moved)):
                return [*failed, *left]
            moved = dict(left)

    # --- The simulator

    def _step(self, action: str, **arguments: Any) -> Event:
        try:
            event = self._simulator.step(action, **arguments)
        except ValueError as error:
            raise SimulatorError(f"the simulator does not know {action}: {error}") from None
        if arguments.get("renderImage", True) and event.frame is not None:
            self.image = event.frame
        return event

    def _must(self, action: str, **arguments: Any) -> Event:
        image = self.image
        event = self._step(action, **arguments)
        if action in ("MaskObject", "EmphasizeObject"):
            self.image = image
        if not _succeeded(event):
            raise SimulatorError(f"the simulator refused {action}: {event.metadata['errorMessage']}")
        return event


def _succeeded(event: Event) -> bool:
    return bool(event.metadata["lastActionSuccess"])


def _pose(data: Mapping[str, Any]) -> Pose:
    return Pose(
        {axis: float(data["position"][axis]) for axis in "xyz"}, {axis: float(data["rotation"][axis]) for axis in "xyz"}
    )


def _painted(event: Event) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (event.frame == PAINT).all(axis=2)
    return found
