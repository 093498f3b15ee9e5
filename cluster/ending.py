"""`python -m cluster.ending COMMAND ...`: a command that is interrupted, as by Ctrl-C, when its parent process ends.

A run that a killed process had started would else go on by itself. Only Linux tells of a parent's end; elsewhere the
run does go on, and whoever looks for it finds it running.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that this process gets when the thread that started it ends."""


def end_with_parent(parent: int) -> None:
    """Asks for SIGINT when process `parent` ends; sends it at once if that has happened already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    from cluster.cli import main

    main(sys.argv[2:])
