"""What the doctor says of real servers."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg import sql
from tests.databases import enter, uri

from penstock.devtools.doctor import Level, postgres
from penstock.model.connection import Connection
from penstock.project import Project


def test_servers_that_compress_their_log_slowly_and_those_that_do_not_answer(
    warehouse: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "penstock.toml").touch()
    (tmp_path / "environments").mkdir()
    names = "".join(f"  {name}: {{type: postgres, host: h}}\n" for name in ("dwh", "gone", "own"))
    (tmp_path / "environments" / "base.yaml").write_text(
        f"connections:\n{names.replace('own: {type: postgres, host: h}', 'own: {same_as: source}')}"
    )
    monkeypatch.delenv("PENSTOCK_ENV", raising=False)
    monkeypatch.setenv("PENSTOCK_CONN_DWH", uri(warehouse))
    monkeypatch.setenv("PENSTOCK_CONN_GONE", "postgres://x@127.0.0.1:1/x")
    project = Project(tmp_path)

    def levels() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for one in postgres.examine(project):
            found.setdefault(one.what, []).append(one.level.value)
            assert (one.remedy is None) == (one.level is Level.ok)
        return found

    assert levels() == {"connection dwh": ["ok"], "connection gone": ["warning"]}
    with enter(warehouse) as session:
        session.execute(
            sql.SQL("ALTER DATABASE {} SET wal_compression = 'pglz'").format(
                sql.Identifier(str(warehouse.database))
            )
        )
    assert levels() == {"connection dwh": ["ok", "warning"], "connection gone": ["warning"]}
    assert not (tmp_path / ".penstock").exists()  # nothing was started for it
