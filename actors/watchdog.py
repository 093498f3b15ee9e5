"""Ends calls into the AI2-THOR client that would otherwise never return.

The client blocks forever in `open()` when its simulator dies before opening the pipes, and waits out its whole
time-out (at full processor load) when the simulator dies in the middle of a step; a simulator that hangs at start is
not ended at all (docs/ai2thor.md, failures). A `Watchdog` is a thread beside the calling thread that polls
the simulator's process and a deadline while a call is under way. If either fails, it kills the process and then feeds
the client's pipe with zeros: field type 0 does not exist, so the client raises at once wherever it was reading.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

from ai2thor.controller import Controller

from common.processes import kill_tree

POLL_S = 0.02
"""Seconds between two polls of the process: the maximum delay until a death is noticed."""
_ZEROS = bytes(4096)


class SimulatorError(RuntimeError):
    """A simulator could not be started, died, or hung. Its process is gone; the caller may construct a new one."""


class Watchdog:
    """Guards the calls into one client.

    Args:
        controller: the client, possibly not initialised yet.
        describe: turns an event ("exited with code 3 during Pass") into the error's message.
    """

    def __init__(self, controller: Controller, describe: Callable[[str], str]) -> None:
        self._controller = controller
        self._describe = describe
        self._lock = threading.Lock()
        self._returned = threading.Event()
        self._closed = threading.Event()
        self._what = ""
        self._timeout_s = 0.0
        self._deadline: float | None = None
        self._failure: str | None = None
        self._server_pipe: int | None = None
        self._thread = threading.Thread(target=self._run, name="simulator-watchdog", daemon=True)
        self._thread.start()

    @property
    def process(self) -> subprocess.Popen | None:
        """The simulator's process; None before its start."""
        server = getattr(self._controller, "server", None)
        return None if server is None else server.unity_proc

    @contextlib.contextmanager
    def guard(self, what: str, timeout_s: float) -> Iterator[None]:
        """Limits the block to timeout_s seconds and to the lifetime of the simulator's process.

        Other exceptions pass through.

        Raises:
            SimulatorError: the process died or the time ran out.
        """
        with self._lock:
            if self._failure is None and (process := self.process) is not None and process.poll() is not None:
                self._failure = self._describe(f"{exit_text(process.returncode)} before {what}")
            if self._failure is not None:
                raise SimulatorError(self._failure)
            self._what, self._timeout_s = what, timeout_s
            self._returned.clear()
            self._deadline = time.monotonic() + timeout_s
        try:
            yield
        except Exception as error:
            self._disarm()
            # The client notices a broken pipe before the process has exited: wait for its exit code.
            if self._failure is None and not isinstance(error, ValueError) and (process := self.process) is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
                    self._failure = self._describe(f"{exit_text(process.returncode)} during {what}")
            if self._failure is not None:
                raise SimulatorError(self._failure) from None
            raise
        finally:
            self._disarm()
        if self._failure is not None:
            raise SimulatorError(self._failure)

    def close(self) -> None:
        """Kills the simulator's process if there is one and ends the thread. May be called repeatedly.

        A call that is running in another thread raises SimulatorError there.
        """
        self._closed.set()
        self._thread.join()
        with self._lock:
            self._kill()
            if self._deadline is not None:
                self._failure = self._describe(f"was stopped during {self._what}")
                self._release()
            if self._server_pipe is not None:
                os.close(self._server_pipe)
                self._server_pipe = None

    def _disarm(self) -> None:
        # Set this outside the lock: the watchdog holds the lock while it waits for the call to return.
        self._returned.set()
        with self._lock:
            self._deadline = None

    def _run(self) -> None:
        while not self._closed.wait(POLL_S):
            with self._lock:
                if self._deadline is None:
                    continue
                self._hold_server_pipe()
                process = self.process
                if process is not None and process.poll() is not None:
                    reason = f"{exit_text(process.returncode)} during {self._what}"
                elif time.monotonic() > self._deadline:
                    reason = f"did not finish {self._what} within {self._timeout_s:g} s"
                else:
                    continue
                if self._returned.is_set():
                    continue
                self._failure = self._describe(reason)
                self._kill()
                self._release()

    def _hold_server_pipe(self) -> None:
        """Opens the pipe that the client reads from, as soon as it exists.

        Opening a FIFO for reading and writing never blocks. As long as it has a writer, a client whose simulator died
        waits quietly instead of spinning on end-of-file.
        """
        server = getattr(self._controller, "server", None)
        if self._server_pipe is None and server is not None and server.started:
            with contextlib.suppress(FileNotFoundError):
                self._server_pipe = os.open(server.server_pipe_path, os.O_RDWR | os.O_NONBLOCK)

    def _kill(self) -> None:
        if (process := self.process) is not None:
            kill_tree(process)

    def _release(self) -> None:
        """Makes the client's blocked call raise, and waits until it has."""
        client_pipe: int | None = None
        try:
            while not self._returned.wait(0.001):
                self._hold_server_pipe()
                if self._server_pipe is not None:
                    with contextlib.suppress(BlockingIOError):
                        os.write(self._server_pipe, _ZEROS)
                server = getattr(self._controller, "server", None)
                if client_pipe is None and server is not None and server.started and server.client_pipe is None:
                    # The client may be waiting in open() for a reader of its actions: be that reader.
                    with contextlib.suppress(FileNotFoundError):
                        client_pipe = os.open(server.client_pipe_path, os.O_RDONLY | os.O_NONBLOCK)
        finally:
            if client_pipe is not None:
                os.close(client_pipe)


def exit_text(returncode: int) -> str:
    """Describes an exit code: "exited with code 3" or "was killed by signal SIGSEGV"."""
    if returncode >= 0:
        return f"exited with code {returncode}"
    with contextlib.suppress(ValueError):
        return f"was killed by signal {signal.Signals(-returncode).name}"
    return f"was killed by signal {-returncode}"
