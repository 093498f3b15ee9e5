"""A room in use: its physics, drawing and camera, and where an agent can walk."""
