"""Limits of time that a server or a login sets end no copy; those that the connection names do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query, uri

import penstock
from penstock.model.connection import Connection
from penstock.model.errors import PenstockError
from penstock.postgres.connect import connect
from penstock.routes.comparison import compare
from penstock.routes.quarantine import records

LIMITS = (
    "statement_timeout",
    "lock_timeout",
    "transaction_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
)


@pytest.fixture
def slow(here: Query, there: Query, login: str) -> None:
    """The login may do all, but nothing that takes a tenth of a second; each table takes a fifth."""
    for query in (here, there):
        database = query("SELECT current_database()")[0][0]
        query(f"GRANT ALL ON SCHEMA public TO {login}; GRANT CREATE ON DATABASE {database} TO {login}")
        for limit in LIMITS:
            query(f"ALTER ROLE {login} IN DATABASE {database} SET {limit} = '100ms'")
        query(
            "CREATE FUNCTION slowly(int) RETURNS int LANGUAGE sql AS "
            "$$ SELECT $1 FROM pg_sleep(0.2) $$; CREATE VIEW v AS SELECT slowly(1) AS id"
        )
        query(f"GRANT SELECT ON v TO {login}")
    there("CREATE TABLE checked (id int CHECK (slowly(id) > 0))")
    there(f"ALTER TABLE checked OWNER TO {login}")


ROUTES: dict[str, Callable[[str], Any]] = {
    "file": lambda out: penstock.copy(_file(out), "warehouse:checked"),
    "table to table": lambda _: penstock.copy("source:v", "warehouse:new"),
    "export": lambda out: penstock.copy("source:v", f"{out}/"),
    "diff": lambda _: compare("source:v", "warehouse:v"),
}


def _file(out: str) -> str:
    Path(out).write_text("id\n1\n")
    return out


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("route", ROUTES)
def test_limits_of_the_login_end_nothing(route: str, tmp_path: Path) -> None:
    ROUTES[route](f"{tmp_path}/out")


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("route", ROUTES)
def test_limits_of_the_connection_stand(
    route: str, tmp_path: Path, source: Connection, warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, connection in (("SOURCE", source), ("WAREHOUSE", warehouse)):
        limited = f"{uri(connection)}&options=-c%20statement_timeout%3D100"
        monkeypatch.setenv(f"PENSTOCK_CONN_{name}", limited)
    with pytest.raises(PenstockError, match="statement timeout") as refused:
        ROUTES[route](f"{tmp_path}/out")
    assert "the connection's options" in str(refused.value.hint)


@pytest.mark.usefixtures("slow")
def test_the_second_of_two_copies_waits_for_the_first(there: Query, here: Query, tmp_path: Path) -> None:
    import threading

    there("BEGIN; LOCK TABLE checked")
    held = threading.Timer(0.4, lambda: there("COMMIT"))
    held.start()
    assert penstock.copy(_file(f"{tmp_path}/out"), "warehouse:checked").loaded == 1
    held.join()


def test_every_session_is_without_limits(warehouse: Connection, there: Query) -> None:
    database = there("SELECT current_database()")[0][0]
    version = there("SELECT current_setting('server_version_num')::int")[0][0]
    for limit in LIMITS:
        if limit != "transaction_timeout" or version >= 170000:
            there(f"ALTER DATABASE {database} SET {limit} = '1h'")
    with connect(warehouse) as session:
        rows = session.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", [list(LIMITS)]
        ).fetchall()
    assert {row["setting"] for row in rows} == {"0"}
    with records("warehouse") as kept:
        assert kept.copies(1) == []
