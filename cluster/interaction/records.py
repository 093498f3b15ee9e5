"""Recorded visits of other runs as the data of `models=mask_rcnn` (`learner.mask_rcnn.records`)."""

from __future__ import annotations

from pathlib import Path

from actors.interaction.recorded import RecordedVisit, RecordError, count_masks, recorded_visits
from cluster.interaction.config import TrainConfig
from cluster.interaction.run_settings import saved_actors
from cluster.run.status import is_running
from common.errors import UsageError
from replay.layout import run_folder

NAME = "learner.mask_rcnn.records"


def find_records(config: TrainConfig) -> list[RecordedVisit]:
    """All records that the configuration names, in its order.

    Raises:
        UsageError: they cannot be read, come from a run that is running or had another supervision or mask source, or
            do not fit into the replay buffer.
    """
    assert config.learner.mask_rcnn is not None
    visits: list[RecordedVisit] = []
    try:
        for name in config.learner.mask_rcnn.records:
            check_run(run_folder(Path(name)), name, config)
            visits += recorded_visits(Path(name), config.actors.record_fields)
        masks = count_masks(visits, labels=config.mass_classes)
    except RecordError as error:
        raise UsageError(f"{NAME}: {error}") from error
    if len(set(visits)) < len(visits):
        raise UsageError(f"{NAME} names the same records twice")
    if not masks:
        raise UsageError(f"{NAME}: the {len(visits)} records hold no mask to learn from")
    if len(visits) > config.replay.capacity:
        raise UsageError(f"replay.capacity must be at least {len(visits)} to hold {NAME}, not {config.replay.capacity}")
    return visits


def check_run(run: Path, name: str, config: TrainConfig) -> None:
    """Refuses records of a run that is running, or was configured otherwise.

    Args:
        run: the run's folder; a folder without configuration is accepted.
        name: as configured, for messages.
        config: of the new run.
    """
    if is_running(run):
        raise UsageError(f"{NAME}: {name} is of a run that is still running; wait until it ends")
    saved = run / "config.yaml"
    if not saved.is_file():
        return
    actors = saved_actors(saved)
    # Without touching, no source finds masks.
    for field in ("supervision", "mask_source") if config.actors.oracles.touching else ("supervision",):
        wanted, found = getattr(config.actors, field), actors.get(field)
        if found != wanted:
            raise UsageError(f"{NAME}: {name} was collected under actors.{field}={found}, not {wanted}")
