"""Command-line arguments of the benchmarks: numbers within bounds and available devices.

Most functions are for argparse's `type`, which reports a wrong value with the option's name and exit code 2.
"""

from __future__ import annotations

import math
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable


def whole(minimum: int) -> Callable[[str], int]:
    """Returns a converter to a whole number of at least `minimum`."""

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if number < minimum:
            raise ArgumentTypeError(f"must be a whole number of at least {minimum}, not '{text}'")
        return number

    return convert


def positive(text: str) -> float:
    """Converts to a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (math.isfinite(number) and number > 0):
        raise ArgumentTypeError(f"must be a number above 0, not '{text}'")
    return number


def torch_device(text: str) -> str:
    """Accepts cpu, and cuda where torch finds a GPU."""
    import torch

    if text != "cpu" and not (text == "cuda" and torch.cuda.is_available()):
        raise ArgumentTypeError(f"must be cpu, or cuda where torch finds a GPU, not '{text}'")
    return text


def check_overrides(parser: ArgumentParser, overrides: list[str]) -> None:
    """Ends the program with one sentence if `./playpen train` would refuse the overrides."""
    from cluster.command import compose
    from cluster.systems import register
    from common.errors import UsageError

    register()
    try:
        compose.check_overrides("train", overrides)
    except UsageError as error:
        parser.error(str(error))
