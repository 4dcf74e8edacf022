"""The servers of one run: a project of its own under a temporary directory, a fresh database for every measurement."""

from __future__ import annotations

import compileall
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks.processes import Failed, Peak, Run, run
from penstock.model.connection import Connection
from penstock.project import Project
from penstock.stack import ensure, status, stop
from penstock.stack.postgres.binaries import bundled_programs
from penstock.stack.postgres.server import load

SQL_DIR = Path(__file__).parent / "sql"
EMPTY, FILLED = "bench_empty", "bench_filled"
_DATABASE = "warehouse"
_PREFIX = "penstock-bench-"
_TOML = '[project]\nname = "bench"\n\n[stack.ports]\nsource = 0\nwarehouse = 0\n'


@dataclass(frozen=True, slots=True)
class Bench:
    """One run's server, with the settings that every user gets. Databases are clones of templates, file by file, so
    that every measurement finds exactly the same one, checkpointed.
    """

    project: Project

    @property
    def root(self) -> Path:
        """Where the run may write; removed at its end."""
        return self.project.root

    def fresh(self, template: str = EMPTY) -> None:
        """Recreate the database `warehouse` as a clone."""
        self._clone(template, _DATABASE)

    def keep(self, template: str) -> None:
        """Make the database `warehouse`, as it is now, a template."""
        self._clone(_DATABASE, template)

    def _clone(self, template: str, name: str) -> None:
        drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
        make = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
            Identifier(name), Identifier(template)
        )
        with _enter(self._connection("postgres")) as session:
            session.execute(drop)
            session.execute(make)

    def penstock(self, *arguments: str | Path, peak: Peak | None = None) -> Run:
        """Run the command as a user does."""
        script = Path(sys.executable).with_name("penstock")
        program = [str(script)] if script.exists() else [sys.executable, "-m", "penstock"]
        environment = {**os.environ, "PENSTOCK_PROJECT": str(self.root)}
        return run([*program, *map(str, arguments)], environment, self.root, peak)

    def copy(self, *arguments: str | Path, peak: Peak | None = None) -> tuple[Run, dict[str, Any]]:
        """Run `penstock copy`; returns its account too."""
        done = self.penstock("copy", "--json", *arguments, peak=peak)
        account: dict[str, Any] = json.loads(done.output)
        return done, account

    def psql(self, *arguments: str, cwd: Path | None = None) -> Run:
        """Run the bundled psql on the database `warehouse`.

        Args:
            cwd: Where file names in its scripts begin.
        """
        program = str(bundled_programs() / "psql")
        argv = [program, "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--no-align", "--tuples-only", *arguments]
        return run(argv, {**os.environ, **_variables(self._connection(_DATABASE))}, cwd or self.root)

    def checksum(self, table: str) -> str:
        """How many rows the table holds, and a sum over all their values."""
        return self.psql(f"--set=table={table}", f"--file={SQL_DIR / 'checksum.sql'}").output.strip()

    def count(self, table: str) -> int:
        """How many rows the table holds."""
        return int(self.psql(f"--command=SELECT count(*) FROM {table}").output)

    def server_version(self) -> str:
        """Of the server."""
        return self.psql("--command=SHOW server_version").output.strip()

    def server_cpu_s(self) -> float:
        """Processor time of all sessions that have ended."""
        time.sleep(0.1)  # a session outlives its client by a moment
        pid = status(self.project, _DATABASE).pid
        assert pid is not None  # it runs as long as the bench does
        times = psutil.Process(pid).cpu_times()
        return float(times.children_user + times.children_system)

    def _connection(self, database: str) -> Connection:
        return ensure(self.project, _DATABASE, database=database)


@contextmanager
def opened() -> Iterator[Bench]:
    """The bench, its server started; all of it is removed afterwards."""
    _sweep()
    _compile()
    root = Path(tempfile.gettempdir(), f"{_PREFIX}{os.getpid()}")
    root.mkdir()
    root.chmod(0o755)  # the account that runs Postgres for root must pass through
    (root / "penstock.toml").write_text(_TOML)
    bench = Bench(Project(root))
    try:
        ensure(bench.project, _DATABASE)
        bench.psql(f"--file={SQL_DIR / 'tables.sql'}")
        bench.keep(EMPTY)
        yield bench
    finally:
        _remove(root)


def _compile() -> None:
    """Compile the package as an installation does: sources edited since, in an environment that forbids Python to
    write bytecode, would be compiled again at every start, which takes 0.1 s.
    """
    package = importlib.util.find_spec("penstock")
    assert package is not None  # imported above
    assert package.origin is not None
    compileall.compile_dir(Path(package.origin).parent, quiet=1)


def _sweep() -> None:
    """Remove what a run that was killed left behind."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = left.name.removeprefix(_PREFIX)
        if left.stat().st_uid == os.getuid() and pid.isdigit() and not psutil.pid_exists(int(pid)):
            _remove(left)


def _remove(root: Path) -> None:
    project = Project(root)
    server = load(project, _DATABASE)
    if server is not None:
        stop(project, _DATABASE)
        shutil.rmtree(server.home, ignore_errors=True)  # for root it may lie outside the project
    shutil.rmtree(root)


def _enter(connection: Connection) -> psycopg.Connection[Any]:
    return psycopg.connect("", autocommit=True, **_parameters(connection))


def _parameters(connection: Connection) -> Mapping[str, Any]:
    assert connection.password is not None  # every embedded server has one
    return {
        "host": connection.host,
        "port": connection.port,
        "user": connection.login,
        "password": connection.password.reveal(),
        "dbname": connection.database,
        "sslmode": "disable",
    }


def _variables(connection: Connection) -> dict[str, str]:
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    names |= {"dbname": "PGDATABASE", "sslmode": "PGSSLMODE"}
    return {names[key]: str(value) for key, value in _parameters(connection).items()}


def require(held: bool, what: str) -> None:
    """Stop the run: a time for something else than was asked for is worth nothing.

    Raises:
        Failed: If it does not hold.
    """
    if not held:
        raise Failed(what)
