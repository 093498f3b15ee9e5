"""A simulator behind the real AI2-THOR client; this project reaches both simulators only through it.

`SimulatorProcess` starts an unmodified `ai2thor.controller.Controller` and guards every call with a watchdog. If the
simulator dies or hangs, the call raises SimulatorError within the configured time and the process is gone. The class
may be used from any thread, one call at a time.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from ai2thor.controller import Controller
from ai2thor.server import Event

from actors.config import SimulatorConfig
from actors.launch import PrivateHome, client_environment, controller_arguments
from actors.observation import Observation, ray_distance
from actors.watchdog import SimulatorError, Watchdog

__all__ = ["Observation", "SimulatorError", "SimulatorProcess"]


class SimulatorProcess:
    """A running simulator and its client.

    Args:
        config: which simulator to start, and how.
        keywords: further keywords of the Controller, which override the configuration's, e.g.
            renderInstanceSegmentation=True for ground truth.

    Raises:
        SimulatorError: it does not start within config.start_timeout_s.
    """

    def __init__(self, config: SimulatorConfig, **keywords: Any) -> None:
        self.config = config
        self._stopping = threading.Lock()
        self._home = PrivateHome()
        # Made in two steps so that the watchdog can see the process while the constructor waits for it.
        self._controller = Controller.__new__(Controller)
        self._watchdog = Watchdog(self._controller, self._describe)
        try:
            arguments = controller_arguments(config, self._home.path, keywords)
            with (
                client_environment(config, self._home.path),
                self._watchdog.guard("its start", config.start_timeout_s),
            ):
                self._controller.__init__(**arguments)
            self._home.belongs_to(self.pid)
            # Both ends of the pipes are open, so their files are no longer needed.
            self._controller.server.tmp_dir.cleanup()
        except SimulatorError:
            self.stop()
            raise
        except Exception as error:
            failure = SimulatorError(self._describe(f"did not start: {_one_line(error)}"))
            self.stop()
            raise failure from error
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Process id of the simulator."""
        process = self._watchdog.process
        if process is None:
            raise SimulatorError(f"simulator '{self.config.name}' has no process")
        return process.pid

    @property
    def alive(self) -> bool:
        """Whether the simulator's process runs."""
        process = self._watchdog.process
        return process is not None and process.poll() is None

    @property
    def log_path(self) -> str:
        """File with the simulator's standard output and error streams; `stop` removes it."""
        return str(self._home.log_path)

    @property
    def last_event(self) -> Event:
        """The simulator's latest answer."""
        return self._controller.last_event

    @property
    def scenes(self) -> frozenset[str]:
        """Names of the simulator's scenes, without the suffix "_physics"."""
        return frozenset(scene.removesuffix("_physics") for scene in self._controller.scenes_in_build)

    def reset(self, scene: str) -> Event:
        """Loads a scene.

        Raises:
            ValueError: the simulator has no such scene; it keeps running.
            SimulatorError: the simulator failed and was stopped.
        """
        self._home.bound_log()
        if self.scenes and scene.removesuffix("_physics") not in self.scenes:
            raise ValueError(
                f"scene '{scene}' is not one of the {len(self.scenes)} scenes of simulator '{self.config.name}' "
                f"(such as {min(self.scenes)})"
            )
        with self._calls(f"reset to {scene}"):
            try:
                return self._controller.reset(scene)
            except ValueError as error:
                # A refusal in the middle of several actions leaves the client in an unknown state.
                raise RuntimeError(_one_line(error)) from error
        raise AssertionError("unreachable")

    def step(self, action: str, **arguments: Any) -> Event:
        """Performs one action; event.metadata["lastActionSuccess"] says whether it succeeded.

        Raises:
            ValueError: the simulator does not know the action or its arguments; it keeps running.
            SimulatorError: the simulator died, hung or sent an invalid answer; it was stopped.
        """
        with self._calls(action):
            return self._controller.step(action, **arguments)
        raise AssertionError("unreachable")

    def observe(self, event: Event) -> Observation:
        """Copies the image and the ray depth from an answer."""
        image, depth = event.frame, event.depth_frame
        if image is None or depth is None:
            raise SimulatorError(f"simulator '{self.config.name}' sent no image or no depth with its last answer")
        return Observation(
            image=np.ascontiguousarray(image),
            depth=ray_distance(np.asarray(depth, dtype=np.float32), self.config.field_of_view),
        )

    def stop(self) -> None:
        """Ends the simulator's process and removes its files. May be called repeatedly, and from another thread."""
        with self._stopping:
            self._watchdog.close()
            controller = self._controller
            server = getattr(controller, "server", None)
            # The pipes may hold an unsent action for a process that is gone; that error does not matter here.
            with contextlib.suppress(Exception):
                controller.stop()
            if server is not None:
                server.tmp_dir.cleanup()
                # The client registers an exit handler, which keeps it alive: free its images.
                server.raw_metadata = server.raw_files = None
            controller.last_event = None
            self._home.remove()

    @contextlib.contextmanager
    def _calls(self, what: str) -> Iterator[None]:
        try:
            with self._watchdog.guard(what, self.config.step_timeout_s):
                yield
        except ValueError:
            raise  # the simulator refused the action and keeps running
        except SimulatorError:
            self.stop()
            raise
        except Exception as error:
            failure = SimulatorError(self._describe(f"failed in {what}: {_one_line(error)}"))
            self.stop()
            raise failure from error
        except BaseException:
            # The answer to an interrupted call is still in the pipe: the next call would read it as its own.
            self.stop()
            raise

    def _describe(self, happened: str) -> str:
        tail = self._home.log_tail()
        return f"simulator '{self.config.name}' {happened}" + (f"; its last output: {tail}" if tail else "")


def _one_line(error: BaseException) -> str:
    cause = error.__cause__ or error.__context__
    text = " ".join(str(error).split())[:300] or type(error).__name__
    return text if cause is None else f"{text} ({type(cause).__name__}: {' '.join(str(cause).split())[:200]})"
