"""The metadata database of runs without servers: a copy of an empty one, migrated once per version of Airflow."""

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
# Errors that a retry does not fix: a corrupt file, missing tables, tables that are not Airflow's.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def prepare(database: Path, folder: Path) -> str | None:
    """Create the database that Airflow uses in this process, if it does not exist. The first time takes three seconds.

    A damaged database is renamed and replaced by a new one; it held the history of runs and their XComs.

    Args:
        folder: Where the empty databases are kept.

    Returns:
        A warning for the user if a damaged database was renamed, else None.

    Raises:
        PenstockError: The database cannot be read or written.
    """
    empty = folder / f"empty-{version('apache-airflow-core')}.db"
    warning = None
    if database.exists() and empty.exists():
        damage = _damage(database, empty)
        if damage is None:
            return None
        warning = f"{database} {damage}; renamed it to {_set_aside(database).name} and created a new one"
    _remove(database)
    database.touch(mode=0o600)  # SQLite's journal files get the same mode
    if empty.exists():
        shutil.copyfile(empty, database)
    else:
        initdb()
        _keep(database, empty)
    return warning


@contextmanager
def database_failures(database: Path) -> Iterator[None]:
    """Turn database errors, such as a full disk, into readable messages.

    Raises:
        PenstockError: The database failed.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise PenstockError(
            f"the metadata database of runs failed: {database}: {cause}",
            hint="free some space, or remove the file: it holds only the history of runs",
        ) from error


def _damage(database: Path, empty: Path) -> str | None:
    """Return what is wrong with the database, or None."""
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
            f"{database} cannot be used: {error}", hint=f"check the owner of {database.parent}"
        ) from error
    with closing(sqlite3.connect(empty)) as session:
        return None if revision == _revision(session) else "was created by another version of Airflow"


def _revision(session: sqlite3.Connection) -> str:
    return str(session.execute("SELECT version_num FROM alembic_version").fetchone())


def _keep(database: Path, empty: Path) -> None:
    """Copy the database in its current state, including its write-ahead log."""
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
