"""Metrics files and the offline W&B run, read back."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from cluster.config import TrackingConfig
from cluster.errors import RunError
from cluster.tracking import Tracker, read_metrics, wandb_mode, write_csv
from evaluation.files import write_json


def settings(mode: str) -> TrackingConfig:
    return TrackingConfig(mode=mode, project="test", entity=None, group=None, tags=[], log_every_s=1)


def test_rows_survive_a_crash_and_become_one_table(tmp_path: Path) -> None:
    tracker = Tracker(settings("disabled"), tmp_path, {}, "run")
    tracker.log({"a": 1.0})
    tracker.log({"b": float("nan")})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"a": 3')  # cut off in the middle of a line
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [set(row) for row in rows] == [{"seconds", "a"}, {"seconds", "b"}]
    assert rows[1]["b"] is None
    write_csv(tmp_path / "metrics.jsonl", tmp_path / "metrics.csv")
    table = list(csv.DictReader((tmp_path / "metrics.csv").open()))
    assert [row["a"] for row in table] == ["1.0", ""]
    assert tracker.close() is None


def test_offline_run_holds_the_config_and_the_rows(tmp_path: Path) -> None:
    tracker = Tracker(settings("offline"), tmp_path, {"learner": {"lr": 0.5}}, "run")
    tracker.log({"x": 2.0}, {"h": ([1, 2], [0.0, 0.5, 1.0])})
    folder = tracker.close()
    assert folder is not None
    files = list(Path(folder).glob("*.wandb"))
    assert len(files) == 1
    content = files[0].read_bytes()
    assert b"learner" in content
    assert b"histogram" in content


def test_auto_is_offline_without_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    assert wandb_mode("auto") == "offline"
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password x")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert wandb_mode("auto") == "online"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode("auto") == "disabled"
    assert wandb_mode("online") == "online"


def test_online_without_a_login_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(RunError, match="tracking.mode=online: W&B did not start .*tracking.mode=offline"):
        Tracker(settings("online"), tmp_path, {}, "run")


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="tracking.mode must be auto, online, offline or disabled, not 'maybe'"):
        settings("maybe")


def test_json_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_json(path, {"a": 1})
    write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 2}
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]
