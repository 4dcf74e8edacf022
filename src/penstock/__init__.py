"""Penstock: a data warehouse in one command, and one verb, ``copy``, that accounts for every row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.api import ApiPlan, Limit
from penstock.model.errors import PenstockError, UsageError
from penstock.model.options import CopyOptions, make_plan
from penstock.model.outcome import NothingLanded, NothingLoaded, TablesFailed, require_loaded
from penstock.model.plan import CopyPlan
from penstock.model.result import CopyResult, LandResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any, Unpack

    from penstock.environments import Environment
    from penstock.ports import Progress
    from penstock.postgres.connect import PgConnection
    from penstock.routes.comparison import Comparison
    from penstock.routes.schema import SchemaResult

__all__ = [
    "ApiPlan",
    "CopyOptions",
    "CopyPlan",
    "CopyResult",
    "LandResult",
    "Limit",
    "NothingLanded",
    "NothingLoaded",
    "PenstockError",
    "TablesFailed",
    "UsageError",
    "connect",
    "copy",
    "copy_all",
    "diff",
    "environment",
    "land",
    "load_plan",
    "make_plan",
    "run",
    "variable",
]


def copy(source: str, target: str, *, again: bool = False, **options: Unpack[CopyOptions]) -> CopyResult:
    """Copy rows from a source to a target, and account for every row.

    Args:
        source: A path, a glob, ``-`` for standard input, a table (``connection:schema.table``), objects
            (``s3://bucket/prefix/``) or a landing in the lake (``lake:name``).
        target: A table, which is created from the whole input if it is missing; or objects, if the source is a table.
        again: Copy even if the ledger holds the same copy.
        options: See :class:`penstock.CopyOptions`.

    Raises:
        NothingLoaded: If every row was rejected, unless ``max_rejects`` is ``"100%"``. The rejects are in quarantine,
            and the error holds the account.
        PenstockError: If nothing was copied, with the reason and a hint.

    Example:
        >>> import penstock
        >>> penstock.copy("sales.csv", "warehouse:raw.sales", key="sale_id").loaded
        3
    """
    return run(make_plan(source, target, **options), again=again)


def copy_all(  # noqa: PLR0913  # the last ones are options
    source: str,
    target: str,
    *,
    again: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    mode_for: Sequence[str] = (),
    keep_going: bool = False,
    **options: Unpack[CopyOptions],
) -> SchemaResult:
    """Copy all tables of a schema to tables of the same names in another schema, in the order of their foreign keys.

    Tables that foreign keys link are copied in one transaction, from one snapshot. When one fails, those linked to it
    are not copied either, and the tables before them stay. Repeating is safe.

    Args:
        source: ``connection:schema``.
        target: ``connection:schema`` to copy the tables into.
        again: Copy even tables whose same copy is in the ledger.
        include: Globs of table names; by default all tables are copied.
        exclude: Globs of tables that are left out.
        mode_for: The mode of some tables: ``"log_*=append"``.
        keep_going: Copy the other tables if one fails.
        options: See :class:`penstock.CopyOptions`; columns, keys, filters and queries do not apply.

    Returns:
        The account of each table, ``total``, and what was ``not_copied``, such as views and triggers.

    Raises:
        NothingLoaded: If every row of any table was rejected; raised after all tables were copied.
        TablesFailed: If tables failed and ``keep_going`` is set; it holds the accounts and the errors.
        PenstockError: If a table cannot be copied.

    Example:
        >>> import penstock
        >>> penstock.copy_all("source:shop", "warehouse:shop", mode="mirror").total.read
        3
    """
    from contextlib import nullcontext

    from penstock.routes.schema import Selection, run_all

    selection = Selection.parse(include, exclude, mode_for, keep_going=keep_going)
    plan = make_plan(source, target, **options)
    return run_all(plan, lambda *_: nullcontext(), again=again, selection=selection)


def diff(
    left: str, right: str, *, key: Sequence[str] | None = None, columns: Sequence[str] = ()
) -> Comparison:
    """Compare two tables, each at one snapshot, by checksums that their servers compute.

    Args:
        left: ``connection:schema.table``; it may be a view.
        right: The other table or view.
        key: Columns that identify a row; by default the primary key.
        columns: Compare only these and the key.

    Raises:
        PenstockError: If a table cannot be read.

    Example:
        >>> import penstock
        >>> penstock.diff("source:public.product", "source:public.product").same
        True
    """
    from penstock.routes.comparison import compare

    return compare(left, right, key=key, columns=columns)


def connect(name: str) -> AbstractContextManager[PgConnection]:
    """A psycopg connection to the Postgres database of a connection, in autocommit, as a context manager.

    The name is looked up as for copies. An embedded server is started if it is not running.

    Raises:
        ConnectionFailed: If the connection is unknown, or the database refuses it.

    Example:
        >>> import penstock
        >>> with penstock.connect("warehouse") as session:
        ...     session.execute("SELECT 1 AS one").fetchone()
        {'one': 1}
    """
    from penstock.lookup.connections import find
    from penstock.postgres.connect import connect as enter

    return enter(find(name))


def variable(name: str) -> str | None:
    """The variable of this name: from the project's environment, the process's variables, or Airflow inside a task.

    Raises:
        BadEnvironment: If its value cannot be decrypted.

    Example:
        >>> import penstock
        >>> penstock.variable("no_such_variable")
    """
    from penstock import lookup

    return lookup.find_variable(name)


def environment(name: str | None = None) -> Environment:
    """An environment of the project that contains the working directory, with its connections and variables.

    Args:
        name: By default, the environment that ``PENSTOCK_ENV`` or ``penstock.toml`` names.

    Raises:
        PenstockError: If no project is found, or the environment is invalid.

    Example:
        >>> import penstock
        >>> penstock.environment().variable("no_such_variable")
    """
    from penstock.environments import load
    from penstock.project import find_project

    return load(find_project().root, name)


def load_plan(path: Path | str) -> ApiPlan:
    """Read the plan for an API from a YAML or TOML file.

    Raises:
        UsageError: If the file is missing or does not hold a plan.
    """
    from penstock.rest.landing import load_plan as load

    return load(path)


def land(  # noqa: PLR0913  # what there is to say of a landing
    plan: ApiPlan | Mapping[str, Any] | Path | str,
    target: str,
    *,
    rows: Iterable[Mapping[str, Any]] | None = None,
    values: Mapping[str, Any] | None = None,
    label: str | None = None,
    again: bool = False,
    allow_empty: bool = False,
) -> LandResult:
    """Request data from an API and land the raw answers in the lake. What has landed is not requested again.

    Args:
        plan: The plan: an ``ApiPlan``, the path of a YAML or TOML file, or the mapping that such a file holds.
        target: ``lake:name``.
        rows: Make one request for each of these, instead of the plan's own rows.
        values: Values for placeholders of the plan, in addition to those of the rows.
        label: What the answers are for, such as an hour or a day. A landing of the same plan and label requests only
            what is missing. Without a label, an unfinished landing is continued; if there is none, a new one begins.
        again: Request everything again, even if the landing is finished.
        allow_empty: Do not fail if no answer holds a record.

    Raises:
        NothingLanded: If no answer holds a record, or the plan has no rows. The error holds the account.
        PenstockError: If answers are missing in the end. The others have landed, and the next run requests the rest.

    Example:
        >>> import penstock
        >>> plan = {
        ...     "source": "openweathermap:/data/2.5/weather",
        ...     "auth": {"query": "appid"},
        ...     "limit": "60/minute",
        ...     "columns": {"city_id": "id", "temperature": "main.temp", "measured": "dt"},
        ... }
        >>> cities = [{"lat": 40.71, "lon": -74.01}, {"lat": 41.85, "lon": -87.65}]
        >>> penstock.land(plan, "lake:weather", rows=cities, label="2013-02-01T10").answers
        2
        >>> penstock.copy("lake:weather", "warehouse:raw.weather").loaded
        2
    """
    from penstock.rest.landing import Wish, as_plan
    from penstock.rest.landing import land as land_plan

    wish = Wish(target=target, rows=rows, values=values, label=label, again=again, allow_empty=allow_empty)
    return land_plan(as_plan(plan), wish)


def run(plan: CopyPlan, *, again: bool = False, progress: Progress | None = None) -> CopyResult:
    """Carry out a plan completely or not at all.

    Raises:
        NothingLoaded: If every row was rejected, and the plan does not allow that.
        PenstockError: If nothing was copied, with the reason and a hint.
    """
    # Imported here, so that making a plan and `penstock --help` need neither Arrow nor a database driver.
    from penstock.routes import run as run_plan

    return require_loaded(plan, run_plan(plan, again=again, progress=progress))
