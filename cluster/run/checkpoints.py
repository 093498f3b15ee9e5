"""Checkpoints of a run on disk: finding, publishing atomically, and removing old ones."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from common.errors import Interrupted, NothingSaved, RunError, UsageError
from common.output import command
from learner.checkpoint_index import INDEX, CheckpointError, is_exported, read_index
from replay.layout import holds_state

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG)
"""Errors of a disk that is full or no longer accepts files."""

STATE_KEY = "run"
"""Key of the run's progress (`cluster.run.run_state.RunState`) in a checkpoint's "extra"."""


class CheckpointFailed(RunError):
    """The disk refused a checkpoint; earlier ones are intact."""


@dataclass(frozen=True)
class SavedCheckpoint:
    """A checkpoint that was written, and its cost."""

    path: Path
    seconds: float
    """Total duration."""
    pause_s: float
    """Part of the duration in which the learner was idle."""
    learner_bytes: int
    """Weights, moments, and the run's state."""
    bank_state_bytes: int
    """Order, insertion ids, priorities and counters of the replay buffer, written completely each time."""
    bank_record_bytes: int
    """Records inserted since the last checkpoint; older ones are on disk already."""


def find_checkpoint(path: str | None, key: str = "checkpoint") -> Path:
    """The exported model or checkpoint folder that `path` names, or the newest checkpoint of a run folder.

    Args:
        path: None: nothing is named, and no model ships with the repository.
        key: the setting that holds the path, for messages.

    Raises:
        UsageError: there is none.
    """
    if path is None:
        raise UsageError(
            f"{key} names no model, and none ships with this version of the repository; train one with "
            f"{command('train')} and name the folder of its run: {key}=outputs/train/RUN"
        )
    folder = Path(path)
    if is_exported(folder):
        if not folder.is_file():
            raise UsageError(
                f"{key}={path} does not exist; name an exported model, a checkpoint folder or a run folder"
            )
        return folder
    if (folder / INDEX).is_file():
        return folder
    found = sorted(index.parent for index in folder.glob(f"checkpoints/step_*/{INDEX}"))
    if not found:
        raise UsageError(f"{key}={path} is neither a checkpoint folder nor a run folder that holds one")
    return found[-1]


def saved_config(checkpoint: Path) -> Path | None:
    """The file with the configuration of a checkpoint's run; None if the checkpoint is not in a run's folder."""
    folder = checkpoint.resolve()
    saved = folder.parent.parent / "config.yaml"
    return saved if folder.parent.name == "checkpoints" and saved.is_file() else None


def whole_checkpoints(run: Path) -> list[Path]:
    """Folders of the checkpoints from which a run can be resumed, newest last."""
    found = sorted(index.parent for index in run.glob(f"checkpoints/step_*/{INDEX}"))
    return [path for path in found if holds_state(path) and _holds_progress(path)]


def _holds_progress(checkpoint: Path) -> bool:
    """Whether a checkpoint holds a run's progress; those of Mask R-CNN in older versions do not."""
    try:
        return STATE_KEY in read_index(checkpoint)["extra"]
    except (CheckpointError, KeyError, TypeError):
        return True  # it is damaged, which is reported where it is loaded


def resume_command(folder: Path) -> str:
    """The command that resumes a run."""
    return command("train", f"resume={folder}")


def kept_in(checkpoint: Path) -> str:
    """Message of a run that was interrupted between training and its final evaluation."""
    return f"checkpoint saved in {checkpoint}; to evaluate it: {command('evaluate', f'checkpoint={checkpoint}')}"


def how_to_resume(folder: Path) -> str:
    """End of a message about a stopped run: how to resume it; empty if it has no checkpoint."""
    if not whole_checkpoints(folder):
        return ""
    return f"; to resume from the last checkpoint: {resume_command(folder)}"


def how_it_ended(error: Interrupted, folder: Path) -> str:
    """Message of an interrupted run; if it has saved nothing since it was resumed, its older checkpoint is named."""
    if isinstance(error, NothingSaved) and whole_checkpoints(folder):
        return f"nothing was trained since the last checkpoint; to resume: {resume_command(folder)}"
    return str(error)


def staging_folder(run: Path, steps: int) -> Path:
    """Path where a checkpoint is written before it is published; leftovers of earlier attempts are removed."""
    folder = run / "checkpoints"
    folder.mkdir(exist_ok=True)
    for left in folder.glob(".step_*"):
        shutil.rmtree(left, ignore_errors=True)
    return folder / f".step_{steps:07d}.partial"


def publish(staging: Path, steps: int) -> Path:
    """Moves a complete checkpoint to its final name.

    Returns:
        its folder: `step_0000011`, or `step_0000011-02` and so on if that exists. Names sort by age.
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
    """Removes all but the `kept` newest checkpoints of a folder."""
    for old in sorted(path for path in folder.glob("step_*") if path.is_dir())[:-kept]:
        shutil.rmtree(old)


def is_disk_error(sentence: str) -> bool:
    """Whether the message of another process's error names one of `DISK_ERRORS`."""
    return any(os.strerror(number) in sentence for number in DISK_ERRORS)
