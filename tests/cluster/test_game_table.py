"""`./playpen table` of hide and seek on hand-made results of runs."""

from __future__ import annotations

import csv
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from cluster.hide_and_seek import table_results
from cluster.run.config import RunConfig
from cluster.systems import register
from cluster.table.command import list_runs
from cluster.table.config import read_request
from cluster.table.plan import Plan, make_plan
from cluster.table.work import work
from common.errors import UsageError

ASKED = ("TABLE=correction", "experiment=hide_and_seek/smoke", "tracking.mode=disabled")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    register()
    return tmp_path


def plan_of(*arguments: str) -> Plan:
    return make_plan(read_request(arguments))


def write_run(folder: Path, config: RunConfig, coverage: float, found: float) -> Path:
    """A finished run's folder."""
    (folder / "checkpoints" / "step_0000050").mkdir(parents=True)
    (folder / "checkpoints" / "step_0000050" / "learner.json").write_text("{}")
    OmegaConf.save(OmegaConf.structured(config), folder / "config.yaml")

    def interval(value: float, half: float) -> dict[str, Any]:
        return {"value": value, "low": value - half, "high": value + half, "n": 20}

    results = {
        "coverage": coverage, "found": found, "claim_precision": float("nan"),
        "env_steps": 4000, "steps": 50, "wall_s": 90.0,
        "intervals": {
            "trained": {"coverage": interval(coverage, 0.05), "found": interval(found, 0.3)},
            "untrained": {"coverage": interval(0.1, 0.05)},
            "uniform": {"coverage": interval(0.2, 0.05)},
        },
    }  # fmt: skip
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def test_results_of_several_seeds_become_a_table(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = (*ASKED, "seeds=[1,2]")
    # V-trace 0.40 and 0.42, PPO 0.41 and 0.43, A3C 0.20 and 0.22; all find the object equally often.
    for number, run in enumerate(plan_of(*asked).runs()):
        coverage = (0.40, 0.42, 0.41, 0.43, 0.20, 0.22)[number]
        write_run(here / f"outputs/train/{number}", run.config, coverage, 0.5)
    plan = plan_of(*asked)
    assert work(plan, threading.Event()) == 0
    lines = {line["method"]: line for line in csv.DictReader((plan.folder / "table.csv").open())}
    assert lines["V-trace"]["coverage"] == "0.4100" and lines["none (A3C)"]["coverage"] == "0.2100"
    assert float(lines["V-trace"]["coverage_std"]) == pytest.approx(0.02 / 2**0.5, abs=1e-4)
    assert lines["V-trace"]["env_steps"] == "4000.0000" and lines["V-trace"]["minutes"] == "1.5000"
    assert lines["V-trace"]["claim_precision"] == lines["V-trace"]["om_hit"] == ""
    assert lines["uniform over legal actions"]["coverage"] == "0.2000"
    text = (plan.folder / "table.md").read_text()
    # Two runs on each side with the deviation 0.0141: the standard error is 0.0141, the quantile of 2 degrees 4.303.
    assert "| clipped (PPO) | +0.010 [-0.051, 0.071] ≈ |" in text
    assert "| none (A3C) | -0.200 [-0.261, -0.139] |" in text
    assert "2 of exploring, 6 of manipulating, 2 of seeking" in text
    assert (plan.folder / "figures" / "correction.png").stat().st_size > 10_000
    result = json.loads(capsys.readouterr().out.splitlines()[-1].removeprefix("RESULT "))
    assert result["finished"] == 6 and result["tables"]["correction"]["none (A3C)"]["coverage"] == 0.21
    assert result["not_beyond_noise"]["correction"] == {"clipped (PPO)": ["coverage", "found"], "none (A3C)": ["found"]}


def test_single_seeds_are_judged_by_their_episodes(here: Path) -> None:
    asked = (*ASKED, "seeds=[1]")
    first, _, third = plan_of(*asked).runs()
    write_run(here / "outputs/train/0", first.config, 0.40, 0.5)
    write_run(here / "outputs/train/2", third.config, 0.50, 0.6)
    plan = plan_of(*asked)
    results = table_results.Results(plan, threading.Event())
    plan.folder.mkdir(parents=True)
    results.write(figures=False)
    text = (plan.folder / "table.md").read_text()
    # The half widths are 0.05 each, together 0.0707; and 0.3 each, together 0.424.
    assert "| none (A3C) | +0.100 [0.029, 0.171] | +0.100 [-0.324, 0.524] ≈ |" in text
    assert "| clipped (PPO) | – | – |\n" in text and "- clipped (PPO): not trained yet: clipped-ppo_seed1" in text
    # The table's own line of that row is empty as well: all figures and costs.
    assert "| clipped (PPO) " + "| – " * 16 + "|" in text


def test_damaged_results_are_named(here: Path) -> None:
    asked = (*ASKED, "seeds=[1]")
    folder = write_run(here / "outputs/train/0", plan_of(*asked).runs()[0].config, 0.4, 0.5)
    (folder / "results.json").write_text('{"steps": 5, "wall_s": 1.0}')
    plan = plan_of(*asked)
    with pytest.raises(UsageError, match=r"results\.json is damaged"):
        table_results.Results(plan, threading.Event()).measure(plan.runs()[0])


def test_the_rows_of_vdr_differ_in_triplets_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(
        "TABLE=vdr",
        "experiment=hide_and_seek/smoke",
        "learner.phases.skills.minutes=1",
        "learner.phases.play.minutes=1",
        "seeds=[1]",
    )
    with_vdr, without = (run.config for run in plan.runs())
    assert with_vdr.system == "hide_and_seek"
    assert all(phase.triplets and phase.triplet_batches for phase in with_vdr.learner.phases.values())
    for name, phase in without.learner.phases.items():
        assert phase.triplets == phase.triplet_batches == 0
        assert phase.rounds == with_vdr.learner.phases[name].rounds
    listed = list_runs(plan)
    assert listed["states"] == {"missing": 2} and listed["seconds_left_one_by_one"] == 2 * (120 + 120)
    assert "without VDR" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["data_sets=[novel_spaces]"], "data_sets: the runs of system=hide_and_seek are compared by their own results"),
        (["figures=2"], "figures: the runs of system=hide_and_seek"),
        (["system=interaction"], "system is hide_and_seek for this table, not 'interaction'"),
        (["learner.actor_critic.gama=1"], "learner.actor_critic.gama"),
    ],
)
def test_refusals(here: Path, arguments: list[str], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        plan_of("TABLE=vdr", *arguments)
    assert sentence in str(refused.value) and not list(here.iterdir())


def test_tables_of_the_interaction_refuse_another_system(here: Path) -> None:
    with pytest.raises(UsageError, match="system is interaction for this table, not 'hide_and_seek'"):
        plan_of("TABLE=choice", "system=hide_and_seek")
