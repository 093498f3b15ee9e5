"""Files of the page's games: checks of where they are saved, and the list of records of games."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from actors.hide_and_seek.record import is_record
from cluster.hide_and_seek.play_config import GamePlayConfig
from common.errors import UsageError

SECTION = "modes.hide_and_seek"
"""Where the settings stand in the configuration of `./playpen play`."""


def check_files(config: GamePlayConfig) -> None:
    """Makes sure that games can be saved, before anybody plays one. Nothing is created.

    Raises:
        UsageError: `records` is no folder, `save_places` is no file, or one of them could not be written.
    """
    _check("records", Path(config.records), folder=True)
    _check("save_places", Path(config.save_places), folder=False)


def _check(name: str, path: Path, folder: bool) -> None:
    wanted = f"{SECTION}.{name} must name a {'folder' if folder else 'file'} that can be written"
    try:
        if path.exists() and path.is_dir() != folder:
            raise UsageError(f"{wanted}; '{path}' is a {'file' if folder else 'folder'}")
        # Files are replaced and missing folders are made, so the nearest folder that exists must allow it.
        parents = path.absolute().parents
        nearest = next(one for one in ([path, *parents] if folder else parents) if one.exists())
    except OSError as error:
        raise UsageError(f"{wanted}; '{path}' cannot be looked up: {error.strerror}") from None
    if not nearest.is_dir():
        raise UsageError(f"{wanted}; '{path}' lies below the file '{nearest}'")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"{wanted}; for '{path}' the folder '{nearest}' does not allow it")


def record_files(folder: Path, most: int) -> dict[str, Path]:
    """Records of games in a folder and the folders in it.

    Args:
        folder: may be missing. Other files in it, such as the results of an evaluation, are left out.
        most: maximum number of records.

    Returns:
        The files by their names in the folder without ".json", newest first.
    """
    times: dict[Path, float] = {}
    # os.walk passes over folders that vanish meanwhile; Path.rglob fails.
    for root, _, names in os.walk(folder):
        for path in (Path(root, name) for name in names if name.endswith(".json")):
            try:
                times[path] = path.stat().st_mtime
            except OSError:  # it vanished
                continue
    newest = sorted(times, key=lambda path: -times[path])
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path for path in islice(filter(is_record, newest), most)
    }
