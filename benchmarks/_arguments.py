"""What the benchmarks take on the command line: numbers within bounds and devices that are there.

Most are for argparse's `type`, which makes a refusal one sentence with the option's name, and exit code 2.
"""

from __future__ import annotations

import math
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable


def whole(least: int) -> Callable[[str], int]:
    """A whole number of at least so much."""

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise ArgumentTypeError(f"must be a whole number of at least {least}, not '{text}'")
        return number

    return convert


def positive(text: str) -> float:
    """A finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (math.isfinite(number) and number > 0):
        raise ArgumentTypeError(f"must be a number above 0, not '{text}'")
    return number


def torch_device(text: str) -> str:
    """cpu, or cuda where torch finds a GPU."""
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
