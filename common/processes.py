"""Processes that end with their parent, and the end of process trees."""

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
"""prctl(2): the signal that this process gets when the thread that started it ends."""
KILL_WAIT_S = 5.0
"""Longest wait for a killed process to be gone: the kernel may hold one in uninterruptible sleep."""


def end_with_parent(parent: int) -> None:
    """Asks for SIGINT when process `parent` ends; sends it at once if that has happened already."""
    # What a shell starts in the background ignores SIGINT, what Ray starts has it blocked, and both pass that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGINT)


def descendants(pid: int) -> list[psutil.Process]:
    """A process's descendants; none if it is gone."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """Kills processes by their ids; those that are gone already are left out."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


def kill_tree(process: subprocess.Popen) -> None:
    """Kills a child process and its descendants by their ids and reaps the child."""
    found = descendants(process.pid) if process.poll() is None else []
    process.kill()
    kill_all(found)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(KILL_WAIT_S)


def last_words(log: Path) -> str:
    """The sentence that a command of this program ended with, from its log; empty if there is none."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    sentences = [line.removeprefix("playpen: ") for line in lines if line.startswith("playpen: ")]
    return sentences[-1] if sentences else ""
