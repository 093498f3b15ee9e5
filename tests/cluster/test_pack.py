"""`./playpen pack`: what it leaves out, how it cuts wheels into parts, and that its script installs them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.command import pack
from cluster.command.pack import (
    MIB,
    drop_installed,
    is_there,
    plan_parts,
    platform_tags,
    read_installed,
    requirements,
    write_parts,
)
from common.errors import RunError, UsageError
from tests.benchmarks.helpers import result_of


def wheel(folder: Path, name: str, size: int) -> Path:
    """A wheel with one module, and so many random bytes in it, which do not compress."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", f"name = '{name}'\n")
        archive.writestr(f"{name}/data", random.Random(0).randbytes(size))
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        names = [f"{name}/__init__.py", f"{name}/data", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"]
        archive.writestr(f"{info}/RECORD", "".join(f"{entry},,\n" for entry in names))
    return path


@given(
    sizes=st.lists(st.integers(0, 5 * MIB), min_size=1, max_size=20),
    part_bytes=st.sampled_from([MIB, MIB + 1, 3 * MIB]),
)
def test_pieces_make_up_the_wheels_and_fit_into_parts(sizes: list[int], part_bytes: int) -> None:
    wheels = {f"{number}.whl": size for number, size in enumerate(sizes)}
    parts = plan_parts(wheels, part_bytes)
    for name, size in wheels.items():
        pieces = sorted(
            (piece for part in parts for piece in part if piece.wheel == name), key=lambda piece: piece.name
        )
        assert pieces[0].start == 0 and pieces[-1].end == size
        assert all(one.end == other.start for one, other in zip(pieces, pieces[1:], strict=False))
    for part in parts:
        blocks = sum(4 * tarfile.BLOCKSIZE + piece.size for piece in part)
        assert blocks + tarfile.RECORDSIZE <= part_bytes


def test_the_script_joins_and_installs(tmp_path: Path) -> None:
    wheels, folder, target = tmp_path / "wheels", tmp_path / "a pack", tmp_path / "the target"
    wheels.mkdir()
    folder.mkdir()
    large, small = wheel(wheels, "large_one", 3 * MIB), wheel(wheels, "small_one", 10)
    parts = write_parts(wheels, folder, MIB)
    assert len(parts) == 4 and all(path.stat().st_size <= MIB for path in parts)
    large.unlink()
    small.unlink()
    install = ["sh", str(folder / "install.sh"), "--target", str(target), sys.executable]
    subprocess.run(install, check=True, timeout=120)
    found = subprocess.run(
        [sys.executable, "-c", "import large_one, small_one; print(large_one.name, small_one.name)"],
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["large_one", "small_one"]
    assert (target / "large_one" / "data").read_bytes() == random.Random(0).randbytes(3 * MIB)


def test_a_missing_or_damaged_part_is_reported_and_nothing_is_installed(tmp_path: Path) -> None:
    wheels, folder, target = tmp_path / "wheels", tmp_path / "pack", tmp_path / "target"
    wheels.mkdir()
    folder.mkdir()
    wheel(wheels, "large_one", 3 * MIB)
    last = list(write_parts(wheels, folder, MIB))[-1]
    install = ["sh", str(folder / "install.sh"), "--target", str(target), sys.executable]
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    damaged = subprocess.run(install, capture_output=True, text=True, timeout=120)
    assert damaged.returncode == 1 and "missing or damaged" in damaged.stderr
    last.unlink()
    missing = subprocess.run(install, capture_output=True, text=True, timeout=120)
    assert missing.returncode == 1 and "missing or damaged" in missing.stderr
    assert not target.exists()


def test_the_list_of_pip_freeze_is_read(tmp_path: Path) -> None:
    file = tmp_path / "freeze.txt"
    file.write_text(
        "# a comment\nNumPy==2.4.6\nzope.interface\nlocal @ file:///x/y.whl\n-e /src\n\ntorch==2.11.0+cu130\n"
    )
    assert read_installed(file) == {"numpy": "2.4.6", "zope-interface": None, "local": None, "torch": "2.11.0+cu130"}
    file.write_text("numpy 2.4.6\n")
    with pytest.raises(UsageError, match="'numpy 2.4.6' is no line of `pip freeze`"):
        read_installed(file)
    with pytest.raises(UsageError, match="--installed"):
        read_installed(tmp_path / "none.txt")


def test_a_package_is_left_out_in_its_version_and_torch_in_any() -> None:
    there = {"numpy": "2.4.6", "scipy": None, "torch": "2.11.0+cu130", "opencv-python-headless": "5.0.0"}
    assert is_there("numpy", "2.4.6", there) and not is_there("numpy", "2.5.2", there)
    assert is_there("SciPy", "1.0", there) and not is_there("ray", "2.60.0", there)
    for name in ("torch", "torchvision", "triton", "nvidia_cublas", "cuda-toolkit"):
        assert is_there(name, "2.13.0", there)
        assert not is_there(name, "2.13.0", {"numpy": None})
    # Both own the module cv2.
    assert is_there("opencv_python", "5.0.0.93", there)


def test_the_requirements_are_those_of_the_project_that_are_missing() -> None:
    everything = requirements({})
    assert {"ray[default]==2.60.0", "torch==2.13.0", "torchvision==0.28.0"} <= set(everything)
    assert not any(line.startswith(("pytest", "ruff")) for line in everything)
    some = requirements({"torch": "2.11.0", "ray": "2.60.0", "scipy": None, "mujoco": "1.0"})
    # The extra of Ray may be missing.
    assert set(everything) - set(some) == {"scipy==1.17.1", "torch==2.13.0", "torchvision==0.28.0"}


def test_wheels_that_are_there_are_dropped(tmp_path: Path) -> None:
    for name in ("large_one", "small_one"):
        wheel(tmp_path, name, 1)
    drop_installed(tmp_path, {"large-one": "1.0", "small-one": "2.0"})
    assert [path.name for path in tmp_path.iterdir()] == ["small_one-1.0-py3-none-any.whl"]


def test_a_platform_takes_the_wheels_of_older_ones() -> None:
    tags = platform_tags("manylinux_2_28_x86_64")
    assert {"manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"} <= set(tags)
    assert "manylinux_2_29_x86_64" not in tags
    assert platform_tags("win_amd64") == ["win_amd64"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: folder"),
        (["new", "--python", "3"], "must be a version such as 3.12, not '3'"),
        (["new", "--part-mib", "0"], "must be a whole number of MiB above 0, not '0'"),
        (["new", "--installed", "none.txt"], "--installed none.txt"),
        (["."], ". must be a new or an empty folder"),
    ],
)
def test_refusals(arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as raised:
        pack.run(arguments)
    assert sentence in str(raised.value) and not (tmp_path / "new").exists()


def test_the_error_of_pip_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        RunError, match="^pip download failed: No matching distribution|^pip download failed: Could not"
    ):
        pack.pip("download", "--no-index", "--no-deps", "--dest", str(tmp_path), "no-such-package==1.0")


@pytest.mark.slow
def test_packages_are_packed_and_installed_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pack, "requirements", lambda there: ["omegaconf==2.3.1", "tqdm==4.70.1"])
    installed = tmp_path / "freeze.txt"
    installed.write_text("tqdm==4.70.1\n")
    monkeypatch.setattr(pack, "MIB", 2**19)  # PyYAML, of 0.8 MB, is cut
    folder, venv = tmp_path / "wheels", tmp_path / "venv"
    assert pack.run([str(folder), "--part-mib", "1", "--installed", str(installed)]) == 0
    result = result_of(capsys.readouterr().out)
    assert result["wheels"] == 3 and len(result["part_bytes"]) >= 2  # omegaconf, antlr4 and PyYAML
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, timeout=120)
    python = venv / "bin" / "python"
    subprocess.run(["sh", str(folder / "install.sh"), str(python)], check=True, timeout=120)
    code = "import omegaconf; print(omegaconf.OmegaConf.create({'a': 1, 'b': '${a}'}).b)"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]
