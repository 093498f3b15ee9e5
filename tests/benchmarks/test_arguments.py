"""Refused command lines of benchmarks: one sentence with the option's name, before anything starts."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("actor --seed -1", "argument --seed: must be a whole number of at least 0, not '-1'"),
        ("actor --simulator nope", "argument --simulator: invalid choice: 'nope'"),
        ("broadcast --repeats 0", "argument --repeats: must be a whole number of at least 1, not '0'"),
        ("inference --device tpu", "argument --device: must be cpu, or cuda where torch finds a GPU, not 'tpu'"),
        ("inference --seconds inf", "argument --seconds: must be a number above 0, not 'inf'"),
        ("learner --threads 1.5", "argument --threads: must be a whole number of at least 1, not '1.5'"),
        ("overlap --batch 0", "argument --batch: must be a whole number of at least 1, not '0'"),
        ("replay --seconds nan", "argument --seconds: must be a number above 0, not 'nan'"),
        ("soak experiment=nope", "Could not find 'experiment/nope'; it must be one of"),
        ("start foo", "'foo' is not an override; write KEY=VALUE"),
    ],
)
def test_refusals(arguments: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, *options = arguments.split()
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"benchmarks.{name}").main(options)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err.splitlines()[-1]
