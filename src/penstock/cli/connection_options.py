"""The options that say what a connection's fields are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from penstock.cli import connection_form
from penstock.environments.layer import LINK

Name = Annotated[str, typer.Argument(help="The connection, as in warehouse.", show_default=False)]
PasswordStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin", help="Read it from standard input, as in pass db | ... --password-stdin."
    ),
]


@dataclass(frozen=True, repr=False)  # there may be secrets among them
class Fields:
    """A connection's fields."""

    type_: Annotated[
        str | None,
        typer.Option(
            "--type", help="postgres, http, s3, snowflake, generic, or any other, as in --type http."
        ),
    ] = None
    host: Annotated[
        str | None,
        typer.Option("--host", help="As in --host db.internal, or --host https://api.example.com."),
    ] = None
    port: Annotated[str | None, typer.Option("--port", help="As in --port 5432.")] = None
    login: Annotated[str | None, typer.Option("--login", help="As in --login etl.")] = None
    password: Annotated[
        str | None,
        typer.Option(
            "--password",
            help="Others see it, so you are warned; as in --password x. Better --password-stdin.",
        ),
    ] = None
    database: Annotated[str | None, typer.Option("--database", help="As in --database dwh.")] = None
    extra: Annotated[
        list[str] | None,
        typer.Option("--extra", metavar="NAME=VALUE", help="A further field, as in --extra sslmode=require."),
    ] = None
    from_env: Annotated[
        list[str] | None,
        typer.Option(
            "--from-env",
            metavar="FIELD=VARIABLE",
            help="Take it from a variable, as in --from-env password=DB_PW.",
        ),
    ] = None
    same_as: Annotated[
        str | None,
        typer.Option(
            "--same-as", metavar="NAME", help="Link to another connection, as in --same-as warehouse."
        ),
    ] = None

    def given(self) -> dict[str, str]:
        """Those that were given, by name; a secret that stands on the command line is warned of.

        Raises:
            UsageError: If one has another form, or there is no such environment variable.
        """
        named = {
            "type": self.type_,
            "host": self.host,
            "port": self.port,
            "login": self.login,
            "password": self.password,
            "database": self.database,
            LINK: self.same_as,
        }
        return connection_form.from_options(named, self.extra or [], self.from_env or [])
