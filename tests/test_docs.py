"""The repository explains itself: what its files refer to lies inside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = tuple(
    path.name
    for path in sorted(ROOT.iterdir())
    if path.is_dir() and not path.name.startswith(".") and path.name not in ("outputs", "multirun", "wandb", "build")
)
SUFFIXES = {".py", ".md", ".yaml", ".yml", ".toml", ".txt"}

OUTSIDE = re.compile(
    r"\bspec/|\bspec sections?\b|\bspec's\b|\bthor-protocol\b|\bDESIGN\b|\bshared/|/work/|(?<![(\[/`\w])stack\.md"
)
"""Names of documents that do not belong to the repository."""
REFERENCE = re.compile(r"(docs/[\w./-]+\.md)(?:, \"?([A-Z][^)]*))?")
"""A document by its path and, after a comma, one of its headings: `docs/interaction.md, Losses`."""
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]*)(?:#([^)\s]+))?\)(?:, \"([^\"]+)\")?")
"""A Markdown link: path, anchor, and a heading in quotation marks after it."""
FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")


CODE_PATH = re.compile(r"`((?:\w+/)+[\w.]+\.(?:py|yaml|md))`")
"""A file of the repository that a Markdown file names as code, by its path from the top."""


def files_of(folder: str) -> Iterator[Path]:
    """Text files below a folder of the repository, or at its top level for ".", but not this one."""
    found = ROOT.glob("*") if folder == "." else (ROOT / folder).rglob("*")
    for path in sorted(found):
        text = path.suffix in SUFFIXES or path.name in ("playpen", "LICENSE")
        if text and path.is_file() and ".egg-info" not in str(path) and path != Path(__file__):
            yield path


@cache
def headings(path: Path) -> tuple[str, ...]:
    """The headings of a Markdown file, without marks."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return tuple(re.findall(r"^#+ (.+?) *$", text, re.MULTILINE))


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def flowing(text: str) -> str:
    """Text with its line breaks, indents and comment signs turned into single spaces."""
    return re.sub(r"\s*\n[\s#>|]*", " ", text)


@pytest.mark.parametrize("folder", [".", *FOLDERS])
def test_nothing_refers_to_documents_outside(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files_of(folder)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if OUTSIDE.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("folder", [".", *FOLDERS])
def test_references_to_documents_resolve(folder: str) -> None:
    broken = []
    for path in files_of(folder):
        for document, section in REFERENCE.findall(flowing(path.read_text(encoding="utf-8"))):
            target = ROOT / document
            if not target.is_file():
                broken.append(f"{path.relative_to(ROOT)}: there is no {document}")
            elif section and not section.startswith(headings(target)):
                broken.append(f"{path.relative_to(ROOT)}: {document} has no section '{section[:40]}'")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("folder", [".", *FOLDERS])
def test_links_resolve(folder: str) -> None:
    broken = []
    for path in files_of(folder):
        if path.suffix != ".md":
            continue
        text = CODE.sub("", FENCE.sub("", path.read_text(encoding="utf-8")))
        for link, anchor, section in LINK.findall(flowing(text)):
            if link.startswith(("http://", "https://", "mailto:")):
                continue
            target = (path.parent / link).resolve() if link else path
            if not target.exists():
                broken.append(f"{path.relative_to(ROOT)}: there is no {link}")
            elif anchor and anchor not in map(slug, headings(target)):
                broken.append(f"{path.relative_to(ROOT)}: {link} has no anchor #{anchor}")
            elif section and target.suffix == ".md" and section not in headings(target):
                broken.append(f"{path.relative_to(ROOT)}: {link} has no section '{section}'")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("folder", [".", *FOLDERS])
def test_files_that_documents_name_exist(folder: str) -> None:
    missing = [
        f"{path.relative_to(ROOT)}: there is no {name}"
        for path in files_of(folder)
        if path.suffix == ".md"
        for name in CODE_PATH.findall(FENCE.sub("", path.read_text(encoding="utf-8")))
        if not (ROOT / name).exists() and not (path.parent / name).exists()
    ]
    assert not missing, "\n".join(missing)


def test_the_patterns_find_what_they_are_for() -> None:
    for text in (
        "(spec section 2)",
        "see spec/stack.md",
        "(DESIGN, How data flows 4)",
        "thor-protocol.md",
        "in stack.md",
    ):
        assert OUTSIDE.search(text), text
    for text in ("docs/stack.md", "[stack.md](stack.md)", "mujoco.MjSpec", "find_spec(name)", 'load("x")["spec"]'):
        assert not OUTSIDE.search(text), text
    (found,) = REFERENCE.findall(flowing('"""Losses (docs/interaction.md, From maps to\n    instances)."""'))
    assert found == ("docs/interaction.md", "From maps to instances")
    assert REFERENCE.findall("docs/predict.md, which says")[0] == ("docs/predict.md", "")
    assert slug("What holds, always (in short)") == "what-holds-always-in-short"


def test_the_hooks_check_what_the_tests_check() -> None:
    """`.pre-commit-config.yaml` has the folders of `./playpen test`."""
    script = (ROOT / "playpen").read_text(encoding="utf-8")
    (packages,) = re.findall(r"local packages=\(([^)]*)\)", script)
    for tool in ("ruff check", "ruff format --check", "mypy"):
        assert f'"$python" -m {tool} "${{packages[@]}}" tests\n' in script
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    folders = [*packages.split(), "tests"]
    assert {hook["id"]: hook["args"] for hook in hooks} == dict.fromkeys(("ruff-check", "ruff-format", "mypy"), folders)
