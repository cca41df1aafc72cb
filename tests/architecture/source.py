"""The source files under test, parsed once, and what they import and call."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from fieldops.modules import MODULES

ROOT = Path(__file__).parents[2]


@lru_cache(maxsize=1000)
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def shown(path: Path, line: int | None = None) -> str:
    name = path.relative_to(ROOT).as_posix()
    return name if line is None else f"{name}:{line}"


def module_files() -> Iterator[tuple[str, str, Path]]:
    """Yield (module, its piece of furniture, file) for every file of every module.

    The files of a folder (commands/) are all of that piece.
    """
    for module in MODULES:
        for path in files(f"fieldops/{module}"):
            inside = path.relative_to(ROOT / "fieldops" / module)
            yield module, inside.parts[0].removesuffix(".py"), path


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (full name, line) of every call, with the file's imports resolved.

    `select(...)` after `from sqlalchemy import select` is "sqlalchemy.select"; a call on an
    object of unknown kind is "?.commit".
    """
    names = imported(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield _name(node.func, names), node.lineno


def references(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (full name, line) of every use of something imported."""
    names = imported(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            yield _name(node, names), node.lineno
        elif isinstance(node, ast.Name) and node.id in names:
            yield names[node.id], node.lineno


def imported(path: Path) -> dict[str, str]:
    """Return what the file's names stand for: local name to full name."""
    names: dict[str, str] = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.split(".")[0]
                names[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _name(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        before = (
            _name(node.value, names) if isinstance(node.value, ast.Name | ast.Attribute) else "?"
        )
        known = before.split(".")[0] in {full.split(".")[0] for full in names.values()}
        return f"{before if known else '?'}.{node.attr}"
    return "?"
