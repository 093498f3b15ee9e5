"""The executable `python -m simulator`, which AI2-THOR's Python client starts.

    from ai2thor.controller import Controller
    Controller(local_executable_path="python -m simulator", x_display=":0", scene="FloorPlan1", renderDepthImage=True)

The client appends Unity's options to the command line and names two pipes in the environment (docs/ai2thor.md).
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import logging
import os
import signal
import sys
from dataclasses import fields
from typing import NoReturn

from simulator.wire.refusal import exit_with_parent, refuse_client
from simulator.world.camera import MAX_IMAGE_SAMPLES, MAX_IMAGE_SIDE
from simulator.world.graphics import ADVICE, NoGraphics, WrongSetting, check_device, choose_backend
from simulator.world.push import PushSettings, option, wrong_push

PIPES = ("AI2THOR_FIFO_SERVER_PIPE_PATH", "AI2THOR_FIFO_CLIENT_PIPE_PATH")
TOKEN = "AI2THOR_CLIENT_TOKEN"
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's options for mallopt."""


class Parser(argparse.ArgumentParser):
    """An argument parser that also reports errors to the client."""

    def error(self, message: str) -> NoReturn:
        """Prints the error, reports it to the client if there is one, and ends the process with exit code 2."""
        self.print_usage(sys.stderr)
        print(f"{self.prog}: error: {message}", file=sys.stderr, flush=True)
        report_to_client(message)
        sys.exit(2)


def report_to_client(reason: str) -> None:
    """Answers the requests of the client that started this process, if any, with `reason` until it disconnects."""
    pipes = [os.environ.get(name) for name in PIPES]
    if pipes[0] and pipes[1]:
        exit_with_parent()
        refuse_client(reason, pipes[0], pipes[1], os.environ.get(TOKEN, ""))


def refuse(reason: str, code: int) -> int:
    """Reports why the simulator cannot start to its log and to the client; returns the exit code."""
    print(f"simulator: {reason}", file=sys.stderr, flush=True)
    report_to_client(reason)
    return code


def parser() -> argparse.ArgumentParser:
    """The parser of the command line: our own options and those that the client appends."""
    result = Parser(
        prog="python -m simulator",
        description="A simulator of rooms that speaks AI2-THOR's protocol. It is started by ai2thor's Controller, with "
        'local_executable_path="python -m simulator [OPTIONS]" and x_display=":0".',
        epilog="The environment variable MUJOCO_GL chooses the OpenGL library: egl or osmesa. If it is not set, the "
        "first of them that can be opened is used. PYOPENGL_PLATFORM is set to the same value.",
    )
    result.add_argument("--shadows", action=argparse.BooleanOptionalAction, default=False, help="draw shadows (slow)")
    result.add_argument("--samples", type=int, default=0, metavar="N", help="samples per pixel; 0: no multisampling")
    result.add_argument(
        "--time-step", type=float, default=0.008, metavar="S", help="of the physics, seconds (%(default)s)"
    )
    result.add_argument(
        "--rest-timeout", type=float, default=4.0, metavar="S",
        help="longest motion after an action, simulated seconds (%(default)s)",
    )  # fmt: skip
    result.add_argument(
        "--spare-objects", action=argparse.BooleanOptionalAction, default=True,
        help="have spare objects of every category in each room, for CreateObject; without them a room is made faster",
    )  # fmt: skip
    result.add_argument(
        "--inside-share", type=float, default=0.15, metavar="P",
        help="InitialRandomSpawn without forceVisible: share of objects put into what is closed (%(default)s)",
    )  # fmt: skip
    for value in fields(PushSettings):
        result.add_argument(
            option(value.name), type=float, default=value.default, metavar=value.metadata["unit"],
            help=f"touches: {value.metadata['meaning']} (%(default)s)",
        )  # fmt: skip
    result.add_argument("--cached-rooms", type=int, default=4, metavar="N", help="compiled rooms to keep (%(default)s)")
    result.add_argument(
        "--rooms", metavar="MODULE", help="module with SCENE_NAMES, build_scene and spawn; default: ours"
    )
    result.add_argument(
        "--check-opengl", action="store_true", help="create an OpenGL context, print its library and renderer, and end"
    )
    result.add_argument("--actions", action="store_true", help="print all actions and their arguments, and end")
    result.add_argument("--verbose", action="store_true", help="log failed actions too")
    unity = result.add_argument_group("options that the client appends")
    unity.add_argument("-screen-width", type=int, default=300, metavar="N")
    unity.add_argument("-screen-height", type=int, default=300, metavar="N")
    unity.add_argument("-force-device-index", type=int, default=None, metavar="N",
        help="GPU that renders, counted through CUDA_VISIBLE_DEVICES; default: the first that EGL offers",
    )  # fmt: skip
    unity.add_argument("-screen-fullscreen", metavar="N", help=argparse.SUPPRESS)
    unity.add_argument("-screen-quality", metavar="N", help=argparse.SUPPRESS)
    unity.add_argument("-batchmode", action="store_true", help=argparse.SUPPRESS)
    unity.add_argument("-nographics", action="store_true", help=argparse.SUPPRESS)
    return result


def push_settings(options: argparse.Namespace) -> PushSettings:
    """The settings of the push from the command line."""
    return PushSettings(**{value.name: getattr(options, f"push_{value.name}") for value in fields(PushSettings)})


