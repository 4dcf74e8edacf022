"""``penstock copy``."""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.cli.account import show_account
from penstock.cli.copy_options import Account, Keys, Landing, Reading, Tables, Writing
from penstock.cli.env_file import environment_or_file, using
from penstock.cli.option_groups import grouped
from penstock.cli.progress import shown
from penstock.model.options import CopyOptions, make_plan
from penstock.model.outcome import NothingLanded, NothingLoaded, ledger_of, rejects_command, remark
from penstock.model.plan import CopyPlan

app = typer.Typer()


@app.command()
@grouped
def copy(  # noqa: PLR0913  # the options are the command's interface
    source: Annotated[
        str,
        typer.Argument(
            help="A file, a quoted glob, - (standard input), a table, s3://bucket/key, lake:name."
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(help="connection:schema.table (created if missing), s3://bucket/prefix/, directory/."),
    ],
    keys: Keys,
    reading: Reading,
    tables: Tables,
    account: Account,
    landing: Landing,
    writing: Writing,
    env: Annotated[
        str | None,
        typer.Option(
            "--env",
            metavar="NAME|FILE",
            callback=environment_or_file,
            help="The environment, such as prod, or a .env file.",
        ),
    ] = None,
) -> None:
    """Copy files, a table or API answers into a table, and account for every row.

    Answers of an API land in the lake first, and are copied from there: penstock copy plan.yaml lake:weather

    Invalid rows go to quarantine (penstock rejects list). Exit codes: 0 done, 1 failed, 2 usage, 3 too many rejects,
    5 nothing loaded: every row was rejected, or no answer holds a record. See docs/reference/exit-codes.md.

    To export a table, replacing earlier files: penstock copy warehouse:marts.sales s3://lake/sales/

    Example: penstock copy sales.csv warehouse:raw.sales --key sale_id --max-rejects 2%
    """
    with using(env):
        words: CopyOptions = {
            **keys.words(),
            **reading.words(),
            **tables.words(),
            **account.words(),
            **landing.words(),
            **writing.words(),
        }
        plan = make_plan(source, target, **words)
        if tables.whole_schema:
            from penstock.cli.copy_all import copy_all

            copy_all(plan, again=account.again, as_json=account.as_json)
        else:
            _copy(plan, account)


def _copy(plan: CopyPlan, account: Account) -> None:
    from penstock import run

    try:
        with shown(quiet=account.as_json) as progress:
            result = run(plan, again=account.again, progress=progress)
    except (NothingLoaded, NothingLanded) as nothing:
        show_account(nothing.result, plan.target, as_json=account.as_json)  # the error says the rest
        raise
    look = rejects_command(result, ledger_of(plan))
    show_account(result, plan.target, remark(plan, result), look, as_json=account.as_json)
