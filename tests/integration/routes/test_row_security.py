"""Rows that row security hides are refused on every route, or explicitly skipped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Query

import penstock
from penstock.cli.main import main
from penstock.model.errors import PenstockError, UsageError
from penstock.routes.comparison import compare

TABLE = "CREATE TABLE {0} (id int PRIMARY KEY, v text); INSERT INTO {0} VALUES (1, 'a'), (2, 'b'), (3, 'c')"
HIDE = "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON t USING (id < 3)"
REFUSED = "row security hides rows of t from this login"


@pytest.fixture
def hidden_source(here: Query, there: Query, login: str) -> None:
    """At the source the login sees two rows of three."""
    here(TABLE.format("t"))
    here(f"{HIDE}; GRANT SELECT ON t TO {login}; CREATE VIEW v WITH (security_invoker) AS TABLE t")
    here(f"GRANT SELECT ON v TO {login}; GRANT CREATE ON DATABASE {database_of(here)} TO {login}")
    there(TABLE.format("copied"))
    there(f"GRANT ALL ON SCHEMA public TO {login}; ALTER TABLE copied OWNER TO {login}")
    there(f"GRANT CREATE ON DATABASE {database_of(there)} TO {login}")


def database_of(query: Query) -> str:
    return str(query("SELECT current_database()")[0][0])


ROUTES: dict[str, Callable[..., penstock.CopyResult]] = {
    "new table": lambda **o: penstock.copy("source:t", "warehouse:new", **o),
    "table": lambda **o: penstock.copy("source:t", "warehouse:copied", mode="replace", **o),
    "mirror": lambda **o: penstock.copy("source:t", "warehouse:copied", mode="mirror", **o),
    "cursor": lambda **o: penstock.copy("source:t", "warehouse:copied", cursor="xmin", **o),
    "query": lambda **o: penstock.copy("source:", "warehouse:new", query="SELECT * FROM t", **o),
    "view": lambda **o: penstock.copy("source:v", "warehouse:new", **o),
    "computed": lambda **o: penstock.copy("source:t", "warehouse:new", column=["w=upper(v)"], **o),
    "export": lambda **o: penstock.copy("source:t", "out/", **o),
    "export of a query": lambda **o: penstock.copy("source:", "out/", query="SELECT * FROM t", **o),
    "export of a view": lambda **o: penstock.copy("source:v", "out/", **o),
}


@pytest.mark.usefixtures("hidden_source")
@pytest.mark.parametrize("route", ROUTES)
def test_hidden_at_the_source(
    route: str, there: Query, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PenstockError, match=REFUSED) as refused:
        ROUTES[route]()
    assert "--visible-rows-only" in str(refused.value.hint)
    assert there("SELECT to_regclass('new'), count(*) FROM copied") == [(None, 3)]
    assert not list(tmp_path.rglob("part-*"))

    result = ROUTES[route](visible_rows_only=True)
    assert (result.read, result.visible_rows_only) == (2, True)


@pytest.mark.usefixtures("hidden_source")
def test_an_export_says_it_in_its_manifest(tmp_path: Path, here: Query) -> None:
    out = f"{tmp_path}/out/"
    penstock.copy("source:t", out, visible_rows_only=True)
    assert json.loads(Path(out, "_manifest.json").read_text())["visible_rows_only"] is True
    assert here("SELECT plan -> 'visible_rows_only' FROM penstock_ledger.copies") == [(True,)]


@pytest.mark.usefixtures("hidden_source")
def test_a_comparison() -> None:
    with pytest.raises(PenstockError, match=REFUSED):
        compare("source:t", "warehouse:copied")
    found = compare("source:t", "warehouse:copied", visible_rows_only=True)
    assert (found.left_rows, found.right_rows, found.visible_rows_only) == (2, 3, True)


@pytest.fixture
def hidden_target(here: Query, there: Query, login: str) -> None:
    """At the target the login sees two rows of three, and may write them."""
    here(TABLE.format("s"))
    here(f"GRANT SELECT ON s TO {login}")
    there(TABLE.format("t"))
    there(f"{HIDE}; GRANT ALL ON t TO {login}; GRANT CREATE ON DATABASE {database_of(there)} TO {login}")


@pytest.mark.usefixtures("hidden_target")
@pytest.mark.parametrize("mode", ["append", "replace", "merge", "mirror", "interval"])
@pytest.mark.parametrize("kind", ["file", "table"])
def test_hidden_at_the_target(kind: str, mode: Any, there: Query, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("id,v\n1,x\n0,y\n")
    options: dict[str, Any] = {"mode": mode}
    if mode == "interval":
        options |= {"interval_column": "id", "interval_start": "1", "interval_end": "3"}
    address = "source:s" if kind == "table" else str(path)
    with pytest.raises(PenstockError, match=REFUSED):
        penstock.copy(address, "warehouse:t", **options)
    assert there("SELECT string_agg(v, '' ORDER BY id) FROM t") == [("abc",)]
    if kind == "file":
        result = penstock.copy(address, "warehouse:t", visible_rows_only=True, **options)
        left = {"append": "yabc", "replace": "yxc", "merge": "yxbc", "mirror": "yxc", "interval": "xc"}
        assert there("SELECT string_agg(v, '' ORDER BY id) FROM t") == [(left[mode],)]
        assert result.visible_rows_only
        assert penstock.copy(address, "warehouse:t", visible_rows_only=True, **options).visible_rows_only


@pytest.mark.usefixtures("hidden_target")
def test_into_an_empty_table_with_row_security(there: Query, tmp_path: Path) -> None:
    there("DELETE FROM t")
    path = tmp_path / "s.csv"
    path.write_text("id,v\n1,x\n2,y\n")
    assert penstock.copy(str(path), "warehouse:t", visible_rows_only=True).loaded == 2
    there("DELETE FROM t")
    here_only = ["source:s", "warehouse:t"]
    result = penstock.copy(*here_only, visible_rows_only=True, filter_column="id", filter_value="1")
    assert result.loaded == 1


@pytest.mark.usefixtures("hidden_source")
def test_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy", "source:t", "warehouse:new"]) == 1
    assert REFUSED in capsys.readouterr().err
    assert main(["copy", "source:t", "warehouse:new", "--visible-rows-only"]) == 0
    assert "visible rows only" in capsys.readouterr().out
    assert main(["ledger", "list"]) == 0
    assert "append, visible rows only" in capsys.readouterr().out
    assert main(["diff", "source:t", "warehouse:new"]) == 2
    assert REFUSED in capsys.readouterr().err
    assert main(["diff", "source:t", "warehouse:new", "--visible-rows-only"]) == 0
    assert "visible rows only" in capsys.readouterr().out


def test_a_login_that_bypasses_row_security_sees_all(here: Query, there: Query, login: str) -> None:
    here(TABLE.format("t"))
    here(f"{HIDE}; GRANT SELECT ON t TO {login}; ALTER ROLE {login} BYPASSRLS")
    there(f"GRANT ALL ON SCHEMA public TO {login}; GRANT CREATE ON DATABASE {database_of(there)} TO {login}")
    assert penstock.copy("source:t", "warehouse:new").read == 3


def test_snowflake_has_none() -> None:
    from penstock.snowflake.load import _require_load

    with pytest.raises(UsageError, match="does not apply to Snowflake"):
        _require_load(penstock.make_plan("s3://b/t/", "snow:t", visible_rows_only=True))
