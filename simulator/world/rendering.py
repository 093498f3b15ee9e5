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
from simulator.world.frame import Frame

VISIBLE_GROUPS = np.array([1, 1, 1, 0, 0, 0], dtype=np.uint8)
"""Geom groups that are drawn and hit by rays. As usual in MuJoCo, groups 0-2 are visual and 3-5 collision geoms."""
HIDDEN_GROUP = 5
"""Group of geoms that are temporarily neither drawn nor hit."""
SHADOW_MAP_SIZE = 1024
_FIRST, _LAST = 0, 1
"""Geom groups while drawing: the first is drawn before the last."""
PAINTS = ((255, 0, 255), (255, 0, 0), (0, 255, 0))
"""RGB colours of painted geoms. Every channel is 0 or 255, because the light of the room cannot change those."""
UNPAINTED = -1
_UNITY_AXES = (0, 2, 1)
"""MuJoCo's axes in the order in which Unity names them, which is the order of the channels of an image of normals."""


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
    normals: NDArray[np.uint8] | None = None
    """(height, width, 3) 127.5 + 127.5 n for the unit normal n in Unity's frame; black where there is no surface."""


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
        self._options = (mujoco.MjvOption(), mujoco.MjvOption())
        for group, option in enumerate(self._options):
            option.geomgroup[:] = np.arange(len(option.geomgroup)) == group
        self._view = mujoco.MjvCamera()
        self._view.type = mujoco.mjtCamera.mjCAMERA_FREE
        self._perturbation = mujoco.MjvPerturb()
        self._drawn = VISIBLE_GROUPS[model.geom_group] != 0
        self._order = np.where(model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE, _LAST, _FIRST)
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
        in_view: NDArray[np.bool_],
        rgb: bool,
        depth: bool,
        instances: bool,
        hidden: NDArray[np.bool_] | None = None,
        paints: NDArray[np.int8] | None = None,
        normals: Frame | None = None,
    ) -> Images:
        """Draws the requested images of the room as the camera sees it.

        Args:
            data: the room's state; its poses must be up to date (mj_kinematics).
            camera: in the world.
            in_view: (ngeom,) geoms that may reach into the camera's frustum; the others at most throw shadows into it.
            rgb: whether to draw the colours.
            depth: whether to draw the depth.
            instances: whether to draw the instance colours.
            hidden: (ngeom,) geoms that are left out of every image.
            paints: (ngeom,) the colour of `PAINTS` that each geom has in `rgb`, or UNPAINTED.
            normals: the frame of an image of normals, if one should be drawn.
        """
        if not (rgb or depth or instances or normals):
            return Images(None, None, None)
        self._resize(camera.width, camera.height)
        self._aim(camera)
        self._update_scene(data, in_view, hidden)
        if rgb or depth:
            if paints is not None:
                self._paint(paints)
            self._render(self._viewport)
            mujoco.mjr_readPixels(
                self._rgb if rgb else None, self._depth if depth else None, self._viewport, self._context
            )
            if depth:
                linear_depth(self._depth)
        drawn = self._draw_instances() if instances else None
        # The last one, because it changes the scene's materials and lights.
        turned = None if normals is None else self._draw_normals(normals)
        return Images(self._rgb if rgb else None, self._depth if depth else None, drawn, turned)

    def count_pixels(
        self,
        data: mujoco.MjData,
        camera: Camera,
        window: tuple[int, int, int, int],
        drawn: NDArray[np.bool_],
        counted: NDArray[np.bool_],
    ) -> int:
        """The number of pixels that show a counted geom, in one rectangle of the camera's image.

        Args:
            data: the room's state; its poses must be up to date.
            camera: in the world.
            window: first and last column (exclusive) from the left, first and last row (exclusive) from the bottom.
            drawn: (ngeom,) other geoms to draw, which may hide the counted ones.
            counted: (ngeom,) geoms that are counted.
        """
        self._resize(camera.width, camera.height)
        self._aim(camera)
        data_groups = np.where(counted, _LAST, np.where(drawn, _FIRST, HIDDEN_GROUP))
        others = self._fill(data, data_groups)
        self._narrow(camera, window)
        left, right, bottom, top = window
        viewport = mujoco.MjrRect(0, 0, right - left, top - bottom)
        numbers = self._draw_numbers(viewport)
        # The counted geoms come last in the scene, and a pixel holds 1 + the geom's number in it.
        return int(np.count_nonzero(numbers > others))

    def _aim(self, camera: Camera) -> None:
        _, _, forward = camera.axes()
        # A free camera is defined by its target, which here lies one metre ahead of it.
        self._view.lookat[:] = np.asarray(camera.position) + forward
        self._view.distance = 1.0
        self._view.azimuth = 90.0 - camera.yaw
        self._view.elevation = -camera.horizon
        self._model.vis.global_.fovy = camera.field_of_view

    def _narrow(self, camera: Camera, window: tuple[int, int, int, int]) -> None:
        """Points the scene's camera through a rectangle of its image, see `count_pixels`."""
        left, right, bottom, top = window
        half_width, half_height = camera.half_size()
        for eye in self._scene.camera:
            across, up = 2 * half_width * NEAR / camera.width, 2 * half_height * NEAR / camera.height
            eye.frustum_center = (left + right - camera.width) / 2 * across
            eye.frustum_width = (right - left) / 2 * across
            eye.frustum_bottom = (bottom - camera.height / 2) * up
            eye.frustum_top = (top - camera.height / 2) * up

    def _render(self, viewport: mujoco.MjrRect) -> None:
        flags = self._scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._shadows
        flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        mujoco.mjr_render(viewport, self._scene, self._context)

    def _update_scene(self, data: mujoco.MjData, in_view: NDArray[np.bool_], hidden: NDArray[np.bool_] | None) -> None:
        """Fills the list of geoms to draw, in order."""
        # A geom out of view may still cast a shadow into it.
        wanted = self._drawn if self._shadows else self._drawn & in_view
        if hidden is not None:
            wanted = wanted & ~hidden
        self._fill(data, np.where(wanted, self._order, HIDDEN_GROUP))

    def _fill(self, data: mujoco.MjData, groups: NDArray[np.integer]) -> int:
        """Fills the list of geoms to draw by their groups (ngeom,); returns how many are in the first one."""
        everything = int(mujoco.mjtCatBit.mjCAT_ALL)
        with geom_groups(self._model, groups):
            mujoco.mjv_updateScene(self._model, data, self._options[_FIRST], None, self._view, everything, self._scene)
            first = int(self._scene.ngeom)
            mujoco.mjv_addGeoms(self._model, data, self._options[_LAST], self._perturbation, everything, self._scene)
        return first

    def _paint(self, paints: NDArray[np.int8]) -> None:
        """Gives painted geoms of the scene their colours, which shine by themselves."""
        for geom in self._scene.geoms[: self._scene.ngeom]:
            if geom.objtype == mujoco.mjtObj.mjOBJ_GEOM and paints[geom.objid] != UNPAINTED:
                red, green, blue = PAINTS[paints[geom.objid]]
                _whiten(geom)
                geom.rgba = (red / 255, green / 255, blue / 255, 1.0)
                geom.emission = 1.0

    def _draw_normals(self, frame: Frame) -> NDArray[np.uint8]:
        """Draws the normals in one go, with white geoms and a light from either end of each axis.

        A surface with the normal n gets max(0, n . l) from a light in the direction l. The light from the positive end
        of an axis adds half of that to the axis's channel, and the one from the negative end takes half of it away
        (OpenGL allows negative light). With an ambient light of 0.5 each channel holds 0.5 + 0.5 n.
        """
        scene = self._scene
        for geom in scene.geoms[: scene.ngeom]:
            _whiten(geom)
        number = 0
        for channel, axis in enumerate(_UNITY_AXES):
            for sign in (1.0, -1.0):
                light = scene.lights[number]
                light.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
                light.headlight = light.castshadow = 0
                # A row of the matrix is an axis of the client in the world.
                light.dir = -sign * frame.rotation[axis]
                light.ambient = np.full(3, 0.0 if number else 0.5)
                light.diffuse = 0.5 * sign * (np.arange(3) == channel)
                light.specular = np.zeros(3)
                number += 1
        scene.nlight = number
        shadows, self._shadows = self._shadows, False
        self._render(self._viewport)
        self._shadows = shadows
        width, height = self._size
        drawn = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_readPixels(drawn, None, self._viewport, self._context)
        return drawn

    def _draw_numbers(self, viewport: mujoco.MjrRect) -> NDArray[np.intp]:
        """(height, width) 1 + the number in the scene of the geom in each pixel; 0 for the background."""
        flags = self._scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = True
        self._render(viewport)
        flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = False
        drawn = np.empty((viewport.height, viewport.width, 3), np.uint8)
        mujoco.mjr_readPixels(drawn, None, viewport, self._context)
        # The lowest byte is in red. No room has so many geoms that blue is needed.
        return drawn[..., 0].astype(np.intp) | (drawn[..., 1].astype(np.intp) << 8)

    def _draw_instances(self) -> NDArray[np.uint8]:
        numbers = self._draw_numbers(self._viewport)
        lookup = np.zeros(self._scene.ngeom + 1, np.uint32)
        for geom in self._scene.geoms[: self._scene.ngeom]:
            if geom.segid >= 0 and geom.objtype == mujoco.mjtObj.mjOBJ_GEOM:
                lookup[geom.segid + 1] = self._geom_colors[geom.objid]
        lookup[0] = np.frombuffer(bytes((0, 0, 0, 255)), np.uint32)[0]
        return lookup[numbers].view(np.uint8).reshape(*numbers.shape, 4)


def _whiten(geom: mujoco.MjvGeom) -> None:
    """Makes a geom of a scene white and dull, without a texture."""
    geom.matid = -1
    geom.rgba = (1.0, 1.0, 1.0, 1.0)
    geom.transparent = 0
    geom.emission = geom.specular = geom.shininess = geom.reflectance = 0.0


@cache
def open_graphics() -> mujoco.GLContext:
    """Creates the process's only OpenGL context and makes it current; further calls do nothing."""
    context = mujoco.GLContext(64, 64)
    context.make_current()
    return context
