"""Saves checkpoints of a running training: learner, replay buffer and run state together."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Protocol, TypeVar

import ray
from ray import ObjectRef
from ray.exceptions import RayError

from cluster.run.checkpoints import (
    CheckpointFailed,
    SavedCheckpoint,
    is_disk_error,
    keep_newest,
    publish,
    staging_folder,
    whole_checkpoints,
)
from cluster.run.config import RunConfig
from cluster.run.reporting import Reporter
from cluster.run.run_folder import RUN_ID, run_id
from cluster.run.run_state import STATE_KEY, RunState
from cluster.workers.health import cause_of, is_process_loss
from common.version import commit
from learner.actor import LearnerHandle, TrainReport
from replay.actor import ReplayHandle

Result = TypeVar("Result")

SAVE_TIMEOUT_S = 120.0
"""Maximum time for the learner or the replay buffer to write its share; longer means that it hangs."""
RETRY_MINUTES = 1.0
"""Maximum time until the next attempt after the disk refused a checkpoint."""


class Get(Protocol):
    """`ray.get` with a maximum wait in seconds (None: the default) that raises PartLost."""

    def __call__(self, reference: ObjectRef[Result], timeout_s: float | None, /) -> Result: ...


class Checkpointer:
    """Writes the checkpoints of one run and decides when the next one is due."""

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        learner: LearnerHandle,
        replay: ReplayHandle,
        reporter: Reporter,
        get: Get,
    ) -> None:
        """Schedules the first checkpoint.

        Args:
            config: the whole configuration.
            folder: the run's folder.
            learner: handle of the learner's Ray actor.
            replay: handle of the replay buffer's Ray actor.
            reporter: told about each checkpoint.
            get: fetches the learner's and the replay buffer's answers.
        """
        self.config, self.folder, self.reporter, self.get = config, folder, reporter, get
        self.learner, self.replay = learner, replay
        self.next_checkpoint = time.monotonic() + 60 * config.checkpoint_minutes
        self.idle_since: float | None = None
        """Monotonic time when the learner ran out of work while a checkpoint is written."""

    @property
    def due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        return time.monotonic() > self.next_checkpoint

    def save_or_retry(self, state: RunState, training: ObjectRef[TrainReport] | None) -> None:
        """Like `save`, but if the disk refuses the checkpoint the run continues and tries again soon."""
        minutes = self.config.checkpoint_minutes
        try:
            self.save(state, training)
        except CheckpointFailed as error:
            minutes = min(minutes, RETRY_MINUTES)
            self.reporter.note(f"{error}; the run continues and tries again in {minutes:g} minutes")
            self.reporter.fault("checkpoint_failed")
        self.next_checkpoint = time.monotonic() + 60 * minutes

    def save(self, state: RunState, training: ObjectRef[TrainReport] | None) -> Path:
        """Saves the learner, then the replay buffer with the run's state, and removes old checkpoints.

        The learner may be in the middle of a call, so its own step count names the checkpoint. The state of the replay
        buffer is saved later, so it includes every batch that the weights have seen; batches that it counts beyond
        these are sampled again after a resume.

        Args:
            state: of the run, up to date.
            training: reference of the learner's current call; None if it is idle.

        Returns:
            the checkpoint's folder.

        Raises:
            CheckpointFailed: the disk refused it; earlier checkpoints are intact.
        """
        started = time.monotonic()
        self.idle_since = started if training is None else None
        steps = self.get(self.learner.health.remote(), None)["steps"]
        extra = {
            STATE_KEY: state.as_json(),
            RUN_ID: run_id(self.folder),
            "experiment": self.config.experiment_name,
            "seed": self.config.seed,
            "commit": commit(),
            **self.reporter.meter.results(),
        }
        staging: Path | None = None
        try:
            staging = staging_folder(self.folder, steps)
            learner_bytes = self.wait_for_save(self.learner.save.remote(str(staging), extra), training)
            bank = self.wait_for_save(self.replay.save.remote(str(staging)), training)
            target = publish(staging, steps)
        except (RayError, OSError) as error:
            reason = cause_of(error) if isinstance(error, RayError) else f"{error.filename}: {error.strerror}"
            if is_process_loss(error) or not is_disk_error(reason):
                raise
            if staging is not None:
                shutil.rmtree(staging, ignore_errors=True)
            kept = whole_checkpoints(self.folder)
            before = f"the previous one, {kept[-1].name}, is intact" if kept else "there is none yet"
            raise CheckpointFailed(f"no checkpoint could be written at step {steps} ({reason}); {before}") from error
        keep_newest(target.parent, self.config.checkpoints_kept)
        ended = time.monotonic()
        pause = ended - self.idle_since if self.idle_since is not None else 0.0
        self.reporter.checkpointed(
            SavedCheckpoint(target, ended - started, pause, learner_bytes, bank.state_bytes, bank.record_bytes)
        )
        return target

    def wait_for_save(self, reference: ObjectRef[Result], training: ObjectRef[TrainReport] | None) -> Result:
        """Waits for one share of a checkpoint, and records when the learner's call ends meanwhile.

        Raises:
            PartLost: it takes longer than `SAVE_TIMEOUT_S`.
        """
        if training is not None and self.idle_since is None:
            ready, _ = ray.wait([reference, training], num_returns=1, timeout=SAVE_TIMEOUT_S)
            if training in ready:
                self.idle_since = time.monotonic()
        return self.get(reference, SAVE_TIMEOUT_S)
