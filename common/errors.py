"""The errors that a command ends with: one sentence for the user, and an exit code."""

from __future__ import annotations


class UsageError(ValueError):
    """What the user asked for cannot be done as asked; exit code 2. Raised before any process starts."""


class RunError(RuntimeError):
    """The run cannot go on; exit code 1. What was trained is in the last checkpoint."""


class PartLost(RunError):
    """The learner or the memory bank died or fell silent: the run goes on from its last checkpoint, or ends."""


class Interrupted(Exception):
    """Ctrl-C or SIGTERM; exit code 130 after a checkpoint was saved."""


class NothingSaved(Interrupted):
    """The same while nothing has been trained since the start: there is nothing to save."""
