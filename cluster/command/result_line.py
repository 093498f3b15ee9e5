"""The RESULT line: a command's results for other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def print_result(result: Mapping[str, Any]) -> None:
    """Prints the RESULT line, which must be a command's last output."""
    print(f"RESULT {json.dumps(result)}", flush=True)
