"""The structure of the code: which module may import which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("actors", "cluster", "common", "evaluation", "learner", "models", "replay", "simulator")
SYSTEMS = ("interaction", "hide_and_seek")


def modules() -> dict[str, Path]:
    """All modules of these folders by dotted name."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imports(path: Path) -> Iterator[str]:
    """Modules of these folders that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in inner]
        else:
            continue
        yield from (name for name in names if name in MODULES)


GRAPH = {name: sorted(set(imports(path)) - {name}) for name, path in MODULES.items()}


def system_of(module: str) -> str | None:
    """The system that a module belongs to; None for the chassis."""
    parts = module.split(".")
    return next((part for part in parts[1:] if part in SYSTEMS), None)


def test_the_chassis_imports_no_system() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        if system_of(name) is None
        for other in others
        if system_of(other) is not None
    ]
    assert not wrong, "\n".join(wrong)


def test_no_system_imports_another() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        for other in others
        if system_of(name) and system_of(other) and system_of(name) != system_of(other)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("simulator", ()),
        ("common", ()),
        ("replay", ("common",)),
    ],
)
def test_folders_that_stand_alone(folder: str, allowed: tuple[str, ...]) -> None:
    wrong = [
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        if name.split(".")[0] == folder
        for other in others
        if other.split(".")[0] not in (folder, *allowed)
    ]
    assert not wrong, "\n".join(wrong)


def test_only_cluster_imports_cluster() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        if name.split(".")[0] != "cluster"
        for other in others
        if other.split(".")[0] == "cluster"
    ]
    assert not wrong, "\n".join(wrong)


def circles(graph: dict[str, list[str]]) -> list[list[str]]:
    """Strongly connected components of more than one module (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component: list[str] = []
            while not component or component[-1] != node:
                component.append(stack.pop())
            if len(component) > 1:
                found.append(sorted(component))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_no_import_circles() -> None:
    assert circles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}) == [["a", "b", "c"]]
    assert not circles(GRAPH)


def test_long_files_say_why() -> None:
    """A module of more than 400 lines gives a reason in its docstring; so does a test module."""
    for path in (*MODULES.values(), *sorted((ROOT / "tests").rglob("*.py"))):
        text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT)
        if len(text.splitlines()) > 400:
            docstring = ast.get_docstring(ast.parse(text)) or ""
            assert "one file because" in docstring, f"{name} has more than 400 lines and gives no reason"
