"""Images of a room: colour, depth in metres and instance colours, with the bottom row first as the protocol wants them.

One OpenGL context serves the process. Every cached room holds its own textures and meshes in it (`RoomGraphics`), which
must be freed with the room. Colour and depth come from one drawing and one read. Without a GPU, speed comes from
drawing no shadows and no multisampling by default, few slices in the built-in shapes, only what reaches into the
frustum, and walls and floor last, when most of their pixels are already hidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import mujoco
import numpy as np
from numpy.typing import NDArray
from OpenGL import GL

from simulator.world.camera import FAR, NEAR, Camera

VISIBLE_GROUPS = np.array([1, 1, 1, 0, 0, 0], dtype=np.uint8)
"""Geom groups that are drawn and hit by rays. As usual in MuJoCo, groups 0-2 are visual and 3-5 collision geoms."""
HIDDEN_GROUP = 5
"""Group of geoms that are temporarily neither drawn nor hit."""
SHADOW_MAP_SIZE = 1024
_FIRST, _LAST = 0, 1
"""Geom groups while drawing: the first is drawn before the last."""


@dataclass(frozen=True)
class Quality:
    """Options that make drawing better and slower."""

    shadows: bool
    samples: int
    """Samples per pixel; 0 turns multisampling off."""


@dataclass(frozen=True)
class Images:
    """Drawn images, bottom row first; None if not requested. The room's next drawing overwrites the arrays."""

    rgb: NDArray[np.uint8] | None
    """(height, width, 3)."""
    depth: NDArray[np.float32] | None
    """(height, width) metres along the camera's axis, from NEAR to FAR."""
    instances: NDArray[np.uint8] | None
    """(height, width, 4) colour of the instance, alpha 255; black where there is none."""


@contextmanager
def geom_groups(model: mujoco.MjModel, groups: NDArray[np.integer]) -> Iterator[None]:
    """Puts the geoms into these groups (ngeom,) inside a `with` block."""
    before = model.geom_group.copy()
    model.geom_group[:] = groups
    try:
        yield
    finally:
        model.geom_group[:] = before


def geom_radii(model: mujoco.MjModel) -> NDArray[np.float64]:
    """(ngeom,) radii of the bounding spheres around the geoms' positions, metres; infinite for planes."""
    return np.where(model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE, np.inf, model.geom_rbound)


def linear_depth(buffer: NDArray[np.float32]) -> NDArray[np.float32]:
    """Converts a reversed depth buffer (1 at NEAR, 0 at FAR), any shape, in place to metres along the camera's axis."""
    buffer *= np.float32((FAR - NEAR) / (FAR * NEAR))
    buffer += np.float32(1.0 / FAR)
    return np.reciprocal(buffer, out=buffer)


def instance_color(instance: int) -> tuple[int, int, int]:
    """RGB colour of an instance number (0 <= instance < 2**24 - 1): different for every number, never black."""
    # Multiplying by an odd number permutes the residues modulo 2**24, so neighbouring numbers get different colours.
    value = ((instance + 1) * 0x9E3779) % (1 << 24)
    return value & 255, (value >> 8) & 255, value >> 16


