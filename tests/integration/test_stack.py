import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.databases import enter
from tests.waiting import halt, is_running, until

from penstock import lookup
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed, PenstockError
from penstock.project import Project
from penstock.stack import ensure, status, stop
from penstock.stack.os_user import Account, server_account
from penstock.stack.postgres import binaries, cluster, server
from penstock.stack.postgres.binaries import bundled_programs, programs_for

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root steps down to another account")


def ask(connection: Connection, query: str) -> Any:
    with enter(connection) as session:
        row = session.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def test_a_server_is_made_started_and_entered(project: Project) -> None:
    assert status(project, "warehouse").state == "absent"
    connection = ensure(project, "warehouse")
    assert (connection.name, connection.type, connection.host) == ("warehouse", "postgres", "127.0.0.1")
    assert ask(connection, "SELECT current_database() || ' ' || current_user") == "warehouse penstock"
    assert ask(connection, "SHOW server_encoding") == "UTF8"
    assert ask(connection, "SHOW wal_level") == "minimal"
    assert ask(connection, "SELECT count(*)::int FROM pg_settings WHERE pending_restart") == 0
    assert status(project, "warehouse").state == "running"


def test_only_with_the_password_and_only_from_this_machine(project: Project) -> None:
    connection = ensure(project, "warehouse")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(
            host=connection.host, port=connection.port, user="penstock", password="x", dbname="postgres"
        )
    hba = "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"
    assert ask(connection, hba) == "scram-sha-256"
    assert ask(connection, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(connection, "SHOW unix_socket_directories") == ""


def test_ensuring_again_changes_nothing_and_is_quick(project: Project) -> None:
    first = ensure(project, "warehouse")
    pid = status(project, "warehouse").pid
    started = time.monotonic()
    assert all(ensure(project, "warehouse") == first for _ in range(10))
    assert (time.monotonic() - started) / 10 < 0.1  # measured: 0.003
    assert status(project, "warehouse").pid == pid


def test_another_database_of_the_same_server(project: Project) -> None:
    connection = ensure(project, "warehouse", database="airflow")
    assert ask(connection, "SELECT current_database()") == "airflow"
    assert ensure(project, "warehouse").port == connection.port


def test_many_callers_at_once_make_one_server(project: Project) -> None:
    with ThreadPoolExecutor(6) as pool:
        connections = list(pool.map(lambda _: ensure(project, "warehouse"), range(6)))
    assert len(set(map(repr, connections))) == 1
    assert ask(connections[0], "SELECT 1") == 1


def test_what_was_committed_survives_stop_and_start(project: Project) -> None:
    with enter(ensure(project, "warehouse")) as session:
        session.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert stop(project, "warehouse") is True
    assert stop(project, "warehouse") is False
    assert status(project, "warehouse").state == "stopped"
    assert ask(ensure(project, "warehouse"), "SELECT answer FROM kept") == 42


def test_what_was_committed_survives_kill_9(project: Project) -> None:
    with enter(ensure(project, "warehouse")) as session:
        session.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    for _ in range(3):
        pid = status(project, "warehouse").pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert ask(ensure(project, "warehouse"), "SELECT answer FROM kept") == 42


def test_a_server_that_was_halted_is_stopped(project: Project) -> None:
    ensure(project, "warehouse")
    pid = status(project, "warehouse").pid
    assert pid is not None
    halt(pid)
    assert stop(project, "warehouse") is True
    until(lambda: not is_running(pid))
    assert status(project, "warehouse").state == "stopped"


def test_a_server_that_will_not_stop_is_killed_and_loses_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with enter(ensure(project, "warehouse")) as session:
        session.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    monkeypatch.setattr(cluster, "stop", lambda *_: False)
    assert stop(project, "warehouse") is True
    assert status(project, "warehouse").state == "stopped"
    assert ask(ensure(project, "warehouse"), "SELECT answer FROM kept") == 42


def test_a_pid_file_that_names_another_process_is_no_obstacle(project: Project) -> None:
    ensure(project, "warehouse")
    data_dir = status(project, "warehouse").data_dir
    assert data_dir is not None
    left = (data_dir / "postmaster.pid").read_text().split("\n")
    stop(project, "warehouse")
    (data_dir / "postmaster.pid").write_text("\n".join([str(os.getpid()), *left[1:]]))
    assert status(project, "warehouse").state == "stopped"
    assert ask(ensure(project, "warehouse"), "SELECT 1") == 1


def test_a_project_that_is_moved_keeps_its_running_server(project: Project) -> None:
    connection = ensure(project, "warehouse")
    pid = status(project, "warehouse").pid
    moved = Project(project.root.rename(project.root.with_name("moved")))
    try:
        assert ensure(moved, "warehouse") == connection
        assert status(moved, "warehouse").pid == pid
        assert stop(moved, "warehouse")
        assert ask(ensure(moved, "warehouse"), "SELECT 1") == 1
        assert stop(moved, "warehouse")
    finally:
        moved.root.rename(project.root)


def test_a_taken_port_is_left_and_the_new_one_remembered(project: Project) -> None:
    port = ensure(project, "warehouse").port
    assert port is not None
    stop(project, "warehouse")
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        busy.bind(("127.0.0.1", port))
        busy.listen()
        moved = ensure(project, "warehouse").port
        assert moved != port
    stop(project, "warehouse")
    assert ensure(project, "warehouse").port == moved


def test_an_interrupted_making_is_begun_again(project: Project) -> None:
    home = project.make_state_dir("postgres") / "warehouse"
    (home / "data" / "base").mkdir(parents=True)
    (home / "data" / "PG_VERSION").write_text("18\n")
    assert ask(ensure(project, "warehouse"), "SELECT 1") == 1


def test_a_server_that_outlived_its_clone_does_not_stand_in_the_way(project: Project) -> None:
    before = ensure(project, "warehouse")
    orphan = status(project, "warehouse").pid
    assert orphan is not None
    shutil.rmtree(project.state_dir)
    after = ensure(project, "warehouse")
    assert after.password != before.password
    until(lambda: not is_running(orphan))
    assert ask(after, "SELECT 1") == 1


def test_settings_that_postgres_refuses_are_told_from_its_log(project: Project) -> None:
    toml = project.root / "penstock.toml"
    toml.write_text(toml.read_text() + 'work_mem = "plenty"\n')
    with pytest.raises(ConnectionFailed, match='invalid value for parameter "work_mem": "plenty"') as caught:
        ensure(project, "warehouse")
    assert "postgres-warehouse.log" in str(caught.value.hint)


def test_a_full_disk_is_told_and_the_next_attempt_begins_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = subprocess.CompletedProcess(
        [], 1, "initdb: error: could not write file: No space left on device\nremoving", ""
    )
    with monkeypatch.context() as patched:
        patched.setattr(cluster, "run_as", lambda *_: full)
        with pytest.raises(PenstockError, match="No space left on device"):
            ensure(project, "warehouse")
    assert status(project, "warehouse").state == "absent"
    assert ask(ensure(project, "warehouse"), "SELECT 1") == 1


def test_a_damaged_record_is_told(project: Project) -> None:
    (project.make_state_dir("postgres") / "warehouse.json").write_text("{")
    with pytest.raises(PenstockError, match="damaged"):
        ensure(project, "warehouse")


def test_data_without_their_version_are_refused_and_left_alone(project: Project) -> None:
    with enter(ensure(project, "warehouse")) as session:
        session.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    stop(project, "warehouse")
    data_dir = status(project, "warehouse").data_dir
    assert data_dir is not None
    version = (data_dir / "PG_VERSION").rename(data_dir / "aside")
    with pytest.raises(ConnectionFailed, match="PG_VERSION is missing") as caught:
        ensure(project, "warehouse")
    assert f"mv {data_dir.parent} {data_dir.parent}.old" in str(caught.value.hint)
    version.rename(data_dir / "PG_VERSION")
    assert ask(ensure(project, "warehouse"), "SELECT answer FROM kept") == 42


def test_data_whose_record_is_lost_are_refused_and_left_alone(project: Project) -> None:
    with enter(ensure(project, "warehouse")) as session:
        session.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    record = project.state_dir / "postgres" / "warehouse.json"
    backup = record.read_text()
    record.write_text("{")
    pid = int((record.with_suffix("") / "data" / "postmaster.pid").read_text().split()[0])
    assert stop(project, "warehouse") is True  # its data say where it runs
    until(lambda: not is_running(pid))
    record.unlink()
    with pytest.raises(
        ConnectionFailed, match=r"the password of the server 'warehouse' .* is lost"
    ) as caught:
        ensure(project, "warehouse")
    assert "mv " in str(caught.value.hint)
    record.write_text(backup)
    assert ask(ensure(project, "warehouse"), "SELECT answer FROM kept") == 42


def test_a_server_moved_away_is_made_anew(project: Project) -> None:
    before = ensure(project, "warehouse")
    stop(project, "warehouse")
    home = project.state_dir / "postgres" / "warehouse"
    home.rename(home.with_name("warehouse.old"))
    after = ensure(project, "warehouse")
    assert after.password != before.password
    assert ask(after, "SELECT 1") == 1


def test_no_secret_is_shown_or_readable_by_others(project: Project) -> None:
    connection = ensure(project, "warehouse")
    assert connection.password is not None
    password = connection.password.reveal()
    with pytest.raises(psycopg.Error), enter(connection) as session:
        session.execute(f"ALTER ROLE nobody_at_all PASSWORD '{password}'".encode())
    found = status(project, "warehouse")
    assert password not in repr(connection) + repr(found) + found.log.read_text()
    record = project.state_dir / "postgres" / "warehouse.json"
    assert json.loads(record.read_text())["password"] == password
    assert record.stat().st_mode & 0o777 == found.log.stat().st_mode & 0o777 == 0o600


@as_root
def test_as_root_another_account_runs_the_server(project: Project) -> None:
    ensure(project, "warehouse")
    pid = status(project, "warehouse").pid
    account = server_account(project.state_dir)
    assert account is not None
    assert Path("/proc", str(pid)).stat().st_uid == account.uid != 0


@as_root
def test_the_database_account_cannot_lead_root_to_a_file_of_its_own(project: Project) -> None:
    connection = ensure(project, "warehouse")
    found = status(project, "warehouse")
    assert found.data_dir is not None
    victim = project.root / "victim"
    victim.write_text("root's")
    victim.chmod(0o600)
    names = ("penstock.conf", "postgresql.auto.conf.tmp", "postmaster.opts.tmp", "../password", "../x.conf")
    with enter(connection) as session:  # the login owns the server, and so may run programs as its account
        for name in names:
            session.execute(f"COPY (SELECT) TO PROGRAM 'ln -sf {victim} {found.data_dir}/{name}'".encode())
        with pytest.raises(psycopg.Error):  # the settings and the log lie where the account cannot write
            session.execute(
                f"COPY (SELECT) TO PROGRAM 'ln -sf {victim} {found.data_dir.parent}.conf'".encode()
            )
    for _ in range(2):
        stop(project, "warehouse")
        assert ask(ensure(project, "warehouse"), "SELECT 1") == 1
    assert victim.read_text() == "root's"
    assert (victim.stat().st_uid, victim.stat().st_mode & 0o777) == (0, 0o600)
    assert ask(ensure(project, "warehouse"), "SHOW config_file") == f"{found.data_dir.parent}.conf"


@pytest.mark.parametrize("name", ["logs/postgres-source.log", "postgres/source.lock"])
def test_a_link_in_a_files_place_is_refused(project: Project, name: str) -> None:
    victim = project.root / "victim"
    victim.write_text("mine")
    project.make_state_dir(name.split("/", maxsplit=1)[0])
    (project.state_dir / name).symlink_to(victim)
    with pytest.raises(PenstockError, match=f"{name} is a link"):
        ensure(project, "source")
    (project.state_dir / name).unlink()
    (project.state_dir / name).hardlink_to(victim)
    with pytest.raises(PenstockError, match=f"{name} is not a file of its own"):
        ensure(project, "source")
    assert victim.read_text() == "mine"


@as_root
def test_a_directory_that_another_account_has_linked_is_refused(project: Project, tmp_path: Path) -> None:
    account = ordinary_account()
    target = tmp_path / "etc"
    target.mkdir()
    project.state_dir.symlink_to(target)
    os.chown(project.state_dir, account.uid, account.gid, follow_symlinks=False)
    with pytest.raises(PenstockError, match="is a link that belongs to"):
        ensure(project, "source")
    assert not any(target.iterdir())


def test_a_servers_process_has_no_secret_of_its_caller(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PENSTOCK_KEY", "PENSTOCK_CONN_SHOP", "AIRFLOW_CONN_SHOP", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "planted-secret")
    connection = ensure(project, "source")
    with enter(connection) as session:
        session.execute("CREATE TABLE seen (line text)")
        session.execute("COPY seen FROM PROGRAM 'env'")
    assert ask(connection, "SELECT count(*) FROM seen") > 0
    assert ask(connection, "SELECT count(*) FROM seen WHERE line LIKE '%planted%'") == 0


@as_root
def test_where_that_account_has_no_way_the_cluster_lies_elsewhere(project: Project) -> None:
    project.root.chmod(0o700)
    connection = ensure(project, "warehouse")
    data_dir = status(project, "warehouse").data_dir
    assert data_dir is not None
    try:
        assert data_dir.is_relative_to("/var/lib/penstock")
        # The clone is removed and made again: the old cluster is neither used nor in the way.
        shutil.rmtree(project.state_dir)
        again = ensure(project, "warehouse")
        assert again.password != connection.password
        assert ask(again, "SELECT 1") == 1
    finally:
        stop(project, "warehouse")
        shutil.rmtree(data_dir.parent.parent)


@as_root
def test_programs_the_account_cannot_reach_are_copied(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "SYSTEM_DIR", project.root / "lib")
    monkeypatch.setattr(binaries, "can_reach", lambda *_: False)
    monkeypatch.setattr(server, "SYSTEM_DIR", project.root / "lib")
    account = server_account(project.state_dir)
    copy = programs_for(account)
    assert copy.is_relative_to(project.root / "lib")
    assert copy == programs_for(account) != bundled_programs()
    assert ask(ensure(project, "warehouse"), "SELECT 1") == 1


def ordinary_account() -> Account:
    for entry in pwd.getpwall():
        if 1000 <= entry.pw_uid < 60000:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    pytest.skip("this machine has no ordinary user")


ENSURE = """
import pathlib, sys
from penstock.project import Project
from penstock.stack import ensure, status, stop
project = Project(pathlib.Path(sys.argv[1]))
ensure(project, "warehouse")
print(status(project, "warehouse").pid, stop(project, "warehouse"))
"""


def ensure_as(account: Account, project: Project) -> None:
    source = Path(ensure.__code__.co_filename).parents[2]
    try:
        done = subprocess.run(
            [sys.executable, "-c", ENSURE, str(project.root)],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(source)},
            cwd="/",
            capture_output=True,
            text=True,
        )
    except PermissionError:
        pytest.skip("this interpreter lies where an ordinary user has no way")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "True"


@as_root
def test_as_an_ordinary_user_also_after_root_was_here(project: Project) -> None:
    account = ordinary_account()
    os.chown(project.root, account.uid, account.gid)
    ensure_as(account, project)
    assert project.state_dir.stat().st_mode & 0o777 == 0o700
    ensure(project, "warehouse")
    ensure(project, "source")
    stop(project, "warehouse")
    stop(project, "source")
    ensure_as(account, project)
    owners = {path.stat().st_uid for path in project.state_dir.rglob("*")}
    assert owners == {account.uid}


def test_target_is_the_warehouse_by_another_name(project: Project) -> None:
    target, warehouse = (lookup.embedded(name, project) for name in ("target", "warehouse"))
    assert target is not None
    assert warehouse is not None
    assert (target.name, target.port, target.database) == ("target", warehouse.port, warehouse.database)


def test_a_new_source_has_products_and_what_became_of_them_stays(project: Project) -> None:
    source = ensure(project, "source")
    assert ask(source, "SELECT count(*) FROM product") == 6
    assert ask(ensure(project, "warehouse"), "SELECT count(*) FROM product") == 0
    with enter(source) as session:
        session.execute("DROP TABLE product")
    stop(project, "source")
    assert ask(ensure(project, "source"), "SELECT to_regclass('product')") is None
