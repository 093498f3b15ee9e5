"""Atomic writes and locks on files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.files import atomic, locked


def test_a_failed_write_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["value"]


def test_a_durable_write_is_flushed_before_it_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synced = tmp_path / "value", []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append((os.fstat(descriptor).st_size, path.exists())))
    with atomic(path) as file:
        file.write(b"new")
    assert synced == []
    path.unlink()
    with atomic(path, durable=True) as file:
        file.write(b"new")
    assert synced == [(3, False)] and path.read_bytes() == b"new"


def test_a_lock_is_exclusive_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path), pytest.raises(BlockingIOError):
        locked(path)
    locked(path).close()


def test_a_lock_on_a_removed_file_does_not_keep_others_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path) as first:
        path.unlink()
        with locked(path) as second:
            assert os.fstat(first.fileno()).st_ino != os.fstat(second.fileno()).st_ino


def test_a_lock_needs_its_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        locked(tmp_path / "none" / "lock")