def check(options: argparse.Namespace) -> str | None:
    """One sentence that says what is wrong with the options, or None if they are right."""
    if not 0 <= options.samples <= 16:
        return f"--samples must be between 0 and 16, not {options.samples}"
    if not 0.0005 <= options.time_step <= 0.01:
        return f"--time-step must be between 0.0005 and 0.01 seconds, not {options.time_step}"
    if not 0.1 <= options.rest_timeout <= 60:
        return f"--rest-timeout must be between 0.1 and 60 seconds, not {options.rest_timeout}"
    if not 0 <= options.inside_share <= 1:
        return f"--inside-share must be between 0 and 1, not {options.inside_share}"
    if not 1 <= options.cached_rooms <= 1000:
        return f"--cached-rooms must be between 1 and 1000, not {options.cached_rooms}"
    problem = wrong_push(push_settings(options), options.time_step)
    if problem is not None:
        return problem
    for name in ("screen_width", "screen_height"):
        if not 1 <= getattr(options, name) <= MAX_IMAGE_SIDE:
            return f"-{name.replace('_', '-')} must be 1 to {MAX_IMAGE_SIDE} pixels, not {getattr(options, name)}"
    if options.screen_width * options.screen_height * max(1, options.samples) > MAX_IMAGE_SAMPLES:
        return f"-screen-width times -screen-height times --samples must be at most {MAX_IMAGE_SAMPLES}"
    return None


def exit_code(error: NoGraphics) -> int:
    """The exit code: 2 if a setting must be changed, 1 if a library must be installed."""
    return 2 if isinstance(error, WrongSetting) else 1


def check_opengl(device: int | None) -> int:
    """Creates an OpenGL context as the simulator would.

    Returns:
        The exit code: 0, 1 if a library is missing or does not work, 2 if a setting must be changed.
    """
    try:
        backend = choose_backend(device)
        check_device()
        import mujoco
        from OpenGL import GL

        context = mujoco.GLContext(64, 64)
        context.make_current()
        renderer = GL.glGetString(GL.GL_RENDERER)
        context.free()
        if renderer is None:
            raise RuntimeError("the context names no renderer")
    except NoGraphics as error:
        print(f"simulator: {error}", file=sys.stderr)
        return exit_code(error)
    except Exception as error:
        # A broken driver may raise anything, which means the same to the user.
        print(f"simulator: no OpenGL for headless rendering: {error}; {ADVICE}", file=sys.stderr)
        return 1
    print(f"{backend}: {renderer.decode()}")
    return 0


def keep_freed_memory() -> None:
    """Lets the C library keep what each reply frees, for the next one.

    Otherwise it returns 0.6 MB to the system after each drawing, and the next one waits for 160 empty pages. Other
    libraries than glibc have no such setting.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        set_option = ctypes.CDLL(None).mallopt
        set_option(_TRIM_THRESHOLD, 8 * 1024 * 1024)
        set_option(_MMAP_THRESHOLD, 4 * 1024 * 1024)


def main(arguments: list[str] | None = None) -> int:
    """Runs the simulator; returns the exit code: 0 at the client's end, 1 on an error, 2 on wrong options."""
    command = parser()
    options = command.parse_args(arguments)
    problem = check(options)
    if problem is not None:
        command.error(problem)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if options.verbose else logging.WARNING,
        format=f"%(asctime)s simulator {os.getpid()} %(levelname)s: %(message)s",
    )
    if options.actions:
        os.environ["MUJOCO_GL"] = "disable"  # nothing will be drawn
        from simulator.wire.reference import describe_actions

        print(describe_actions())
        return 0
    if options.check_opengl:
        return check_opengl(options.force_device_index)
    pipes = [os.environ.get(name) for name in PIPES]
    if not all(pipes):
        print(
            f"simulator: {' and '.join(PIPES)} are not set: this program is started by ai2thor.controller.Controller"
            '(local_executable_path="python -m simulator", x_display=":0").',
            file=sys.stderr,
        )
        return 2
    # Ctrl-C and a closed terminal signal the whole process group, but the client decides when its simulator ends.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        choose_backend(options.force_device_index)
        check_device()
    except NoGraphics as error:
        return refuse(str(error), exit_code(error))
    # Imported only now, because MuJoCo reads MUJOCO_GL when it is imported.
    from simulator.wire.environment import Environment, Limits
    from simulator.wire.server import serve
    from simulator.world.rendering import Quality
    from simulator.world.sources import generated_rooms, rooms_of_module

    exit_with_parent()
    keep_freed_memory()
    try:
        source = generated_rooms(options.spare_objects) if options.rooms is None else rooms_of_module(options.rooms)
    except ValueError as error:
        return refuse(str(error), 2)
    try:
        environment = Environment(
            source,
            Limits(
                options.time_step,
                options.rest_timeout,
                options.cached_rooms,
                push_settings(options),
                options.inside_share,
            ),
            Quality(options.shadows, options.samples),
            options.screen_width,
            options.screen_height,
        )
    except Exception as error:
        # A broken driver may raise anything, which means the same to the user.
        return refuse(f"no OpenGL context with MUJOCO_GL={os.environ['MUJOCO_GL']}: {error}; {ADVICE}.", 1)
    assert pipes[0] is not None and pipes[1] is not None
    code = serve(environment, pipes[0], pipes[1], os.environ.get(TOKEN, ""))
    environment.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
