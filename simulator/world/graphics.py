"""Choice of the OpenGL library for headless rendering. Must happen before `mujoco` is imported for the first time."""

from __future__ import annotations

import ctypes
import ctypes.util
import os

ADVICE = (
    "install EGL (Debian packages libegl1 libegl-mesa0 libgl1-mesa-dri) or OSMesa (libosmesa6), "
    "for example: apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri"
)


BACKENDS = {"egl": "EGL", "osmesa": "OSMesa"}
"""Values of MUJOCO_GL that draw without a display -> library, in the order in which they are tried."""


class NoGraphics(Exception):
    """This machine cannot draw. The message says which library to install."""


class WrongSetting(NoGraphics):
    """An environment variable or the device index has a wrong value. The message says what would be right."""


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
    """Sets MUJOCO_GL (and the GPU for EGL) in this process's environment unless it is set; returns its value.

    MuJoCo itself also knows GLFW, which needs a display and is not supported here, and values that turn drawing off.
    PYOPENGL_PLATFORM must always name the same library as MUJOCO_GL, so its value is replaced.

    Args:
        device: index of the GPU that EGL should use, see `check_device`. None means the value of MUJOCO_EGL_DEVICE_ID,
            or the first that works.

    Raises:
        WrongSetting: MUJOCO_GL names neither EGL nor OSMesa, or a device is given for OSMesa, which has none.
        NoGraphics: the library cannot be opened.
    """
    if device is not None:
        os.environ["MUJOCO_EGL_DEVICE_ID"] = str(device)
    asked = os.environ.get("MUJOCO_GL", "")
    chosen = asked.strip().lower()
    if not chosen:
        found = next((backend for backend, library in BACKENDS.items() if loads(library)), None)
        if found is None:
            raise NoGraphics(f"No OpenGL library for headless rendering was found: {ADVICE}.")
        chosen = found
    elif chosen not in BACKENDS:
        raise WrongSetting(
            f"MUJOCO_GL must be egl or osmesa, which draw without a display, or not be set, not '{asked}'."
        )
    elif not loads(BACKENDS[chosen]):
        raise NoGraphics(
            f"MUJOCO_GL is '{asked}', but that library cannot be opened: unset MUJOCO_GL to use what is there, or "
            f"{ADVICE}."
        )
    if device is not None and chosen != "egl":
        raise WrongSetting(f"Only EGL can choose a GPU, and {chosen} renders: leave out the device index {device}.")
    os.environ["MUJOCO_GL"] = os.environ["PYOPENGL_PLATFORM"] = chosen
    return chosen


def check_device() -> None:
    """Checks that the device named by MUJOCO_EGL_DEVICE_ID, if any, exists and is visible to this process.

    With NVIDIA GPUs the index counts through CUDA_VISIBLE_DEVICES, or through all GPUs if that is not set. MuJoCo alone
    would also accept a hidden GPU, or the software device that EGL lists after the GPUs. Without NVIDIA GPUs the index
    counts through the devices that EGL lists. Call this after `choose_backend`; it imports MuJoCo.

    Raises:
        WrongSetting: there is no such device; the message says how many there are.
        NoGraphics: EGL does not list its devices.
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
            raise WrongSetting(f"CUDA_VISIBLE_DEVICES must list GPUs by number for one to be chosen, not '{visible}'.")
        count, where = len(words), f"CUDA_VISIBLE_DEVICES='{visible}' names"
    if not (index.isdecimal() and int(index) < count):
        kind = "GPU" if gpus else "device"
        raise WrongSetting(f"There is no {kind} {index}: {where} {count} of them, counted from 0.")


def _cuda_ids() -> list[int | None]:
    """The CUDA number of each EGL device; None for devices that are no NVIDIA GPUs."""
    from mujoco.egl import egl_ext
    from OpenGL.error import GLError

    found: list[int | None] = []
    for device in egl_ext.eglQueryDevicesEXT():
        try:
            found.append(egl_ext.eglQueryDeviceAttribEXT(device, egl_ext.EGL_CUDA_DEVICE_NV))
        except (GLError, ImportError):
            found.append(None)
    return found
