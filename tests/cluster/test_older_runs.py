"""Runs that were saved before configurations had a schema version: they match tables, and can be evaluated and resumed.

tests/data/older_runs.tar.xz holds two runs of a tiny network, made by the last version with one flat layout: `finished`
(seed 3), and `stopped` (seed 4), which was interrupted in its first phase.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest
import yaml

from cluster.command.compose import check_overrides, resumed_config
from cluster.interaction.config import TrainConfig, schema_of
from cluster.run import train
from cluster.run.checkpoints import whole_checkpoints
from cluster.run.config import instantiate, plain_values
from cluster.run.identity import SCHEMA_VERSION, key_of, migrated, run_key, without_defaults
from cluster.run.run_state import find_resumable
from cluster.run.system import Data
from cluster.systems import find, register
from cluster.table.plan import compose_train
from cluster.table.runs import FINISHED, UNFINISHED, find_runs, state_of
from common.errors import UsageError
from tests.cluster.runs import playpen, result_of

ARCHIVE = Path(__file__).parents[1] / "data" / "older_runs.tar.xz"
TINY = [
    "experiment=smoke", "models.base_channels=4", "models.up_channels=[8,8,8]", "models.shared_channels=8",
    "models.embedding_channels=4", "replay.capacity=10", "replay.locations_ahead=2", "learner.batch_size=2",
    "learner.phases.segmentation.prefill=2", "learner.phases.segmentation.rounds=2",
    "learner.phases.segmentation.locations_per_round=2", "learner.phases.joint.rounds=1",
    "learner.phases.joint.locations_per_round=2", "learner.phases.joint.force_head_only_rounds=1",
    "tracking.mode=disabled", "evaluation.figures=0", "evaluation.dataset.train.locations=8",
    "evaluation.dataset.test.locations=4", "replay.strict=true", "seed=3", "actors.mask_source=module",
    "models.depth_edges=false", "actors.force_search=predicted", "learner.force_balance=false",
]  # fmt: skip
"""Overrides that `finished` was started with, and the values of its time for what has come since."""


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with both runs."""
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def test_older_runs_match_the_composed_configuration(older: Path) -> None:
    register()
    found = find_runs([f"{older}/*"])
    wanted = compose_train(TINY)
    assert wanted.schema_version == SCHEMA_VERSION
    assert found[key_of(wanted)].folder == older / "finished" and found[key_of(wanted)].state == FINISHED
    assert key_of(compose_train([*TINY, "learner.lr=0.5"])) not in found
    assert sorted(run.state for run in found.values()) == [FINISHED, UNFINISHED]


def test_values_at_the_default_of_older_runs_are_not_part_of_the_identity(older: Path) -> None:
    values = migrated(yaml.safe_load((older / "finished" / "config.yaml").read_text()), "config.yaml")
    key = run_key(values, schema_of(values))
    # A version from before these values existed wrote none of them.
    del values["replay"]["image_score"], values["replay"]["without_replacement"], values["system"]
    assert run_key(values, schema_of(values)) == key
    values["replay"]["image_score"] = "mean"
    assert run_key(values, schema_of(values)) != key


def test_options_of_the_simulator_that_came_later_count_only_where_they_differ(older: Path) -> None:
    values = migrated(yaml.safe_load((older / "finished" / "config.yaml").read_text()), "config.yaml")
    key = run_key(values, schema_of(values))
    values["simulator"]["options"] |= {"inside_share": 0.15, "spare_objects": False}
    assert run_key(values, schema_of(values)) == key
    values["simulator"]["options"]["inside_share"] = 0.2
    assert run_key(values, schema_of(values)) != key


def test_unknown_keys_count_and_nested_defaults_do_not() -> None:
    from actors.config import SimulatorConfig

    plain = {"name": "rooms", "push": {"force_scale": None}, "unlimited_reach": 100.0, "new": 1}
    assert without_defaults(plain, SimulatorConfig) == {"name": "rooms", "new": 1}
    plain["push"] = {"force_scale": 2.0}
    assert without_defaults(plain, SimulatorConfig)["push"] == {"force_scale": 2.0}


