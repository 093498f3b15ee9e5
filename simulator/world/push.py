"""Settings of a touch's push, which `simulator.world.physics` explains and applies.

Their defaults are stated here alone. The command line needs this module without importing MuJoCo.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


def _value(default: float, low: float, high: float, unit: str, meaning: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "unit": unit, "meaning": meaning})


@dataclass(frozen=True)
class PushSettings:
    """How a hand pushes, and the largest speeds of objects."""

    force_scale: float = _value(0.7, 1e-6, 1e3, "N", "force for each unit of moveMagnitude times direction")
    vertical_share: float = _value(0.1, 0.0, 1.0, "SHARE", "factor on the force's vertical component")
    seconds: float = _value(0.1, 1e-6, 1.0, "S", "longest duration of a push, simulated seconds")
    hand_speed: float = _value(1.5, 1e-6, 1e3, "M/S", "speed of the touched point at which the hand lets go")
    hand_acceleration: float = _value(80.0, 1e-6, 1e9, "M/S2", "largest acceleration of the touched point")
    speed_limit: float = _value(6.0, 1e-3, 100.0, "M/S", "largest speed of any object along an axis")
    spin_limit: float = _value(30.0, 1e-3, 1e3, "RAD/S", "largest rate of turning of any object about an axis")


def wrong_push(push: PushSettings, time_step: float) -> str | None:
    """One sentence that names the option that is wrong and says what would be right, or None if all are right.

    Args:
        push: the settings.
        time_step: of the physics, seconds; a force acts for at least half a step.
    """
    for one in fields(push):
        value, low, high = getattr(push, one.name), one.metadata["low"], one.metadata["high"]
        if not low <= value <= high:
            return f"{option(one.name)} must be between {low:g} and {high:g}, not {value:g}"
    if push.seconds < time_step / 2:
        return (
            f"{option('seconds')} must be at least {time_step / 2:g}, half of --time-step, for which a force acts at "
            f"least, not {push.seconds:g}"
        )
    return None


def option(name: str) -> str:
    """The command-line option of a field."""
    return f"--push-{name.replace('_', '-')}"
