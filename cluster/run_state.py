"""Where a run stands, beside the learner's weights and the memory bank: what `resume` continues from.

It is stored with each checkpoint, as JSON (`learner.json`, "extra"), together with the state of the memory bank.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from cluster.errors import UsageError
from learner.checkpoint import INDEX, read_index
from replay.state_file import STATE_FILE

KEY = "run"
"""Name of the state in a checkpoint's "extra"."""


@dataclass
class RunState:
    """Counters of a run. Phases are numbered among those that have rounds."""

    phase: int = 0
    """Number of the phase that goes on."""
    phase_over: bool = False
    """Whether that phase is over: the next one has not begun yet."""
    phase_steps_before: int = 0
    """Optimiser steps when the phase began."""
    phase_seconds: float = 0.0
    """How long the phase has run."""
    locations: int = 0
    """Locations of the phase that are stored."""
    next_number: int = 0
    """Running number of the next location."""
    open_numbers: list[int] = field(default_factory=list)
    """Locations that were handed out and not reported as done: they are visited again. One whose record the bank holds
    already is not stored twice."""
    report: dict[str, Any] = field(default_factory=dict)
    """`Reporter.get_state`."""

    def as_json(self) -> dict[str, Any]:
        """For `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any, where: Path) -> RunState:
        """Checks and takes over what `as_json` gave.

        Raises:
            UsageError: a field is missing or of another type.
        """
        hints = get_type_hints(cls)
        for item in fields(cls):
            kind = get_origin(hints[item.name]) or hints[item.name]
            found = values.get(item.name) if isinstance(values, dict) else None
            if type(found) is not kind and not (kind is float and type(found) is int):
                raise UsageError(f"{where}: {KEY}.{item.name} must be of type {kind.__name__}, so it cannot be resumed")
        return cls(**{item.name: values[item.name] for item in fields(cls)})


@dataclass(frozen=True)
class Resumed:
    """A checkpoint to go on from."""

    checkpoint: Path
    """Its folder, which also holds the state of the memory bank."""
    state: RunState
    steps: int
    """Optimiser steps of its weights."""


def find_resumable(folder: Path) -> Resumed:
    """The newest checkpoint of a run that holds everything that is needed to go on.

    Raises:
        UsageError: there is none, or the run is finished.
        CheckpointError: its index is damaged.
    """
    if (folder / "results.json").exists():
        raise UsageError(f"resume={folder}: that run is finished; its results are in {folder / 'results.json'}")
    whole = sorted(path.parent for path in folder.glob(f"checkpoints/step_*/{INDEX}"))
    whole = [path for path in whole if (path / STATE_FILE).is_file()]
    if not whole:
        raise UsageError(f"resume={folder} holds no checkpoint with a memory bank: start that run anew")
    if not (folder / "bank").is_dir():
        raise UsageError(f"resume={folder} lacks the memory bank's folder {folder / 'bank'}")
    index = read_index(whole[-1])
    state = RunState.from_json(index["extra"].get(KEY), whole[-1] / INDEX)
    if not 0 <= state.phase_steps_before <= index["version"] or state.locations < 0 or state.phase < 0:
        raise UsageError(f"{whole[-1] / INDEX}: {KEY} counts what cannot be, so it cannot be resumed")
    return Resumed(whole[-1], state, index["version"])
