"""The figures of `./playpen bench learner`, and that its loops are checked against the learner's losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.learner import check_agreement, main
from tests.benchmarks.helpers import result_of


def test_the_result_holds_the_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--batch", "1", "--masks", "2", "--repeats", "1"])
    result = result_of(capsys.readouterr().out)
    assert result["loss_speedup"] == pytest.approx(result["loops_s"] / result["losses_s"], rel=1e-2)
    assert result["loss_share"] == pytest.approx(result["losses_s"] / result["step_s"], rel=1e-2)
    assert result["step_efficiency"] == pytest.approx(result["bare_s"] / result["step_s"], rel=1e-2)
    assert {"cores", "load", "torch_threads", "batch", "masks_per_image", "device"} <= set(result["conditions"])


def test_losses_that_disagree_are_refused() -> None:
    ones = torch.ones(1, 2)
    same = (ones, ones, ones, np.ones(1))
    check_agreement(same, same)
    with pytest.raises(AssertionError, match="force"):
        check_agreement((ones, 1.1 * ones, ones, np.ones(1)), same)


def test_wrong_arguments_end_with_code_2() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--masks", "21"])
    assert ended.value.code == 2
