"""``penstock copy``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from penstock.cli.account import show_account
from penstock.cli.copy_options import Account, Keys, Landing, Reading, Tables, Writing
from penstock.cli.env_file import Env, using
from penstock.cli.option_groups import grouped
from penstock.cli.progress import shown
from penstock.model.errors import UsageError
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
            help="A file, a quoted glob, - (standard input), a table, s3://bucket/key, lake:name; or copy.yaml."
        ),
    ],
    target: Annotated[
        str | None,
        typer.Argument(help="connection:schema.table (created if missing), s3://bucket/prefix/, directory/."),
    ] = None,
    *,
    keys: Keys,
    reading: Reading,
    tables: Tables,
    account: Account,
    landing: Landing,
    writing: Writing,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be copied and rejected, and change nothing.")
    ] = False,
    env: Env = None,
) -> None:
    """Copy files, a table or API answers into a table, and account for every row.

    Answers of an API land in the lake first, and are copied from there: penstock copy plan.yaml lake:weather

    Invalid rows go to quarantine (penstock rejects list). Exit codes: 0 done, 1 failed, 2 usage, 3 too many rejects
    or a failed check, 5 nothing loaded: every row was rejected, or no answer holds a record.
    See docs/reference/exit-codes.md.

    A copy may be a YAML file of source, target and options (penstock preview --save): penstock copy sales.yaml

    To export a table, replacing earlier files: penstock copy warehouse:marts.sales s3://lake/sales/

    Example: penstock copy sales.csv warehouse:raw.sales --key sale_id --max-rejects 2%
    """
    groups = (keys, reading, tables, account, landing, writing)
    with using(env):
        words, defaults = _words(groups), _words([type(group)() for group in groups])
        if target is None:
            source, target, words = _from_file(source, words, defaults)
        if dry_run:
            from penstock.cli.preview import show

            show(source, target, words, defaults, again=account.again, as_json=account.as_json)
            return
        plan = make_plan(source, target, **words)
        if tables.whole_schema:
            from penstock.cli.copy_all import copy_all

            copy_all(plan, tables, again=account.again, as_json=account.as_json)
        elif tables.selects:
            raise UsageError(
                "--include, --exclude, --mode-for and --keep-going apply to --all", hint="add --all"
            )
        else:
            _copy(plan, account)


def _words(groups: Sequence[Any]) -> CopyOptions:
    words: CopyOptions = {}
    for group in groups:
        words.update(group.words())
    return words


def _from_file(source: str, words: CopyOptions, defaults: CopyOptions) -> tuple[str, str, CopyOptions]:
    """The copy of a YAML file; options of the command line override those of the file."""
    from penstock.model.copy_files import SUFFIXES, read_copy

    if not source.lower().endswith(SUFFIXES):
        raise UsageError(
            f"no target for '{source}'",
            hint=f"penstock copy {source} warehouse:raw.new_table; to look at it first: penstock preview {source}",
        )
    found = read_copy(Path(source))
    if found.template is not None:
        raise UsageError(
            f"'{source}' holds {found.template!r}, which only Airflow fills in",
            hint=f"run its DAG: penstock run {found.name} --date 2013-02-01",
        )
    given = {name: value for name, value in words.items() if value != defaults.get(name)}
    return found.source, found.target, cast("CopyOptions", {**found.options, **given})


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
