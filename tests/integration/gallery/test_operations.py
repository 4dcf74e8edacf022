"""The daily operational views, against a computation of their contents that uses no SQL."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from jinja2 import Template
from tests.integration.gallery.conftest import REPOSITORY, RunDag, Session

from penstock_sandbox.operations import COLUMNS, rows, write_operations

FOLDER = REPOSITORY / "pipelines" / "dags" / "operations"
VIEWS = ("admission_by_entrance", "items_to_order", "top_selling_items_by_location", "ytd_labor_metrics")
TASKS = 1 + 1 + 4 + 2 + 4 + 4

Rows = set[tuple[object, ...]]


def expected(day: date) -> dict[str, Rows]:
    """What each view must hold, from the generator's rows."""
    admissions: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for on, entrance, sold, price in rows("guest_attendance"):
        if on == day:
            admissions[str(entrance).strip()][0] += Decimal(str(sold))
            admissions[str(entrance).strip()][1] += Decimal(str(sold)) * Decimal(str(price or 0))
    sold_at: defaultdict[str, defaultdict[str, list[Decimal]]] = defaultdict(
        lambda: defaultdict(lambda: [Decimal(0), Decimal(0)])
    )
    for on, location, item, sold, price in rows("item_sales"):
        if on == day:
            totals = sold_at[str(location).strip()][str(item)]
            totals[0] += Decimal(str(sold))
            totals[1] += Decimal(str(sold)) * Decimal(str(price or 0))
    labor: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    days: defaultdict[str, set[object]] = defaultdict(set)
    for on, employee, *numbers in rows("labor"):
        if isinstance(on, date) and date(day.year, 1, 1) <= on <= day:
            name = str(employee).strip()
            labor[name] = [a + Decimal(str(b or 0)) for a, b in zip(labor[name], numbers, strict=True)]
            days[name].add(on)
    return {
        "admission_by_entrance": {(day, name, *totals) for name, totals in admissions.items()},
        "items_to_order": {
            (day, location, item, left)
            for on, item, location, left, order in rows("inventory")
            if on == day and order
        },
        "top_selling_items_by_location": {
            (day, location, item, *totals, 1)
            for location, items in sold_at.items()
            for item, totals in items.items()
            if totals[0] == max(sold for sold, _ in items.values())
        },
        "ytd_labor_metrics": {(day, name, len(days[name]), *sums) for name, sums in labor.items()},
    }


def found(session: Session) -> dict[str, Rows]:
    return {view: set(session.execute(f"SELECT * FROM daily_operations.{view}").fetchall()) for view in VIEWS}


def checks(session: Session, day: str) -> dict[str, bool]:
    """Whether each view passes its check, which is a row of truths."""
    passed = {}
    for view in VIEWS:
        query = (FOLDER / "checks" / f"{view}.sql").read_text().replace("{{ ds }}", day)
        row = session.execute(query.encode()).fetchone()
        assert row is not None
        passed[view] = all(row)
    return passed


def test_days_one_after_the_other(run_dag: RunDag, session: Session) -> None:
    ends = run_dag("daily_operations_view_update", "--from", "2013-02-17", "--to", "2013-02-18")
    assert [end["state"] for end in ends] == ["success"] * 2 * TASKS
    assert found(session) == expected(date(2013, 2, 18))
    counts = {
        table: session.execute(f"SELECT count(*) FROM daily_operations.{table}").fetchall()
        for table in COLUMNS
    }
    assert counts == {table: [(len(list(rows(table))),)] for table in COLUMNS}

    # An earlier day again: its views, and no row twice.
    run_dag("daily_operations_view_update", "--date", "2013-02-02")
    assert found(session) == expected(date(2013, 2, 2))
    assert counts["labor"] == session.execute("SELECT count(*) FROM daily_operations.labor").fetchall()

    # The checks hold for the day of the views and for no other.
    assert checks(session, "2013-02-02") == dict.fromkeys(VIEWS, True)
    assert checks(session, "2013-02-03") == dict.fromkeys(VIEWS, False)
    session.execute("UPDATE daily_operations.item_sales SET quantity_sold = 0")
    assert checks(session, "2013-02-02")["top_selling_items_by_location"]  # all of them are first now
    for view, broken in {
        "admission_by_entrance": "v.tickets_sold + 1",
        "items_to_order": "NULL",
        "top_selling_items_by_location": "v.sales_rank + 1",
        "ytd_labor_metrics": "v.hours_worked / 2",
    }.items():
        column = broken.partition(".")[2].split(" ")[0]
        kept = f"daily_operations.kept_{view}"
        session.execute(f"CREATE TABLE {kept} AS SELECT * FROM daily_operations.{view}")
        session.execute(f"DROP VIEW daily_operations.{view}")
        session.execute(f"ALTER TABLE {kept} RENAME TO {view}")
        assert checks(session, "2013-02-02")[view]
        if column:
            session.execute(f"UPDATE daily_operations.{view} AS v SET {column} = {broken}")
        else:
            session.execute(f"DELETE FROM daily_operations.{view} WHERE ctid = '(0,1)'")
        assert not checks(session, "2013-02-02")[view]


