"""`./playpen export`: a checkpoint's weights in one file with a description beside it, for use without training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from cluster.command.compose import resumed_config
from cluster.command.result_line import print_result
from cluster.interaction.config import ExportConfig
from cluster.interaction.run_settings import saved_actors
from cluster.run.checkpoints import STATE_KEY, find_checkpoint, saved_config
from cluster.run.run_folder import RUN_ID
from common.errors import UsageError
from evaluation.interaction.final import RESULT_KEYS
from learner.checkpoint import export_model
from learner.checkpoint_index import MODEL_SUFFIX, index_path, is_exported, read_index

FIGURES = (*RESULT_KEYS, "confusion", "intervals", "dataset")
"""Keys of results.json that say how good the trained model is, and where."""


def run(config: ExportConfig, folder: Path) -> int:
    """Runs the command and returns its exit code."""
    checkpoint = find_checkpoint(config.checkpoint)
    if is_exported(checkpoint):
        raise UsageError(
            f"checkpoint={config.checkpoint} is exported already; name a checkpoint folder or a run folder"
        )
    saved = saved_config(checkpoint)
    if saved is None:
        raise UsageError(
            f"checkpoint={config.checkpoint} is not in the folder of a run, whose config.yaml describes the model"
        )
    settings = resumed_config(saved.parent, [])
    if settings.system != config.system:
        raise UsageError(f"checkpoint={config.checkpoint} is of system={settings.system}, which has no export")
    index = read_index(checkpoint)
    figures, why_not = figures_of(saved.parent, index["version"])
    extra = described(settings, saved.parent, index, figures)
    extra["commit"] = config.commit or index["extra"].get("commit")
    output = Path(config.output.removesuffix(MODEL_SUFFIX))
    path = output.with_name(output.name + MODEL_SUFFIX)
    size = export_model(checkpoint, path, extra)
    print(f"{path} ({size / 1e6:.2f} MB), described in {index_path(path)}")
    if why_not:
        print(f"without figures: {why_not}")
    if extra["commit"] is None:
        print("without the commit of its code, which the checkpoint does not name; commit=HASH gives it")
    print_result(
        {
            "command": "export",
            "model": str(path),
            "description": str(index_path(path)),
            "bytes": size,
            "steps": index["version"],
            "commit": extra["commit"],
            "figures": figures is not None,
            "checkpoint": str(checkpoint),
        }
    )
    return 0


def described(settings: DictConfig, run: Path, index: dict[str, Any], figures: dict[str, Any] | None) -> dict[str, Any]:
    """What the JSON file says of a model beside its checkpoint's index: "extra" of the exported index.

    Args:
        settings: the run's configuration.
        run: the run's folder.
        index: of the checkpoint. Its counts, such as touches, are kept; what only resuming needs is not.
        figures: see `figures_of`.
    """
    dataset, batch_size = settings.evaluation.dataset, index["learner"]["batch_size"]
    return {name: value for name, value in index["extra"].items() if name not in (STATE_KEY, RUN_ID)} | {
        "overrides": overrides_of(run),
        "batch_size": batch_size,
        "images": index["version"] * batch_size,
        "figures": figures,
        # A file of the user replaces the made locations.
        "train_locations": dataset.train.locations if settings.evaluation.train_file is None else None,
        "dataset": OmegaConf.to_container(dataset),
        # As config.yaml has them. What an older run lacks comes from conf/ when the model is used, as for its folder.
        "actors": saved_actors(run / "config.yaml"),
    }


def overrides_of(run: Path) -> list[str]:
    """The overrides with which a run was started."""
    try:
        return [str(text) for text in yaml.safe_load((run / ".hydra" / "overrides.yaml").read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []  # the configuration was given in another way
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise UsageError(f"{run / '.hydra' / 'overrides.yaml'} does not hold a run's overrides: {error}") from error


def figures_of(run: Path, steps: int) -> tuple[dict[str, Any] | None, str]:
    """The figures of a model in its run's results.json; None and the reason if the file does not have them.

    Raises:
        UsageError: the file is damaged.
    """
    path = run / "results.json"
    try:
        results = json.loads(path.read_bytes())
        measured = results["steps"]
    except FileNotFoundError:
        return None, f"{path} does not exist yet, as the run is not finished"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} does not hold a run's results: {error}") from error
    if measured != steps:
        return None, f"those in {path} are of step {measured}, not {steps}"
    return {name: results[name] for name in FIGURES if name in results}, ""
