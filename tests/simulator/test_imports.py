"""The order of the simulator's folders, read from its import statements."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ["things", "rooms", "world", "wire"]
"""Each folder may import from itself and from those before it."""
REPOSITORY = {path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file()}
"""Top-level packages of this repository."""


def imported(path: Path) -> set[str]:
    """The modules that a file imports anywhere, as dotted names: `from a import b` counts as a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_the_simulator_imports_no_other_package_of_the_repository():
    assert {"simulator", "actors"} <= REPOSITORY
    for path in (ROOT / "simulator").rglob("*.py"):
        assert {module.split(".")[0] for module in imported(path)} & REPOSITORY <= {"simulator"}, path


@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_import_one_way(folder):
    paths = list((ROOT / "simulator" / folder).glob("*.py"))
    assert len(paths) > 1
    allowed = FOLDERS[: FOLDERS.index(folder) + 1]
    for path in paths:
        for module in imported(path):
            if module.split(".")[0] == "simulator":
                assert module.split(".")[1] in allowed, f"{path} imports {module}"


def test_every_module_is_in_one_of_the_folders():
    assert {path.name for path in (ROOT / "simulator").glob("*.py")} == {"__init__.py", "__main__.py"}
    assert {path.parent.name for path in (ROOT / "simulator").glob("*/*.py")} == set(FOLDERS)
