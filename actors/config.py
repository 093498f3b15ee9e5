"""Settings of simulators. Values and comments: `conf/simulator/`."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class PushConfig:
    """How a touch pushes in the embedded simulator, where the paper applies a force for 1 ms; see docs/simulator.md.

    null keeps the simulator's own value. A Unity build has none of these values.
    """

    force_scale: float | None = None
    """Newtons for each unit of moveMagnitude times direction."""
    vertical_share: float | None = None
    """Factor on the vertical component of the force, in [0, 1]."""
    seconds: float | None = None
    """Longest duration of the push, simulated seconds."""
    hand_speed: float | None = None
    """m/s of the touched point along the force at which the hand lets go."""
    hand_acceleration: float | None = None
    """m/s^2: largest acceleration of the touched point along the force."""
    speed_limit: float | None = None
    """m/s: maximum speed of any object along any axis."""
    spin_limit: float | None = None
    """rad/s: maximum angular speed of any object about any axis."""

    def __post_init__(self) -> None:
        for field, value in self.given().items():
            if field != "vertical_share" and not value > 0:
                raise ValueError(f"simulator.push.{field} must be greater than 0, not {value}")
        if self.vertical_share is not None and not 0 <= self.vertical_share <= 1:
            raise ValueError(f"simulator.push.vertical_share must be between 0 and 1, not {self.vertical_share}")

    def given(self) -> dict[str, float]:
        """Returns the values that are not null."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass
class SimulatorConfig:
    """One simulator and how the AI2-THOR client starts it."""

    name: str
    """The simulator's name in messages."""
    command: str | None
    """Command line of a local executable that speaks the client's protocol; a leading word "python" means this
    interpreter, with this project on its path. null: a Unity build of AI2-THOR."""
    build_path: str | None
    """Folder of an unpacked Unity build, named thor-<platform>-<commit> as in the client's cache. null: the folder
    of that name for this version of the client in ~/.ai2thor/releases. Only without a command."""
    platform: str | None
    """"CloudRendering" (headless, Vulkan) or "Linux64" (an X display). Only without a command."""
    x_display: str | None
    """X display such as ":0". A local executable needs some name even if it ignores the display."""
    gpu_device: int | None
    """Index of the GPU that renders; null lets the simulator choose. A local executable gets it as
    -force-device-index."""
    width: int
    """Pixels; the model and the records need 300."""
    height: int
    """Pixels; the model and the records need 300."""
    field_of_view: float
    """Degrees, of the whole image."""
    visibility_distance: float
    """Metres; touches beyond it fail. `geometry.reach_keywords` raises it if the reach needs more."""
    start_timeout_s: float
    """Seconds from launch until the first scene is ready."""
    step_timeout_s: float
    """Seconds for one action or for one reset."""
    options: dict[str, Any]
    """Options of the command: `name: value` is appended to it as --name value, true as --name and false as --no-name,
    with a hyphen for each underscore. Empty without a command."""
    controller: dict[str, Any]
    """Further keywords of `ai2thor.controller.Controller`, e.g. snapToGrid."""
    unlimited_reach: float = 100.0
    """Metres; maximum hand distance where the shape of the reach sets no bound. The default serves runs that were
    saved before this value existed."""
    push: PushConfig = dataclasses.field(default_factory=PushConfig)
    """How a touch pushes; appended to the command as --push-force-scale and so on. Only with a command."""

    def __post_init__(self) -> None:
        for field in (
            "width",
            "height",
            "field_of_view",
            "visibility_distance",
            "start_timeout_s",
            "step_timeout_s",
            "unlimited_reach",
        ):
            if not getattr(self, field) > 0:
                raise ValueError(f"simulator.{field} must be greater than 0, not {getattr(self, field)}")
        if self.field_of_view >= 180:
            raise ValueError(f"simulator.field_of_view must be below 180 degrees, not {self.field_of_view}")
        if self.gpu_device is not None and self.gpu_device < 0:
            raise ValueError(f"simulator.gpu_device must be null or at least 0, not {self.gpu_device}")
        if self.command is None and self.platform not in ("CloudRendering", "Linux64"):
            raise ValueError(f"simulator.platform must be CloudRendering or Linux64, not {self.platform}")
        if self.command is not None and not self.command.strip():
            raise ValueError("simulator.command must be null or a command line, not an empty string")
        if self.command is None and self.options:
            raise ValueError("simulator.options must be empty ({}) without simulator.command")
        given = self.push.given()
        if self.command is None and given:
            raise ValueError(
                f"simulator.push.{min(given)} must be null without simulator.command: a Unity build has no such value"
            )
        time_step, seconds = self.options.get("time_step"), self.push.seconds
        if isinstance(time_step, (int, float)) and seconds is not None and seconds < time_step / 2:
            raise ValueError(
                f"simulator.push.seconds must be at least half of simulator.options.time_step ({time_step / 2:g}), for "
                f"which a force acts at least, not {seconds}"
            )
        for name, value in self.options.items():
            if not re.fullmatch("[a-z][a-z_]*", name) or not isinstance(value, (bool, int, float, str)):
                raise ValueError(
                    f"simulator.options.{name} must be true, false, a number or a text, under a name of small letters "
                    f"and underscores, not {value}"
                )
