"""`./playpen train models=mask_rcnn learner=mask_rcnn`: collects data, trains Mask R-CNN on it, evaluates.

All of it happens in this process, one after the other: data do not depend on the model, so there is nothing to overlap.
What the run leaves behind is what every run does, but for run.log and the learning curve.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from actors.launch import check_launch
from cluster.command.overrides import save_config
from cluster.command.result_line import print_result
from cluster.interaction.collecting import collect
from cluster.interaction.config import TrainConfig
from cluster.interaction.dataset import find_locations, find_test_locations
from cluster.interaction.measure import measure
from cluster.interaction.predictors import MASS_CLASSES_KEY, mask_rcnn_predictor
from cluster.run.checkpoints import (
    how_it_ended,
    keep_newest,
    kept_in,
    publish,
    resume_command,
    staging_folder,
    whole_checkpoints,
)
from cluster.run.config import first_line, plain_values
from cluster.run.interrupt import interrupt_flag, stop_if
from cluster.run.results import show_table
from cluster.run.run_folder import RUN_ID, check_same_run, run_id
from cluster.run.run_state import refuse_finished
from cluster.run.status import StatusFile, is_running
from cluster.run.tracking import Tracker
from common.errors import Interrupted, RunError, UsageError
from common.files import write_json
from common.progress import Progress
from evaluation.interaction.columns import COLUMNS
from evaluation.interaction.final import final_report
from evaluation.interaction.locations import TestSet
from learner.actor import available_cores
from learner.checkpoint import load_checkpoint, save_checkpoint
from learner.checkpoint_index import INDEX, read_index
from learner.interaction.mask_rcnn.config import MaskRcnnLearnerConfig
from learner.interaction.mask_rcnn.targets import Examples, RecordError
from learner.interaction.mask_rcnn.training import MOMENTS, MaskRcnnTrainer
from learner.interaction.schedule import total_batches
from models.interaction.mask_rcnn.config import MaskRcnnConfig
from models.interaction.mask_rcnn.inference import MaskRcnnPredictor
from replay.interaction.batch import LOCATIONS
from replay.layout import REPLAY_FOLDER, adopt_old_folder, remove_tables, run_folder, state_file
from replay.ring import bytes_per_record


class Budget:
    """How long training goes on: the settings' own limits, else the phases' of our network."""

    def __init__(self, config: MaskRcnnLearnerConfig) -> None:
        phases = [phase for phase in config.phases.values() if phase.rounds]
        minutes = [phase.minutes for phase in phases]
        own = config.mask_rcnn
        self.steps = own.steps if own.steps is not None else sum(map(total_batches, phases))
        limited = [value for value in minutes if value is not None]
        whole = sum(limited) if own.steps is None and limited and len(limited) == len(minutes) else None
        self.minutes = own.minutes if own.minutes is not None else whole

    def progress(self, steps: int, seconds: float) -> float:
        """Share that is used up, in [0, 1]."""
        by_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(steps / self.steps, by_time))


def run(config: TrainConfig, folder: Path) -> int:
    """The whole command. Returns the exit code."""
    started = time.monotonic()
    if config.resume is not None:
        refuse_finished(folder)
        for checkpoint in whole_checkpoints(folder)[-1:]:
            check_same_run(folder, checkpoint, config.seed)
    check_launch(config.simulator)
    given = given_examples(config)
    save_config(config, folder / "config.yaml")
    print(f"RUN {folder}", flush=True)
    torch.set_num_threads(config.learner.threads or available_cores())
    with interrupt_flag() as interrupted:
        if given is None:
            training, test = find_locations(config.evaluation, config.simulator, interrupted)
        else:  # nothing is collected, so no training locations are needed
            training, test = [], find_test_locations(config.evaluation, config.simulator, interrupted)
        status = StatusFile(folder)
        tracker = Tracker(config.tracking, folder, plain_values(config), folder.name)
        unsynced = None
        try:
            stop_if(interrupted)
            status.update(experiment=config.experiment_name)
            examples = collected_examples(config, folder, training, interrupted) if given is None else given
            trained = Training(config, folder, examples, tracker, status, started)
            kept = trained.run(interrupted)
            interrupted.set()  # all is saved: from now on the first Ctrl-C interrupts at once
            try:
                result = finish(config, folder, trained, test)
            except KeyboardInterrupt:
                raise Interrupted(kept_in(kept)) from None
            status.update(state="finished", seconds=result["wall_s"])
        except Interrupted as error:
            sentence = how_it_ended(error, folder)
            status.update(state="interrupted", sentence=sentence)
            raise Interrupted(sentence) from error
        except Exception as error:
            status.update(state="failed", sentence=" ".join(str(error).split()))
            raise
        finally:
            unsynced = tracker.close()
        if not config.keep_bank:
            remove_tables(folder)
    if unsynced:
        print(f"W&B run kept on this machine; to send it: {unsynced}", file=sys.stderr)
    print_result(result)
    return 0


def given_examples(config: TrainConfig) -> Examples | None:
    """The training data that the settings name; None if they name none.

    Raises:
        UsageError: they cannot be read, or come from a run that goes on, or that had another supervision or source of
            masks.
    """
    assert isinstance(config.learner, MaskRcnnLearnerConfig)
    settings = config.learner.mask_rcnn
    if not settings.records:
        return None
    for name in settings.records:
        run = run_folder(Path(name))
        if is_running(run):
            raise UsageError(f"learner.mask_rcnn.records: {name} is of a run that still goes on; wait for its end")
        saved = run / "config.yaml"
        if not saved.is_file():
            continue  # a bank alone does not tell how it was collected
        try:
            values = OmegaConf.load(saved)
        except (OmegaConfBaseException, YAMLError, OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{saved} is not the configuration of a run: {first_line(error)}") from error
        for field in ("supervision", "mask_source"):
            wanted, found = getattr(config.actors, field), OmegaConf.select(values, f"actors.{field}")
            if found != wanted:
                raise UsageError(
                    f"learner.mask_rcnn.records: {name} was collected under actors.{field}={found}, not {wanted}"
                )
    try:
        return Examples([Path(name) for name in settings.records], mass_classes(config), settings.duplicate_iou)
    except RecordError as error:
        raise UsageError(f"learner.mask_rcnn.records: {error}") from error


def collected_examples(
    config: TrainConfig, folder: Path, training: list[Any], interrupted: threading.Event
) -> Examples:
    """The training data of a collection made now, or gone on with."""
    assert isinstance(config.learner, MaskRcnnLearnerConfig)
    settings = config.learner.mask_rcnn
    adopt_old_folder(folder)  # of a collection that an older version began
    bank = folder / REPLAY_FOLDER / LOCATIONS
    needed, free = len(training) * bytes_per_record(config.actors.record_fields), shutil.disk_usage(folder).free
    if not bank.is_dir() and needed > free:
        raise UsageError(f"{folder} has {free / 1e6:.0f} MB free, and the data need {needed / 1e6:.0f} MB")
    collect(bank, training, config.simulator, config.actors, settings.touches, config.seed, interrupted)
    try:
        return Examples([bank], mass_classes(config), settings.duplicate_iou)
    except RecordError as error:
        raise RunError(str(error)) from error


def mass_classes(config: TrainConfig) -> bool:
    """Whether the classes are the mass classes: full supervision knows them, touches with one force do not."""
    return not config.actors.oracles.touching


class Training:
    """The optimiser's part of a run, with its checkpoints.

    Args:
        config: the run's.
        folder: the run's; training goes on from the newest checkpoint in it.
        examples: the data.
        tracker: gets the losses.
        status: for `./playpen status`.
        started: when the command did, by `time.monotonic`.
    """

    def __init__(
        self,
        config: TrainConfig,
        folder: Path,
        examples: Examples,
        tracker: Tracker,
        status: StatusFile,
        started: float,
    ) -> None:
        assert isinstance(config.learner, MaskRcnnLearnerConfig) and isinstance(config.models, MaskRcnnConfig)
        self.config, self.folder, self.examples, self.tracker, self.status = config, folder, examples, tracker, status
        self.settings, self.budget = config.learner.mask_rcnn, Budget(config.learner)
        self.touches = examples.touches if config.actors.oracles.touching else 0
        """Touches made; 0 under full supervision."""
        self.before = 0.0
        """Seconds of training before this process began."""
        self.began = time.monotonic()
        self.started = started
        """When the command started, earlier ones of the same run counted in."""
        self.took = 0.0
        """Seconds of training when it ended."""
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = mask_rcnn_predictor(config.models.mask_rcnn, mass_classes(config), config.seed).network
        self.trainer = MaskRcnnTrainer(network, config.models, config.learner, examples, config.seed, device)
        found = sorted(index.parent for index in folder.glob(f"checkpoints/step_*/{INDEX}"))
        if found:
            self.trainer.set_state(load_checkpoint(found[-1], network, MOMENTS))
            extra = read_index(found[-1])["extra"]
            self.before, elapsed = float(extra["seconds"]), float(extra["elapsed"])
            self.started -= elapsed
            tracker.started_before(elapsed)
        else:
            self.save()  # the collection need not be repeated, whatever happens from here on

    @property
    def seconds(self) -> float:
        """Seconds of training, those before a resume included."""
        return self.before + time.monotonic() - self.began

    @property
    def progress(self) -> float:
        """Share of the budget that is used up."""
        return self.budget.progress(self.trainer.version, self.seconds)

    def run(self, interrupted: threading.Event) -> Path:
        """Trains until the budget is used up. Returns the last checkpoint's folder.

        Raises:
            Interrupted: Ctrl-C, when a checkpoint was saved.
            RunError: the loss is not finite any more.
        """
        self.began = saved = time.monotonic()
        sums: dict[str, list[float]] = {}
        with Progress("training Mask R-CNN", self.budget.steps, "step", done=self.trainer.version) as bar:
            while self.progress < 1 and not interrupted.is_set():
                try:
                    metrics = self.trainer.step(self.progress)
                except FloatingPointError as error:
                    raise RunError(str(error)) from error
                for name, value in metrics.items():
                    sums.setdefault(f"learner/{name}", []).append(value)
                bar.update(self.trainer.version, {"loss": metrics["loss"]})
                if self.trainer.version % self.settings.log_every == 0:
                    self.log({name: sum(values) / len(values) for name, values in sums.items()})
                    sums.clear()
                if time.monotonic() - saved > 60 * self.config.checkpoint_minutes:
                    self.save()
                    saved = time.monotonic()
        self.took = self.seconds
        kept = self.save()
        if interrupted.is_set():
            raise Interrupted(f"checkpoint saved in {kept}; to go on: {resume_command(self.folder)}")
        return kept

    def log(self, row: dict[str, float]) -> None:
        """One row of metrics, and the status."""
        counts = {"steps": self.trainer.version, "locations": len(self.examples), "touches": self.touches}
        self.tracker.log(row | counts)
        self.status.update(
            phase="mask_rcnn",
            unit="location",
            tasks=[len(self.examples)] * 2,
            steps=[self.trainer.version, self.budget.steps],
            seconds=self.seconds,
            row=row | counts,
        )

    def save(self) -> Path:
        """Writes a checkpoint; returns its folder."""
        staging = staging_folder(self.folder, self.trainer.version)
        extra = {
            MASS_CLASSES_KEY: mass_classes(self.config),
            RUN_ID: run_id(self.folder),
            "seconds": self.seconds,
            "elapsed": time.monotonic() - self.started,
            "touches": self.touches,
        }
        save_checkpoint(staging, self.trainer.get_state(self.progress), extra)
        collected = self.folder / REPLAY_FOLDER / LOCATIONS / state_file(LOCATIONS)
        if collected.is_file():
            shutil.copyfile(collected, staging / collected.name)
        kept = publish(staging, self.trainer.version)
        keep_newest(kept.parent, self.config.checkpoints_kept)
        return kept


def finish(config: TrainConfig, folder: Path, trained: Training, test: TestSet) -> dict[str, Any]:
    """Evaluates the final weights and writes everything that a run ends with. Returns what the RESULT line holds."""
    assert isinstance(config.models, MaskRcnnConfig)
    untrained = mask_rcnn_predictor(config.models.mask_rcnn, mass_classes(config), config.seed)
    predictor = MaskRcnnPredictor(trained.trainer.network, untrained.only_class, trained.trainer.device)
    report = final_report(measure(config, folder, test, predictor, untrained), config.evaluation.dataset.name)
    result = {
        "command": "train",
        **report.result,
        "touches": trained.touches,
        "locations": len(trained.examples),
        "masks": trained.examples.masks,
        "steps": trained.trainer.version,
        "training_s": round(trained.took, 1),
        "wall_s": round(time.monotonic() - trained.started, 1),
        "seed": config.seed,
        "experiment": config.experiment_name,
        "dataset": config.evaluation.dataset.name,
        "simulator": config.simulator.name,
    }
    trained.tracker.log({f"final/{key}": value for key, value in report.logged.items()})
    trained.tracker.summary(result)
    show_table(folder, report, COLUMNS)
    write_json(folder / "results.json", result | report.details)
    return result
