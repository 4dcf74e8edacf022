"""The options that say what a connection's fields are."""

from __future__ import annotations

from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="The connection, as in warehouse.", show_default=False)]
Type = Annotated[
    str | None,
    typer.Option("--type", help="postgres, http, s3, snowflake, generic, or any other, as in --type http."),
]
Host = Annotated[
    str | None, typer.Option("--host", help="As in --host db.internal, or --host https://api.example.com.")
]
Port = Annotated[str | None, typer.Option("--port", help="As in --port 5432.")]
Login = Annotated[str | None, typer.Option("--login", help="As in --login etl.")]
Password = Annotated[
    str | None,
    typer.Option(
        "--password", help="Others see it, so you are warned; as in --password x. Better --password-stdin."
    ),
]
PasswordStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin", help="Read it from standard input, as in pass db | ... --password-stdin."
    ),
]
Database = Annotated[str | None, typer.Option("--database", help="As in --database dwh.")]
Extra = Annotated[
    list[str] | None,
    typer.Option("--extra", metavar="NAME=VALUE", help="A further field, as in --extra sslmode=require."),
]
FromEnv = Annotated[
    list[str] | None,
    typer.Option(
        "--from-env",
        metavar="FIELD=VARIABLE",
        help="Take it from a variable, as in --from-env password=DB_PW.",
    ),
]
SameAs = Annotated[
    str | None,
    typer.Option("--same-as", metavar="NAME", help="Link to another connection, as in --same-as warehouse."),
]
