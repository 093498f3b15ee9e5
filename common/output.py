"""Messages to the user, and standard streams whose errors never end a run."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterable
from typing import Any, TextIO


class SafeStream:
    """A text stream whose writes never fail.

    Characters that the encoding lacks are replaced by `?`. After the first system error (closed terminal, closed pipe,
    full disk), all further output goes to the null device, including that of child processes started later.
    """

    def __init__(self, stream: TextIO) -> None:
        """Wraps a stream.

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
        """Writes buffered text, or drops it."""
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
    """Wraps both standard streams in `SafeStream`; Python child processes replace characters in the same way."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell: >&-
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - stays open until the process ends
        if not isinstance(stream, SafeStream):
            setattr(sys, name, SafeStream(stream))
    encoding = (os.environ.get("PYTHONIOENCODING") or sys.stdout.encoding or "utf-8").partition(":")[0]
    os.environ["PYTHONIOENCODING"] = f"{encoding or 'utf-8'}:replace"


def command(*arguments: str) -> str:
    """A command line of this program, quoted so that it can be pasted into a shell."""
    return shlex.join([os.environ.get("PLAYPEN_PROGRAM", "./playpen"), *arguments])


def print_message(text: str) -> None:
    """Writes one line, prefixed by the program's name, to standard error.

    It bypasses Python's stream buffers, so a signal handler may call it. Characters that the encoding lacks become `?`.
    """
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    with contextlib.suppress(OSError):
        os.write(2, f"playpen: {text}\n".encode(encoding, errors="replace"))
