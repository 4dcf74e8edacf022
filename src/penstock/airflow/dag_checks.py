"""Checks of a DAG file: import it as Airflow does, then validate and serialize its DAGs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from airflow.dag_processing.importers import get_importer_registry
from airflow.serialization.serialized_objects import DagSerialization
from jinja2 import TemplateNotFound


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a DAG file, or a note about it.

    Args:
        file: Path relative to the project.
        line: Line number, if known.
        message: Message of the cause.
        hint: How to fix it.
    """

    file: str
    line: int | None
    message: str
    hint: str | None = None

    def fields(self) -> dict[str, Any]:
        """The problem as a JSON object."""
        return asdict(self)


@dataclass(slots=True)
class Imported:
    """The DAGs and problems of one file."""

    dags: list[Any] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


def import_file(path: Path, root: Path) -> Imported:
    """Import a file and check its DAGs."""
    importer = get_importer_registry().get_importer(str(path))
    result = importer.import_file(str(path), bundle_path=root / "dags")
    found = Imported()
    shown = path.relative_to(root).as_posix()
    for error in result.errors:
        report = error.stacktrace or error.message
        file, line = place(report, path, root)
        found.problems.append(Problem(file, line, message(report), _remedy(report)))
    tree = None if found.problems else ast.parse(path.read_bytes())
    for dag in sorted(result.dags, key=lambda one: str(one.dag_id)):
        found.dags.append(dag)
        line = None if tree is None else _line_of(tree, dag.dag_id)
        found.problems += [Problem(shown, line, f"{dag.dag_id}: {text}") for text in _wrong(dag)]
    if tree is not None:
        found.problems += _twice(tree, shown)
    if tree is not None and not found.dags:
        found.notes.append(_without_dag(tree, shown))
    return found


def duplicates(made: Mapping[str, Sequence[Path]], root: Path) -> Iterator[Problem]:
    """DAGs with the same id in several files: the last one that Airflow reads silently replaces the others."""
    for dag_id, paths in made.items():
        if len(paths) > 1:
            places = [_place_of(path, dag_id, root) for path in paths]
            others = ", ".join(f"{file}:{line}" if line else file for file, line in places[:-1])
            file, line = places[-1]
            yield Problem(
                file, line, f"duplicate DAG id {dag_id!r}, also in {others}", "rename one of the DAGs"
            )


def skipped(folder: Path, read: Sequence[Path], root: Path) -> Iterator[tuple[bool, Problem]]:
    """Files that Airflow skips silently, and whether that looks wrong because the file seems to define a DAG."""
    every = {Path(path) for path in get_importer_registry().list_dag_files(folder, safe_mode=False)}
    for path in sorted(every.difference(read)):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue  # the import reports it
        makers = [node.lineno for node in tree.body if _makes_dag(node)]
        text = "Airflow skips this file: it does not contain both words, airflow and dag"
        hint = "add a comment with both words" if makers else None
        yield bool(makers), Problem(path.relative_to(root).as_posix(), min(makers, default=None), text, hint)


def _twice(tree: ast.Module, shown: str) -> Iterator[Problem]:
    """DAGs with the same id in one file, unless one of them is defined conditionally."""
    seen: dict[str, int] = {}
    for node in tree.body:
        made = [item.context_expr for item in node.items] if isinstance(node, ast.With) else []
        made += [node.value] if isinstance(node, ast.Assign | ast.Expr) else []
        for call in made:
            if isinstance(call, ast.Call) and _called(call) == "DAG" and (name := _name_in(call)) is not None:
                if name in seen:
                    text = f"duplicate DAG id {name!r}, also in line {seen[name]}"
                    yield Problem(shown, call.lineno, text, "rename one of the DAGs")
                seen.setdefault(name, call.lineno)


