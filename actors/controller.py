"""A simulator behind the real AI2-THOR client: the only way from this project to either simulator.

`SimulatorProcess` starts an unmodified `ai2thor.controller.Controller` and guards every call with a watchdog, so that a
simulator that dies or hangs, at any moment, becomes one SimulatorError within the configured time, with the process
gone. Usable from any thread, one call at a time.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai2thor.controller import Controller
from ai2thor.server import Event
from numpy.typing import NDArray

from actors.config import SimulatorConfig
from actors.geometry import ray_distance
from actors.launch import PrivateHome, client_environment, controller_arguments
from actors.watchdog import SimulatorError, Watchdog

__all__ = ["Observation", "SimulatorError", "SimulatorProcess"]


@dataclass(frozen=True)
class Observation:
    """One look: what the model sees."""

    image: NDArray[np.uint8]
    """(H, W, 3) RGB, contiguous."""
    depth: NDArray[np.float32]
    """(H, W) metres along the pixel's ray, minus the near plane (docs/ai2thor.md)."""


class SimulatorProcess:
    """A running simulator and its client.

    Args:
        config: which simulator, and how it is started.
        keywords: further keywords of the Controller, above those of the configuration, e.g.
            renderInstanceSegmentation=True for ground truth.

    Raises SimulatorError, in one sentence, if it does not start within config.start_timeout_s.
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
            # Both ends are open: the pipes' files have served.
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
        """File with what the simulator wrote to its standard streams; removed by `stop`."""
        return str(self._home.log_path)

    @property
    def last_event(self) -> Event:
        """The last answer."""
        return self._controller.last_event

    @property
    def scenes(self) -> frozenset[str]:
        """Scenes the simulator has, without the suffix "_physics"."""
        return frozenset(scene.removesuffix("_physics") for scene in self._controller.scenes_in_build)

    def reset(self, scene: str) -> Event:
        """Loads a scene afresh.

        Raises ValueError if the simulator has no such scene (it lives on), SimulatorError if it fails.
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
                # Here a refusal comes in the middle of several actions: the client's state is no longer sure.
                raise RuntimeError(_one_line(error)) from error
        raise AssertionError("unreachable")

    def step(self, action: str, **arguments: Any) -> Event:
        """Does one action; its success is in event.metadata["lastActionSuccess"].

        Raises ValueError if the simulator does not know the action or its arguments (it lives on), SimulatorError if
        it dies, hangs or answers nonsense.
        """
        with self._calls(action):
            return self._controller.step(action, **arguments)
        raise AssertionError("unreachable")

    def observe(self, event: Event) -> Observation:
        """The image and the ray depth of an answer, as arrays of their own."""
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
            # The pipes may hold an unsent action for a process that is gone, which is no news here.
            with contextlib.suppress(Exception):
                controller.stop()
            if server is not None:
                server.tmp_dir.cleanup()
                # The client registers itself for the interpreter's exit and thus lives on: let its images go.
                server.raw_metadata = server.raw_files = None
            controller.last_event = None
            self._home.remove()

    @contextlib.contextmanager
    def _calls(self, what: str) -> Iterator[None]:
        try:
            with self._watchdog.guard(what, self.config.step_timeout_s):
                yield
        except ValueError:
            raise  # refused by the simulator, which is in order
        except SimulatorError:
            self.stop()
            raise
        except Exception as error:
            failure = SimulatorError(self._describe(f"failed in {what}: {_one_line(error)}"))
            self.stop()
            raise failure from error
        except BaseException:
            # Interrupted with an answer under way: the next call would read it as its own.
            self.stop()
            raise

    def _describe(self, happened: str) -> str:
        tail = self._home.log_tail()
        return f"simulator '{self.config.name}' {happened}" + (f"; its last output: {tail}" if tail else "")


def _one_line(error: BaseException) -> str:
    cause = error.__cause__ or error.__context__
    text = " ".join(str(error).split())[:300] or type(error).__name__
    return text if cause is None else f"{text} ({type(cause).__name__}: {' '.join(str(cause).split())[:200]})"
