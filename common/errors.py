"""Errors that end a command with one sentence for the user and an exit code."""

from __future__ import annotations


class UsageError(ValueError):
    """The command or its settings are wrong; exit code 2. Raised before any process starts."""


class RunError(RuntimeError):
    """The run cannot continue; exit code 1. Progress is saved in the last checkpoint."""


class PartLost(RunError):
    """The learner, the replay buffer or the evaluator died or does not answer; the run restarts it or ends."""


class Interrupted(Exception):
    """The run was interrupted by Ctrl-C or SIGTERM and has saved a checkpoint; exit code 130."""


class NothingSaved(Interrupted):
    """The run was interrupted before there was anything to save."""