def _wrong(dag: Any) -> Iterator[str]:
    """The errors that Airflow raises when it validates and serializes the DAG."""
    for check in (dag.validate, dag.check_cycle, lambda: DagSerialization.serialize_dag(dag)):
        try:
            check()
        except Exception as error:  # noqa: BLE001  # report whatever the DAG's code raises
            yield f"{type(error).__name__}: {error}"
            return
    environment = dag.get_template_env()
    for task in dag.tasks:
        for name in task.template_fields:
            value = getattr(task, name, None)
            if isinstance(value, str) and value.endswith(tuple(task.template_ext)) and task.template_ext:
                try:
                    environment.get_template(value)
                except TemplateNotFound:
                    yield f"{task.task_id}: {name} names a missing file: {value}"
                except Exception as error:  # noqa: BLE001  # as above
                    yield f"{task.task_id}: {value}: {type(error).__name__}: {error}"


def _remedy(report: str) -> str | None:
    if "ModuleNotFoundError" in report:
        return "if this is a package, install it and add it to requirements.txt"
    if "VARIABLE_NOT_FOUND" in report:
        return "penstock variable set NAME VALUE; better, read the variable in a task instead of at import"
    return None


def _without_dag(tree: ast.Module, shown: str) -> Problem:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(_called(one) == "dag" for one in node.decorator_list):
            return Problem(
                shown, node.lineno, f"defines no DAG: {node.name} is decorated with @dag but never called"
            )
    return Problem(shown, None, "defines no DAG")


def _place_of(path: Path, dag_id: str, root: Path) -> tuple[str, int | None]:
    return path.relative_to(root).as_posix(), _line_of(ast.parse(path.read_bytes()), dag_id)


def _line_of(tree: ast.Module, dag_id: str) -> int | None:
    """The line that defines the DAG; None if its id is computed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(_called(one) == "dag" for one in node.decorator_list):
            if node.name == dag_id:
                return node.lineno
        elif isinstance(node, ast.Call) and _called(node) in ("DAG", "dag") and _name_in(node) == dag_id:
            return node.lineno
    return None


def _name_in(call: ast.Call) -> str | None:
    """The DAG's id, if it is a literal."""
    named = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "dag_id")]
    texts = [one.value for one in named if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return texts[0] if texts else None


def _makes_dag(node: ast.stmt) -> bool:
    calls = (one for one in ast.walk(node) if isinstance(one, ast.Call))
    is_definition = isinstance(node, ast.FunctionDef | ast.ClassDef)
    return not is_definition and any("dag" in _called(call).lower() for call in calls)


def _called(node: ast.expr) -> str:
    func = node.func if isinstance(node, ast.Call) else node
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)


def cause(report: str, path: Path, root: Path) -> str:
    r"""Return the error as one line, such as `dags/sales.py:3: ModuleNotFoundError: No module named 'pandsa'`.

    Args:
        report: The text of a traceback, or a message.
        path: The DAG file, used if the traceback names no other file of the project.
        root: The project's directory.

    Example:
        >>> cause("KeyError: 'x'", Path("/p/dags/a.py"), Path("/p"))
        "dags/a.py: KeyError: 'x'"
    """
    file, line = place(report, path, root)
    return f"{file}{f':{line}' if line else ''}: {message(report)}"


def place(report: str, path: Path, root: Path) -> tuple[str, int | None]:
    """Return file and line of the last traceback frame in the project; modules below `include/` count."""
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    for match in reversed(list(_FRAME.finditer(report))):
        file = Path(match["file"])
        if file.is_relative_to(root) and ".penstock" not in file.parts and ".venv" not in file.parts:
            return file.relative_to(root).as_posix(), int(match["line"])
    return shown, None


def message(report: str) -> str:
    r"""Return the last error of the traceback, without its frames.

    Example:
        >>> message('Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: two\nlines')
        'ValueError: two lines'
    """
    lines = report.strip().splitlines()
    frames = [at for at, line in enumerate(lines) if _FRAME.match(line)]
    after = lines[frames[-1] + 1 :] if frames else lines
    begins = next((at for at, line in enumerate(after) if not line.startswith(" ")), 0)
    return " ".join(line.strip() for line in after[begins:] if line.strip())
