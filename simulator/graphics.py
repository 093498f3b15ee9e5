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
        device: index of the GPU that EGL should use, see `check_device`; None: what MUJOCO_EGL_DEVICE_ID says, or the
            first that works.

    Raises:
        NoGraphics: neither EGL nor OSMesa can be opened, or a device is asked of what has none.
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
    if device is not None and chosen != "egl":
        raise NoGraphics(f"Only EGL can choose a GPU, and {chosen} renders: leave out the device index {device}.")
    os.environ["MUJOCO_GL"] = chosen
    if chosen in ("egl", "osmesa"):
        os.environ["PYOPENGL_PLATFORM"] = chosen
    return chosen


def check_device() -> None:
    """Makes sure that the device that MUJOCO_EGL_DEVICE_ID names, if it does, exists and is the one that is meant.

    With NVIDIA GPUs the index counts through CUDA_VISIBLE_DEVICES, or through all of them if that is not set; MuJoCo by
    itself would also take one that is hidden, or the software device that EGL lists behind them. Without such GPUs it
    counts through what EGL lists. To be called after `choose_backend`; imports MuJoCo.

    Raises:
        NoGraphics: there is no such device; says how many there are.
    """
    index = os.environ.get("MUJOCO_EGL_DEVICE_ID")
    if index is None or os.environ["MUJOCO_GL"] != "egl":
        return
    try:
        cuda_ids = _cuda_ids()
    except Exception as error:
        # PyOpenGL raises anything from AttributeError to GLError where a driver lacks the extension.
        raise NoGraphics(f"The devices of EGL cannot be listed: {error}; {ADVICE}.") from None
    gpus = sum(number is not None for number in cuda_ids)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not gpus:
        count, where = len(cuda_ids), "EGL lists"
    elif visible is None:
        count, where = gpus, "EGL lists"
    else:
        words = [word.strip() for word in visible.split(",") if word.strip()]
        if not all(word.isdecimal() for word in words):
            raise NoGraphics(f"CUDA_VISIBLE_DEVICES must list GPUs by number for one to be chosen, not '{visible}'.")
        count, where = len(words), f"CUDA_VISIBLE_DEVICES='{visible}' names"
    if not (index.isdecimal() and int(index) < count):
        kind = "GPU" if gpus else "device"
        raise NoGraphics(f"There is no {kind} {index}: {where} {count} of them, counted from 0.")


def _cuda_ids() -> list[int | None]:
    """The CUDA number of each of EGL's devices; None for what is no NVIDIA GPU."""
    from mujoco.egl import egl_ext
    from OpenGL.error import GLError

    found: list[int | None] = []
    for device in egl_ext.eglQueryDevicesEXT():
        try:
            found.append(egl_ext.eglQueryDeviceAttribEXT(device, egl_ext.EGL_CUDA_DEVICE_NV))
        except (GLError, ImportError):
            found.append(None)
    return found
