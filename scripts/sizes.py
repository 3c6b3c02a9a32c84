"""Measure the modules, classes and functions of the package, and fail if some are too long.

    scripts/sizes.py [src]

Exit status 0: all are within their bounds. 1: some are not; a line of standard error names each.

A module of data may be of any length. In such a module at least three quarters of the lines of code (without imports,
docstrings, comments and empty lines) are assignments at the top level, such as tables.
"""

import ast
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeGuard

ROOT = Path(__file__).resolve().parents[1]
MODULE = 400
"""Most lines of a module."""
CLASS = 300
"""Most lines of a class, its docstring included."""
FUNCTION = 60
"""Most lines of a function, its docstring included and its decorators left out."""
MOST_FUNCTIONS = 20
"""Most lines of nine in ten functions."""
DATA = 0.75
"""Least share of assignments in the lines of code of a module of data, 0 to 1."""


class Size(NamedTuple):
    """The length of a module, class or function, and where it is."""

    lines: int
    place: str


class Sizes(NamedTuple):
    """All sizes measured; `modules` leaves out modules of data."""

    modules: list[Size]
    classes: list[Size]
    functions: list[Size]


def measure(sources: Iterable[tuple[str, str]]) -> Sizes:
    """The sizes in some modules, each given as its path and its text."""
    sizes = Sizes([], [], [])
    for path, text in sources:
        tree = ast.parse(text, path)
        if not is_data(text, tree):
            sizes.modules.append(Size(len(text.splitlines()), path))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                sizes.classes.append(_size(node, path))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                sizes.functions.append(_size(node, path))
    return sizes


def _size(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, path: str) -> Size:
    return Size(len(_span(node)), f"{path}:{node.lineno} {node.name}")


def is_data(text: str, tree: ast.Module) -> bool:
    """Whether a module is a module of data, see above."""
    code = {number for number, line in enumerate(text.splitlines(), start=1) if line.strip(" ")[:1] not in ("", "#")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_docstring(node):
            code -= _span(node)
    tables = [_span(node) for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return bool(code) and len(code & set().union(*tables)) >= DATA * len(code)


def _is_docstring(node: ast.AST) -> TypeGuard[ast.Expr]:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _span(node: ast.stmt) -> set[int]:
    """The numbers of the lines of a statement."""
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def ninth_decile(sizes: Sequence[Size]) -> int:
    """The number of lines that nine in ten do not exceed; 0 for no sizes."""
    ordered = sorted(size.lines for size in sizes)
    return ordered[(9 * len(ordered) + 9) // 10 - 1] if ordered else 0


def faults(sizes: Sizes) -> list[str]:
    """A line for each excess, the longest first within each kind."""
    found = [
        f"{size.place}: a {kind} of {size.lines} lines, {bound} are allowed"
        for kind, bound, measured in (
            ("module", MODULE, sizes.modules),
            ("class", CLASS, sizes.classes),
            ("function", FUNCTION, sizes.functions),
        )
        for size in sorted(measured, reverse=True)
        if size.lines > bound
    ]
    most = ninth_decile(sizes.functions)
    if most > MOST_FUNCTIONS:
        longer = sum(size.lines > MOST_FUNCTIONS for size in sizes.functions)
        found.append(
            f"{longer} of {len(sizes.functions)} functions have more than {MOST_FUNCTIONS} lines "
            f"(nine in ten have up to {most}); one in ten may"
        )
    return found


def summary(sizes: Sizes) -> str:
    """One line that names the longest of each kind."""
    longest = [
        f"{kind} {max(measured).lines} ({max(measured).place})"
        for kind, measured in zip(("module", "class", "function"), sizes, strict=True)
        if measured
    ]
    return f"longest: {', '.join(longest)}; nine in ten functions up to {ninth_decile(sizes.functions)} lines"


def main() -> None:
    """Measure the Python files of a folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "src"
    files = sorted(folder.resolve().rglob("*.py"))
    if not files:
        sys.exit(f"{folder}: no Python file to measure")
    sizes = measure((str(_shown(file)), file.read_text(encoding="utf-8")) for file in files)
    print(summary(sizes))
    found = faults(sizes)
    for fault in found:
        print(fault, file=sys.stderr)
    sys.exit(1 if found else 0)


def _shown(file: Path) -> Path:
    """A path relative to the root of the project, if it is below it."""
    return file.relative_to(ROOT) if file.is_relative_to(ROOT) else file


if __name__ == "__main__":
    main()
