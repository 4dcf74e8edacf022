"""From objects into Snowflake, in one transaction with its account."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import penstock
from penstock.model.errors import ConnectionFailed, ContractError, SourceError, TargetError, UsageError
from penstock.objects.s3 import S3Store
from penstock.snowflake import ledger

Execute = Callable[[str], list[dict[str, object]]]
Query = Callable[..., list[tuple[Any, ...]]]

LABOR = """
    CREATE TABLE labor (id int PRIMARY KEY, name text, pay numeric(10,2), day date);
    INSERT INTO labor VALUES (1, 'Ann', 12.50, '2013-02-01'), (2, 'O''Neil', NULL, '2013-02-01')
"""


def exported(store: S3Store, **options: Any) -> str:
    address = f"{store.name}/2013-02-01/labor/"
    penstock.copy("source:labor", address, **options)
    return address


def rows(snow: Query) -> list[tuple[Any, ...]]:
    return snow("SELECT ID, NAME, PAY, DAY::VARCHAR FROM DAILY.LABOR ORDER BY ID")


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_an_export_becomes_a_table(
    store: S3Store, execute: Execute, snow: Query, stage: str, form: str
) -> None:
    execute(LABOR)
    source = exported(store, format=form)

    result = penstock.copy(source, "snow:daily.labor", stage=stage)

    assert (result.read, result.loaded, result.inserted, result.already) == (2, 2, 2, False)
    expected = [(1, "Ann", Decimal("12.50"), "2013-02-01"), (2, "O'Neil", None, "2013-02-01")]
    assert rows(snow) == expected


def test_the_account_is_kept_on_both_sides(store: S3Store, execute: Execute, snow: Query, stage: str) -> None:
    execute(LABOR)

    result = penstock.copy(exported(store), "snow:daily.labor", stage=stage)

    kept = snow("SELECT ID, TARGET, READ_ROWS, LOADED_ROWS FROM PENSTOCK_LEDGER.COPIES")
    assert kept == [(result.id, "snow:daily.labor", 2, 2)]
    there = execute("SELECT id, target, loaded FROM penstock_ledger.copies WHERE target LIKE 'snow:%'")
    assert there == [{"id": result.id, "target": "snow:daily.labor", "loaded": 2}]


@pytest.mark.parametrize("mode", ["append", "replace", "interval"])
def test_twice_is_once(store: S3Store, execute: Execute, snow: Query, stage: str, mode: str) -> None:
    execute(LABOR)
    options: dict[str, Any] = {"mode": mode, "stage": stage}
    if mode == "interval":
        options |= {"interval_column": "day", "interval_start": "2013-02-01", "interval_end": "2013-02-02"}

    first = penstock.copy(exported(store), "snow:daily.labor", **options)
    second = penstock.copy(exported(store), "snow:daily.labor", **options)  # exported again: the same rows

    assert (first.already, second.already) == (False, True)
    assert second.id == first.id
    assert len(rows(snow)) == 2


def test_an_interval_replaces_its_own_rows_only(
    store: S3Store, execute: Execute, snow: Query, stage: str
) -> None:
    execute(LABOR)
    day: dict[str, Any] = {
        "mode": "interval",
        "stage": stage,
        "interval_column": "day",
        "interval_start": "2013-02-01",
        "interval_end": "2013-02-02",
    }
    penstock.copy(exported(store), "snow:daily.labor", **day)
    snow("INSERT INTO DAILY.LABOR (ID, DAY) VALUES (9, '2013-01-31')")

    execute("DELETE FROM labor WHERE id = 2")
    result = penstock.copy(exported(store), "snow:daily.labor", **day)

    assert (result.loaded, result.deleted) == (1, 2)
    assert [row[0] for row in rows(snow)] == [1, 9]


def test_replace_after_another_load_is_done_again(
    store: S3Store, execute: Execute, snow: Query, stage: str
) -> None:
    execute(LABOR)
    source = exported(store)
    penstock.copy(source, "snow:daily.labor", stage=stage, mode="replace")
    execute("UPDATE labor SET name = 'Eve' WHERE id = 1")
    penstock.copy(exported(store), "snow:daily.labor", stage=stage, mode="replace")
    execute("UPDATE labor SET name = 'Ann' WHERE id = 1")

    again = penstock.copy(exported(store), "snow:daily.labor", stage=stage, mode="replace")

    assert not again.already
    assert rows(snow)[0][1] == "Ann"


def test_what_fails_halfway_leaves_nothing(
    store: S3Store, execute: Execute, snow: Query, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(LABOR)
    source = exported(store)
    penstock.copy(source, "snow:daily.labor", stage=stage, mode="replace")
    execute("DELETE FROM labor WHERE id = 1")
    record = ledger.record

    def die(*arguments: Any) -> None:
        record(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger, "record", die)
    with pytest.raises(KeyboardInterrupt):
        penstock.copy(exported(store), "snow:daily.labor", stage=stage, mode="replace")
    monkeypatch.undo()

    assert len(rows(snow)) == 2
    assert snow("SELECT count(*) FROM PENSTOCK_LEDGER.COPIES") == [(1,)]


# -- what goes wrong


def test_no_such_stage(store: S3Store, execute: Execute, stage: str) -> None:
    execute(LABOR)

    with pytest.raises(UsageError, match=r"no stage daily\.other"):
        penstock.copy(exported(store), "snow:daily.labor", stage="daily.other")


def test_a_file_that_is_gone(store: S3Store, execute: Execute, snow: Query, stage: str) -> None:
    execute(LABOR)
    source = exported(store)
    store.delete([one.key for one in store.list() if one.key.endswith(".parquet")])

    with pytest.raises((TargetError, ContractError), match=r"copying into snow:daily\.labor"):
        penstock.copy(source, "snow:daily.labor", stage=stage)


def test_no_export(store: S3Store, stage: str) -> None:
    store.put("loose.csv", b"id\n1\n")

    with pytest.raises(SourceError, match="no export at"):
        penstock.copy(f"{store.name}/", "snow:daily.labor", stage=stage)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "needs an external stage"),
        ({"stage": "s", "mode": "merge", "key": "id"}, "do not support mode merge"),
    ],
)
def test_what_makes_no_sense(
    store: S3Store, execute: Execute, stage: str, options: dict[str, Any], words: str
) -> None:
    execute(LABOR)

    with pytest.raises(UsageError, match=words):
        penstock.copy(exported(store), "snow:daily.labor", **options)


def test_nothing_answers(
    store: S3Store, execute: Execute, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(LABOR)
    monkeypatch.setenv(
        "PENSTOCK_CONN_SNOW",
        '{"conn_type": "snowflake", "host": "127.0.0.1", "port": 9, "login": "fake", "password": "hidden",'
        ' "extra": {"account": "fakesnow", "protocol": "http", "network_timeout": "1", "login_timeout": "1"}}',
    )

    with pytest.raises(ConnectionFailed, match="cannot connect to snow") as failed:
        penstock.copy(exported(store), "snow:daily.labor", stage=stage)

    assert "hidden" not in str(failed.value)


def test_connection_test(stage: str) -> None:
    from penstock import lookup
    from penstock.devtools.connection_test import try_connection

    connection = lookup.find("snow")
    assert connection is not None
    assert "login" in dict(try_connection(connection))


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_columns_that_are_spelled_otherwise(
    store: S3Store, execute: Execute, snow: Query, stage: str, form: str
) -> None:
    execute(LABOR)
    snow('CREATE TABLE DAILY.LABOR ("Day" DATE, "PAY" NUMBER(10,2), "Na_me" VARCHAR, "I D" NUMBER(38,0))')

    result = penstock.copy(exported(store, format=form), "snow:daily.labor", stage=stage)

    assert result.loaded == 2
    assert snow('SELECT "I D", "Na_me", PAY FROM DAILY.LABOR ORDER BY 1') == [
        (1, "Ann", Decimal("12.50")),
        (2, "O'Neil", None),
    ]


def test_schemas_that_are_there_are_not_made(
    store: S3Store, execute: Execute, snow: Query, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import snowflake.connector.cursor as cursors

    execute(LABOR)
    penstock.copy(exported(store), "snow:daily.labor", stage=stage)
    said: list[str] = []
    original = cursors.SnowflakeCursor.execute

    def listened(self: Any, command: str, *values: Any, **more: Any) -> object:
        said.append(command)
        return original(self, command, *values, **more)

    monkeypatch.setattr(cursors.SnowflakeCursor, "execute", listened)
    snow("DROP TABLE DAILY.LABOR")
    penstock.copy(exported(store), "snow:daily.labor", stage=stage, again=True)
    assert [command.split("(")[0] for command in said if command.startswith("CREATE")] == [
        'CREATE TABLE IF NOT EXISTS "DAILY"."LABOR" '
    ]
