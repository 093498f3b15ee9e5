"""AI2-THOR's protocol: pipes, actions and their arguments, the state that they act on, and the replies."""
