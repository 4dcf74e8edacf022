"""DAGs from the files of a project's folder ``copies``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, NoReturn

from airflow.sdk import DAG

from penstock.airflow.copy_operator import CopyOperator
from penstock.airflow.lineage import target_asset
from penstock.model.copy_files import FOLDER, SUFFIXES, TASK, CopyFile, DagFields, read_copy
from penstock.model.date_arguments import parse_duration
from penstock.model.errors import PenstockError, UsageError
from penstock.project import find_project

_ERRORS = "invalid_copies"


def copy_dags(folder: Path | str | None = None) -> dict[str, DAG]:
    """Make one DAG for each file of a folder, with the file's name as its id and one task, ``copy``.

    Call it at the top of a file below ``dags/``; Airflow finds the DAGs by itself. Apart from these files, nothing is
    read. An invalid file is an import error that names the file and the line; the other DAGs work as before.

    Args:
        folder: The folder of the files; by default ``copies`` in the project. Relative paths in the files begin at
            the directory that holds the folder.

    Returns:
        The DAGs by their ids.

    Example:
        The whole of ``dags/copies.py``::

            from penstock.airflow import copy_dags

            copy_dags()
    """
    folder = find_project().root / FOLDER if folder is None else Path(folder).resolve()
    made: dict[str, DAG] = {}
    wrong: list[str] = []
    for path in sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES):
        try:
            copy = read_copy(path).within(folder.parent)
            if copy.name in made:
                raise copy.error("another file has this name", "rename one of them", "source")
            made[copy.name] = _dag(copy)
        except PenstockError as error:
            text = f"{error.message} ({error.hint})" if error.hint else error.message
            wrong.append(text.replace(f"{folder.parent}/", ""))
    if wrong:
        with _Invalid(_ERRORS) as invalid:
            invalid.problems = wrong
    return made


class _Invalid(DAG):
    """A DAG that Airflow refuses with an import error, and keeps the valid ones of the file."""

    problems: list[str]

    def validate(self) -> NoReturn:
        """Raise the errors of all files."""
        raise UsageError("; ".join(self.problems))


def _dag(copy: CopyFile) -> DAG:
    fields = copy.dag
    task: dict[str, Any] = {"retries": fields.retries, "pool": fields.pool}
    if fields.retry_delay is not None:
        task["retry_delay"] = parse_duration(fields.retry_delay)
    try:
        dag = DAG(
            copy.name,
            schedule=_schedule(copy),
            start_date=_start(fields),
            catchup=fields.catchup,
            max_active_runs=1,
            description=fields.description or f"{copy.source} -> {copy.target}",
            doc_md=f"```yaml\n{copy.text}```",
            tags=fields.tags,
        )
        CopyOperator(
            task_id=TASK,
            dag=dag,
            source=copy.source,
            target=copy.target,
            **{name: value for name, value in task.items() if value is not None},
            **copy.options,
        )
        dag.validate()
    except PenstockError:
        raise
    except Exception as error:  # noqa: BLE001  # Airflow's own classes, of which there are many
        raise copy.error(f"{type(error).__name__}: {error}", None, _named(fields, str(error))) from None
    with dag:  # registers it with the file that Airflow reads
        return dag


def _named(fields: DagFields, message: str) -> str:
    """The field that Airflow refuses: the one whose value it names."""
    values = {name: value for name, value in asdict(fields).items() if isinstance(value, str)}
    return next((name for name, value in values.items() if value in message), "schedule")


def _schedule(copy: CopyFile) -> Any:
    schedule = copy.dag.schedule
    if not isinstance(schedule, list):
        return schedule
    assets = {target: target_asset(target) for target in schedule}
    for target, asset in assets.items():
        if asset is None:
            raise copy.error(f"{target!r} is not a target", "write it as connection:schema.table", "schedule")
    return list(assets.values())


def _start(fields: DagFields) -> datetime:
    start = fields.start_date
    moment = start if isinstance(start, datetime) else datetime.combine(start, time())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
