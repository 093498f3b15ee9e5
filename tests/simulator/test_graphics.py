"""The choice of the OpenGL library."""

from __future__ import annotations

import os

import pytest

from simulator import graphics


@pytest.mark.parametrize(
    ("libraries", "asked", "chosen"),
    [
        ({"EGL", "OSMesa"}, None, "egl"),
        ({"OSMesa"}, None, "osmesa"),
        ({"EGL", "OSMesa"}, "osmesa", "osmesa"),
        ({"EGL"}, "EGL", "egl"),
        (set(), "glfw", "glfw"),
    ],
)
def test_what_is_there_is_taken(monkeypatch, libraries, asked, chosen):
    monkeypatch.setattr(graphics, "loads", lambda name: name in libraries)
    monkeypatch.setattr(os, "environ", {} if asked is None else {"MUJOCO_GL": asked})
    assert graphics.choose_backend() == chosen
    assert os.environ["MUJOCO_GL"] == chosen
    assert "MUJOCO_EGL_DEVICE_ID" not in os.environ


@pytest.mark.parametrize(("libraries", "asked"), [(set(), None), ({"EGL"}, "osmesa"), ({"OSMesa"}, "egl")])
def test_nothing_there_says_what_to_install(monkeypatch, libraries, asked):
    monkeypatch.setattr(graphics, "loads", lambda name: name in libraries)
    monkeypatch.setattr(os, "environ", {} if asked is None else {"MUJOCO_GL": asked})
    with pytest.raises(graphics.NoGraphics, match=r"libegl1 libegl-mesa0 libgl1-mesa-dri.*libosmesa6"):
        graphics.choose_backend()


def test_the_gpu_index_goes_to_egl(monkeypatch):
    monkeypatch.setattr(graphics, "loads", lambda name: True)
    monkeypatch.setattr(os, "environ", {})
    graphics.choose_backend(2)
    assert os.environ["MUJOCO_EGL_DEVICE_ID"] == "2"


def test_a_library_that_does_not_exist_does_not_load():
    assert not graphics.loads("no_such_library_anywhere")
    assert graphics.loads("c")
