"""Files of `NAME=value` lines, as used by shells, Astro's `.env` and Airflow's export."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from penstock.environments.formats.airflow import from_text, to_json, to_uri
from penstock.environments.formats.bundle import Bundle
from penstock.model.connection import Connection
from penstock.model.errors import UsageError

CONNECTION = "AIRFLOW_CONN_"
VARIABLE = "AIRFLOW_VAR_"
_PENSTOCK = "PENSTOCK_CONN_"
_PENSTOCK_VARIABLE = "PENSTOCK_VAR_"

_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>[\w.-]+)[ \t]*=[ \t]*")
# One or more adjacent quoted pieces, which is how a shell writes a quote within quotes.
_QUOTED = re.compile(r"""(?:'[^']*'|"(?:[^"\\]|\\.)*")+(?=\s|$)""", re.DOTALL)
_BARE = re.compile(r"[^\n]*")
_COMMENT = re.compile(r"\s+#.*")


def read(text: str) -> Bundle:
    r"""Parse the connections and variables; the names of other lines become remarks.

    The part of a name after the prefix is converted to lower case, because Airflow ignores its case.

    Raises:
        UsageError: A line is not an assignment, or a connection is invalid; the message shows no values.

    Example:
        >>> read("AIRFLOW_CONN_DWH=postgres://db/sales\nAIRFLOW_VAR_REGION=north").variables
        {'region': 'north'}
    """
    connections: dict[str, Connection] = {}
    variables: dict[str, str] = {}
    remarks: list[str] = []
    for name, value in assignments(text):
        if name.upper().startswith((CONNECTION, _PENSTOCK)):
            alias = name[len(CONNECTION) if name.upper().startswith(CONNECTION) else len(_PENSTOCK) :].lower()
            connections[alias] = from_text(alias, value)
        elif name.upper().startswith(VARIABLE):
            variables[name[len(VARIABLE) :].lower()] = value
        elif name.upper().startswith(_PENSTOCK_VARIABLE):
            variables[name[len(_PENSTOCK_VARIABLE) :].lower()] = value
        elif "://" in value or value.startswith("{"):  # Airflow's `connections export` writes bare names
            connections[name] = from_text(name, value)
        else:
            remarks.append(f"{name} is neither an Airflow connection nor an Airflow variable")
    return Bundle(connections=tuple(connections.values()), variables=variables, remarks=tuple(remarks))


def write(bundle: Bundle) -> str:
    """Return lines for a shell, with connections as URIs if possible, else as JSON. Secrets are in plain text."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in _settings(bundle, readable=True))


def settings(bundle: Bundle) -> dict[str, str]:
    """Return the environment variables for a process, with connections as JSON. Secrets are in plain text.

    Raises:
        UsageError: Two names differ only in case, which Airflow ignores.

    Example:
        >>> settings(Bundle(variables={"region": "north"}))
        {'AIRFLOW_VAR_REGION': 'north'}
    """
    return dict(_settings(bundle, readable=False))


def assignments(text: str) -> Iterator[tuple[str, str]]:
    r"""Yield names and values, without comments and blank lines.

    Raises:
        UsageError: A line is not an assignment.

    Example:
        >>> list(assignments("# which\nexport A='b c'"))
        [('A', 'b c')]
    """
    position, line = 0, 1
    while position < len(text):
        end = _line_end(text, position)
        stripped = text[position:end].strip()
        if stripped and not stripped.startswith("#"):
            name = _NAME.match(text, position)
            if name is None:
                raise UsageError(f"invalid line {line}", hint="use NAME=value")
            value, end = _value(text, name.end())
            yield name["name"], value
            end = _line_end(text, end)
        line += text.count("\n", position, end + 1)
        position = end + 1


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _value(text: str, position: int) -> tuple[str, int]:
    if (quoted := _QUOTED.match(text, position)) is not None:
        return shlex.split(quoted[0])[0], quoted.end()
    bare = _BARE.match(text, position)
    assert bare is not None
    return _COMMENT.sub("", bare[0]).strip(), bare.end()


def _settings(bundle: Bundle, *, readable: bool) -> Iterator[tuple[str, str]]:
    _check_case(CONNECTION, (connection.name for connection in bundle.connections))
    _check_case(VARIABLE, bundle.variables)
    for connection in bundle.connections:
        yield f"{CONNECTION}{connection.name.upper()}", _text(connection) if readable else to_json(connection)
    yield from ((f"{VARIABLE}{name.upper()}", value) for name, value in bundle.variables.items())


def _check_case(prefix: str, names: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.upper(), name)
        if other != name:
            raise UsageError(
                f"{other} and {name} have the same variable {prefix}{name.upper()}",
                hint="rename one of them: Airflow ignores case",
            )


def _text(connection: Connection) -> str:
    uri = to_uri(connection)
    try:
        return uri if from_text(connection.name, uri) == connection else to_json(connection)
    except UsageError:
        return to_json(connection)
