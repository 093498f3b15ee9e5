"""The choice of the OpenGL library."""

from __future__ import annotations

import os

import pytest

from simulator.world import graphics


@pytest.mark.parametrize(
    ("libraries", "asked", "chosen"),
    [
        ({"EGL", "OSMesa"}, None, "egl"),
        ({"OSMesa"}, None, "osmesa"),
        ({"EGL", "OSMesa"}, "osmesa", "osmesa"),
        ({"EGL"}, "EGL", "egl"),
        ({"EGL"}, " Egl ", "egl"),
        ({"EGL", "OSMesa"}, "", "egl"),
        ({"OSMesa"}, "  ", "osmesa"),
    ],
)
@pytest.mark.parametrize("platform", [None, "", "egl", "osmesa", "glx", "nonsense"])
def test_an_available_library_is_chosen(monkeypatch, libraries, asked, chosen, platform):
    monkeypatch.setattr(graphics, "loads", lambda name: name in libraries)
    given = {"MUJOCO_GL": asked, "PYOPENGL_PLATFORM": platform}
    monkeypatch.setattr(os, "environ", {name: value for name, value in given.items() if value is not None})
    assert graphics.choose_backend() == chosen
    # MuJoCo refuses to draw if these two differ.
    assert os.environ["MUJOCO_GL"] == os.environ["PYOPENGL_PLATFORM"] == chosen
    assert "MUJOCO_EGL_DEVICE_ID" not in os.environ


@pytest.mark.parametrize(
    "asked", ["glfw", "GLFW", "glx", "wgl", "cgl", "disable", "disabled", "off", "false", "0", "on", "1", "nonsense"]
)
def test_what_cannot_draw_without_a_display_is_refused_by_name(monkeypatch, asked):
    monkeypatch.setattr(graphics, "loads", lambda name: True)
    monkeypatch.setattr(os, "environ", {"MUJOCO_GL": asked})
    with pytest.raises(graphics.WrongSetting, match=f"^MUJOCO_GL must be egl or osmesa, .*, not '{asked}'.$"):
        graphics.choose_backend()


@pytest.mark.parametrize(("libraries", "asked"), [(set(), None), ({"EGL"}, "osmesa"), ({"OSMesa"}, "egl")])
def test_without_libraries_the_message_says_what_to_install(monkeypatch, libraries, asked):
    monkeypatch.setattr(graphics, "loads", lambda name: name in libraries)
    monkeypatch.setattr(os, "environ", {} if asked is None else {"MUJOCO_GL": asked})
    with pytest.raises(graphics.NoGraphics, match=r"libegl1 libegl-mesa0 libgl1-mesa-dri.*libosmesa6"):
        graphics.choose_backend()


def test_the_gpu_index_goes_to_egl(monkeypatch):
    monkeypatch.setattr(graphics, "loads", lambda name: True)
    monkeypatch.setattr(os, "environ", {})
    graphics.choose_backend(2)
    assert os.environ["MUJOCO_EGL_DEVICE_ID"] == "2"


def test_only_egl_has_devices(monkeypatch):
    monkeypatch.setattr(graphics, "loads", lambda name: name == "OSMesa")
    monkeypatch.setattr(os, "environ", {})
    with pytest.raises(graphics.NoGraphics, match="leave out the device index 2"):
        graphics.choose_backend(2)


@pytest.mark.parametrize(
    ("cuda_ids", "visible", "index", "said"),
    [
        # A machine with two GPUs and a software renderer behind them.
        ([0, 1, None], None, "1", None),
        ([0, 1, None], None, "2", "There is no GPU 2: EGL lists 2 of them"),
        ([0, 1, None], "1", "0", None),
        ([0, 1, None], "1", "1", "There is no GPU 1: CUDA_VISIBLE_DEVICES='1' names 1 of them"),
        ([0, 1, None], "1,0", "1", None),
        ([0, 1, None], "", "0", "There is no GPU 0: CUDA_VISIBLE_DEVICES='' names 0 of them"),
        ([0, 1, None], "GPU-8f2a", "0", "must list GPUs by number"),
        ([0, 1, None], "GPU-8f2a", None, None),
        # Software renderers only.
        ([None], "3", "0", None),
        ([None], "3", "1", "There is no device 1: EGL lists 1 of them"),
        ([None], None, "x", "There is no device x"),
    ],
)
def test_the_device_must_be_one_that_is_visible(monkeypatch, cuda_ids, visible, index, said):
    values = {"MUJOCO_GL": "egl", "CUDA_VISIBLE_DEVICES": visible, "MUJOCO_EGL_DEVICE_ID": index}
    monkeypatch.setattr(os, "environ", {name: value for name, value in values.items() if value is not None})
    monkeypatch.setattr(graphics, "_cuda_ids", lambda: cuda_ids)
    if said is None:
        graphics.check_device()
    else:
        with pytest.raises(graphics.NoGraphics, match=said):
            graphics.check_device()


def test_devices_that_cannot_be_listed_are_one_sentence(monkeypatch):
    def fail() -> list[int | None]:
        raise AttributeError("no such extension")

    monkeypatch.setattr(os, "environ", {"MUJOCO_GL": "egl", "MUJOCO_EGL_DEVICE_ID": "0"})
    monkeypatch.setattr(graphics, "_cuda_ids", fail)
    with pytest.raises(graphics.NoGraphics, match="cannot be listed: no such extension; install EGL"):
        graphics.check_device()


def test_a_library_that_does_not_exist_does_not_load():
    assert not graphics.loads("no_such_library_anywhere")
    assert graphics.loads("c")
