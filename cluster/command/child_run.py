"""The command line with which other processes start a run."""

from __future__ import annotations

import os
import sys

TRAIN_COMMAND = [sys.executable, "-m", "cluster.command.ending", str(os.getpid()), "train"]
"""Runs `./playpen train` in a process that is interrupted when this process ends (cluster/command/ending.py)."""
