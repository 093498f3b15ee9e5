"""`./playpen pack`: packs the wheels that a machine without a network lacks, and a script that installs them there.

pip chooses and downloads the wheels. They are written into tar files of a bounded size ("parts"), since some ways to
such a machine carry only so much at a time; a wheel above that size is cut into pieces.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cluster.command.parser import Parser
from cluster.command.result_line import print_result
from common.errors import RunError, UsageError

ROOT = Path(__file__).resolve().parents[2]
INSTALL_SCRIPT = Path(__file__).with_name("pack_install.sh")
SUMS = "SHA256SUMS"
EXTRAS = ("mask-rcnn",)
"""Extras of pyproject.toml that are packed; those of developers are not."""
SOURCE_ONLY = ("antlr4-python3-runtime",)
"""Packages in plain Python without a wheel: pip makes one here, which fits all machines."""
WITH_TORCH = ("torchvision", "triton")
"""Packages that belong to a certain torch, beside those whose names begin with nvidia- or cuda-."""
SAME_MODULE = {"opencv-python": "opencv-python-headless"}
"""A package -> one that owns the same module, so that only one of the two may be installed."""
LEGACY_TAGS = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
"""Older names of platforms, by the minor version of glibc 2 that they stand for."""
MIB = 2**20
MEMBER_BYTES = 3 * tarfile.BLOCKSIZE + tarfile.BLOCKSIZE
"""Bytes of a file in a tar file beside its content, at most: headers (three if the name is long) and padding."""


@dataclass(frozen=True)
class Piece:
    """Bytes `start` to `end` of a wheel, under a name of their own."""

    wheel: str
    name: str
    start: int
    end: int

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.end - self.start


def run(arguments: list[str]) -> int:
    """Packs the wheels and returns the exit code."""
    options = parser().parse_args(arguments)
    folder: Path = options.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} must be a new or an empty folder")
    there = read_installed(options.installed) if options.installed else {}
    wanted = requirements(there)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".wheels-") as temporary:
        wheels = Path(temporary)
        download(wanted, options.python, platform_tags(options.platform), wheels)
        drop_installed(wheels, there)
        if not any(wheels.iterdir()):
            raise UsageError(f"--installed {options.installed}: nothing is missing on that machine")
        parts = write_parts(wheels, folder, options.part_mib * MIB)
    table = Table("part", "MiB", "wheels (pieces of them)")
    for path, pieces in parts.items():
        names = ", ".join(piece.name.split("-")[0] + ("" if piece.name == piece.wheel else "...") for piece in pieces)
        table.add_row(path.name, f"{path.stat().st_size / MIB:.1f}", names)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    print(f"On the machine: sh {folder.name}/{INSTALL_SCRIPT.name.removeprefix('pack_')} [--target DIR] [PYTHON]")
    wheel_count = len({piece.wheel for pieces in parts.values() for piece in pieces})
    sizes = {path.name: path.stat().st_size for path in parts}
    print_result({"folder": str(folder), "python": options.python, "wheels": wheel_count, "part_bytes": sizes})
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    found = Parser(prog="./playpen pack")
    found.add_argument("folder", type=Path)
    found.add_argument("--python", type=python_version, default=f"{sys.version_info.major}.{sys.version_info.minor}")
    found.add_argument("--platform", default=this_platform())
    found.add_argument("--part-mib", type=part_mib, default=60)
    found.add_argument("--installed", type=Path)
    return found


def python_version(text: str) -> str:
    """Parses a version such as 3.12."""
    if not re.fullmatch(r"3\.\d+", text):
        raise argparse.ArgumentTypeError(f"must be a version such as 3.12, not '{text}'")
    return text


def part_mib(text: str) -> int:
    """Parses a size of parts in MiB."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of MiB above 0, not '{text}'")
    return int(text)


def this_platform() -> str:
    """The platform of this machine as wheels name it, such as manylinux_2_36_x86_64."""
    library, version = platform.libc_ver()
    major, _, minor = version.partition(".")
    return f"manylinux_{major}_{minor}_{platform.machine()}" if library == "glibc" else "any"


def platform_tags(name: str) -> list[str]:
    """All platforms whose wheels run on `name`; pip itself compares names literally.

    A manylinux_2_N platform takes the wheels of all older ones, under their older names too.
    """
    match = re.fullmatch(r"manylinux_2_(\d+)_(\w+)", name)
    if not match:
        return [name]
    newest, machine = int(match[1]), match[2]
    tags = []
    for minor in range(newest, 4, -1):
        tags.append(f"manylinux_2_{minor}_{machine}")
        if minor in LEGACY_TAGS:
            tags.append(f"{LEGACY_TAGS[minor]}_{machine}")
    return tags


def canonical(name: str) -> str:
    """A package's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_installed(path: Path) -> dict[str, str | None]:
    """Reads the packages that a machine has: name -> version, or None for any version.

    Args:
        path: the output of `pip freeze` or `pip list --format=freeze`. A name alone leaves the package out whatever its
            version, and so do a path or an address in place of the version.

    Raises:
        UsageError: the file cannot be read, or a line is neither.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--installed {path}: {error}") from error
    found: dict[str, str | None] = {}
    for line in lines:
        text = line.partition("#")[0].strip()
        if not text or text.startswith("-"):
            continue
        match = re.fullmatch(r"([A-Za-z0-9][\w.-]*)(?:==([\w.!+-]+)| *@ .*)?", text)
        if not match:
            raise UsageError(f"--installed {path}: '{text}' is no line of `pip freeze`, such as numpy==2.4.6")
        found[canonical(match[1])] = match[2]
    return found


