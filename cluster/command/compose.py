"""Composes configurations from what the command line gives: overrides, sweeps, and runs that are resumed."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError

from cluster.run.run_folder import refuse_taken
from common.errors import UsageError

CONF = Path(__file__).resolve().parents[2] / "conf"

OWN_FOLDER = ("train", "evaluate", "rooms")
"""Commands that write into a folder of their own: `hydra.run.dir`, or in a sweep folders in `hydra.sweep.dir`."""
PATHS = frozenset(
    {
        "checkpoint", "depth", "evaluation.dataset.folder", "evaluation.test_file", "evaluation.train_file", "folder",
        "hydra.run.dir", "hydra.sweep.dir", "image", "output", "resume", "simulator.build_path",
    }
)  # fmt: skip
"""Keys whose value is a path, which is taken as the shell delivers it."""
PATH_LISTS = frozenset({"learner.mask_rcnn.records", "runs"})
"""Keys whose value is a list of paths."""
MAX_NAME_BYTES = 120
"""Longest name that `file_name` gives: file systems take 255 bytes, and a number stands before it."""


def file_name(text: str) -> str:
    """Makes a folder name of overrides: no separators, quotes or spaces, at most `MAX_NAME_BYTES`."""
    plain = re.sub(r"[^\w.,=+-]+", "_", str(text).replace("'", "").replace('"', ""))
    return plain.encode()[:MAX_NAME_BYTES].decode(errors="ignore")


# At import: a Ray worker of a sweep's launcher resolves the folder's name, and imports this module with its job.
OmegaConf.register_new_resolver("file_name", file_name, replace=True)


def parse(parser: Any, override: str) -> Any:
    """One override, parsed.

    Raises:
        UsageError: it is no KEY=VALUE.
    """
    from hydra.errors import HydraException

    key = override.split("=")[0].lstrip("+~")
    try:
        if not key or ("=" not in override and not override.startswith("~")):
            raise HydraException
        return parser.parse_override(override)
    except HydraException as error:
        raise UsageError(f"'{override}' is no override; write KEY=VALUE") from error


def hydra_overrides(arguments: Sequence[str]) -> list[str]:
    """Turns what the shell delivers into overrides in Hydra's grammar.

    In Hydra's grammar a value with `=`, commas, brackets, quotes or letters outside ASCII must be quoted within the
    shell's quotes. Here a path is taken as it is, and so is any other value that the grammar does not know. Hydra's
    grammar reads a path only if no file has that name and the value is null, quoted, an interpolation or (with -m) a
    list.

    Args:
        arguments: flags and overrides, as in `sys.argv`.

    Returns:
        the same arguments; values are quoted where Hydra needs it.

    Raises:
        UsageError: an argument is not valid UTF-8.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    flagged = any(argument in ("-m", "--multirun") for argument in arguments)

    def understood(text: str) -> bool:
        try:
            parser.parse_override(text)
        except HydraException:
            return False
        return True

    def converted(argument: str) -> str:
        try:
            argument.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UsageError(f"{argument!r} is not valid UTF-8; rename the file or folder that it names") from error
        key, equals, value = argument.partition("=")
        name = key.lstrip("+")
        if not equals or not value or not name or argument.startswith(("-", "~")):
            return argument
        exists = os.path.lexists(value)
        if name in PATH_LISTS and (exists or not understood(argument)):
            inner = value if exists else value.removeprefix("[").removesuffix("]")
            paths = [inner] if exists or inner == value else inner.split(",")
            return f"{key}=[{','.join(quoted(path.strip()) for path in paths)}]"
        if name in PATHS and (exists or not (value == "null" or _of_the_grammar(value, flagged))):
            return f"{key}={quoted(value)}"
        if understood(argument):
            return argument
        return f"{key}={quoted(value, interpolated=name in PATHS and not exists)}"

    return [converted(argument) for argument in arguments]


def _of_the_grammar(value: str, several: bool) -> bool:
    """Whether a value of a path's key is meant for Hydra's grammar."""
    in_quotes = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return in_quotes or "${" in value or (several and ("," in value or "(" in value))


def quoted(path: str | Path, interpolated: bool = False) -> str:
    """A path as the value of an override in Hydra's grammar; `interpolated` keeps the meaning of `${...}` in it."""
    from hydra.core.override_parser.types import Quote, QuotedString

    text = str(path)
    return QuotedString(text if interpolated else escaped(text), Quote.single).with_quotes()


def escaped(text: str) -> str:
    """A string that OmegaConf does not take for an interpolation."""
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)


def save_config(config: Any, path: Path) -> None:
    """Writes a configuration as YAML that `OmegaConf.load` reads back to the same values.

    Args:
        config: a dataclass.
        path: of the file.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return escaped(value) if isinstance(value, str) else value

    OmegaConf.save(OmegaConf.create(plain(asdict(config))), path)


def multirun(arguments: Sequence[str]) -> bool:
    """Whether the arguments of a command ask for several runs; `hydra.mode=RUN` makes one of a sweep's."""
    asked = any(argument in ("-m", "--multirun") or argument.startswith("sweep=") for argument in arguments)
    return (asked or "hydra.mode=MULTIRUN" in arguments) and "hydra.mode=RUN" not in arguments


