"""Chooses the OpenGL library of this process. Must be imported before MuJoCo, which reads MUJOCO_GL when imported."""

from simulator.world.graphics import choose_backend

BACKEND = choose_backend()
"""The library that draws, for example "egl"."""
