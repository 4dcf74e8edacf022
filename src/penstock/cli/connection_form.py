"""Reads the fields of a connection from options, prompts, standard input and environment variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import typer

from penstock.cli.terminal.streams import echo
from penstock.environments.connection_types import KINDS, PLAIN_FIELDS, Field, is_port, kind_of
from penstock.environments.errors import suggestion
from penstock.environments.layer import EXTRA, LINK
from penstock.environments.secret_detection import holds_secret, looks_secret
from penstock.model.errors import UsageError


def from_options(
    given: Mapping[str, str | None], extra: Sequence[str], variables: Sequence[str]
) -> dict[str, str]:
    """The fields from the command line; warns about secrets on it.

    Args:
        given: Fields by name; None if the option was not used.
        extra: ``NAME=VALUE`` each.
        variables: ``FIELD=VARIABLE`` each: the field's value comes from the environment variable.

    Raises:
        UsageError: If an item is malformed, or the variable is not set.
    """
    fields = {name: text for name, text in given.items() if text is not None}
    fields |= {f"{EXTRA}{name}": text for name, text in map(_pair, extra)}
    for name, text in fields.items():
        if holds_secret(name.removeprefix(EXTRA), text):
            warn(name, f"--from-env {name}=VARIABLE")
    for name, variable in map(_pair, variables):
        if variable not in os.environ:
            raise UsageError(f"environment variable {variable} is not set", hint="export it first")
        fields[field_name(name)] = os.environ[variable]
    for name, text in fields.items():
        check(name, text)
    return fields


def warn(name: str, better: str) -> None:
    """Warn that a secret is on the command line, and say what to do instead."""
    echo(
        f"warning: {name} is on the command line, where ps and the shell's history show it; "
        f"use {better}, or enter it at the prompt",
        err=True,
    )


def read_secret() -> str:
    """The first line of standard input.

    Raises:
        UsageError: If it is empty.
    """
    text = sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise UsageError("standard input is empty", hint="printf '%s' \"$SECRET\" | penstock ...")
    return text


def field_name(name: str) -> str:
    """The canonical name of a field that the user wrote.

    Raises:
        UsageError: If the field is unknown; further fields are written ``extra.NAME``.
    """
    known = (*PLAIN_FIELDS, LINK)
    if name == "schema":
        return "database"
    if name not in known and not (name.startswith(EXTRA) and name != EXTRA):
        raise UsageError(f"no field {name!r}", hint=f"{suggestion(name, known)}; or extra.NAME")
    return name


def check(name: str, text: str) -> None:
    """Check one value.

    Raises:
        UsageError: If the value is invalid; a secret is not shown.
    """
    if (problem := _problem(name, text)) is not None:
        raise UsageError(f"{name}: {problem}")


def ask_all(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields, after asking for those that are missing; secrets are not echoed."""
    found = dict(fields)
    if "type" not in found:
        found["type"] = _ask(Field("type", f"type ({', '.join(KINDS)})", required=True, default="postgres"))
    echo(f"{kind_of(found['type']).title}; press Enter to skip a field.", err=True)
    for field in kind_of(found["type"]).fields:
        if field.name not in found and (text := _ask(field)):
            found[field.name] = text
    return found


def ask_one(name: str) -> str:
    """Ask for one field until its value is valid."""
    return _ask(Field(name, name.removeprefix(EXTRA), required=True))


def lacks(fields: Mapping[str, str]) -> bool:
    """Whether the type, or a field that it requires, is missing."""
    return "type" not in fields or bool(_missing(fields, fields["type"]))


def require(fields: Mapping[str, str], kind: str) -> None:
    """Check that all required fields of the type are given.

    Raises:
        UsageError: If something is missing.
    """
    if missing := _missing(fields, kind):
        option = _option(missing[0])
        raise UsageError(f"a {kind} connection needs {', '.join(missing)}", hint=f"add {option}")


def _missing(fields: Mapping[str, str], kind: str) -> list[str]:
    return [field.name for field in kind_of(kind).fields if field.required and not fields.get(field.name)]


def _ask(field: Field) -> str:
    secret = looks_secret(field.name.removeprefix(EXTRA))
    while True:
        text = str(
            typer.prompt(
                field.title + ("" if field.required or field.default else " (optional)"),
                default=field.default or (None if field.required else ""),
                show_default=field.default is not None,
                hide_input=secret,
                err=True,
            )
        ).strip()
        if (problem := _problem(field.name, text)) is None or not text:
            return text
        echo(f"{field.name}: {problem}", err=True)


def _problem(name: str, text: str) -> str | None:
    if name == "port" and not is_port(text):
        return "a port is a number from 1 to 65535"
    if name in {"type", "host", LINK} and text != text.strip():
        return "it begins or ends with a space"
    if name == "host" and "://" in text:
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError:
            return "invalid address"
        if not parts.hostname:
            return "the address names no host"
        if parts.password is not None:
            return "remove login and password from the address; give them as fields"
    if name == "host" and "://" not in text and "@" in text:
        return "remove the login from the host; give it as --login"
    return None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(
            f"invalid field {name!r}", hint="write it as NAME=VALUE, such as --extra sslmode=require"
        )
    return name, value


def _option(field: str) -> str:
    return f"--extra {field.removeprefix(EXTRA)}=VALUE" if field.startswith(EXTRA) else f"--{field} VALUE"
