"""The steps of `penstock demo`: the sales warehouse from a dirty file to a tested star schema."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from penstock.cli.terminal.status import Status
from penstock.cli.terminal.streams import PenstockConsole, legible
from penstock.devtools.dag_events import DagRun
from penstock.model.connection import Connection
from penstock.model.errors import PenstockError
from penstock.model.plurals import counted
from penstock.project import Project, find_project

DAG = "sales_warehouse"
COPY = "copy_sales"
FILE = Path("include", "data", "sales-2013-02.csv")
BAR_WIDTH = 24

_MARKS = {"success": "[green]✓[/green]", "failed": "[red]✗[/red]", "skipped": "[yellow]-[/yellow]"}


def run() -> None:
    """Run the demo and print its steps. It is safe to repeat: no row is loaded twice.

    Raises:
        PenstockError: The server does not start, or a task failed; the message is the task's error.
    """
    started = time.monotonic()
    project = find_project()
    console = PenstockConsole()
    console.print(f"[bold]File[/bold]      {_sales_file(project)}")
    with DagRun(project, DAG) as events:
        # Importing Airflow takes seconds; the other steps run meanwhile.
        from penstock.lookup.connections import find

        warehouse = find("warehouse")
        console.print(f"[bold]Postgres[/bold]  warehouse answers on {warehouse.host}:{warehouse.port}")
        console.print(f"[bold]Airflow[/bold]   runs the DAG {DAG}, dbt builds the star schema")
        account = _report(project, events, console)
    _print_account(console, account)
    _print_gold(console, warehouse)
    _print_next_step(console, account)
    console.print(f"\nDone in {time.monotonic() - started:.1f} s.")


def _sales_file(project: Project) -> str:
    path = project.root / FILE
    if path.exists():
        return f"{FILE} exists"
    if find_spec("polars") is None:
        raise PenstockError(
            "the generator of the sales file is not installed", hint="pip install 'penstock[gallery]'"
        )
    from penstock_sandbox.sales import write_sales

    path.parent.mkdir(parents=True, exist_ok=True)
    truth = write_sales(path)
    return (
        f"{FILE} made: {counted(truth.rows, 'row')}, {path.stat().st_size / 1e6:.1f} MB, deliberately dirty"
    )


def _report(project: Project, events: Iterable[dict[str, Any]], console: PenstockConsole) -> dict[str, Any]:
    """Print each task when it ends, and return the account of the copy."""
    account: dict[str, Any] = {}
    failed: dict[str, Any] | None = None
    doing = ["starting Airflow"]
    with Status(lambda: doing, console=console):
        for event in events:
            if event["event"] == "begin":
                doing[0] = event["task"]
            elif event["event"] == "end":
                note = "" if event["state"] == "success" else f"  [red]{event['state']}[/red]"
                mark = legible(_MARKS.get(event["state"], "[red]·[/red]"))
                console.print(f"  {mark} {event['seconds']:6.2f} s  {escape(event['task'])}{note}")
                account = event.get("account") or account
                if event["state"] == "failed" and failed is None:
                    failed = event
            elif event["event"] == "done" and event["state"] != "success" and failed is None:
                failed = {"task": DAG, "error": f"the run ended as {event['state']}", "hint": None}
    if failed is not None:
        log = project.state_dir / "logs" / "airflow-run.log"
        raise PenstockError(f"{failed['task']}: {failed['error']}", hint=failed.get("hint") or f"see {log}")
    return account


def _print_account(console: Console, account: dict[str, Any]) -> None:
    note = (
        "  copied before: nothing was changed, this is the account of the first copy"
        if account["already"]
        else ""
    )
    console.print(f"\n[bold]Every row accounted for[/bold]{note}")
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for name in ("read", "loaded", "duplicates", "rejected"):
        table.add_row(name, f"{account[name]:,}")
    for reason, count in sorted(account["rejects"].items(), key=lambda item: -item[1]):
        table.add_row(f"  [dim]{reason}[/dim]", f"[dim]{count:,}[/dim]")
    console.print(table)


def _print_gold(console: Console, warehouse: Connection) -> None:
    from penstock.postgres.connect import connect
    from penstock.postgres.queries import queries

    sql = queries(__package__, "gold.sql")
    with connect(warehouse) as session:
        months = session.execute(sql["months"]).fetchall()
        best = session.execute(sql["best_products"]).fetchall()
    console.print("\n[bold]gold.year_month_product_sales[/bold]")
    for month in months:
        console.print(
            f"  {month['year']}-{month['month']:02}: {counted(month['products'], 'product')},"
            f" {counted(month['sales'], 'sale')}, revenue {month['revenue']:,.2f}"
        )
    table = Table(box=None, padding=(0, 2))
    table.add_column("product")
    for name in ("sales", "units", "revenue"):
        table.add_column(name, justify="right")
    table.add_column("")
    for row in best:
        bar = legible("█") * max(1, round(BAR_WIDTH * float(row["revenue"] / best[0]["revenue"])))
        counts = (f"{row['sales']:,}", f"{row['quantity']:,}", f"{row['revenue']:,.2f}")
        table.add_row(escape(row["product_name"]), *counts, f"[cyan]{bar}[/cyan]")
    console.print(table)


def _print_next_step(console: Console, account: dict[str, Any]) -> None:
    program = Path(sys.argv[0])
    here = Path.cwd()
    name = program.relative_to(here) if program.is_absolute() and program.is_relative_to(here) else program
    console.print("\n[bold]Next steps[/bold]")
    console.print(f"  {name} rejects show {account['id'][:12]}   the rows that were not loaded, and why")
    console.print(f"  {name} ledger list                 every copy and its account")
    console.print(f"  {name} db psql warehouse           the tables themselves")
    console.print(f"  {name} start                       all pipelines, in Airflow's web interface")
