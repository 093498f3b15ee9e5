"""`./playpen play`: a page in the browser on which a person plays the systems' tasks."""
