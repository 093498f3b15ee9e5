"""`./playpen train models=mask_rcnn`: what it refuses, its budget, its data, and a tiny run that is stopped."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from cluster.interaction.collecting import collect
from omegaconf import OmegaConf

from actors.controller import SimulatorError
from actors.interaction.choose import TouchPlan
from cluster.command.compose import check_overrides, resumed_config
from cluster.interaction import collecting
from cluster.interaction.config import TrainConfig
from cluster.run.config import instantiate
from cluster.systems import register
from common.errors import Interrupted, UsageError
from learner.interaction.mask_rcnn.targets import Examples
from models.interaction.mask_rcnn import config as settings
from replay.interaction.record import ORACLE_TOUCHES, Choice, record_fields
from replay.ring import Ring
from tests.cluster.runs import SmokeRun, playpen, result_of, start
from tests.learner.test_mask_rcnn import bank_of, labelled_bank_of
from tests.models.test_mask_rcnn import needs_torchvision, tiny

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
    "learner.mask_rcnn.log_every=1",
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
        ([*MODEL, "learner.mask_rcnn.lr=0"], "learner.mask_rcnn.lr must be above 0"),
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
def test_the_budget_is_the_experiments_unless_told_otherwise() -> None:
    from cluster.interaction.mask_rcnn import Budget

    def budget(*overrides: str) -> Budget:
        return Budget(composed(*MODEL, *overrides).learner)  # type: ignore[arg-type]

    # K grows from 2 to 4 over 3 rounds: 2, 3, 4; then twice 2. No phase of the smoke run has a limit of minutes.
    assert (budget("experiment=smoke").steps, budget("experiment=smoke").minutes) == (13, None)
    assert budget("experiment=quickstart").minutes == 11.5
    assert budget("experiment=quickstart", "learner.mask_rcnn.steps=7").minutes is None
    paper = budget("learner=mask_rcnn_paper", "models=mask_rcnn_paper")
    assert (paper.steps, paper.minutes) == (90000, None)
    half = budget("experiment=smoke", "learner.mask_rcnn.steps=10", "learner.mask_rcnn.minutes=1")
    assert (half.progress(5, 0), half.progress(1, 45), half.progress(20, 0)) == (0.5, 0.75, 1.0)


@needs_torchvision
def test_a_saved_configuration_is_read_with_its_own_schema(tmp_path: Path) -> None:
    OmegaConf.save(OmegaConf.structured(composed(*MODEL, "learner.mask_rcnn.lr=0.5")), tmp_path / "config.yaml")
    again = instantiate(resumed_config(tmp_path, ["learner.mask_rcnn.steps=3"]), TrainConfig)
    assert (again.learner.mask_rcnn.lr, again.learner.mask_rcnn.steps) == (0.5, 3)  # type: ignore[attr-defined]


def test_data_are_collected_once_whatever_interrupts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the interaction oracle; the fake player fails once at each location and always at the third."""
    config = composed("actors.supervision=interaction_oracle")
    stop = threading.Event()
    played: list[int] = []
    plans: set[TouchPlan] = set()

    class Simulator:
        def __init__(self, config: object, **keywords: object) -> None:
            assert keywords == {"renderInstanceSegmentation": True, "visibilityDistance": 5.0}

        def stop(self) -> None:
            pass

    class Player:
        def __init__(self, *arguments: object) -> None:
            pass

        def play(self, location: object, number: int, plan: TouchPlan, version: int) -> tuple[object, None]:
            plans.add(plan)
            played.append(number)
            if number == 2 or played.count(number) == 1:
                raise SimulatorError("gone")
            if number == 3:
                stop.set()
            return record(number), None

    def record(number: int) -> object:
        from replay.interaction.record import LocationRecord, pack_masks

        columns = {name: np.zeros(shape, dtype) for name, (shape, dtype) in config.actors.record_fields.items()}
        mask = np.zeros((100, 100), dtype=bool)
        mask[number : number + 5, :5] = True
        columns["masks"][0], columns["feedback"][0] = pack_masks(mask), 4
        columns["choices"][0], columns["touches"] = Choice.ORACLE, np.array(1, dtype=np.uint8)
        columns["location"] = np.array(number, dtype=np.int64)
        return LocationRecord(**columns)

    monkeypatch.setattr(collecting, "SimulatorProcess", Simulator)
    monkeypatch.setattr(collecting, "Visitor", Player)
    arguments = (tmp_path, [object()] * 6, config.simulator, config.actors, 20, 1)
    with pytest.raises(Interrupted, match="3 locations are collected"):
        collect(*arguments, stop)  # type: ignore[arg-type]
    collect(*arguments, threading.Event())  # type: ignore[arg-type]
    assert played == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert {(plan.greedy, plan.random, plan.force_trials) for plan in plans} == {(0, 1, False)}
    examples = Examples([tmp_path], mass_classes=False, duplicate_iou=0.5)
    _, targets = examples.batch(range(len(examples)), [False] * len(examples))
    assert [target["boxes"][0, 1].item() for target in targets] == [3 * number for number in (0, 1, 3, 4, 5)]


