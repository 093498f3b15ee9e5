"""Composes and checks configurations from overrides, also of sweeps and of resumed runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError

from cluster.command.overrides import CONF, multirun, parse
from cluster.command.sweep_config import sweep_parameters
from cluster.run.run_folder import check_folder_is_free
from common.errors import UsageError

COMMANDS_WITH_FOLDER = ("train", "evaluate", "rooms")
"""Commands that write into a new folder: `hydra.run.dir`, or in a sweep a subfolder of `hydra.sweep.dir`."""


def check_overrides(command: str, arguments: list[str]) -> None:
    """Composes and checks the configuration, with each value of a sweep, so that mistakes are found before the start.

    Raises:
        UsageError: one sentence naming the override or the field.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    from cluster.run.config import first_line, instantiate
    from cluster.run.identity import check_version
    from cluster.systems import chosen_name, find, with_command

    overrides = [argument for argument in arguments if not argument.startswith("-")]
    system = with_command(chosen_name(overrides, command), command)
    run_folder = resumed_folder(arguments) if command == "train" else None
    if run_folder is not None:
        saved = resumed_config(run_folder, overrides)
        trained = find(saved.system)
        resumed: Any = instantiate(saved, trained.commands[command].schema)
        check_version(resumed)
        trained.check(resumed)
        return
    several = multirun(arguments)
    parser = OverridesParser.create()
    if command == "train" and several:
        overrides += sweep_parameters(overrides)
    try:
        parsed = [parse(parser, override) for override in overrides]
        variants: list[list[str]] = [[]]
        for override in parsed:
            values = [override.input_line or ""]
            if override.is_sweep_override():
                if not several:
                    raise UsageError(
                        f"'{override.input_line}' has several values; add -m to run each, or quote the list"
                    )
                if override.is_discrete_sweep():
                    values = [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
                else:
                    values = []  # a continuous interval, from which the sweeper samples
            # Checks each value once, with the first value of all others, instead of their product.
            head = [variant + values[:1] for variant in variants]
            variants = head + [variants[0] + [value] for value in values[1:]]
        entry = system.commands[command]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            if command in COMMANDS_WITH_FOLDER:
                hydra = compose(entry.config, overrides=variants[0], return_hydra_config=True).hydra
                key = "hydra.sweep.dir" if several else "hydra.run.dir"
                with suppress(InterpolationResolutionError):  # uses a value that Hydra sets later
                    check_folder_is_free(Path(OmegaConf.select(hydra, key.removeprefix("hydra."))), key)
            for variant in variants:
                config = compose(entry.config, overrides=variant)
                built: Any = instantiate(config, entry.schema)
                if command == "train":
                    check_version(built)
                    find(system.name).check(built)
    except UsageError:
        raise
    except (HydraException, ValueError) as error:  # Hydra raises ValueError for 'learner=5'
        raise UsageError(first_line(error) + suggestion(system.commands[command].config, error, overrides)) from error
    except AssertionError as error:  # OmegaConf's answer to a value within a group that has none
        if (needed := absent_part(overrides)) is None:
            raise
        raise UsageError(needed) from error


def resumed_folder(arguments: Sequence[str]) -> Path | None:
    """The run's folder that `resume=FOLDER` names; None without it.

    Raises:
        UsageError: it holds no run, or the command is a sweep.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    named = [
        parse(OverridesParser.create(), text).value() for text in arguments if text.lstrip("+").startswith("resume=")
    ]
    if not named or named[-1] is None:
        return None
    if any(argument in ("-m", "--multirun") for argument in arguments):
        raise UsageError("resume continues one run; remove -m")
    folder = Path(str(named[-1])).resolve()
    if not (folder / "config.yaml").is_file():
        raise UsageError(f"resume={named[-1]} is not a run folder: it has no config.yaml")
    return folder


def resumed_config(folder: Path, overrides: Sequence[str]) -> Any:
    """The saved configuration of a run to resume, with single values overridden.

    Raises:
        UsageError: the configuration does not fit this version, or an override names a group or an unknown field.
    """
    import yaml
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf.errors import OmegaConfBaseException

    from cluster.run.config import first_line
    from cluster.run.identity import migrated
    from cluster.systems import find

    try:
        loaded: Any = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"))
        saved = migrated(loaded, str(folder / "config.yaml"))
        system = find(str(saved["system"]))
        config = OmegaConf.merge(system.schema_like(saved), saved)
    except (OmegaConfBaseException, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{folder / 'config.yaml'} is not the configuration of a run: {first_line(error)}") from error
    for text in overrides:
        override = parse(OverridesParser.create(), text)
        key = override.get_key_element().lstrip("+~")
        if not override.is_delete() and (CONF / key).is_dir():
            raise UsageError(f"resume continues with the run's {key}; only single values such as {key}.NAME can change")
        if key == "seed" and override.value() != config.seed:
            raise UsageError(f"seed={override.value()}: a resumed run keeps its seed, {config.seed}; remove seed")
        try:
            OmegaConf.update(config, key, override.value(), force_add=False)
        except OmegaConfBaseException as error:
            raise UsageError(first_line(error)) from error
    return config


def absent_part(overrides: Sequence[str]) -> str | None:
    """The sentence on an override of a part that only some options of its group have; None if there is none.

    Args:
        overrides: such as "learner.mask_rcnn.steps=3".
    """
    for text in overrides:
        key = text.lstrip("+~").partition("=")[0]
        group, *parts = key.split(".")
        if len(parts) < 2:
            continue
        options = [path.stem for path in sorted((CONF / group).glob("*.yaml")) if parts[0] in OmegaConf.load(path)]
        if options and not any(f"{group}={option}" in overrides for option in options):
            return f"{key} needs {group}={' or '.join(options)}"
    return None


RENAMED = {"learner.mask_rcnn.log_every": "tracking.log_every_s"}
"""Configuration paths of older versions, and those that replace them."""


def suggestion(name: str, error: BaseException, overrides: Sequence[str] = ()) -> str:
    """The end of a message on a misspelt key, such as "; did you mean ...?"; empty for other errors.

    Args:
        name: of the command's file in `conf/`.
        error: raised while it was composed.
        overrides: the command's; those that choose groups decide which keys there are.
    """
    import difflib

    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import DictConfig
    from omegaconf.errors import ConfigAttributeError, ConfigKeyError

    cause = error.__cause__
    if not isinstance(cause, ConfigAttributeError | ConfigKeyError) or not cause.full_key:
        return ""
    if cause.full_key in RENAMED:
        return f"; use {RENAMED[str(cause.full_key)]}"
    with initialize_config_dir(str(CONF), version_base="1.3"):
        try:
            config = compose(name, overrides=[text for text in overrides if (CONF / text.partition("=")[0]).is_dir()])
        except (HydraException, ValueError):
            return ""
    parent, _, key = str(cause.full_key).rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    if not isinstance(node, DictConfig):
        return ""
    if key in node:
        return ""
    close = difflib.get_close_matches(key, [str(name) for name in node], n=1, cutoff=0.5)
    whole = f"{parent}." if parent else ""
    return (
        f"; did you mean {whole}{close[0]}?"
        if close
        else f"; {parent or 'the top level'} has {', '.join(map(str, node))}"
    )
