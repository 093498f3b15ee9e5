"""`python -m cluster.command.ending COMMAND ...`: interrupts a command, as Ctrl-C does, when its parent process ends.

A run that a killed process had started would else go on by itself. Only Linux tells of a parent's end; elsewhere the
run does go on, and whoever looks for it finds it running.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

TRAIN = [sys.executable, "-m", "cluster.command.ending", str(os.getpid()), "train"]
"""The command of a run that is interrupted when this process ends."""
PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that this process gets when the thread that started it ends."""


def end_with_parent(parent: int) -> None:
    """Asks for SIGINT when process `parent` ends; sends it at once if that has happened already."""
    # What a shell starts in the background ignores SIGINT, what Ray starts has it blocked, and both pass that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGINT)


def last_words(log: Path) -> str:
    """The sentence that a command ended with, from what it printed; empty if it said none."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line.removeprefix("playpen: ") for line in lines if line.startswith("playpen: ")]
    return said[-1] if said else ""


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    from cluster.command.cli import main

    main(sys.argv[2:])
