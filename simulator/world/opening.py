"""Moves an object's doors, drawers and lids from one openness to another, by rules about what is in their way.

The agent, structure, fixed objects, other doors and drawers and a held object stop a part; objects that can move are
pushed, and stop it only when they are jammed. If it is stopped, everything is put back. What lies in a drawer travels
with it, rigidly, and what a part already overlaps does not stop it from leaving.

First the poses on the way are tested (`simulator.world.sweep`). If no object that can move is near them, the part and
what it carries are put to their ends at once. Otherwise the part moves step by step with the physics, from where it
first comes near to one.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.world.collisions import TOLERANCE, Body, overlaps
from simulator.world.parts import NUDGE, Part
from simulator.world.physics import Unstable
from simulator.world.room import Room
from simulator.world.sweep import Blocked, Sweep

SECONDS = 0.5
"""Simulated time in which a part opens fully, if its edge is not faster than `MAX_SPEED`."""
MAX_SPEED = 1.2
"""Largest speed of a part that pushes, m/s: an object is noticed one step after it is met."""
RECOVERY = 0.25
"""Share of its depth in a part by which a pushed object is moved out in each step."""
JAMMED = 0.025
"""Depth to which a part enters an object only if the object cannot give way, metres."""
SQUEEZED = 0.005
"""Largest depth to which a pushed object may reach into something fixed in the end, metres."""


def move_parts(
    room: Room,
    number: int,
    openness: float,
    agent: Body,
    *,
    force: bool = False,
    push: bool = True,
    rest: bool = True,
) -> None:
    """Moves an object's parts to an openness. The poses in the room's data are up to date afterwards.

    Args:
        room: the room, whose poses must be up to date.
        number: of an object that opens.
        openness: from 0 to 1.
        agent: stops the parts.
        force: whether nothing stops them; what can be pushed is still pushed.
        push: whether objects that can move are pushed rather than stop the parts.
        rest: whether objects that were pushed come to rest at the end.

    Raises:
        Blocked: something stopped the parts; everything is as it was.
        Unstable: the physics failed; everything is as it was, at rest.
    """
    start = float(room.parts.openness[number])
    if openness == start:
        return
    way = Sweep(room, number, start, openness)
    try:
        if not force:
            way.check(agent)
        near = way.first_near()
    finally:
        way.undo_tests()
    if near is None:
        way.go(openness)
        mujoco.mj_kinematics(room.model, room.data)
        way.stop()
        return
    before, speeds = room.data.qpos.copy(), room.data.qvel.copy()
    try:
        way.go(float(way.samples[near - 1]))
        pushed = _push_through(way, openness, force, push)
        if rest:
            room.physics.run_to_rest()
        mujoco.mj_kinematics(room.model, room.data)
        if not force:
            _check_pushed(room, pushed)
    except (Blocked, Unstable):
        # Objects that did not move sleep on, unlike after Room.set_state.
        room.parts.set(number, start)
        room.data.qpos[:], room.data.qvel[:], room.data.qacc_warmstart[:] = before, speeds, 0.0
        mujoco.mj_kinematics(room.model, room.data)
        raise


def _push_through(way: Sweep, end: float, force: bool, push: bool) -> set[int]:
    """Moves the parts to their end with the physics; returns the bodies that they have pushed.

    Raises:
        Blocked: by an object that is jammed, or by any if `push` is False.
    """
    room = way.room
    model, data = room.model, room.data
    start = float(room.parts.openness[way.number])
    time_step = model.opt.timestep
    steps = max(1, round(abs(end - start) * max(SECONDS, way.path / MAX_SPEED) / time_step))
    rate = (end - start) / (steps * time_step)
    roots = model.body_rootid[model.geom_bodyid]
    own = np.zeros(model.ngeom, dtype=bool)
    own[way.geoms] = True
    part_of = {int(geom): part for part in way.parts for geom in part.geoms}
    carried = {int(geom): way.contents[0][2] for geom in way.geoms if int(geom) not in part_of}
    stuck = JAMMED if push else TOLERANCE
    before: set[tuple[int, int]] = set()
    pushed: set[int] = set()
    for step in range(1, steps + 1):
        way.go(start + (end - start) * step / steps)
        # Parts are static for MuJoCo, which lets sleeping objects lie where a static body has come.
        data.qvel[way.close_dofs] += NUDGE
        room.physics.step()
        if not data.ncon:
            continue
        contacts = data.contact
        pairs, depths = contacts.geom, -contacts.dist
        for index in np.flatnonzero((own[pairs].sum(axis=1) == 1) & (depths > 0.0)).tolist():
            first, second = pairs[index].tolist()
            mine, other = (first, second) if own[first] else (second, first)
            if not way.yielding[other]:
                continue
            if step == 1 and depths[index] > TOLERANCE:
                before.add((mine, other))
            elif depths[index] > stuck and not force and (mine, other) not in before:
                raise Blocked(other)
            normal = contacts.frame[index, :3] * (1.0 if own[first] else -1.0)
            part = part_of.get(mine)
            speed = carried[mine] * rate if part is None else _surface_speed(room, part, contacts.pos[index], rate)
            recovery = RECOVERY * float(depths[index]) / time_step
            _give_way(room, int(roots[other]), normal, float(speed @ normal), recovery)
            pushed.add(int(roots[other]))
        if pushed and not force:
            theirs = np.isin(roots, list(pushed))
            deep = np.flatnonzero(theirs[pairs].any(axis=1) & ~own[pairs].any(axis=1) & (depths > JAMMED))
            if len(deep):
                first, second = pairs[deep[0]].tolist()
                raise Blocked(first if theirs[first] else second)
    way.go(end)
    # A hand opens slowly: what it pushes stops with it and does not fly on.
    for body in pushed:
        data.qvel[model.body_dofadr[body] : model.body_dofadr[body] + 6] = 0.0
    return pushed


def _check_pushed(room: Room, pushed: set[int]) -> None:
    """Tests whether a body that was pushed has ended inside something fixed.

    Raises:
        Blocked: by the first that has.
    """
    if not pushed:
        return
    roots = room.model.body_rootid[room.model.geom_bodyid]
    geoms = np.flatnonzero(np.isin(roots, list(pushed)) & room.solid)
    found = overlaps(room, geoms, room.solid & (room.model.body_dofnum[roots] == 0), SQUEEZED)
    if found:
        raise Blocked(found[0][0])


def _surface_speed(room: Room, part: Part, point: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """(3,) velocity, m/s, of a point of a part whose openness changes by `rate` a second."""
    axis = part.axis
    if not part.fixed:
        axis = room.data.xmat[room.model.body_parentid[part.body]].reshape(3, 3) @ axis
    if part.moving.slides:
        return axis * (part.moving.travel * rate)
    (a, b, c), (x, y, z) = axis.tolist(), (point - room.data.xpos[part.body]).tolist()
    # numpy.cross would take longer than the rest of a step.
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x]) * (part.moving.travel * rate)


def _give_way(room: Room, body: int, normal: NDArray[np.float64], speed: float, recovery: float) -> None:
    """Lets a body move at least as fast as the part that pushes it.

    Parts have poses but no velocities for MuJoCo, so the solver would let objects sink into them.
    """
    start = int(room.model.body_dofadr[body])
    velocity = room.data.qvel[start : start + 3]
    missing = speed + recovery - float(velocity @ normal)
    if speed > 0.0 and missing > 0.0:
        velocity += missing * normal
