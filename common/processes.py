"""Ends processes together with their parent or their descendants."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1
"""prctl(2) option: the signal that this process gets when the thread that started it ends."""
KILL_WAIT_S = 5.0
"""Maximum wait for a killed process to end; the kernel may hold it in uninterruptible sleep."""


def end_with_parent(parent: int) -> None:
    """Interrupts this process (SIGINT) when process `parent` ends, or at once if it has ended already. Linux only."""
    # A shell's background processes ignore SIGINT, Ray's processes block it, and child processes inherit both.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGINT)


def descendants(pid: int) -> list[psutil.Process]:
    """All descendants of a process; empty if the process is gone."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """Kills processes; those that are already gone are ignored."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


def kill_tree(process: subprocess.Popen) -> None:
    """Kills a child process and its descendants, and reaps the child."""
    found = descendants(process.pid) if process.poll() is None else []
    process.kill()
    kill_all(found)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(KILL_WAIT_S)


def last_message(log: Path) -> str:
    """The last message in the log of a command of this program; empty if there is none."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    messages = [line.removeprefix("playpen: ") for line in lines if line.startswith("playpen: ")]
    return messages[-1] if messages else ""
