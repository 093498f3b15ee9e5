"""Chooses the OpenGL library of this process. Must be imported before MuJoCo, which reads MUJOCO_GL when imported."""

from simulator.world.graphics import choose_backend

choose_backend()
