"""Parses a project's DAGs with the Airflow of this environment: `python upgrade_probe.py PROJECT`.

It imports nothing from Penstock, because the environment may have another version of it or none. The last line of its
output is JSON.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FOLDERS = ("dags", "plugins", "include")
Problem = tuple[str, str, str]  # kind, place, message

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
_WARNED = re.compile(r"^(?P<file>.+?):(?P<line>\d+): (?P<kind>\w+): (?P<message>.*)", re.DOTALL)


def main() -> int:
    """Print the DAGs and the problems."""
    root = Path(sys.argv[1]).resolve()
    sys.path[:0] = [str(root), str(root / "dags"), str(root / "plugins")]
    dags, problems = _bag(root)
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            problems += _imports(path, root)
    print(json.dumps({"dags": sorted(dags), "problems": sorted(set(problems))}))  # noqa: T201  # its answer
    return 0


def _bag(root: Path) -> tuple[set[str], list[Problem]]:
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # before Airflow 3.1
        from airflow.models.dagbag import DagBag
    bag: Any = DagBag(str(root / "dags"))
    problems = [_error(text, Path(path), root) for path, text in bag.import_errors.items()]
    for caught in getattr(bag, "captured_warnings", {}).values():
        problems += [one for text in caught if (one := _warning(text, root)) is not None]
    return set(bag.dags), problems


def _error(text: str, path: Path, root: Path) -> Problem:
    """The last traceback frame in the project, and the error message."""
    frames = [found for found in _FRAME.finditer(text) if Path(found["file"]).is_relative_to(root)]
    last = [line for line in text.strip().splitlines() if line.strip()]
    where = f"{_shown(Path(frames[-1]['file']), root)}:{frames[-1]['line']}" if frames else _shown(path, root)
    return "parse", where, _line(last[-1]).replace(f"{root}/", "") if last else "cannot be imported"


def _warning(text: str, root: Path) -> Problem | None:
    found = _WARNED.match(text)
    if found is None or not _is_deprecation(found["kind"]) or not Path(found["file"]).is_relative_to(root):
        return None
    return "deprecation", f"{_shown(Path(found['file']), root)}:{found['line']}", _line(found["message"])


def _imports(path: Path, root: Path) -> Iterator[Problem]:
    """Imports anywhere in the file, also in functions, that are missing or deprecated."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8", errors="replace"))
    except (SyntaxError, ValueError):
        return  # reported by the DagBag, if it is a DAG file
    own = {one.stem for one in root.iterdir()} | {
        one.stem for folder in FOLDERS for one in (root / folder).glob("*")
    }
    for node, guarded in _walk(tree):
        for module, name in _named(node):
            if module.split(".")[0] in own or guarded:
                continue
            where = f"{_shown(path, root)}:{node.lineno}"
            yield from _tried(module, name, where)


def _walk(tree: ast.AST) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Every import, and whether it is guarded by a try block or TYPE_CHECKING."""

    def visit(node: ast.AST, guarded: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, guarded
        inside = (
            guarded
            or isinstance(node, ast.Try)
            or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        )
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    return visit(tree, False)


def _named(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str | None]]:
    if isinstance(node, ast.Import):
        yield from ((one.name, None) for one in node.names)
    elif node.level == 0 and node.module:
        yield from ((node.module, one.name) for one in node.names if one.name != "*")


def _tried(module: str, name: str | None, where: str) -> Iterator[Problem]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = importlib.import_module(module)
            if name is not None and not hasattr(found, name) and find_spec(f"{module}.{name}") is None:
                yield "import", where, f"{module} has no {name!r}"
        except ModuleNotFoundError as error:
            inside = (
                name is not None and error.name == f"{module}.{name}"
            )  # the module exists, but is not a package
            yield "import", where, f"{module} has no {name!r}" if inside else f"missing module {error.name}"
        except Exception as error:  # noqa: BLE001  # a module can raise anything at import
            yield "import", where, _line(f"{module}: {type(error).__name__}: {error}")
    for one in caught:
        if _is_deprecation(one.category.__name__) and (name or module.rpartition(".")[2]) in str(one.message):
            yield "deprecation", where, _line(str(one.message))


def _is_deprecation(kind: str) -> bool:
    return "Deprecat" in kind or "RemovedIn" in kind


def _line(text: str) -> str:
    """The text in one line, without the paths of installed modules, which differ between environments."""
    return re.sub(r" \((/[^()]+\.py|unknown location)\)", "", " ".join(text.split()))


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


if __name__ == "__main__":
    sys.exit(main())