def check_overrides(command: str, arguments: list[str]) -> None:
    """Composes the configuration with the overrides, each value of a sweep in turn, so that a mistake costs nothing.

    Raises:
        UsageError: one sentence naming the override or the field.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    from cluster.interaction.schedule import check_schedule
    from cluster.run.config import SCHEMAS, first_line, instantiate

    overrides = [argument for argument in arguments if not argument.startswith("-")]
    run_folder = resumed_folder(arguments) if command == "train" else None
    if run_folder is not None:
        resumed: Any = instantiate(resumed_config(run_folder, overrides), SCHEMAS[command])
        check_schedule(resumed)
        return
    several = multirun(arguments)
    parser = OverridesParser.create()
    if command == "train" and several:
        from cluster.command.sweep import swept

        overrides += swept(overrides)
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
                    values = []  # a continuous interval: the sweeper draws from it
            # Every value once, beside the first value of the others: all values are checked without their product.
            head = [variant + values[:1] for variant in variants]
            variants = head + [variants[0] + [value] for value in values[1:]]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            if command in OWN_FOLDER:
                hydra = compose(command, overrides=variants[0], return_hydra_config=True).hydra
                key = "hydra.sweep.dir" if several else "hydra.run.dir"
                with suppress(InterpolationResolutionError):  # a name of Hydra's own, which exists once it runs
                    refuse_taken(Path(OmegaConf.select(hydra, key.removeprefix("hydra."))), key)
            for variant in variants:
                config = compose(command, overrides=variant)
                built: Any = instantiate(config, SCHEMAS[command])
                if command == "train":
                    check_schedule(built)
    except UsageError:
        raise
    except (HydraException, ValueError) as error:  # Hydra has no type of its own for 'learner=5'
        raise UsageError(first_line(error) + suggestion(command, error)) from error


def resumed_folder(arguments: Sequence[str]) -> Path | None:
    """The run's folder that `resume=FOLDER` names, if any.

    Raises:
        UsageError: there is no run in it, or several are to be resumed at once.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    named = [
        parse(OverridesParser.create(), text).value() for text in arguments if text.lstrip("+").startswith("resume=")
    ]
    if not named or named[-1] is None:
        return None
    if any(argument in ("-m", "--multirun") for argument in arguments):
        raise UsageError("resume goes on with one run: leave -m out")
    folder = Path(str(named[-1])).resolve()
    if not (folder / "config.yaml").is_file():
        raise UsageError(f"resume={named[-1]} is no run folder: it has no config.yaml")
    return folder


def resumed_config(folder: Path, overrides: Sequence[str]) -> Any:
    """The configuration of a run that goes on, with single values overridden.

    Raises:
        UsageError: the run's configuration is not of this version, or an override names a group or an unknown value.
    """
    import yaml
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf.errors import OmegaConfBaseException

    from cluster.run.config import first_line, schema_like

    try:
        saved = OmegaConf.load(folder / "config.yaml")
        config = OmegaConf.merge(schema_like(saved), saved)
    except (OmegaConfBaseException, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{folder / 'config.yaml'} is not the configuration of a run: {first_line(error)}") from error
    for text in overrides:
        override = parse(OverridesParser.create(), text)
        key = override.get_key_element().lstrip("+~")
        if not override.is_delete() and (CONF / key).is_dir():
            raise UsageError(f"resume goes on with the run's {key}: only single values such as {key}.NAME can change")
        if key == "seed" and override.value() != config.seed:
            raise UsageError(f"seed={override.value()}: a run goes on with its own seed, {config.seed}; leave seed out")
        try:
            OmegaConf.update(config, key, override.value(), force_add=False)
        except OmegaConfBaseException as error:
            raise UsageError(first_line(error)) from error
    return config


def suggestion(command: str, error: BaseException) -> str:
    """ "; did you mean ...?" for a misspelt key, else nothing."""
    import difflib

    from hydra import compose, initialize_config_dir
    from omegaconf import DictConfig
    from omegaconf.errors import ConfigAttributeError, ConfigKeyError

    cause = error.__cause__
    if not isinstance(cause, ConfigAttributeError | ConfigKeyError) or not cause.full_key:
        return ""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(command)
    parent, _, key = str(cause.full_key).rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    if not isinstance(node, DictConfig):
        return ""
    close = difflib.get_close_matches(key, [str(name) for name in node], n=1, cutoff=0.5)
    whole = f"{parent}." if parent else ""
    return (
        f"; did you mean {whole}{close[0]}?"
        if close
        else f"; {parent or 'the top level'} has {', '.join(map(str, node))}"
    )
