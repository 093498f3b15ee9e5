"""`./playpen train models=mask_rcnn`: what it refuses, its schedule, its data, and a tiny run that is stopped."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from actors.interaction.recorded import RecordedVisit
from cluster.command.compose import check_overrides, resumed_config
from cluster.interaction.config import TrainConfig
from cluster.interaction.records import find_records
from cluster.interaction.schedule import phases
from cluster.run.config import instantiate
from cluster.systems import register
from common.errors import UsageError
from learner.schedule import Phase
from models.interaction.mask_rcnn import config as settings
from replay.interaction.batch import LOCATIONS
from replay.ring import Ring
from tests.actors.test_recorded import LABELLED, stored
from tests.cluster.runs import SmokeRun, playpen, result_of, start
from tests.models.test_mask_rcnn import needs_torchvision

MODEL = ["models=mask_rcnn", "learner=mask_rcnn"]
NO_BATCHES = [
    f"learner.phases.{phase}.{name}=0"
    for phase in ("segmentation", "joint")
    for name in ("batches_first", "batches_last")
]
TINY = [
    *MODEL, "actors.supervision=full", "tracking.mode=disabled", "evaluation.figures=1", "evaluation.figure_touches=1",
    "models.mask_rcnn.image_size=96", "models.mask_rcnn.anchor_sizes=[8,16,24,32,48]",
    "models.mask_rcnn.pyramid_channels=8", "models.mask_rcnn.box_channels=16", "models.mask_rcnn.mask_channels=8",
    "models.mask_rcnn.boxes_per_image=16", "models.mask_rcnn.proposals=30", "learner.mask_rcnn.batch_size=2",
    "tracking.log_every_s=0.1", "learner.publish_every=1",
]  # fmt: skip


def composed(*overrides: str) -> TrainConfig:
    """The configuration of `./playpen train`."""
    from hydra import compose, initialize_config_dir

    from cluster.command.overrides import CONF

    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return instantiate(compose("train", overrides=list(overrides)), TrainConfig)


@needs_torchvision
@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["models=mask_rcnn"], "models=mask_rcnn needs learner=mask_rcnn"),
        (["learner=mask_rcnn"], "learner=mask_rcnn needs models=mask_rcnn"),
        ([*MODEL, "actors.choice=greedy"], "actors.choice=greedy cannot be with models=mask_rcnn"),
        ([*MODEL, "actors.choice=random"], "actors.choice=random cannot be with models=mask_rcnn"),
        ([*MODEL, "replay.mode=uniform"], "replay.mode=uniform cannot be with models=mask_rcnn"),
        ([*MODEL, *NO_BATCHES], "learner.mask_rcnn.steps must be given"),
        (["learner.mask_rcnn.steps=3"], "learner.mask_rcnn.steps needs learner=mask_rcnn or mask_rcnn_paper"),
        (
            [*MODEL, "models.mask_rcn.proposals=1"],
            "models.mask_rcn: Key 'mask_rcn' not in 'MaskRcnnConfig'; did you mean models.mask_rcnn?",
        ),
        ([*MODEL, "replay.capacity=3"], "replay.capacity must be at least learner.mask_rcnn.batch_size, 4, not 3"),
        ([*MODEL, "learner.mask_rcnn.records=[/none]"], "learner.mask_rcnn.records: /none does not exist"),
        ([*MODEL, "learner.mask_rcnn.lr=0"], "learner.mask_rcnn.lr must be above 0"),
        (
            [*MODEL, "learner.mask_rcnn.log_every=1"],
            "learner.mask_rcnn.log_every: Key 'log_every' not in 'MaskRcnnTrainingConfig'; use tracking.log_every_s",
        ),
        ([*MODEL, "learner.mask_rcnn.rate=1"], "learner.mask_rcnn.rate: Key 'rate' not in 'MaskRcnnTrainingConfig'"),
    ],
)
def test_refusals(overrides: list[str], sentence: str) -> None:
    register()
    with pytest.raises(UsageError) as error:
        check_overrides("train", overrides)
    assert str(error.value).startswith(sentence)


def test_without_torchvision_the_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    register()
    monkeypatch.setattr(settings.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"^models=mask_rcnn needs torchvision, .*: python -m pip install .*$"):
        check_overrides("train", MODEL)


@needs_torchvision
def test_the_schedule_collects_everything_and_then_trains_as_long_as_the_experiment() -> None:
    def schedule(*overrides: str, tasks: int = 16) -> tuple[Phase, Phase]:
        collect, train = phases(composed(*MODEL, *overrides), tasks)
        return collect, train

    collect, train = schedule("experiment=smoke")
    assert (collect.total_tasks, collect.total_batches, collect.fresh) == (16, 0, True)
    assert collect.player_orders == {"greedy": 0, "random": 20, "force_trials": False}
    # K grows from 2 to 4 over 3 rounds: 2, 3, 4; then twice 2. No phase of the smoke run has a limit of minutes.
    assert (train.total_tasks, train.total_batches, train.minutes, train.fresh) == (0, 13, None, False)
    assert train.limits[LOCATIONS].batch_size == 4
    assert schedule("experiment=smoke", "replay.capacity=10")[0].total_tasks == 10, "no record is overwritten"
    assert schedule("experiment=smoke", "actors.supervision=interaction_oracle")[0].player_orders["random"] == 1
    assert schedule("experiment=quickstart")[1].minutes == 11
    assert schedule("experiment=quickstart", "learner.mask_rcnn.steps=7")[1].minutes is None
    paper = schedule("learner=mask_rcnn_paper", "models=mask_rcnn_paper")[1]
    assert (paper.total_batches, paper.minutes) == (90000, None)
    half = schedule("experiment=smoke", "learner.mask_rcnn.steps=10", "learner.mask_rcnn.minutes=1")[1]
    assert (half.total_batches, half.minutes) == (10, 1)
    with pytest.raises(UsageError, match=r"^learner\.mask_rcnn\.batch_size must be at most 3, the number of records"):
        schedule("experiment=smoke", tasks=3)


@needs_torchvision
def test_a_saved_configuration_is_read_with_its_own_schema(tmp_path: Path) -> None:
    OmegaConf.save(OmegaConf.structured(composed(*MODEL, "learner.mask_rcnn.lr=0.5")), tmp_path / "config.yaml")
    again = instantiate(resumed_config(tmp_path, ["learner.mask_rcnn.steps=3"]), TrainConfig)
    own = again.learner.mask_rcnn
    assert own is not None and (own.lr, own.steps) == (0.5, 3)


@needs_torchvision
def test_given_records_must_be_of_the_same_supervision(tmp_path: Path) -> None:
    run = tmp_path / "run"
    stored(run / "bank", 2, LABELLED, objects=3)

    def given(*overrides: str, record: Path = run) -> list[RecordedVisit]:
        return find_records(composed(*MODEL, f"learner.mask_rcnn.records=[{record}]", *overrides))

    def collected_with(*overrides: str) -> None:
        OmegaConf.save(OmegaConf.structured(composed(*overrides)), run / "config.yaml")

    for source in ("module", "rgbd"):  # neither finds a mask without a touch
        collected_with("actors.supervision=full", f"actors.mask_source={source}")
        assert len(given("actors.supervision=full")) == 2
    with pytest.raises(UsageError, match=r"names the same records twice$"):
        find_records(composed(*MODEL, f"learner.mask_rcnn.records=[{run},{run}/bank]", "actors.supervision=full"))
    with pytest.raises(UsageError, match=r"^replay\.capacity must be at least 2 to hold learner\.mask_rcnn\.records"):
        given("actors.supervision=full", "replay.capacity=1")
    with pytest.raises(UsageError, match=r"was collected under actors\.supervision=full, not self$"):
        given()
    collected_with("actors.mask_source=optical_flow")
    with pytest.raises(UsageError, match=r"was collected under actors\.mask_source=optical_flow, not rgbd$"):
        given()
    with pytest.raises(UsageError, match=r"/bank was collected under actors\.mask_source=optical_flow"):
        given(record=run / "bank")
    assert len(given(record=stored(tmp_path / "alone", 2))) == 2, "records alone do not show it"
    with pytest.raises(UsageError, match=r"^learner\.mask_rcnn\.records: the 1 records hold no mask to learn from$"):
        given(record=stored(tmp_path / "failed", 1, feedback=0))
    (run / "config.yaml").write_text("actors: [")
    with pytest.raises(UsageError, match=r"config\.yaml is not the configuration of a run"):
        given()
    (run / "config.yaml").unlink()
    ring = Ring.reopen(run / "bank", LABELLED, 3)
    with pytest.raises(UsageError, match=r"is of a run that is still running; wait until it ends$"):
        given()
    ring.close()
    with pytest.raises(UsageError, match=r"^learner\.mask_rcnn\.records: .*none does not exist"):
        given(record=tmp_path / "none")


@pytest.mark.slow
@needs_torchvision
def test_a_stopped_run_resumes_and_can_be_measured(smoke: SmokeRun, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start(folder, smoke.root, *TINY, "learner.mask_rcnn.steps=1000")
    rows = lambda: [path.read_text() for path in folder.glob("outputs/train/*/metrics.jsonl")]  # noqa: E731
    while "learner/loss" not in "".join(rows()):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.2)
    (run,) = folder.glob("outputs/train/*")
    meanwhile = playpen("train", f"resume={run}", folder=folder)
    assert meanwhile.returncode == 2 and "that run is still running; stop it first" in meanwhile.stderr
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130 and "checkpoint saved in" in errors
    reached = max(int(path.name.removeprefix("step_").partition("-")[0]) for path in run.glob("checkpoints/step_*"))
    done = playpen("train", f"resume={run}", f"learner.mask_rcnn.steps={reached + 1}", folder=folder)
    assert done.returncode == 0, done.stderr
    result = result_of(done.stdout)
    assert (result["steps"], result["locations"], result["touches"], result["images"]) == (reached + 1, 16, 0, 8)
    assert "resumed from" in (run / "run.log").read_text()
    assert json.loads((run / "results.json").read_text())["mass_ap50"] == result["mass_ap50"]
    for name in (
        "metrics.csv", "results.md", "predictions/predictions_trained.json", "figures/six_panels.png",
        "figures/learning_curve.png",
    ):  # fmt: skip
        assert (run / name).is_file()
    assert not (run / "replay").exists()
    measured = playpen("evaluate", f"checkpoint={run}", "evaluation.figures=0", *data_set(), folder=folder)
    assert measured.returncode == 0, measured.stderr
    assert result_of(measured.stdout)["box_ap50"] == result["box_ap50"]
    refused = playpen("train", f"resume={run}", folder=folder)
    assert refused.returncode == 2 and "that run is finished" in refused.stderr


def data_set() -> list[str]:
    """The smoke experiment's, for `evaluate`."""
    return [f"evaluation.dataset.{name}" for name in ("forces=[]", "train.locations=16", "test.locations=8")]


@pytest.mark.slow
@needs_torchvision
def test_records_that_a_run_kept_train_another_one(smoke: SmokeRun, tmp_path: Path) -> None:
    first = start(tmp_path / "first", smoke.root, *TINY, "learner.mask_rcnn.steps=2", "keep_bank=true")
    _, errors = first.communicate(timeout=240)
    assert first.returncode == 0, errors
    (run,) = (tmp_path / "first").glob("outputs/train/*")
    second = start(
        tmp_path / "second", smoke.root, *TINY, "learner.mask_rcnn.steps=3", f"learner.mask_rcnn.records=[{run}]"
    )
    output, errors = second.communicate(timeout=240)
    assert second.returncode == 0, errors
    result = result_of(output)
    assert (result["steps"], result["locations"], result["faults"]) == (3, 16, {})
    assert "simulator" not in errors
