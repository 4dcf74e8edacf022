"""The same command under two environments writes to two databases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.databases import enter

from penstock.cli.main import main
from penstock.environments.write import save_connection
from penstock.model.connection import Connection
from penstock.project import Project


@pytest.fixture
def two(
    project: Project,
    make_database: Callable[[str], Connection],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> dict[str, Connection]:
    """A project whose `shop` is another database in dev than in prod."""
    databases = {name: make_database("shop") for name in ("dev", "prod")}
    base = databases["dev"]
    assert base.password is not None
    fields = {
        "type": "postgres",
        "host": base.host,
        "port": str(base.port),
        "login": base.login,
        "password": base.password.reveal(),
        **{f"extra.{name}": value for name, value in base.extra.items()},
    }
    save_connection(project.root, "base", "shop", fields)
    for name, connection in databases.items():
        (project.root / "environments" / f"{name}.yaml").write_text("inherits: base\n")
        save_connection(project.root, name, "shop", {"database": connection.database})
    monkeypatch.setenv("PENSTOCK_PROJECT", str(project.root))
    monkeypatch.delenv("PENSTOCK_ENV", raising=False)
    monkeypatch.chdir(tmp_path)
    return databases


def rows(connection: Connection) -> list[int]:
    with enter(connection) as session:
        return [one for (one,) in session.execute("SELECT id FROM sold ORDER BY id").fetchall()]


def test_two_environments_two_databases(
    two: dict[str, Connection], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("dev.csv").write_text("id\n1\n")
    Path("prod.csv").write_text("id\n2\n3\n")
    assert main(["--env", "dev", "copy", "dev.csv", "shop:sold"]) == 0
    assert main(["copy", "prod.csv", "shop:sold", "--env", "prod"]) == 0
    assert (rows(two["dev"]), rows(two["prod"])) == ([1], [2, 3])
    capsys.readouterr()
    assert main(["--env", "prod", "ledger", "list", "-c", "shop"]) == 0
    assert "shop:sold" in capsys.readouterr().out
    monkeypatch.setenv("PENSTOCK_ENV", "dev")
    assert main(["copy", "prod.csv", "shop:sold"]) == 0
    assert rows(two["dev"]) == [1, 2, 3]
    assert main(["connection", "test", "shop", "--env", "prod"]) == 0
    assert f"{two['prod'].database}, PostgreSQL" in capsys.readouterr().out


def test_what_is_excluded_is_not_looked_for_elsewhere(
    two: dict[str, Connection], project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with (project.root / "environments" / "prod.yaml").open("a") as file:
        file.write("  warehouse: null\n")
    Path("x.csv").write_text("id\n1\n")
    assert main(["--env", "prod", "copy", "x.csv", "warehouse:sold"]) == 1
    assert "environments/prod.yaml:5 excludes the connection 'warehouse'" in capsys.readouterr().err
