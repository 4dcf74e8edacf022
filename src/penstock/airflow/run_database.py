"""The metadata database of runs without servers: a copy of an empty one, migrated once for each version of Airflow."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path

from airflow.utils.db import initdb
from sqlalchemy.exc import DBAPIError

from penstock.model.errors import PenstockError

_SIDE_FILES = ("", "-wal", "-shm")
# What cannot be mended by looking again: nonsense in the file, no tables in it, other tables than Airflow's.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def prepare(database: Path, folder: Path) -> str | None:
    """Make the database that Airflow uses in this process, unless it is there already; that takes three seconds once.

    A damaged one is set aside, and a fresh one made: it held the history of runs, and what their tasks returned.

    Args:
        folder: Where the empty ones are kept.

    Returns:
        What the user should know: that a damaged one was set aside.

    Raises:
        PenstockError: It cannot be read or written.
    """
    empty = folder / f"empty-{version('apache-airflow-core')}.db"
    warning = None
    if database.exists() and empty.exists():
        damage = _damage(database, empty)
        if damage is None:
            return None
        warning = (
            f"{database} {damage}; it was set aside as {_set_aside(database).name}, and a fresh one made"
        )
    _remove(database)
    database.touch(mode=0o600)  # what SQLite lays beside it gets its mode
    if empty.exists():
        shutil.copyfile(empty, database)
    else:
        initdb()
        _keep(database, empty)
    return warning


@contextmanager
def database_failures(database: Path) -> Iterator[None]:
    """Tell what befalls the database, such as a full disk, in words.

    Raises:
        PenstockError: It failed.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise PenstockError(
            f"{database}, the metadata database of runs, failed: {cause}",
            hint="free some space, or remove it: it holds the history of runs and nothing else",
        ) from error


def _damage(database: Path, empty: Path) -> str | None:
    """What is wrong with it, if anything."""
    try:
        with closing(sqlite3.connect(database)) as session:
            found = session.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                return f"is damaged ({found.splitlines()[-1]})"
            revision = _revision(session)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _DAMAGED:
            return f"is damaged ({error})"
        raise PenstockError(
            f"{database} cannot be used: {error}", hint=f"see who owns {database.parent}"
        ) from error
    with closing(sqlite3.connect(empty)) as session:
        return None if revision == _revision(session) else "was made by another version of Airflow"


def _revision(session: sqlite3.Connection) -> str:
    return str(session.execute("SELECT version_num FROM alembic_version").fetchone())


def _keep(database: Path, empty: Path) -> None:
    """Copy it as it is now, what its log holds included."""
    draft = database.with_name(f"{database.name}.empty")
    with closing(sqlite3.connect(database)) as session, closing(sqlite3.connect(draft)) as copy:
        session.backup(copy)
    draft.chmod(0o600)
    draft.replace(empty)


def _set_aside(database: Path) -> Path:
    aside = database.with_name(f"{database.name}.damaged")
    _remove(aside)
    for suffix in _SIDE_FILES:
        if (one := Path(f"{database}{suffix}")).exists():
            one.rename(f"{aside}{suffix}")
    return aside


def _remove(database: Path) -> None:
    for suffix in _SIDE_FILES:
        Path(f"{database}{suffix}").unlink(missing_ok=True)
