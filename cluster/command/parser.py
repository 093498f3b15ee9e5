"""The parser of commands that take options instead of overrides; cluster/command/help.py describes their options."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from common.errors import UsageError


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are UsageErrors; it takes no abbreviated options and has no --help."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, "add_help": False, **settings})

    def error(self, message: str) -> NoReturn:
        """Raises UsageError with the message and the command whose help describes the options."""
        raise UsageError(f"{message}; see {' '.join(self.prog.split()[:2])} --help")
