"""Output never ends a run: characters that an encoding lacks, closed pipes, full disks, closed streams."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.run.tracking import sync_command
from common.output import command
from tests.cluster.runs import ROOT, SmokeRun, playpen, result_of

PRINT = (
    "import sys\n"
    "from common.output import never_fail\n"
    "never_fail()\n"
    "for stream in (sys.stdout, sys.stderr):\n"
    "    for _ in range(3):\n"
    "        print('0.5 ± 0.1 – ü', 'x' * 70000, file=stream, flush=True)\n"
    "open('done', 'w').close()\n"
)


@pytest.mark.parametrize("target", ["> /dev/full 2>&1", "2>&1 | true", ">&- 2>&-", "> out 2>&1"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_no_write_fails(target: str, encoding: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{shlex.quote(sys.executable)} -c {shlex.quote(PRINT)} {target}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "done").exists()
    if target.startswith("> out"):
        wanted = {"ascii": "0.5 ? 0.1 ? ?", "latin-1": "0.5 ± 0.1 ? ü", "utf-8": "0.5 ± 0.1 – ü"}[encoding]
        assert (tmp_path / "out").read_text(encoding=encoding).startswith(wanted)


def test_a_command_succeeds_if_characters_cannot_be_printed(smoke: SmokeRun, tmp_path: Path) -> None:
    (test_file,) = smoke.root.glob("outputs/datasets/*/test.json")
    done = playpen(
        "evaluate", f"checkpoint={smoke.folder}", f"evaluation.test_file={test_file}",
        "evaluation.figures=0", folder=tmp_path, PYTHONIOENCODING="ascii", LC_ALL="C",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert result_of(done.stdout)["images"] > 0
    assert done.stdout.isascii() and done.stderr.isascii()


def test_printed_commands_are_understood_by_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = 'resume=/ü, a=b [1]/it\'s "x" $HOME `id` \\n'
    monkeypatch.setenv("PLAYPEN_PROGRAM", "/a folder/playpen")
    assert shlex.split(command("train", odd)) == ["/a folder/playpen", "train", odd]
    program, *rest = shlex.split(sync_command(odd))
    assert Path(program).name == "wandb" and os.access(program, os.X_OK) and rest == ["sync", odd]
