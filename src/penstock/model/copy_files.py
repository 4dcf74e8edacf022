"""Copies as files: the source, the target and the options of one copy, and the schedule of its DAG."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, cast, get_type_hints

from penstock.model.address import Files, parse
from penstock.model.date_arguments import parse_duration
from penstock.model.errors import PenstockError, UsageError
from penstock.model.options import CopyOptions, make_plan
from penstock.model.plan_files import read_document

SUFFIXES = (".yaml", ".yml", ".toml")
FOLDER = "copies"  # of a project: each file in it is a DAG
TASK = "copy"  # the task of such a DAG
_ENDS = ("source", "target")
_UNWRITTEN = frozenset({"answers", "pipeline", "task"})  # of a landing's plan, and of Airflow
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_DAG_ID = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class DagFields:
    """The fields of a copy's file that only its DAG uses. Their meanings are those of Airflow.

    Args:
        schedule: A cron expression, a preset such as ``@daily``, or the targets whose changes start a run.
        start_date: The first date that is scheduled.
        catchup: Whether dates since ``start_date`` are run when the DAG is new.
        retries: How often a failed task is run again.
        retry_delay: How long before, such as ``5 minutes``.
        pool: The pool of the task.
        description: One line about the DAG; by default, its source and target.
        tags: Labels of the DAG.
    """

    schedule: str | list[str] | None = None
    start_date: datetime | date = datetime(2000, 1, 1)  # noqa: DTZ001  # the DAG makes it UTC
    catchup: bool = False
    retries: int | None = None
    retry_delay: str | None = None
    pool: str | None = None
    description: str | None = None
    tags: list[str] = field(default_factory=lambda: ["copy"])


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFile:
    """What a copy's file holds.

    Args:
        options: The options of the copy.
        dag: What its DAG needs besides.
        text: The file's text.
    """

    path: Path
    source: str
    target: str
    options: CopyOptions
    dag: DagFields
    text: str

    @property
    def name(self) -> str:
        """The DAG's id: the file's name without its suffix."""
        return self.path.stem

    @property
    def template(self) -> str | None:
        """The first value that only Airflow can fill in, such as ``data/{{ ds }}.csv``; None if there is none."""
        values = [self.source, self.target, *self.options.values()]
        return next((str(value) for value in values if _is_template(value)), None)

    def within(self, root: Path) -> CopyFile:
        """The copy as the project's DAG makes it: relative paths begin at its root, and the DAG owns the copy."""
        source = self.source if self.options.get("query") else _below(root, self.source)
        options = cast("CopyOptions", {**self.options, "pipeline": self.name, "task": TASK})
        return replace(self, source=source, target=_below(root, self.target), options=options)

    def error(self, message: str, hint: str | None, name: str | None = None) -> UsageError:
        """An error of the file, at the line of a field."""
        return _error(self.path, self.text, message, hint, name)


def read_copy(path: Path) -> CopyFile:
    """Read a copy's file. In the folder ``copies`` of a project, it is the copy that the project's DAG makes.

    Raises:
        UsageError: If the file holds something else, such as the plan of an API, or an invalid value. The message
            names the file and the line.
    """
    fields = read_document(path)
    text = path.read_text(encoding="utf-8")
    missing = [name for name in _ENDS if not isinstance(fields.get(name), str)]
    if missing:
        raise UsageError(
            f"'{path}' names no {missing[0]}",
            hint="a copy has source: FILE and target: connection:schema.table; "
            "the plan of an API lands in the lake: penstock copy plan.yaml lake:name",
        )
    given: dict[str, Any] = {}
    for name, value in fields.items():
        given[name] = _validated(path, text, name, _plain(name, value))
    dag = DagFields(**{name: given.pop(name) for name in _dag_hints() if name in given})
    source, target = given.pop("source"), given.pop("target")
    found = CopyFile(
        path=path, source=source, target=target, options=cast("CopyOptions", given), dag=dag, text=text
    )
    _check(found)
    folder = path.resolve().parent
    in_project = folder.name == FOLDER and (folder.parent / "penstock.toml").is_file()
    return found.within(folder.parent) if in_project else found


