"""Options for the fields of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from penstock.cli import connection_form
from penstock.environments.layer import LINK

Name = Annotated[str, typer.Argument(help="Name of the connection, such as warehouse.", show_default=False)]
PasswordStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin", help="Read the password from standard input: pass db | ... --password-stdin."
    ),
]


@dataclass(frozen=True, repr=False)  # values may be secret
class Fields:
    """A connection's fields."""

    type_: Annotated[
        str | None,
        typer.Option("--type", help="postgres, http, s3, snowflake, generic, or another Airflow type."),
    ] = None
    host: Annotated[
        str | None,
        typer.Option("--host", help="Host name or URL, such as db.internal or https://api.example.com."),
    ] = None
    port: Annotated[str | None, typer.Option("--port", help="Port, such as 5432.")] = None
    login: Annotated[str | None, typer.Option("--login", help="User name, or access key, such as etl.")] = (
        None
    )
    password: Annotated[
        str | None,
        typer.Option(
            "--password",
            help="Visible in ps and in the shell's history; prefer --password-stdin.",
        ),
    ] = None
    database: Annotated[str | None, typer.Option("--database", help="Name of the database, such as dwh.")] = (
        None
    )
    extra: Annotated[
        list[str] | None,
        typer.Option(
            "--extra", metavar="NAME=VALUE", help="A further field, such as sslmode=require. Repeatable."
        ),
    ] = None
    from_env: Annotated[
        list[str] | None,
        typer.Option(
            "--from-env",
            metavar="FIELD=VARIABLE",
            help="Take a field from an environment variable: password=DB_PW. Repeatable.",
        ),
    ] = None
    same_as: Annotated[
        str | None,
        typer.Option(
            "--same-as", metavar="NAME", help="Use another connection, such as warehouse, under this name."
        ),
    ] = None

    def given(self) -> dict[str, str]:
        """The given fields by name; warns about secrets on the command line.

        Raises:
            UsageError: If an option is malformed, or the environment variable is not set.
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
