"""The embedded simulator for `benchmarks.start`: it also records the time of the first touch.

    python -m benchmarks._stamped_simulator FILE [options of python -m simulator]

Of all simulators with the same FILE, the first to touch writes the time (seconds since the epoch) into it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Any

from simulator.__main__ import main
from simulator.wire import protocol


def stamping(read_action: Any, file: Path) -> Any:
    """Returns a `read_action` that writes the file at the first touch."""

    def read(*arguments: Any) -> Any:
        action = read_action(*arguments)
        if not file.exists() and action.get("action") == "TouchThenApplyForce":
            own = file.with_name(f"{file.name}.{os.getpid()}")
            own.write_text(str(time.time()))
            with contextlib.suppress(FileExistsError):
                os.link(own, file)  # atomic, and only the first one succeeds
        return action

    return read


if __name__ == "__main__":
    # Replace it before the simulator's other modules import it.
    protocol.read_action = stamping(protocol.read_action, Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
