"""Starts simulators: the client's arguments, a private home folder, and checks of the files that are needed.

The real client drives either simulator, and only the configuration chooses which (docs/ai2thor.md). `command` starts a
local executable, such as the embedded simulator; without it the client starts a Unity build of AI2-THOR.
"""

from __future__ import annotations

import contextlib
import ctypes.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ai2thor.build
import psutil
from ai2thor.controller import Controller

from actors.config import SimulatorConfig
from actors.watchdog import SimulatorError
from common.files import locked
from common.processes import descendants, kill_all

EMBEDDED = ["python", "-m", "simulator"]
"""First words of the embedded simulator's command line."""
_ROOT = Path(__file__).resolve().parent.parent
_HOME_PREFIX = "playpen-simulator-"
_OWNER = "simulator"
"""File in a home with the simulator's process id and start time."""
_ABANDONED_AFTER_S = 60.0
_LOG_LIMIT_BYTES = 4 * 2**20
_environment_lock = threading.Lock()


def controller_arguments(config: SimulatorConfig, home: Path, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Returns keywords for `ai2thor.controller.Controller`; `keywords` override the configured ones.

    The client itself would try to download a missing build, or wait forever for a missing executable.

    Raises:
        SimulatorError: the executable or the Unity build is missing.
    """
    arguments: dict[str, Any] = {
        "width": config.width,
        "height": config.height,
        "fieldOfView": config.field_of_view,
        "visibilityDistance": config.visibility_distance,
        "renderDepthImage": True,
        # The watchdog must act first, so the client's own time-outs are longer.
        "server_timeout": 2 * config.step_timeout_s + 10,
        "server_start_timeout": 2 * config.start_timeout_s + 10,
    }
    if config.x_display is not None:
        arguments["x_display"] = config.x_display
    arguments.update(config.controller)
    arguments.update(keywords)
    if config.command is not None:
        arguments["local_executable_path"] = _executable(config)
        return arguments
    commit = _provide_build(config, home)
    if config.platform == "CloudRendering" and ctypes.util.find_library("vulkan") is None:
        raise SimulatorError(
            f"simulator '{config.name}' needs the Vulkan loader for headless rendering: "
            "install it (sudo apt-get install libvulkan1) and a Vulkan driver of your GPU"
        )
    arguments.update(platform=config.platform, commit_id=commit)
    if config.gpu_device is not None:
        arguments["gpu_device"] = config.gpu_device
    return arguments


def check_launch(config: SimulatorConfig) -> None:
    """Checks in a second, without starting a simulator, whether one could start on this machine.

    Raises:
        SimulatorError: the executable, the Unity build, or (for the embedded simulator) OpenGL is missing.
    """
    home = PrivateHome()
    try:
        controller_arguments(config, home.path, {})
    finally:
        home.remove()
    words = shlex.split(config.command or "")
    if words[:3] == EMBEDDED:
        _check_opengl(_executable(config), config.name)


def _check_opengl(command: str, name: str) -> None:
    """Raises SimulatorError, with the simulator's message, if it cannot make an OpenGL context."""
    done = subprocess.run([*shlex.split(command), "--check-opengl"], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        lines = lines or [f"exit code {done.returncode}"]
        raise SimulatorError(f"simulator '{name}' cannot start: {lines[-1].removeprefix('simulator: ')}")


def embedded_controller(options: str = "", **keywords: Any) -> Controller:
    """Starts an ordinary AI2-THOR client of the embedded simulator, for scripts; actors use `SimulatorProcess`.

    It differs from a plain Controller(local_executable_path="python -m simulator", x_display=":0", ...) in three ways:
    it runs this interpreter from any folder, it works with CUDA_VISIBLE_DEVICES set (which makes the client ask for
    vulkaninfo), and it reports at once why the simulator cannot start.

    Args:
        options: options of `python -m simulator`, such as "--shadows".
        keywords: keywords of `ai2thor.controller.Controller`.

    Raises:
        SimulatorError: OpenGL cannot draw here, or the options are wrong.
        ValueError: the simulator refuses a keyword.
    """
    command = _command_line([*EMBEDDED, *shlex.split(options)])
    _check_opengl(command, "rooms")
    with _environment({"CUDA_VISIBLE_DEVICES": None}):
        return Controller(local_executable_path=command, **{"x_display": ":0"} | keywords)


def _executable(config: SimulatorConfig) -> str:
    """Returns the command line for `local_executable_path`, with the configured options; see `_command_line`."""
    assert config.command is not None
    words = shlex.split(config.command)
    if words[0] != "python" and shutil.which(words[0]) is None:
        raise SimulatorError(
            f"simulator '{config.name}' cannot start: simulator.command names '{words[0]}', "
            "which is not an executable file or a command on the PATH"
        )
    for name, value in config.options.items():
        flag = name.replace("_", "-")
        words += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    for name, value in config.push.given().items():
        words += [f"--push-{name.replace('_', '-')}", str(value)]
    if config.gpu_device is not None:
        words += ["-force-device-index", str(config.gpu_device)]
    return _command_line(words)


def _command_line(words: list[str]) -> str:
    """Returns the command line, run by env(1), which becomes the command (same process id).

    env restores the variables that are hidden from the client: the user's home folder, and CUDA_VISIBLE_DEVICES, from
    which an embedded simulator picks its GPU. A leading word "python" means this interpreter, with this project on its
    path.
    """
    variables = {"HOME": os.path.expanduser("~")}
    if words[0] == "python":
        words = [sys.executable, *words[1:]]
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        variables["CUDA_VISIBLE_DEVICES"] = os.environ["CUDA_VISIBLE_DEVICES"]
    if "=" in words[0]:  # env would read it as another variable
        words = ["sh", "-c", 'exec "$0" "$@"', *words]
    return shlex.join(["env", *(f"{name}={value}" for name, value in variables.items()), *words])


def _provide_build(config: SimulatorConfig, home: Path) -> str:
    """Links the Unity build into the private home, so that the client finds it there, and returns its commit.

    The client removes old builds from the folder that it starts from; the private folder holds only this one.
    """
    name = f"thor-{config.platform}-{ai2thor.build.COMMIT_ID}"
    if config.build_path is not None:
        build = Path(config.build_path).expanduser().resolve()
        hint = f"simulator.build_path must be an unpacked build, such as .../{name}"
    else:
        build = Path("~/.ai2thor/releases").expanduser() / name
        hint = (
            'fetch it on a machine with network by python -c "from ai2thor.controller import Controller; '
            f"Controller(platform='{config.platform}', download_only=True)\" and keep ~/.ai2thor/releases, "
            "or set simulator.build_path to an unpacked build"
        )
    prefix = f"thor-{config.platform}-"
    wanted = build / build.name
    if not wanted.is_file() or not (build / "metadata.json").is_file() or not build.name.startswith(prefix):
        raise SimulatorError(f"simulator '{config.name}' needs the Unity build of AI2-THOR at {build}: {hint}")
    releases = home / ".ai2thor" / "releases"
    releases.mkdir(parents=True)
    (releases / build.name).symlink_to(build, target_is_directory=True)
    return build.name.removeprefix(prefix)


@contextlib.contextmanager
def client_environment(config: SimulatorConfig, home: Path) -> Iterator[None]:
    """Changes the process environment while a client is constructed; one client at a time in a process.

    The client writes its lock files and its simulator's output below HOME, so HOME is a private folder. A Unity build
    inherits HOME, so caches and the X authority keep their former paths. For an embedded simulator
    CUDA_VISIBLE_DEVICES is removed, because it makes the client ask for tools of the GPU's driver.
    """
    changes: dict[str, str | None] = {"HOME": str(home)}
    user_home = Path("~").expanduser()
    if config.command is None:
        changes["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", str(user_home / ".cache"))
        changes["XAUTHORITY"] = os.environ.get("XAUTHORITY", str(user_home / ".Xauthority"))
    else:
        changes["CUDA_VISIBLE_DEVICES"] = None
    with _environment(changes):
        yield


@contextlib.contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Changes the process environment within the block; None removes a variable; one caller at a time."""
    with _environment_lock:
        before = {name: os.environ.get(name) for name in changes}
        try:
            _change_environment(changes)
            yield
        finally:
            _change_environment(before)


def _change_environment(changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


class PrivateHome:
    """A temporary home folder for one client, with its simulator's output; locked while in use.

    A killed process leaves its folder behind, unlocked; the next process removes it.
    """

    def __init__(self) -> None:
        end_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=_HOME_PREFIX))
        self._lock = locked(self.path / "lock")  # held until remove()

    def belongs_to(self, pid: int) -> None:
        """Records the simulator's process, for `end_abandoned`."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            (self.path / _OWNER).write_text(f"{process.pid} {process.create_time()}", encoding="utf-8")

    @property
    def log_path(self) -> Path:
        """File with the simulator's standard output and error streams."""
        return self.path / ".ai2thor" / "log" / "unity.log"

    def log_tail(self, lines: int = 3, characters: int = 500) -> str:
        """Returns the last lines that are not empty, joined by " | "; empty if there are none."""
        try:
            with open(self.log_path, "rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 64 * 1024))
                text = log.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        kept = [line.strip() for line in text.splitlines() if line.strip()][-lines:]
        return " | ".join(kept)[-characters:]

    def bound_log(self) -> None:
        """Empties the log if it is larger than 4 MiB, since the simulator never stops appending."""
        with contextlib.suppress(FileNotFoundError):
            if self.log_path.stat().st_size > _LOG_LIMIT_BYTES:
                os.truncate(self.log_path, 0)

    def remove(self) -> None:
        """Removes the folder. May be called repeatedly."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def end_abandoned() -> None:
    """Ends simulators whose client was killed, and removes their homes.

    A simulator exits by itself at the end of its action pipe; one that hangs or is stopped does not.
    """
    for folder in Path(tempfile.gettempdir()).glob(_HOME_PREFIX + "*"):
        # Skip folders of other users and folders that disappear meanwhile.
        with contextlib.suppress(OSError):
            owner = folder / _OWNER
            if not owner.exists() and time.time() - folder.stat().st_mtime < _ABANDONED_AFTER_S:
                continue  # it may be new and not locked yet
            with locked(folder / "lock"):
                if owner.exists():
                    _end(owner.read_text(encoding="utf-8"))
                shutil.rmtree(folder, ignore_errors=True)


def _end(owner: str) -> None:
    """Kills the process recorded by `PrivateHome.belongs_to`; its start time guards against reused process ids."""
    with contextlib.suppress(psutil.Error, ValueError):
        pid, created = owner.split()
        process = psutil.Process(int(pid))
        if process.create_time() == float(created):
            kill_all([*descendants(process.pid), process])
