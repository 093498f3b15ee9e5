"""Checkpoints of a run on disk: where they are found, how one appears whole, and which are kept."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from common.errors import Interrupted, NothingSaved, RunError, UsageError
from common.output import command
from learner.checkpoint_index import INDEX, CheckpointError, read_index
from replay.layout import holds_state

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG)
"""Errors of a disk that is full, or that does not take files any more."""


class CheckpointFailed(RunError):
    """The disk did not take a checkpoint; the ones before are whole."""


@dataclass(frozen=True)
class Saved:
    """What a checkpoint cost."""

    path: Path
    seconds: float
    """From the decision to the end."""
    pause_s: float
    """Of these, how long the learner had nothing to do."""
    learner_bytes: int
    """Weights, moments, and the run's state."""
    bank_state_bytes: int
    """Order, insertion ids, priorities, counters: all of them, each time."""
    bank_record_bytes: int
    """Records inserted since the last checkpoint; older ones lie on disk already."""


def find_checkpoint(path: str) -> Path:
    """A checkpoint folder itself, or the newest checkpoint of a run folder.

    Raises:
        UsageError: there is none.
    """
    folder = Path(path)
    if (folder / INDEX).is_file():
        return folder
    found = sorted(index.parent for index in folder.glob(f"checkpoints/step_*/{INDEX}"))
    if not found:
        raise UsageError(f"checkpoint={path} is neither a checkpoint folder nor a run folder that holds one")
    return found[-1]


def whole_checkpoints(run: Path) -> list[Path]:
    """The checkpoints of a run that can be resumed, the newest last."""
    found = sorted(index.parent for index in run.glob(f"checkpoints/step_*/{INDEX}"))
    return [path for path in found if holds_state(path) or not _has_bank(path)]


def _has_bank(checkpoint: Path) -> bool:
    """Whether the run samples from a memory bank, whose state then belongs to the checkpoint; Mask R-CNN does not."""
    try:
        return "mask_rcnn" not in read_index(checkpoint)["network"]
    except (CheckpointError, KeyError, TypeError):
        return True


def resume_command(folder: Path) -> str:
    """What continues a run, for the user to type."""
    return command("train", f"resume={folder}")


def kept_in(checkpoint: Path) -> str:
    """Sentence of a run that was interrupted after training and before its evaluation."""
    return f"checkpoint saved in {checkpoint}; to measure it: {command('evaluate', f'checkpoint={checkpoint}')}"


def how_to_resume(folder: Path) -> str:
    """The end of a sentence about a run that stopped; empty if it has no checkpoint."""
    if not whole_checkpoints(folder):
        return ""
    return f"; to go on from the last checkpoint: {resume_command(folder)}"


def how_it_ended(error: Interrupted, folder: Path) -> str:
    """What a run that was interrupted says: of one that had been resumed, that its checkpoint is still there."""
    if isinstance(error, NothingSaved) and whole_checkpoints(folder):
        return f"nothing was trained since the last checkpoint; to go on: {resume_command(folder)}"
    return str(error)


def staging_folder(run: Path, steps: int) -> Path:
    """Where the parts of a checkpoint are written before it appears; what an earlier attempt left there is removed."""
    folder = run / "checkpoints"
    folder.mkdir(exist_ok=True)
    for left in folder.glob(".step_*"):
        shutil.rmtree(left, ignore_errors=True)
    return folder / f".step_{steps:07d}.partial"


def publish(staging: Path, steps: int) -> Path:
    """Lets a checkpoint appear under its name, whole, beside an older one of the same step.

    Returns:
        its folder: `step_0000011`, or `step_0000011-02` and so on if that is taken. Names sort by age.
    """
    folder = staging.parent
    name = f"step_{steps:07d}"
    if (older := sorted(path.name for path in folder.glob(f"{name}*"))) and older[-1] != name:
        name += f"-{int(older[-1].rpartition('-')[2]) + 1:02d}"
    elif older:
        name += "-02"
    target = folder / name
    os.replace(staging, target)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return target


def keep_newest(folder: Path, kept: int) -> None:
    """Removes all but the newest `kept` checkpoints of a folder."""
    for old in sorted(path for path in folder.glob("step_*") if path.is_dir())[:-kept]:
        shutil.rmtree(old)


def is_disk_error(sentence: str) -> bool:
    """Whether what another process says of an error names one of `DISK_ERRORS`."""
    return any(os.strerror(number) in sentence for number in DISK_ERRORS)
