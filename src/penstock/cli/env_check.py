"""`penstock env check`: finds errors in environments, and names that DAGs use and environments lack."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.environment_options import AsJson
from penstock.cli.terminal.streams import echo
from penstock.model.errors import NothingDone, PenstockError
from penstock.model.plurals import counted
from penstock.project import find_project

if TYPE_CHECKING:
    from penstock.environments.dag_references import Demand


class ProblemsFound(PenstockError):
    """The check found problems and printed them."""


def check(
    name: Annotated[
        str | None,
        typer.Argument(help="The environment, such as prod. Default: all.", show_default=False),
    ] = None,
    *,
    secrets: Annotated[
        bool,
        typer.Option(
            "--secrets/--no-secrets",
            help="Also decrypt every secret. Use --no-secrets where the key is missing.",
        ),
    ] = True,
    elsewhere: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Accept this name: a vault or the server provides it. Repeatable.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find errors in environments, and connections and variables that DAGs use but environments lack.

    Exit codes: 0 nothing wrong, 1 problems, 5 nothing to check. See docs/reference/exit-codes.md.

    Without a name, the names that DAGs use are looked up in the default environment and in those that no other
    inherits from. The embedded servers count for the default environment only.

    Example: penstock env check prod --no-secrets
    """
    from penstock.environments.dag_references import demands
    from penstock.environments.inheritance import environment_names

    root = find_project().root
    asked = demands(root)
    # Report a parent's errors once.
    found: dict[str, tuple[str | None, str]] = {}
    names = [name] if name else environment_names(root)
    for one in names:
        for problem in _problems(root, one, secrets=secrets):
            found.setdefault(problem.message, (problem.hint, one))
    for one in _asked_of(root, name):
        for problem in _lacking(root, one, asked, elsewhere or ()):
            found.setdefault(problem.message, (problem.hint, one))
    if as_json:
        rows = [{"environment": one, "problem": text, "hint": hint} for text, (hint, one) in found.items()]
        echo(json.dumps(rows))
    else:
        _print(found, asked, has_environments=bool(names))
    if found:
        raise ProblemsFound(counted(len(found), "problem"))
    if not names and not asked:
        raise NothingDone(
            "nothing to check: the project has no environments, and its DAGs use no connection or variable",
            hint="penstock connection add creates the first environment",
        )


def _problems(root: Path, name: str, *, secrets: bool) -> Iterator[PenstockError]:
    from penstock.environments.validate import problems

    return problems(root, name, secrets=secrets)


def _asked_of(root: Path, name: str | None) -> tuple[str, ...]:
    """The environments that must define the names that DAGs use; "" stands for a project without environments."""
    from penstock.environments.missing_names import deployed

    try:
        return (name,) if name else deployed(root) or ("",)
    except PenstockError:
        return ()  # reported already


def _lacking(
    root: Path, name: str, asked: Iterable[Demand], elsewhere: Collection[str]
) -> Iterator[PenstockError]:
    from penstock.environments import load
    from penstock.environments.airflow_settings import local_settings
    from penstock.environments.formats.bundle import Bundle
    from penstock.environments.missing_names import default, lacking, served
    from penstock.lookup import EMBEDDED

    try:
        environment = load(root, name or None)
    except PenstockError:
        return  # reported already
    is_default = name in ("", default(root))
    embedded = EMBEDDED if is_default else ()
    try:
        settings = local_settings(root, name or None)
    except PenstockError as error:
        yield error
        settings = Bundle()
    given = (*settings.variables, *(one.name for one in settings.connections))
    yield from lacking(environment, asked, {*elsewhere, *embedded, *given})
    if not is_default:
        yield from served(environment, elsewhere)


def _print(
    found: dict[str, tuple[str | None, str]], asked: Collection[Demand], *, has_environments: bool
) -> None:
    for text, (hint, _) in found.items():
        echo(f"{text} ({hint})" if hint else text)
    for demand in asked:
        if demand.name is None:
            echo(f"note: {demand} uses a {demand.kind} whose name is only known when it runs")
    if not found and (asked or has_environments):
        count = len({(one.kind, one.name) for one in asked if one.name is not None})
        echo(f"nothing wrong; names that the DAGs use: {count}")
