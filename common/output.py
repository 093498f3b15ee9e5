"""Standard output and error that never end a run: what cannot be written there is dropped."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterable
from typing import Any, TextIO


class SafeStream:
    """A text stream whose writes never fail.

    Letters that the encoding lacks are replaced by `?`. After the first system error, such as a closed terminal, a
    closed pipe or a full disk, all further output goes to the null device, also from child processes started later.
    """

    def __init__(self, stream: TextIO) -> None:
        """Takes a stream over.

        Args:
            stream: sys.stdout or sys.stderr.
        """
        self.stream: Any = stream
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")

    def write(self, text: str) -> int:
        """Writes text, or drops it. Returns its length."""
        try:
            self.stream.write(text)
        except (OSError, ValueError):  # ValueError: the stream is closed
            self._silence()
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes each of the lines."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Writes what is buffered, or drops it."""
        try:
            self.stream.flush()
        except (OSError, ValueError):
            self._silence()

    def _silence(self) -> None:
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.stream.fileno())
            os.close(null)
        except (OSError, ValueError):
            pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def never_fail() -> None:
    """Puts both standard streams into a `SafeStream`, and lets Python child processes replace letters alike."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell: >&-
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
        if not isinstance(stream, SafeStream):
            setattr(sys, name, SafeStream(stream))
    encoding = (os.environ.get("PYTHONIOENCODING") or sys.stdout.encoding or "utf-8").partition(":")[0]
    os.environ["PYTHONIOENCODING"] = f"{encoding or 'utf-8'}:replace"


def command(*arguments: str) -> str:
    """A command of this program that works when it is pasted into the shell that this process was started from."""
    return shlex.join([os.environ.get("PLAYPEN_PROGRAM", "./playpen"), *arguments])


def say(text: str) -> None:
    """Writes one line to standard error without Python's buffers, as a signal handler may."""
    with contextlib.suppress(OSError):
        os.write(2, f"playpen: {text}\n".encode())