def write_copy(path: Path, source: str, target: str, options: Mapping[str, Any]) -> None:
    """Write a copy's file.

    Raises:
        UsageError: If it exists, or cannot be written.
    """
    import yaml

    fields = {"source": source, "target": target, **options}
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=1000)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(f"# penstock copy {path.name}\n{text}")
    except FileExistsError:
        raise UsageError(f"'{path}' exists already", hint="choose another name, or delete it first") from None
    except OSError as error:
        raise UsageError(f"cannot write '{path}': {error.strerror}", hint="check the path") from None


@cache
def _option_hints() -> dict[str, Any]:
    hints = get_type_hints(CopyOptions)
    return {name: hint for name, hint in hints.items() if name not in _UNWRITTEN}


@cache
def _dag_hints() -> dict[str, Any]:
    return get_type_hints(DagFields)


def _plain(name: str, value: Any) -> Any:
    """The value as an option has it: YAML reads 2013-02-01 as a date and ``no`` as false."""
    if name == "header" and isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, date) and name != "start_date" else value


def _is_template(value: object) -> bool:
    """Whether Airflow fills in a part of the value, or of a value in a list."""
    return _TEMPLATE.search(str(value)) is not None


def _validated(path: Path, text: str, name: str, value: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    hints = {**dict.fromkeys(_ENDS, str), **_option_hints(), **_dag_hints()}
    if name not in hints:
        near = get_close_matches(str(name), hints, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known fields: {', '.join(sorted(hints))}"
        raise _error(path, text, f"unknown field {name!r}", hint, name)
    if isinstance(value, str) and _is_template(value) and name in _option_hints():
        return value
    try:
        adapter = TypeAdapter(hints[name], config=ConfigDict(coerce_numbers_to_str=True))
        return adapter.validate_python(value)
    except ValidationError as problem:
        said = problem.errors(include_url=False, include_input=False)[0]["msg"]
        raise _error(path, text, f"{name}: {said}", "see docs/reference/copy.md", name) from None


def _check(found: CopyFile) -> None:
    """Make a plan, so that invalid values are found before the copy runs."""
    if _DAG_ID.fullmatch(found.name) is None:
        raise found.error(
            f"invalid name {found.name!r}", "use letters, digits, dots, dashes and underscores", "source"
        )
    if found.dag.retry_delay is not None:
        try:
            parse_duration(found.dag.retry_delay)
        except UsageError as problem:
            raise found.error(problem.message, problem.hint, "retry_delay") from None
    known = {name: value for name, value in found.options.items() if not _is_template(value)}
    if found.template is not None and len(known) < len(found.options):
        return  # Airflow fills them in
    try:
        make_plan(found.source, found.target, **cast("CopyOptions", known))
        for end in (found.source, found.target):
            parse(end)
    except PenstockError as problem:
        raise found.error(problem.message, problem.hint, _culprit(found, problem.message)) from None


def _culprit(found: CopyFile, message: str) -> str:
    """The field whose value alone causes the same error."""
    for name, value in found.options.items():
        try:
            make_plan(found.source, found.target, **cast("CopyOptions", {name: value}))
        except PenstockError as problem:
            if problem.message == message:
                return name
    return "source"


def _error(path: Path, text: str, message: str, hint: str | None, name: str | None) -> UsageError:
    place = None if name is None else re.search(rf"(?m)^[\"']?{re.escape(str(name))}[\"']?\s*[:=]", text)
    line = "" if place is None else f":{text.count(chr(10), 0, place.start()) + 1}"
    return UsageError(f"{path}{line}: {message}", hint)


def _below(root: Path, address: str) -> str:
    if address == "-" or address.startswith("{{") or not isinstance(parse(address), Files):
        return address
    # A path keeps its last slash, and its templates.
    return f"{root}/{address}" if not address.startswith("/") else address