def test_a_refused_change_does_not_stay_in_the_run(
    older: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some refusals come only when the tasks are known."""

    def refuse(*_: object) -> None:
        raise UsageError("so many tasks are too few")

    run = tmp_path / "stopped"
    shutil.copytree(older / "stopped", run)
    before = (run / "config.yaml").read_bytes()
    system = find("interaction")
    monkeypatch.setattr(type(system), "data", lambda *_: Data([], None))
    monkeypatch.setattr(type(system), "phases", refuse)
    config = instantiate(resumed_config(run, [f"resume={run}", "learner.lr=0.5"]), TrainConfig)
    with pytest.raises(UsageError, match="so many tasks are too few"):
        train.run(config, run)
    assert (run / "config.yaml").read_bytes() == before


def test_the_schema_version_cannot_be_overridden() -> None:
    register()
    with pytest.raises(UsageError, match=r"^schema_version is 3 and cannot be changed; remove the override$"):
        check_overrides("train", ["experiment=smoke", "schema_version=4"])


def test_a_checkpoint_without_the_runs_progress_cannot_be_resumed(older: Path, tmp_path: Path) -> None:
    """Older versions saved such checkpoints of Mask R-CNN, with the state of its records."""
    run = tmp_path / "stopped"
    shutil.copytree(older / "stopped", run)
    assert state_of(run) == UNFINISHED
    for index in run.glob("checkpoints/*/learner.json"):
        values = json.loads(index.read_text())
        del values["extra"]["run"]
        index.write_text(json.dumps(values))
    assert whole_checkpoints(run) == [] and state_of(run) is None
    with pytest.raises(UsageError, match="holds no checkpoint with a replay buffer; start a new run"):
        find_resumable(run, seed=4)


def test_older_mask_rcnn_runs_match_without_the_values_that_had_no_effect() -> None:
    register()
    now = compose_train(["experiment=smoke", "models=mask_rcnn", "models.depth_edges=false", "learner=mask_rcnn",
                         "actors.supervision=full"])  # fmt: skip
    values = plain_values(now)
    del values["system"], values["schema_version"], values["models"]["kind"], values["models"]["depth_edges"]
    values["models"] |= {"base_channels": 32, "up_channels": [1, 2, 3], "max_depth": 5.0}
    values["learner"]["mask_rcnn"]["log_every"] = 10
    older = migrated(values, "config.yaml")
    assert run_key(older, schema_of(older)) == key_of(now)
    values["learner"]["mask_rcnn"]["lr"] = 0.5
    other = migrated(values, "config.yaml")
    assert run_key(other, schema_of(other)) != key_of(now)


@pytest.mark.parametrize(("older", "newer"), [(False, "off"), (True, "on")])
def test_mixed_precision_was_true_or_false(older: bool, newer: str) -> None:
    values = {"system": "interaction", "schema_version": 2, "learner": {"mixed_precision": older, "lr": 0.1}}
    found = migrated(values, "config.yaml")
    assert found == {"system": "interaction", "schema_version": 3, "learner": {"mixed_precision": newer, "lr": 0.1}}


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1, "2", True])
def test_configurations_of_newer_versions_are_refused(version: object) -> None:
    with pytest.raises(UsageError, match=r"config.yaml: schema_version must be 1 to \d, not .*; a newer version"):
        migrated({"schema_version": version}, "config.yaml")


def test_a_stopped_run_resumes(older: Path) -> None:
    done = playpen("train", f"resume={older / 'stopped'}", folder=older)
    assert done.returncode == 0, done.stderr
    result = result_of(done.stdout)
    assert (result["locations"], result["steps"], result["seed"]) == (8, 14, 4)
    assert "resumed from step_0000002 in phase segmentation" in (older / "stopped" / "run.log").read_text()
    assert json.loads((older / "stopped" / "results.json").read_text())["locations"] == 8


@pytest.mark.slow
def test_a_finished_run_is_evaluated(older: Path) -> None:
    data = [
        "actors.confidence=seed",
        "evaluation.dataset.train.locations=8",
        "evaluation.dataset.test.locations=4",
        "evaluation.figures=0",
    ]
    done = playpen("evaluate", f"checkpoint={older / 'finished'}", "evaluation.dataset.forces=[]", *data, folder=older)
    assert done.returncode == 0, done.stderr
    before = json.loads((older / "finished" / "results.json").read_text())
    after = result_of(done.stdout)
    names = ("mask_ap50", "mask_ap", "box_ap50", "box_ap", "mass_accuracy")
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
