"""From shell arguments to a composed configuration: quoting, paths, names of folders, saved configurations."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from cluster.command.compose import check_overrides
from cluster.command.overrides import MAX_NAME_BYTES, file_name, hydra_overrides, multirun, quoted, save_config
from cluster.run.config import plain_values
from cluster.systems import register
from cluster.table.plan import compose_train
from common.errors import UsageError

ODD = "0_experiment=smoke,learner.lr=1e-3 [ü] {x} 'q' \"d\" ${y} a\\b"


def value(override: str) -> object:
    """The value that an override gives in the configuration."""
    config = OmegaConf.create()
    OmegaConf.update(config, "key", OverridesParser.create().parse_override(override).value())
    return config.key


@given(st.text(st.sampled_from("ab'\"\\${}=,[]() ü~/#:\n\t*?!"), min_size=1, max_size=12))
def test_a_quoted_path_is_read_as_it_is(path: str) -> None:
    assert value(f"resume={quoted(path)}") == path


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_every_path_that_a_shell_delivers_is_taken_as_it_is(name: str) -> None:
    path = f"/nowhere/{name}"
    if "${" in name:
        return  # an interpolation, unless a file has that name
    for key in ("resume", "+resume", "checkpoint", "evaluation.test_file", "hydra.run.dir"):
        (override,) = hydra_overrides([f"{key}={path}"])
        assert value(override) == path


def test_an_existing_path_is_never_read_as_grammar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (ODD.replace("/", ""), "null", "'a'", "a,b", "${now:%Y}"):
        Path(name).touch()
        for flags in ([], ["-m"]):
            assert value(hydra_overrides([*flags, f"image={name}"])[-1]) == name


@pytest.mark.parametrize(
    "override",
    [
        "resume=null",
        "hydra.run.dir=out/${now:%Y}",
        "checkpoint='a b'",
        "learner.lr=1,2",
        "experiment=smoke",
        "lr",
        "-m",
    ],
)
def test_the_grammar_is_kept_where_it_is_meant(override: str) -> None:
    assert hydra_overrides([override]) == [override]


def test_paths_in_lists_and_other_values() -> None:
    assert value(hydra_overrides(["learner.mask_rcnn.records=[/a=b,/c ü]"])[0]) == ["/a=b", "/c ü"]
    assert value(hydra_overrides(["runs=/one=1"])[0]) == ["/one=1"]
    assert hydra_overrides(["runs=[outputs/train/*]"]) == ["runs=[outputs/train/*]"]
    assert value(hydra_overrides(["tracking.project=größe"])[0]) == "größe"
    assert value(hydra_overrides(["hydra.run.dir=/ü/${oc.env:PLACE,there}"])[0]) == "/ü/there"
    with pytest.raises(UsageError, match="is not valid UTF-8"):
        hydra_overrides(["image=" + os.fsdecode(b"/\xff")])


def test_a_folder_named_by_hydra_itself_is_left_to_it() -> None:
    register()
    check_overrides("train", ["experiment=smoke", "hydra.run.dir=/nowhere/${hydra:job.name}"])


def test_several_paths_of_a_sweep_stay_several() -> None:
    assert hydra_overrides(["-m", "checkpoint=/a,/b"]) == ["-m", "checkpoint=/a,/b"]
    assert multirun(["-m"]) and multirun(["sweep=ray"]) and not multirun(["seed=1"])
    assert not multirun(["sweep=ray", "hydra.mode=RUN"])  # as a launcher starts one run of a sweep


def test_a_sweep_folder_is_one_name_that_fits() -> None:
    assert file_name("experiment=smoke,learner.lr=0.001") == "experiment=smoke,learner.lr=0.001"
    assert file_name("evaluation.test_file='a/b c.json'") == "evaluation.test_file=a_b_c.json"
    long = file_name("ü" * 300)
    assert len(long.encode()) <= MAX_NAME_BYTES and set(long) == {"ü"}


def test_a_saved_configuration_is_read_back(tmp_path: Path) -> None:
    register()
    config = dataclasses.replace(compose_train(["experiment=smoke"]), experiment_name=ODD)
    save_config(config, tmp_path / "config.yaml")
    read = OmegaConf.to_container(OmegaConf.load(tmp_path / "config.yaml"), resolve=True)
    assert isinstance(read, dict) and read["experiment_name"] == ODD
    assert read["learner"] == plain_values(config)["learner"]
