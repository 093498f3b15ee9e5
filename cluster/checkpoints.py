"""Where a command finds the checkpoint that the user named."""

from __future__ import annotations

from pathlib import Path

from cluster.errors import UsageError
from learner.checkpoint import INDEX


def find_checkpoint(path: str) -> Path:
    """A checkpoint folder itself, or the newest checkpoint of a run folder.

    Raises:
        UsageError: there is none.
    """
    folder = Path(path)
    if (folder / INDEX).is_file():
        return folder
    found = sorted(index.parent for index in folder.glob(f"checkpoints/*/{INDEX}"))
    if not found:
        raise UsageError(f"checkpoint={path} is neither a checkpoint folder nor a run folder that holds one")
    return found[-1]
