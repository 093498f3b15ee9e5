"""Choice of the OpenGL library for headless rendering. To be called before `mujoco` is imported for the first time."""

from __future__ import annotations

import ctypes
import ctypes.util
import os

ADVICE = (
    "install EGL (Debian packages libegl1 libegl-mesa0 libgl1-mesa-dri) or OSMesa (libosmesa6), "
    "for example: apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri"
)


class NoGraphics(Exception):
    """No OpenGL library for headless rendering works here; the message says what to install."""


def loads(library: str) -> bool:
    """Whether the shared library (e.g. "EGL", "OSMesa") is found and can be opened."""
    path = ctypes.util.find_library(library)
    if path is None:
        return False
    try:
        ctypes.CDLL(path)
    except OSError:
        return False
    return True


def choose_backend(device: int | None = None) -> str:
    """Sets MUJOCO_GL (and the GPU for EGL) in this process's environment unless the user has; returns its value.

    Args:
        device: index of the GPU that EGL should use, counted through CUDA_VISIBLE_DEVICES; None: the first that works.

    Raises:
        NoGraphics: neither EGL nor OSMesa can be opened.
    """
    if device is not None:
        os.environ["MUJOCO_EGL_DEVICE_ID"] = str(device)
    chosen = os.environ.get("MUJOCO_GL", "").lower()
    if not chosen:
        if loads("EGL"):
            chosen = "egl"
        elif loads("OSMesa"):
            chosen = "osmesa"
        else:
            raise NoGraphics(f"No OpenGL library for headless rendering was found: {ADVICE}.")
    elif (chosen == "egl" and not loads("EGL")) or (chosen == "osmesa" and not loads("OSMesa")):
        raise NoGraphics(f"MUJOCO_GL is '{chosen}', but that library cannot be opened: {ADVICE}.")
    os.environ["MUJOCO_GL"] = chosen
    if chosen in ("egl", "osmesa"):
        os.environ["PYOPENGL_PLATFORM"] = chosen
    return chosen
