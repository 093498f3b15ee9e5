"""A hash of a simulator's source, by which files that it made are told from those of other versions."""

from __future__ import annotations

import hashlib
import importlib.util
import shlex
from pathlib import Path


def source_hash(command: str | None) -> str:
    """Returns a hash of the sources of PACKAGE in a command line "python -m PACKAGE ..."; "" for other commands."""
    words = shlex.split(command or "")
    if words[:2] != ["python", "-m"] or len(words) < 3:
        return ""
    found = importlib.util.find_spec(words[2])
    if found is None or not found.submodule_search_locations:
        return ""
    digest = hashlib.sha256()
    for folder in found.submodule_search_locations:
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