def is_there(name: str, version: str, there: Mapping[str, str | None]) -> bool:
    """Whether a machine has a package in this version, or one that may not be replaced.

    Where torch is installed, it and what belongs to it stay as they are: they fit that machine's GPU.
    """
    name = canonical(name)
    belongs_to_torch = name == "torch" or name in WITH_TORCH or name.startswith(("nvidia-", "cuda-"))
    if "torch" in there and belongs_to_torch:
        # A torchvision of another torch would not work, so where it is missing it stays missing.
        return True
    if SAME_MODULE.get(name) in there:
        return True
    # A local part, such as +cu130, tells the build, not the version.
    return name in there and there[name] in (None, version, version.partition("+")[0])


def requirements(there: Mapping[str, str | None]) -> list[str]:
    """The requirements of this repository that a machine lacks, as pyproject.toml has them.

    Wheels that they lead to and that are there are dropped after the download.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in EXTRAS:
        lines += project["optional-dependencies"][extra]
    missing = []
    for line in lines:
        name, _, version = line.partition("==")
        # What an extra such as ray[default] brings may be missing although the package itself is there.
        if "[" in name or not is_there(name, version, there):
            missing.append(line)
    return missing


def download(wanted: Iterable[str], python: str, tags: Iterable[str], folder: Path) -> None:
    """Downloads wheels of the requirements, and of what they need, in the versions of constraints.txt.

    Raises:
        RunError: pip found no such wheel, or could not download it.
    """
    constraints = ROOT / "constraints.txt"
    pinned = dict(
        line.split("==") for line in constraints.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    )
    pip("wheel", "--no-deps", "--wheel-dir", str(folder), *(f"{name}=={pinned[name]}" for name in SOURCE_ONLY))
    platforms = [word for tag in tags for word in ("--platform", tag)]
    pip(
        "download",
        *("--dest", str(folder), "--find-links", str(folder), "--only-binary", ":all:"),
        *("--python-version", python, "--implementation", "cp", *platforms),
        *("--constraint", str(constraints), *wanted),
    )


def pip(*arguments: str) -> None:
    """Runs pip with its standard options.

    Raises:
        RunError: it failed; the message is pip's first error.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", arguments[0], "--quiet", *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PIP_NO_INPUT": "1"})
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        reason = errors[0].removeprefix("ERROR: ") if errors else " ".join(done.stderr.split())[-300:]
        raise RunError(f"pip {arguments[0]} failed: {reason}")


def drop_installed(wheels: Path, there: Mapping[str, str | None]) -> None:
    """Removes the wheels that a machine has already."""
    for path in wheels.glob("*.whl"):
        name, version = path.name.split("-")[:2]
        if is_there(name, version, there):
            path.unlink()


def plan_parts(sizes: Mapping[str, int], part_bytes: int) -> list[list[Piece]]:
    """Distributes wheels over parts, large ones first, each into the first part that has room.

    Args:
        sizes: bytes of each wheel.
        part_bytes: size of a part's tar file, at most.
    """
    room = part_bytes - tarfile.RECORDSIZE  # what a tar file is padded with at its end
    pieces = []
    for wheel, size in sizes.items():
        step = room - MEMBER_BYTES
        if size <= step:
            pieces.append(Piece(wheel, wheel, 0, size))
            continue
        for number, start in enumerate(range(0, size, step)):
            pieces.append(Piece(wheel, f"{wheel}.{number:03}", start, min(size, start + step)))
    parts: list[list[Piece]] = []
    left: list[int] = []
    for piece in sorted(pieces, key=lambda piece: (-piece.size, piece.name)):
        needed = piece.size + MEMBER_BYTES
        number = next((number for number, free in enumerate(left) if free >= needed), len(left))
        if number == len(left):
            parts.append([])
            left.append(room)
        parts[number].append(piece)
        left[number] -= needed
    return parts


def write_parts(wheels: Path, folder: Path, part_bytes: int) -> dict[Path, list[Piece]]:
    """Writes part-01.tar and so on, the sums of the wheels, and the script; returns what each part holds."""
    files = {path.name: path for path in sorted(wheels.glob("*.whl"))}
    sums = []
    for name, path in files.items():
        with path.open("rb") as file:
            sums.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n")
    written = {}
    plan = plan_parts({name: path.stat().st_size for name, path in files.items()}, part_bytes)
    for number, pieces in enumerate(plan, start=1):
        part = folder / f"part-{number:02}.tar"
        with tarfile.open(part, "w", format=tarfile.GNU_FORMAT) as tar:
            for piece in pieces:
                entry = tarfile.TarInfo(piece.name)
                entry.size = piece.size
                with files[piece.wheel].open("rb") as file:
                    file.seek(piece.start)
                    tar.addfile(entry, file)
        written[part] = pieces
    (folder / SUMS).write_text("".join(sums), encoding="utf-8")
    script = folder / INSTALL_SCRIPT.name.removeprefix("pack_")
    shutil.copyfile(INSTALL_SCRIPT, script)
    script.chmod(0o755)
    return written
