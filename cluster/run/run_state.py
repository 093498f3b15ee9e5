"""Progress of a run: the part of a checkpoint beside the learner's weights and the replay buffer.

It is stored with each checkpoint as JSON (`learner.json`, "extra").
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from cluster.run.checkpoints import STATE_KEY, whole_checkpoints
from cluster.run.run_folder import check_same_run
from common.errors import RunError, UsageError
from learner.checkpoint_index import INDEX, read_index
from replay.layout import REPLAY_FOLDER, table_folders


@dataclass
class RunState:
    """Counters of a run. Phases without rounds are not counted."""

    phase: int = 0
    """Index of the current phase."""
    phase_over: bool = False
    """Whether that phase is over and the next one has not begun."""
    phase_steps_before: int = 0
    """Optimiser steps when the phase began."""
    phase_seconds: float = 0.0
    """Duration of the phase so far."""
    tasks: int = 0
    """Tasks of the phase that were played and stored."""
    next_number: int = 0
    """Running number of the next task."""
    open_numbers: list[int] = field(default_factory=list)
    """Running numbers of tasks in flight, which a resumed run plays again. The replay buffer does not store a record
    twice."""
    quarantined: dict[str, str] = field(default_factory=dict)
    """Tasks that are no longer played because they failed repeatedly: key -> last error."""
    report: dict[str, Any] = field(default_factory=dict)
    """`Reporter.get_state`."""

    def as_json(self) -> dict[str, Any]:
        """The state as a JSON-able dictionary."""
        return asdict(self)

    def quarantine(self, key: str, error: str, max_quarantined: int) -> None:
        """Excludes a task from the rest of the run.

        Args:
            key: of the task.
            error: why it could not be played.
            max_quarantined: maximum number of quarantined tasks.

        Raises:
            RunError: the maximum is exceeded; the message holds the error.
        """
        self.quarantined[key] = error
        if len(self.quarantined) > max_quarantined:
            raise RunError(
                f"{len(self.quarantined)} tasks could not be played, more than "
                f"cluster.quarantined_locations={max_quarantined}; the last error: {error}"
            )

    @classmethod
    def from_json(cls, values: Any, where: Path) -> RunState:
        """Checks and takes a dictionary from `as_json`.

        Args:
            values: the dictionary.
            where: its file, for messages.

        Raises:
            UsageError: a field is missing or of another type.
        """
        if isinstance(values, dict) and "tasks" not in values and "locations" in values:
            values = values | {"tasks": values["locations"]}  # its name in older checkpoints
        hints = get_type_hints(cls)
        for item in fields(cls):
            kind = get_origin(hints[item.name]) or hints[item.name]
            found = values.get(item.name) if isinstance(values, dict) else None
            if type(found) is not kind and not (kind is float and type(found) is int):
                raise UsageError(
                    f"{where}: {STATE_KEY}.{item.name} must be of type {kind.__name__}, so the run cannot be resumed"
                )
        return cls(**{item.name: values[item.name] for item in fields(cls)})


@dataclass(frozen=True)
class Resumed:
    """A checkpoint to continue from."""

    checkpoint: Path
    """Its folder, which also holds the state of the replay buffer."""
    state: RunState
    steps: int
    """Optimiser steps of its weights."""


def refuse_finished(folder: Path) -> None:
    """Raises UsageError if the run is finished."""
    if (folder / "results.json").exists():
        raise UsageError(f"resume={folder}: that run is finished; its results are in {folder / 'results.json'}")


def find_resumable(folder: Path, seed: int) -> Resumed:
    """The newest checkpoint from which a run can be resumed.

    Args:
        folder: of the run.
        seed: of its configuration.

    Raises:
        UsageError: there is none, it was saved by another run, or the run is finished.
        CheckpointError: its index is damaged.
    """
    refuse_finished(folder)
    whole = whole_checkpoints(folder)
    if not whole:
        raise UsageError(f"resume={folder} holds no checkpoint with a replay buffer; start a new run")
    if not table_folders(folder):
        raise UsageError(f"resume={folder} lacks the replay buffer's folder {folder / REPLAY_FOLDER}")
    check_same_run(folder, whole[-1], seed)
    index = read_index(whole[-1])
    state = RunState.from_json(index["extra"].get(STATE_KEY), whole[-1] / INDEX)
    if not 0 <= state.phase_steps_before <= index["version"] or state.tasks < 0 or state.phase < 0:
        raise UsageError(f"{whole[-1] / INDEX}: {STATE_KEY} holds impossible counts, so the run cannot be resumed")
    return Resumed(whole[-1], state, index["version"])
