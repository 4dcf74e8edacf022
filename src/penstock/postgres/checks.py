"""Runs the checks of a copy on its table, and keeps their results in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from psycopg.sql import SQL, Identifier

from penstock.model.checks import CheckResult, TableCheck
from penstock.model.contract import Contract
from penstock.model.date_arguments import parse_duration
from penstock.model.plan import CopyPlan
from penstock.model.plurals import counted
from penstock.model.result import CopyResult
from penstock.postgres.connect import PgConnection
from penstock.postgres.queries import queries

_SQL = queries(__package__, "checks.sql")
_LONGEST = 60


def run_checks(
    connection: PgConnection, contract: Contract, oid: int, plan: CopyPlan, result: CopyResult
) -> list[CheckResult]:
    """Run the checks of a plan on the table as the copy leaves it.

    Args:
        result: The account of the copy.

    Raises:
        ContractError: If the table lacks a column of a check.
    """
    results = []
    for text in plan.checks:
        check = TableCheck.parse(text)
        if check.kind == "volume":
            passed, found = _volume(connection, check, oid, plan, result)
        else:
            passed, found = _judged(check, _asked(connection, check, contract))
        name = text.removeprefix("warn:")
        results.append(CheckResult(check=name, passed=passed, found=found, on_failure=check.on_failure))
    return results


def record_checks(connection: PgConnection, run: int, results: Sequence[CheckResult]) -> None:
    """Write results into the ledger, in the transaction of the copy."""
    if not _kept(connection):
        connection.execute(_SQL["create"])
    with connection.cursor() as cursor:
        cursor.executemany(_SQL["record"], [{"run": run, **asdict(result)} for result in results])


def recorded_checks(connection: PgConnection, run: int) -> list[dict[str, Any]]:
    """The results of one run."""
    return connection.execute(_SQL["of_run"], {"run": run}).fetchall() if _kept(connection) else []


def _kept(connection: PgConnection) -> bool:
    row = connection.execute(_SQL["exists"]).fetchone()
    return row is not None and bool(row["there"])


def _asked(connection: PgConnection, check: TableCheck, contract: Contract) -> dict[str, Any]:
    columns = [Identifier(name) for name in check.resolved(contract)]
    query = _SQL[check.kind].format(
        table=Identifier(contract.schema, contract.table),
        columns=SQL(", ").join(columns),
        texts=SQL(", ").join(SQL("{}::text").format(column) for column in columns),
        any_null=SQL(" OR ").join(SQL("{} IS NULL").format(column) for column in columns),
    )
    row = connection.execute(query, {"values": list(check.values)}).fetchone()
    assert row is not None  # an aggregate always returns a row
    return row


def _judged(check: TableCheck, row: dict[str, Any]) -> tuple[bool, str]:
    if check.kind == "fresh":
        if row["newest"] is None:
            return False, "the table has no value"
        age = timedelta(seconds=round(row["age"]))
        return age <= parse_duration(check.age), f"the newest value is {row['newest']}, {_old(age)}"
    if not row["rows"]:
        return True, "in every row" if check.kind != "unique" else "no repeated value"
    if check.kind == "not_null":
        return False, f"{counted(row['rows'], 'row')} without a value"
    example = f", such as {row['example'][:_LONGEST]!r}"
    if check.kind == "unique":
        return False, f"{counted(row['rows'], 'value')} more than once{example}"
    return False, f"{counted(row['rows'], 'row')} with another value{example}"


def _volume(
    connection: PgConnection, check: TableCheck, oid: int, plan: CopyPlan, result: CopyResult
) -> tuple[bool, str]:
    if result.already:
        return True, "copied before"
    names = {"oid": oid, "mode": plan.mode, "pipeline": plan.pipeline, "task": plan.task}
    row = connection.execute(_SQL["volume"], names).fetchone()
    if row is None or not row["copies"]:
        return True, f"{counted(result.loaded, 'row')}, no earlier copy"
    if not row["median"]:
        return True, f"{counted(result.loaded, 'row')}, none in earlier copies"
    share = 100 * result.loaded / row["median"]
    passed = share >= check.least and (check.most is None or share <= check.most)
    copies = "last copy" if row["copies"] == 1 else f"last {row['copies']} copies"
    return (
        passed,
        f"{counted(result.loaded, 'row')}, {share:.0f}% of the median {row['median']:,.0f} of the {copies}",
    )


def _old(age: timedelta) -> str:
    if age < timedelta(0):
        return "in the future"
    hours = age / timedelta(hours=1)
    unit, number = ("day", age.days) if hours >= 48 else ("hour", int(hours))  # two days
    if not number:
        unit, number = "minute", int(age / timedelta(minutes=1))
    return f"{counted(number, unit)} old"
