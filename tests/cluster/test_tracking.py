"""Metrics files and the offline W&B run, read back."""

from __future__ import annotations

import csv
import json
import os
import shlex
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import settings as hsettings
from hypothesis import strategies as st
from PIL import Image

from cluster.run.config import TrackingConfig
from cluster.run.tracking import Tracker, read_metrics, sync_command, wandb_mode, write_csv
from cluster.run.wandb_log import read_log, record_class, write_log
from common.errors import RunError
from common.files import write_json
from tests.cluster.wandb_server import wandb_server


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


@pytest.fixture(autouse=True)
def nobody(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No login, and no settings of W&B in the environment, the folder or the home."""
    home = tmp_path_factory.mktemp("nobody")
    monkeypatch.chdir(home)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / "netrc"))
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    yield
    # W&B names its service in the environment: runs that later tests start would look for it.
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        del os.environ[name]


KEY = "a" * 40


def records(folder: Path) -> list[Any]:
    """Records in the log of a W&B folder."""
    (log,) = folder.glob("*.wandb")
    return [record_class().FromString(data) for data in read_log(log)]


def history(folder: Path) -> list[tuple[int, dict[str, Any]]]:
    """The rows of a W&B folder's log: (step, values by name)."""
    return [
        (
            record.history.step.num,
            {".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item},
        )
        for record in records(folder)
        if record.WhichOneof("record_type") == "history"
    ]


def values(folder: Path, wanted: int) -> list[float]:
    """The values of x in a W&B folder's log, once so many are written: W&B writes them a moment later."""
    deadline = time.monotonic() + 20
    while len(rows := history(folder)) < wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return [row["x"] for _, row in rows]


def folder_of(command: str | None) -> Path:
    """The folder that a command sends."""
    assert command is not None
    return Path(shlex.split(command)[-1])


def test_offline_run_holds_the_config_and_the_rows(tmp_path: Path) -> None:
    tracker = Tracker(settings("offline"), tmp_path, {"learner": {"lr": 0.5}}, "run")
    tracker.log({"x": 2.0}, {"h": ([1, 2], [0.0, 0.5, 1.0])})
    folder = folder_of(tracker.close())
    (run,) = [record.run for record in records(folder) if record.WhichOneof("record_type") == "run"]
    assert {item.key: json.loads(item.value_json) for item in run.config.update}["learner"] == {"lr": 0.5}
    ((step, row),) = history(folder)
    assert step == 0 and row["x"] == 2.0 and row["h._type"] == "histogram"


@given(st.lists(st.integers(0, 3).flatmap(lambda n: st.binary(max_size=[9, 300, 40_000, 90_000][n])), max_size=6))
@hsettings(max_examples=30, deadline=None)
def test_a_log_is_read_as_it_was_written(parts: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run-x.wandb"
        write_log(path, parts)
        assert list(read_log(path)) == parts
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])  # cut off by a crash
        assert list(read_log(path)) == parts[:-1]


def test_logs_are_written_as_wandb_itself_does(tmp_path: Path) -> None:
    tracker = Tracker(settings("offline"), tmp_path, {}, "run")
    tracker.log({"x": 1.0, "long": "y" * 100_000})  # type: ignore[dict-item]
    (log,) = folder_of(tracker.close()).glob("*.wandb")
    write_log(tmp_path / "again", read_log(log))
    assert (tmp_path / "again").read_bytes() == log.read_bytes()


def test_a_resumed_offline_run_is_whole_in_one_folder(tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    for part in range(3):
        if part:
            time.sleep(1.1)  # W&B names its folders by the second
        tracker = Tracker(settings("offline"), tmp_path, {"lr": part}, "run")
        Image.new("RGB", (8, 8), (part, 0, 0)).save(image)
        tracker.log({"part": part}, images={"figure": image})
        if part == 0:
            tracker.run.finish()  # as a killed run: its part stays
            tracker.file.close()
        else:
            sent = folder_of(tracker.close())
    assert [path.name for path in (tmp_path / "wandb").glob("*run-*")] == [sent.name]
    assert [(step, row["part"]) for step, row in history(sent)] == [(0, 0), (1, 1), (2, 2)]
    kinds = [record.WhichOneof("record_type") for record in records(sent)]
    assert kinds.count("run") == kinds.count("exit") == 1 and kinds[-1] == "exit"
    assert [record.num for record in records(sent)] == list(range(1, len(kinds) + 1))
    assert len(list((sent / "files" / "media" / "images").iterdir())) == 3
    with wandb_server() as server:
        done = subprocess.run(
            shlex.split(sync_command(str(sent))),
            env=os.environ | {"WANDB_BASE_URL": server.address, "WANDB_API_KEY": KEY},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert [server.history[line]["part"] for line in sorted(server.history)] == [0, 1, 2]
        assert sum(name.startswith("media/images/") for name in server.files) == 3


def test_rows_that_a_killed_run_did_not_write_are_filled_in(tmp_path: Path) -> None:
    """W&B writes some seconds late: metrics.jsonl has rows that its log lacks."""
    for part in range(2):
        tracker = Tracker(settings("offline"), tmp_path, {}, "run")
        tracker.log({"x": 3 * part})
        if part == 0:
            tracker.run.finish()
            with (tmp_path / "metrics.jsonl").open("a") as file:
                file.write('{"seconds": 1.5, "x": 1}\n{"seconds": 2.5, "x": 2, "y": null}\n')
            tracker.file.close()
            time.sleep(1.1)
    sent = folder_of(tracker.close())
    assert [(step, row["x"]) for step, row in history(sent)] == [(0, 0), (1, 1), (2, 2), (3, 3)]
    with wandb_server() as server:
        environment = os.environ | {"WANDB_BASE_URL": server.address, "WANDB_API_KEY": KEY}
        done = subprocess.run(shlex.split(sync_command(str(sent))), env=environment, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert [server.history[line]["x"] for line in sorted(server.history)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("environment", "command", "mode"),
    [
        ({}, "", "offline"),
        ({"WANDB_API_KEY": KEY}, "", "online"),
        ({"WANDB_API_KEY": KEY}, "offline", "offline"),
        ({"WANDB_API_KEY": KEY}, "disabled", "disabled"),
        ({"WANDB_API_KEY": KEY, "WANDB_MODE": "online"}, "disabled", "online"),  # the environment comes first
        ({"WANDB_API_KEY": KEY, "WANDB_MODE": "dryrun"}, "", "offline"),
        ({"WANDB_MODE": "disabled"}, "", "disabled"),
        ({"WANDB_MODE": "disabled"}, "offline", "disabled"),
    ],
)
def test_auto_follows_the_order_of_wandb(
    environment: dict[str, str], command: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command:
        subprocess.run([shlex.split(sync_command())[0], command], check=True, capture_output=True)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wandb_mode("auto") == mode
    assert [wandb_mode(given) for given in ("online", "offline", "disabled")] == ["online", "offline", "disabled"]


def test_a_netrc_login_is_one_for_its_own_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    netrc = Path(os.environ["NETRC"])
    netrc.write_text(f"machine other.example.org login user password {KEY}")
    netrc.chmod(0o600)
    assert wandb_mode("auto") == "offline"
    netrc.write_text(f"machine wandb.example.org login user password {KEY}")
    assert wandb_mode("auto") == "online"


@pytest.fixture(params=["closed", "silent"])
def no_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that refuses connections, or takes them and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == "silent":
            listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_without_a_network_auto_goes_offline_and_online_is_refused(
    no_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", no_server)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with pytest.raises(RunError, match="tracking.mode=online: W&B did not start .*tracking.mode=offline"):
        Tracker(settings("online"), tmp_path, {}, "run")
    tracker = Tracker(settings("auto"), tmp_path, {}, "run")
    assert f"playpen: W&B cannot be reached ({no_server}" in capfd.readouterr().err
    tracker.log({"x": 1.0})
    assert len(history(folder_of(tracker.close()))) == 1


def test_a_network_lost_during_a_run_does_not_stop_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cluster.run.tracking.FINISH_TIMEOUT_S", 5.0)
    monkeypatch.setattr("cluster.run.tracking.INIT_TIMEOUT_S", 60.0)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with wandb_server() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        tracker = Tracker(settings("auto"), tmp_path, {}, "run")
        assert not tracker.offline
        tracker.log({"x": 1.0})
        server.answering = False
        tracker.log({"x": 2.0})
        command = tracker.close()
        assert "W&B did not receive the whole run" in capfd.readouterr().err
        assert values(folder_of(command), 2) == [1.0, 2.0]
        # Resumed, it stays offline, so that all of it is sent together.
        server.answering = True
        time.sleep(1.1)
        again = Tracker(settings("auto"), tmp_path, {}, "run")
        assert again.offline
        again.log({"x": 3.0})
        assert values(folder_of(again.close()), 3) == [1.0, 2.0, 3.0]


def test_a_dead_wandb_service_does_not_stop_a_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tracker = Tracker(settings("offline"), tmp_path, {}, "run")
    tracker.log({"x": 1.0})
    services = [child for child in psutil.Process().children(recursive=True) if "wandb-core" in child.name()]
    assert services
    for service in services:
        service.kill()
    psutil.wait_procs(services, timeout=10)
    for _ in range(5):
        tracker.log({"x": 2.0})
        time.sleep(0.1)
    tracker.summary({"x": 2})
    tracker.close()
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 6
    assert capfd.readouterr().err.count("playpen: W&B") == 1


def test_wrong_settings_of_wandb_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_MODE", "nonsense")
    with pytest.raises(RunError, match="tracking.mode=online: W&B refuses its settings"):
        Tracker(settings("online"), tmp_path, {}, "run")
    tracker = Tracker(settings("auto"), tmp_path, {}, "run")
    assert "playpen: W&B failed (" in capfd.readouterr().err
    tracker.log({"x": 1.0})
    assert tracker.close() is None


def test_an_online_run_is_sent_continuously(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.run.tracking.INIT_TIMEOUT_S", 60.0)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with wandb_server() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        tracker = Tracker(settings("auto"), tmp_path, {}, "run")
        tracker.log({"x": 1.0})
        tracker.summary({"best": 3})
        assert tracker.close() is None
        assert [row["x"] for row in server.history.values()] == [1.0]


def test_online_without_a_login_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="tracking.mode=online: W&B did not start .*tracking.mode=offline"):
        Tracker(settings("online"), tmp_path, {}, "run")


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="tracking.mode must be auto, online, offline or disabled, not 'maybe'"):
        settings("maybe")


def test_json_is_replaced_atomically(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_json(path, {"a": 1})
    write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 2}
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]