@needs_torchvision
def test_given_records_must_be_of_the_same_supervision(tmp_path: Path) -> None:
    from cluster.interaction.mask_rcnn import given_examples

    run = tmp_path / "run"
    labelled_bank_of(run / "bank", 2)

    def given(*overrides: str, record: Path = run) -> Examples | None:
        return given_examples(composed(*MODEL, f"learner.mask_rcnn.records=[{record}]", *overrides))

    def collected_with(*overrides: str) -> None:
        OmegaConf.save(OmegaConf.structured(composed(*overrides)), run / "config.yaml")

    assert given_examples(composed(*MODEL)) is None
    collected_with("actors.supervision=full")
    examples = given("actors.supervision=full")
    assert examples is not None and len(examples) == 2
    with pytest.raises(UsageError, match=r"was collected under actors\.supervision=full, not self$"):
        given()
    collected_with("actors.mask_source=optical_flow")
    with pytest.raises(UsageError, match=r"was collected under actors\.mask_source=optical_flow, not module$"):
        given()
    with pytest.raises(UsageError, match=r"/bank was collected under actors\.mask_source=optical_flow"):
        given(record=run / "bank")
    assert given(record=bank_of(tmp_path / "alone", 2)) is not None, "a bank alone does not tell"
    (run / "config.yaml").write_text("actors: [")
    with pytest.raises(UsageError, match=r"config\.yaml is not the configuration of a run"):
        given()
    (run / "config.yaml").unlink()
    ring = Ring.reopen(run / "bank", record_fields(ORACLE_TOUCHES, labels=True), 3)
    with pytest.raises(UsageError, match=r"is of a run that still goes on; wait for its end$"):
        given()
    ring.close()
    with pytest.raises(UsageError, match=r"^learner\.mask_rcnn\.records: .*none holds no replay buffer"):
        given(record=tmp_path / "none")


@pytest.mark.slow
@needs_torchvision
def test_a_run_that_is_stopped_goes_on_and_can_be_measured(smoke: SmokeRun, tmp_path: Path) -> None:
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
    reached = max(int(path.name.removeprefix("step_")) for path in run.glob("checkpoints/step_*"))
    done = playpen("train", f"resume={run}", f"learner.mask_rcnn.steps={reached + 1}", folder=folder)
    assert done.returncode == 0, done.stderr
    result = result_of(done.stdout)
    assert (result["steps"], result["locations"], result["touches"], result["images"]) == (reached + 1, 16, 0, 8)
    assert json.loads((run / "results.json").read_text())["mass_ap50"] == result["mass_ap50"]
    for name in ("metrics.csv", "results.md", "predictions/predictions_trained.json", "figures/six_panels.png"):
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


@needs_torchvision
def test_a_model_of_one_class_knows_no_mass() -> None:
    from cluster.interaction.predictors import mask_rcnn_predictor

    assert [mask_rcnn_predictor(tiny(), mass_classes, seed=1).knows_mass for mass_classes in (True, False)] == [
        True, False
    ]  # fmt: skip
