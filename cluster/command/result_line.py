"""The line for programs that every command that measures ends with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def print_result(result: Mapping[str, Any]) -> None:
    """The last line of every command that measures."""
    print(f"RESULT {json.dumps(result)}", flush=True)
