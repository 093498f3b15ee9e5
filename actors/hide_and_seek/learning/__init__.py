"""How actors make training data with the network; docs/hide_and_seek.md, Training data."""
