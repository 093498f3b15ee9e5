"""The command line of a run that another process starts."""

from __future__ import annotations

import os
import sys

TRAIN = [sys.executable, "-m", "cluster.command.ending", str(os.getpid()), "train"]
"""Starts `./playpen train` as a process that is interrupted when this process ends (cluster/command/ending.py)."""
