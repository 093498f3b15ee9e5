"""The folder of a run: it holds one run only, whose id is also in its checkpoints."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from cluster.run.checkpoints import resume_command, whole_checkpoints
from common.errors import UsageError
from learner.checkpoint_index import INDEX, read_index
from replay.layout import OLD_FOLDER, REPLAY_FOLDER

RUN_FILE = "run.json"
"""Holds the run's id and the command that made the folder."""
RUN_ID = "run_id"
"""Key of the id in `run.json` and in a checkpoint's "extra"."""
OUTPUT_NAMES = (
    RUN_FILE, "config.yaml", "status.json", "metrics.jsonl", "results.json", "checkpoints", REPLAY_FOLDER, OLD_FOLDER,
    "multirun.yaml",
    "views.png", "touches.png", "table.md", "train.json", "test.json", "train.partial", "test.partial",
    "predictions.json",
)  # fmt: skip
"""Files and folders that commands write; a folder with any of them is taken."""


def holds_run(folder: Path) -> bool:
    """Whether a folder holds files of a run or a sweep."""
    return any((folder / name).exists() for name in OUTPUT_NAMES)


def inside_run(folder: Path) -> bool:
    """Whether a folder is a run's folder or lies directly in one."""
    return any((place / name).exists() for place in (folder, folder.parent) for name in (RUN_FILE, "results.json"))


def check_folder_is_free(folder: Path, key: str) -> None:
    """Refuses a folder that holds another run, whose files would be mixed with the new ones.

    Args:
        folder: of a new run or sweep; it may not exist yet.
        key: the setting that names it, hydra.run.dir or hydra.sweep.dir. A sweep writes into subfolders.

    Raises:
        UsageError: the folder holds a run; the message says how to resume it.
    """
    inside = [folder]
    if key == "hydra.sweep.dir" and folder.is_dir():
        inside += sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = next((path for path in inside if holds_run(path)), None)
    if found is None:
        return
    resume = ""
    if not (found / "results.json").exists() and whole_checkpoints(found):
        resume = f"resume it: {resume_command(found)}, or "
    which = "a run" if found == folder else f"the run {found.name}"
    raise UsageError(f"{key}={folder} already holds {which}; {resume}choose a fresh folder")


def claim(folder: Path, command: str) -> None:
    """Marks the folder as the new run's.

    Args:
        folder: exists.
        command: of the run, such as train.

    Raises:
        UsageError: another run claimed it first.
    """
    try:
        with (folder / RUN_FILE).open("x", encoding="utf-8") as file:
            json.dump({RUN_ID: secrets.token_hex(8), "command": command}, file)
    except FileExistsError:
        raise UsageError(f"{folder} was just taken by another run; choose a fresh folder") from None


def run_id(folder: Path) -> str | None:
    """The id of the run in a folder; None for runs of older versions without one.

    Raises:
        UsageError: the file is damaged.
    """
    path = folder / RUN_FILE
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))[RUN_ID])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is damaged: it must hold the run's id") from error


def check_same_run(folder: Path, checkpoint: Path, seed: int) -> None:
    """Refuses a checkpoint that another run has saved.

    Args:
        folder: of the run to resume.
        checkpoint: in that folder.
        seed: of the run's saved configuration.

    Raises:
        UsageError: the checkpoint carries another run's id, or another seed.
        CheckpointError: its index is damaged.
    """
    index = read_index(checkpoint)
    if index["extra"].get(RUN_ID) != run_id(folder):
        raise UsageError(
            f"resume={folder}: {checkpoint / INDEX} was saved by another run than the one that {folder / RUN_FILE} "
            "names; put that run's own checkpoints there, or start a new run in a fresh folder"
        )
    if index["seed"] != seed:
        raise UsageError(
            f"resume={folder}: {checkpoint / INDEX} was saved by a run with seed {index['seed']}, but config.yaml has "
            f"seed {seed}; start a new run in a fresh folder"
        )
