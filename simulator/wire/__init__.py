"""AI2-THOR's protocol: pipes, actions and their arguments, and the replies that describe the world."""
