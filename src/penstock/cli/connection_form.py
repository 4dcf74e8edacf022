"""Asks for a connection field by field, and takes fields from options, files of secrets and the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import typer

from penstock.environments.connection_types import KINDS, PLAIN_FIELDS, Field, is_port, kind_of
from penstock.environments.errors import suggestion
from penstock.environments.layer import EXTRA, LINK
from penstock.environments.secret_detection import holds_secret, looks_secret
from penstock.model.errors import UsageError


def from_options(
    given: Mapping[str, str | None], extra: Sequence[str], variables: Sequence[str]
) -> dict[str, str]:
    """The fields that a command line gives; a secret that stands on it is warned of.

    Args:
        given: Fields by name, None where the option was not used.
        extra: ``NAME=VALUE`` each.
        variables: ``FIELD=VARIABLE`` each: a field's value is that of an environment variable.

    Raises:
        UsageError: If one has another form, or there is no such variable.
    """
    fields = {name: text for name, text in given.items() if text is not None}
    fields |= {f"{EXTRA}{name}": text for name, text in map(_pair, extra)}
    for name, text in fields.items():
        if holds_secret(name.removeprefix(EXTRA), text):
            warn(name, f"--from-env {name}=VARIABLE")
    for name, variable in map(_pair, variables):
        if variable not in os.environ:
            raise UsageError(f"there is no environment variable {variable}", hint="export it first")
        fields[field_name(name)] = os.environ[variable]
    for name, text in fields.items():
        check(name, text)
    return fields


def warn(name: str, better: str) -> None:
    """Tell that a secret was given where others see it, and what to do instead."""
    typer.echo(
        f"warning: {name} stands on the command line, where shell history and ps show it; "
        f"better {better}, or let yourself be asked",
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
    """What a field that the user wrote is called.

    Raises:
        UsageError: If there is none; further fields are written ``extra.NAME``.
    """
    known = (*PLAIN_FIELDS, LINK)
    if name == "schema":
        return "database"
    if name not in known and not (name.startswith(EXTRA) and name != EXTRA):
        raise UsageError(f"no field {name!r}", hint=f"{suggestion(name, known)}; or extra.NAME")
    return name


def check(name: str, text: str) -> None:
    """Prove one value.

    Raises:
        UsageError: If it cannot be; a secret is not shown.
    """
    if (problem := _problem(name, text)) is not None:
        raise UsageError(f"{name}: {problem}")


def ask_all(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields, those that the type has and that are not given yet asked for; a secret is not echoed."""
    found = dict(fields)
    if "type" not in found:
        found["type"] = _ask(Field("type", f"type ({', '.join(KINDS)})", required=True, default="postgres"))
    typer.echo(f"{kind_of(found['type']).title}; leave empty what it does not need.", err=True)
    for field in kind_of(found["type"]).fields:
        if field.name not in found and (text := _ask(field)):
            found[field.name] = text
    return found


def ask_one(name: str) -> str:
    """Ask for one field."""
    return _ask(Field(name, name.removeprefix(EXTRA), required=True))


def lacks(fields: Mapping[str, str]) -> bool:
    """Whether the type, or a field that it requires, is missing."""
    return "type" not in fields or bool(_missing(fields, fields["type"]))


def require(fields: Mapping[str, str], kind: str) -> None:
    """Prove that everything is there which the type needs.

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
        typer.echo(f"{field.name}: {problem}", err=True)


def _problem(name: str, text: str) -> str | None:
    if name == "port" and not is_port(text):
        return "a port is a number from 1 to 65535"
    if name in {"type", "host", LINK} and text != text.strip():
        return "it begins or ends with a blank"
    if name == "host" and "://" in text:
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError:
            return "that is no address"
        if not parts.hostname:
            return "the address names no host"
        if parts.password is not None:
            return "leave login and password out of the address: they have fields of their own"
    return None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"{name!r} is no NAME=VALUE", hint="as in --extra sslmode=require")
    return name, value


def _option(field: str) -> str:
    return f"--extra {field.removeprefix(EXTRA)}=VALUE" if field.startswith(EXTRA) else f"--{field} VALUE"