class RoomGraphics:
    """A room's meshes and textures in OpenGL. Needs a current OpenGL context.

    Args:
        model: the compiled room; its visual settings are overwritten.
        geom_instances: (ngeom,) number of the instance that each geom belongs to.
        quality: shadows and multisampling.
        width: of the images, pixels.
        height: of the images, pixels.
    """

    def __init__(
        self, model: mujoco.MjModel, geom_instances: NDArray[np.int64], quality: Quality, width: int, height: int
    ) -> None:
        visual = model.vis
        visual.quality.shadowsize = SHADOW_MAP_SIZE if quality.shadows else 0
        visual.quality.offsamples = quality.samples
        visual.quality.numquads, visual.quality.numslices, visual.quality.numstacks = 1, 16, 8
        visual.global_.offwidth, visual.global_.offheight = width, height
        visual.map.znear, visual.map.zfar = NEAR / model.stat.extent, FAR / model.stat.extent
        if quality.shadows:
            model.light_castshadow[:] = 1
        self._model = model
        self._shadows = quality.shadows
        self._option = mujoco.MjvOption()
        self._view = mujoco.MjvCamera()
        self._view.type = mujoco.mjtCamera.mjCAMERA_FREE
        self._perturbation = mujoco.MjvPerturb()
        self._drawn = VISIBLE_GROUPS[model.geom_group] != 0
        self._order = np.where(model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE, _LAST, _FIRST)
        self._radii = geom_radii(model)
        self._scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 16)
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        self._filter_textures()
        colors = [instance_color(number) for number in range(int(geom_instances.max()) + 1)]
        self._geom_colors = np.array([(*colors[number], 255) for number in geom_instances], np.uint8).view(np.uint32)[
            :, 0
        ]
        self._size = (0, 0)
        self._resize(width, height)

    def free(self) -> None:
        """Frees the room's OpenGL memory; it cannot be drawn any more."""
        self._context.free()

    def _filter_textures(self) -> None:
        """Uses the nearest texel, not MuJoCo's mean of eight in two mipmap levels, which saves a sixth of a frame.

        Texels are about as large as pixels at arm's length, so the difference is hard to see. Floors and boards keep
        their mipmaps, because without them the lines of their textures would break up. Cube textures have no lines.
        """
        for kind, texture in zip(self._context.textureType, self._context.texture, strict=True):
            if texture:
                flat = kind == mujoco.mjtTexture.mjTEXTURE_2D
                target = GL.GL_TEXTURE_2D if flat else GL.GL_TEXTURE_CUBE_MAP
                GL.glBindTexture(target, int(texture))
                smaller = GL.GL_NEAREST_MIPMAP_NEAREST if flat else GL.GL_NEAREST
                GL.glTexParameteri(target, GL.GL_TEXTURE_MIN_FILTER, smaller)
                GL.glTexParameteri(target, GL.GL_TEXTURE_MAG_FILTER, GL.GL_NEAREST)
                GL.glBindTexture(target, 0)

    def _resize(self, width: int, height: int) -> None:
        if (width, height) == self._size:
            return
        if (width, height) != (self._context.offWidth, self._context.offHeight):
            mujoco.mjr_resizeOffscreen(width, height, self._context)
        if not self._model.vis.quality.offsamples:
            self._drop_stencil(width, height)
        self._size = (width, height)
        self._viewport = mujoco.MjrRect(0, 0, width, height)
        self._rgb = np.empty((height, width, 3), np.uint8)
        self._depth = np.empty((height, width), np.float32)

    def _drop_stencil(self, width: int, height: int) -> None:
        """Drops the stencil buffer, so that a pixel's depth takes 4 bytes instead of 8.

        MuJoCo needs the stencil for reflections, and nothing reflects here. Saves a tenth of a drawing without a GPU.
        """
        attach = GL.glFramebufferRenderbuffer
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, int(self._context.offFBO))
        GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, depth := int(self._context.offDepthStencil))
        attach(GL.GL_FRAMEBUFFER, GL.GL_DEPTH_STENCIL_ATTACHMENT, GL.GL_RENDERBUFFER, 0)
        GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_DEPTH_COMPONENT32F, width, height)
        attach(GL.GL_FRAMEBUFFER, GL.GL_DEPTH_ATTACHMENT, GL.GL_RENDERBUFFER, depth)

    def draw(
        self,
        data: mujoco.MjData,
        camera: Camera,
        rgb: bool,
        depth: bool,
        instances: bool,
        hidden: NDArray[np.bool_] | None = None,
    ) -> Images:
        """Draws the requested images of the room as the camera sees it, without the geoms that are `hidden` (ngeom,).

        The poses in `data` must be up to date (mj_kinematics).
        """
        if not (rgb or depth or instances):
            return Images(None, None, None)
        self._resize(camera.width, camera.height)
        _, _, forward = camera.axes()
        # A free camera is defined by its target, which here lies one metre ahead of it.
        self._view.lookat[:] = np.asarray(camera.position) + forward
        self._view.distance = 1.0
        self._view.azimuth = 90.0 - camera.yaw
        self._view.elevation = -camera.horizon
        self._model.vis.global_.fovy = camera.field_of_view
        self._update_scene(data, camera, hidden)
        flags = self._scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._shadows
        flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        if rgb or depth:
            mujoco.mjr_render(self._viewport, self._scene, self._context)
            mujoco.mjr_readPixels(
                self._rgb if rgb else None, self._depth if depth else None, self._viewport, self._context
            )
            if depth:
                linear_depth(self._depth)
        drawn = self._draw_instances() if instances else None
        return Images(self._rgb if rgb else None, self._depth if depth else None, drawn)

    def _update_scene(self, data: mujoco.MjData, camera: Camera, hidden: NDArray[np.bool_] | None) -> None:
        """Fills the list of geoms to draw, in order."""
        # A geom out of view may still cast a shadow into it.
        wanted = self._drawn if self._shadows else self._drawn & camera.sees(data.geom_xpos, self._radii)
        if hidden is not None:
            wanted = wanted & ~hidden
        option, everything = self._option, mujoco.mjtCatBit.mjCAT_ALL
        with geom_groups(self._model, np.where(wanted, self._order, HIDDEN_GROUP)):
            option.geomgroup[:] = np.arange(len(option.geomgroup)) == _FIRST
            mujoco.mjv_updateScene(self._model, data, option, None, self._view, everything, self._scene)
            option.geomgroup[:] = np.arange(len(option.geomgroup)) == _LAST
            mujoco.mjv_addGeoms(self._model, data, option, self._perturbation, everything, self._scene)

    def _draw_instances(self) -> NDArray[np.uint8]:
        flags = self._scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = True
        mujoco.mjr_render(self._viewport, self._scene, self._context)
        flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = False
        width, height = self._size
        drawn = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_readPixels(drawn, None, self._viewport, self._context)
        # A pixel holds 1 + the geom's number in this scene, lowest byte in red; 0 is the background.
        lookup = np.zeros(self._scene.ngeom + 1, np.uint32)
        for geom in self._scene.geoms[: self._scene.ngeom]:
            if geom.segid >= 0 and geom.objtype == mujoco.mjtObj.mjOBJ_GEOM:
                lookup[geom.segid + 1] = self._geom_colors[geom.objid]
        lookup[0] = np.frombuffer(bytes((0, 0, 0, 255)), np.uint32)[0]
        numbers = drawn[..., 0].astype(np.intp) | (drawn[..., 1].astype(np.intp) << 8)
        return lookup[numbers].view(np.uint8).reshape(height, width, 4)


@cache
def open_graphics() -> mujoco.GLContext:
    """Creates the process's only OpenGL context and makes it current; further calls do nothing."""
    context = mujoco.GLContext(64, 64)
    context.make_current()
    return context
