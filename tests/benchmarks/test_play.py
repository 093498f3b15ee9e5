"""What `./playpen bench play` measures, and what faults and soak run of hide and seek."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from actors.hide_and_seek.learning.config import Orders
from actors.hide_and_seek.learning.tasks import kind_of
from benchmarks._game_parts import ROOMS, Turns, orders_of
from benchmarks._subjects import wanted_unrolls
from benchmarks.play import act_vs_game, configuration, figures_of, forecast, main
from cluster.hide_and_seek import schedule
from tests.benchmarks.helpers import bench
from tests.cluster.runs import processes_of

SMOKE = ["experiment=hide_and_seek/smoke"]


def test_kinds_and_rooms_take_turns() -> None:
    config = configuration(SMOKE, "skills")
    turns = Turns(config, "skills")
    found = [turns.next() for _ in range(6)]
    assert [one.kind for one in found] == ["explore", "manipulate", "seek"] * 2
    assert [one.task.scene for one in found] == [ROOMS[0]] * 3 + [ROOMS[1]] * 3
    orders = Orders.parse(orders_of(config, "skills"))
    assert [kind_of(orders, config.seed, one.number) for one in found] == [one.kind for one in found]
    assert len({one.number for one in found}) == 6


def test_the_ratio_is_that_of_totals() -> None:
    # 300 steps in 4 s of acting, 300 in 3 s of the game alone.
    rounds = np.array([[100, 1.0, 100, 1.0], [200, 3.0, 200, 2.0]])
    found = act_vs_game(rounds)
    assert found.value == pytest.approx(75 / 100)
    assert found.low is not None and found.low == pytest.approx(2 / 3) and found.high == pytest.approx(1)


def test_figures_of_a_run_begin_after_its_prefill() -> None:
    rows = [
        {"seconds": 0.0, "env_steps": 0.0},
        {"seconds": 10.0, "env_steps": 100.0, "actors/share_push": 0.9, "learner/explore/lag_mean": 4.0,
         "learner/explore/lag_max": 5.0},
        {"seconds": 12.0, "env_steps": 300.0, "learner/wait_share": 0.2, "actors/share_push": 0.1,
         "learner/explore/lag_mean": 6.0, "learner/explore/lag_max": 9.0, "learner/seek/lag_mean": 8.0,
         "learner/seek/lag_max": 8.0},
        {"seconds": 15.0, "env_steps": 400.0, "learner/wait_share": 0.4, "actors/share_push": 0.3},
        {"seconds": 60.0, "evaluation/minutes": 1.0},
    ]  # fmt: skip
    found = figures_of(rows, prefill=90)
    assert found["train_steps_per_s"] == pytest.approx(300 / 5)
    assert found["wait_share"] == pytest.approx(0.3) and found["push_share"] == pytest.approx(0.2)
    assert (found["lag_median"], found["lag_max"]) == (6, 9) and found["lag_by_stage"] == {"explore": 5, "seek": 8}
    with pytest.raises(SystemExit, match="too short"):
        figures_of(rows[:2], prefill=90)


def test_the_forecast_is_bounded_by_the_slower_part() -> None:
    assert forecast(50, 300, cores=16, gpus=1, on_gpu=True) == 300
    assert forecast(10, 300, cores=16, gpus=1, on_gpu=True) == 150
    assert forecast(10, 300, cores=16, gpus=1, on_gpu=False) is None
    # A third of each core acts: 60 / 3 = 20 steps a second, which the other two thirds learn.
    assert forecast(60, 30, cores=2, gpus=0, on_gpu=False) == pytest.approx(40)


@pytest.mark.parametrize(
    "arguments", [["--seconds", "0"], ["--models", "large"], ["--phase", "sleep"], ["learner.lrr=1"]]
)
def test_wrong_arguments_end_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "Traceback" not in capsys.readouterr().err


def test_faults_knows_what_each_task_of_hide_and_seek_gives() -> None:
    config = configuration(SMOKE, "skills")
    # 1 task before the first step, and 3 rounds of 1 task, with 10 unrolls each.
    assert wanted_unrolls(schedule.phases(config)).tolist() == [10, 10, 10, 10]


@pytest.mark.slow
def test_the_parts_are_measured_without_ray(tmp_path: Path) -> None:
    result = bench("play", "--parts", "--seconds", "1", "--processes", "1", home=tmp_path)
    for name in ("game_steps_per_s", "act_steps_per_s", "learner_frames_per_s", "together_act_steps_per_s"):
        assert result[name] > 0
    assert result["act_vs_game_low"] <= result["act_vs_game"] <= result["act_vs_game_high"]
    assert set(result["learner_ms"]) == {"unrolls", "triplets"}
    assert "train_steps_per_s" not in result and result["forecast_steps_per_s"] > 0
    assert not processes_of(tmp_path)