def volume(session: Session, day: str, share: str = "0.3") -> dict[str, bool]:
    """Whether the volume of each table passes."""
    text = (FOLDER / "checks" / "volume.sql").read_text()
    query = Template(text).render(ds=day, var={"value": {"operations_min_volume": share}})
    cursor = session.execute(query.encode())
    assert cursor.description is not None
    row = cursor.fetchone()
    assert row is not None
    return {column.name: passed for column, passed in zip(cursor.description, row, strict=True)}


def test_the_volume_of_each_table(session: Session, tmp_path: Path) -> None:
    session.execute((FOLDER / "create_operations.sql").read_bytes())
    for table, path in write_operations(tmp_path).items():
        with session.cursor().copy(f"COPY daily_operations.{table} FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write(path.read_bytes())
    every = dict.fromkeys(COLUMNS, True)
    assert [volume(session, f"2013-02-{day:02}") for day in range(1, 29)] == [every] * 28
    session.execute(
        "DELETE FROM daily_operations.item_sales WHERE sales_date = '2013-02-20' AND item_name > 'D';"
        "TRUNCATE daily_operations.labor"
    )
    assert volume(session, "2013-02-20") == every | {"item_sales": False, "labor": False}
    assert volume(session, "2013-02-20", "0") == every


@pytest.mark.soak
def test_a_table_that_lacks_rows_of_its_file_fails_the_run(run_dag: RunDag, session: Session) -> None:
    session.execute((FOLDER / "create_operations.sql").read_bytes())
    session.execute("ALTER TABLE daily_operations.labor ADD CHECK (hours_worked < 8)")
    ends = run_dag("daily_operations_view_update", "--date", "2013-02-17", code=1)
    assert [end["task"] for end in ends if end["state"] == "failed"] == ["check_source"]
    assert session.execute("SELECT to_regclass('daily_operations.ytd_labor_metrics')").fetchall() == [(None,)]


def test_emptied_tables_fail_the_run_and_the_views_stay(
    gallery: Path, run_dag: RunDag, session: Session
) -> None:
    dag = "daily_operations_view_update"
    run_dag(dag, "--date", "2013-02-17")
    session.execute("TRUNCATE daily_operations.inventory")
    dev = gallery / "environments" / "dev.yaml"
    dev.write_text(dev.read_text().replace("operations_data: include/data/operations", 'operations_data: ""'))
    states = {end["task"]: end["state"] for end in run_dag(dag, "--date", "2013-02-18", code=1)}
    assert (states["check_source"], states["check_volume"]) == ("skipped", "failed")
    days = "SELECT DISTINCT admission_date::text FROM daily_operations.admission_by_entrance"
    assert session.execute(days).fetchall() == [("2013-02-17",)]


def test_the_generator_repeats_itself(tmp_path: Path) -> None:
    first = {table: path.read_bytes() for table, path in write_operations(tmp_path / "a").items()}
    second = {table: path.read_bytes() for table, path in write_operations(tmp_path / "b").items()}
    assert first == second
    other = {table: path.read_bytes() for table, path in write_operations(tmp_path / "c", seed=1).items()}
    assert all(other[table] != first[table] for table in COLUMNS)


@pytest.mark.parametrize("table", COLUMNS)
def test_the_month_is_untidy_and_whole(tmp_path: Path, table: str) -> None:
    with write_operations(tmp_path)[table].open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    days = {row[COLUMNS[table][0]] for row in read}
    assert {f"2013-02-{day:02}" for day in range(1, 29)} <= days
    if table != "inventory":
        assert any(value != value.strip() for row in read for value in row.values())
    assert any(value == "" for row in read for value in row.values())
