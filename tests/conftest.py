"""One embedded server for the whole run, for any number of workers, and a separate database for each test."""

from __future__ import annotations

import compileall
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import hypothesis
import psycopg
import pytest
from psycopg import sql
from tests import commands
from tests.costs import Costs

from penstock.model.connection import Connection
from penstock.model.errors import PenstockError
from penstock.project import Project
from penstock.stack import ensure, lifecycle, services
from penstock.stack.postgres.cluster import stop_orphan

SOURCE = Path(__file__).parents[1] / "src"
RUN_DIR = "PENSTOCK_TEST_RUN_DIR"
PREFIX = "penstock-tests-"
TEMPLATE = "template_penstock"

# Not what users get: nothing of a test outlives a power cut, so nothing needs to be flushed to the disk. Commits still
# reach the system before they are confirmed, because tests kill servers.
PENSTOCK_TOML = """
[project]
name = "tests"

[stack.ports]
airflow = 0
metadata = 0
objects = 0
sandbox = 0
source = 0
warehouse = 0

[stack.postgres]
fsync = false
full_page_writes = false
shared_buffers = "128MB"
max_connections = 50
"""


# How long an example takes says how busy the machine is, and nothing of what is tested.
hypothesis.settings.register_profile(
    "penstock", deadline=None, max_examples=30, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
# Each run tries other examples, so that many runs are worth one of many examples; `make soak` does not wait for that.
hypothesis.settings.register_profile("soak", hypothesis.settings.get_profile("penstock"), max_examples=300)
hypothesis.settings.load_profile("penstock")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Costs(), "costs")
    # What a shell begins in the background ignores Ctrl-C, and so would the commands that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # The controller decides where the run keeps its clusters, and its workers inherit the variable.
    if not _is_worker():
        _sweep()
        # Where PYTHONDONTWRITEBYTECODE is set, each command that a test starts would compile each module that was
        # changed since the installation, which takes several times what the command does.
        compileall.compile_dir(SOURCE, quiet=1)
        # Not pytest's own directory, which is closed to the account that runs Postgres where the tests run as root.
        run_dir = Path(tempfile.gettempdir(), f"{PREFIX}{os.getpid()}")
        run_dir.mkdir()
        run_dir.chmod(0o755)
        os.environ[RUN_DIR] = str(run_dir)
        # Where it is imported, Airflow writes a configuration into its home.
        os.environ["AIRFLOW_HOME"] = str(run_dir / "airflow")
    commands.run_dir = Path(os.environ[RUN_DIR])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep the tests' own bytecode, so that not every worker of every run compiles again."""
    kept, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        return (yield)
    finally:
        sys.dont_write_bytecode = kept


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker() and RUN_DIR in os.environ:
        _remove(Path(os.environ.pop(RUN_DIR)))


def _is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


def _sweep() -> None:
    """Remove what a run that was killed left behind."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = left.name.removeprefix(PREFIX)
        with suppress(FileNotFoundError):  # another run that begins sweeps too
            if left.stat().st_uid == os.getuid() and pid.isdigit() and not Path("/proc", pid).exists():
                _remove(left)


def _remove(run_dir: Path) -> None:
    for state_dir in run_dir.glob("**/.penstock"):
        if (state_dir / "stack" / "record.json").exists():
            lifecycle.stop(Project(state_dir.parent))
    for service in run_dir.glob("**/.penstock/services/*.json"):
        services.stop(Project(service.parents[2]), service.stem)
    # By their directories and not their records: a test may have damaged those.
    for data_dir in run_dir.glob("**/.penstock/postgres/*/data"):
        stop_orphan(data_dir)
    shutil.rmtree(run_dir)


@pytest.fixture(scope="session", autouse=True)
def _nothing_goes_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Ends the servers of projects that tests made in directories of pytest's."""
    yield
    found = tmp_path_factory.getbasetemp().glob("**/.penstock")
    for state_dir in (path for path in found if path.is_dir()):
        with suppress(PenstockError):  # what a test damaged on purpose never ran
            lifecycle.reset(Project(state_dir.parent))


def make_project(root: Path) -> Project:
    root.mkdir(exist_ok=True)
    root.chmod(0o755)
    (root / "penstock.toml").write_text(PENSTOCK_TOML)
    return Project(root)


@contextmanager
def metadata_database(root: Path) -> Iterator[None]:
    """Spare the project the making of Airflow's database, three seconds, where a test of this run has made one."""
    theirs = Project(root).make_state_dir("airflow", "run")
    ours = Path(os.environ[RUN_DIR], "airflow-databases")
    ours.mkdir(exist_ok=True)
    _hand_on(ours, theirs)
    yield
    if theirs.exists():  # a test may have reset its project
        _hand_on(theirs, ours)


def _hand_on(here: Path, there: Path) -> None:
    for database in here.glob("empty-*.db"):
        if not (there / database.name).exists():
            draft = there / f"{database.name}.{os.getpid()}"
            shutil.copy(database, draft)
            draft.replace(there / database.name)


@pytest.fixture
def project() -> Iterator[Project]:
    """An empty project with servers of its own, which cost 0.6 s each when something needs them."""
    project = make_project(Path(os.environ[RUN_DIR], secrets.token_hex(4)))
    yield project
    _remove(project.root)


@pytest.fixture(scope="session")
def cluster() -> Connection:
    """The run's server. Its database is the template, so no connection to it may stay open."""
    shared = make_project(Path(os.environ[RUN_DIR], "shared"))
    return ensure(shared, "warehouse", database=TEMPLATE)


@pytest.fixture(scope="session")
def objects() -> Connection:
    """The run's object store, which speaks S3; it goes when the run's directory does."""
    shared = make_project(Path(os.environ[RUN_DIR], "shared"))
    return services.ensure(shared, "objects")


@contextmanager
def databases(cluster: Connection) -> Iterator[Callable[[str], Connection]]:
    """Makes fresh databases, dropped afterwards, and says how to enter them under the name given."""
    made: list[str] = []

    def make(name: str) -> Connection:
        database = f"test_{secrets.token_hex(6)}"
        with _enter(cluster) as session:
            session.execute(
                # Half the time of the other strategy, which writes every page to the log.
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(database), sql.Identifier(TEMPLATE)
                )
            )
        made.append(database)
        return replace(cluster, name=name, database=database)

    yield make
    with _enter(cluster) as session:
        for database in made:
            session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))


@pytest.fixture
def make_database(cluster: Connection) -> Iterator[Callable[[str], Connection]]:
    """Makes databases for a test, as :func:`databases` does."""
    with databases(cluster) as make:
        yield make


@pytest.fixture
def warehouse(make_database: Callable[[str], Connection]) -> Connection:
    """A fresh, empty database under the name `warehouse`."""
    return make_database("warehouse")


@pytest.fixture
def source(make_database: Callable[[str], Connection]) -> Connection:
    """A fresh, empty database under the name `source`."""
    return make_database("source")


def _enter(cluster: Connection) -> psycopg.Connection:
    assert cluster.password is not None
    return psycopg.connect(
        host=cluster.host,
        port=cluster.port,
        user=cluster.login,
        password=cluster.password.reveal(),
        dbname="postgres",
        sslmode="disable",
        autocommit=True,
    )
