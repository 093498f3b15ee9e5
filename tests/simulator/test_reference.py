"""The documented actions and arguments are those that the simulator checks."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from simulator.wire.actions import ACTIONS
from simulator.wire.arguments import AS_INITIALIZED, FREE, FREE_FLAGS, ONLY, parameters_of
from simulator.wire.reference import describe_actions
from simulator.world.push import PushSettings

ROOT = Path(__file__).resolve().parents[2]


def documented() -> str:
    text = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    return text.split("<!-- actions -->\n")[1].split("\n<!-- end of actions -->")[0]


def test_the_documentation_lists_what_the_code_takes():
    assert documented() == describe_actions(), "put the output of python -m simulator --actions into docs/simulator.md"


def test_the_list_names_every_action_and_argument():
    rows = {line.split("|")[1].strip(" `"): line for line in describe_actions().splitlines() if line.startswith("| `")}
    for name, action in ACTIONS.items():
        for argument in (*parameters_of(action.function), *action.only):
            assert f"`{argument}`" in rows[name], (name, argument)
    for name in (*FREE, *FREE_FLAGS, *AS_INITIALIZED, *ONLY):
        assert f"`{name}`" in "".join(rows.values())


def test_the_command_prints_it():
    printed = subprocess.check_output([sys.executable, "-m", "simulator", "--actions"], cwd=ROOT, text=True)
    assert printed == describe_actions() + "\n"


def test_the_tests_that_the_documentation_cites_exist():
    text = (ROOT / "docs" / "ai2thor.md").read_text(encoding="utf-8")
    cited = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", text)
    assert len(cited) > 20
    for file, test in cited:
        found = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob(file)]
        assert any(f"def {test}" in code for code in found), f"{file}::{test}"


def test_the_documentation_states_the_push():
    text = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    for value in fields(PushSettings):
        assert f"| `{value.name}` | {value.default:g} |" in text
