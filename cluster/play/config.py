"""Configuration schema of `./playpen play`. Values and comments: `conf/play.yaml`."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from actors.config import SimulatorConfig

LEAST_TOKEN = 16
"""Minimum number of characters of a token that the user chooses."""


@dataclass
class PlayConfig:
    """Everything `./playpen play` reads."""

    host: str
    """Address that the server listens on; any but loopback needs a token."""
    port: int
    """Port; 0 takes a free one."""
    token: str | None
    """Secret that the page's address must carry. null: a random one if `host` is not loopback, none otherwise."""
    max_sessions: int
    """Maximum number of sessions at a time; each has a simulator of its own."""
    idle_minutes: float
    """Minutes without a message after which a session and its simulator end."""
    open_browser: bool
    """Whether to open the page in this machine's browser."""
    checkpoint: str | None
    """An exported model, a checkpoint folder or a run folder (its newest checkpoint) of system=interaction, whose
    predictions the page shows; null: none."""
    simulator: SimulatorConfig
    modes: dict[str, Any]
    """Settings of each system's mode by the system's name; the page has a tab for each."""

    def __post_init__(self) -> None:
        if not self.host.strip() or re.search(r"[\s/]", self.host):
            raise ValueError(f"host must be an address or a name of this machine such as 127.0.0.1, not '{self.host}'")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be between 0 and 65535, not {self.port}")
        if self.token is not None and not re.fullmatch(rf"[A-Za-z0-9_-]{{{LEAST_TOKEN},200}}", self.token):
            raise ValueError(
                f"token must be null or {LEAST_TOKEN} to 200 letters, digits, hyphens and underscores; "
                "the given one is not"
            )
        if self.max_sessions < 1:
            raise ValueError(f"max_sessions must be at least 1, not {self.max_sessions}")
        if not 0 < self.idle_minutes < 1e6:
            raise ValueError(f"idle_minutes must be greater than 0 and below a million, not {self.idle_minutes}")
        if not self.modes:
            raise ValueError("modes must name at least one system")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
