"""Finds all problems of an environment, and writes the JSON Schema of environment files for editors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from penstock.environments.connection_types import CONNECTION_NAME, KINDS, MAX_PORT, kind_of
from penstock.environments.environment import Environment
from penstock.environments.errors import BadEnvironment, Place, SecretProblem
from penstock.environments.inheritance import merge_lineage, read_lineage
from penstock.environments.keys import find_keys
from penstock.environments.layer import LINK
from penstock.model.errors import PenstockError


def problems(root: Path, name: str, *, secrets: bool = True) -> Iterator[PenstockError]:
    """Yield the problems of this environment, in the order of its files.

    Args:
        secrets: Also decrypt every secret, which needs the key.

    Example:
        >>> [str(problem) for problem in problems(Path("/nowhere"), "dev")]
        ["unknown environment 'dev'"]
    """
    try:
        lineage = read_lineage(root, name)
        layer = merge_lineage(lineage)
    except PenstockError as error:
        yield error
        return
    for file in lineage:
        yield from file.plain
    environment = Environment(name, layer, lambda: find_keys(root))
    found = [*_incomplete(environment), *(_locked(environment) if secrets else ())]
    yield from sorted(found, key=lambda problem: problem.place)


def _incomplete(environment: Environment) -> Iterator[BadEnvironment]:
    for name in environment.connection_names():
        try:
            fields = environment.shown(name)
        except BadEnvironment as error:
            yield error
            continue
        last = environment.explain(name)[-1] if fields else None
        place = Place(last.environment, last.file, last.line) if last else Place(environment.name, "", 1)
        if LINK in fields:  # the project's own server is complete
            continue
        if "type" not in fields:
            yield BadEnvironment(
                place, f"connection {name!r} has no type", "add a line such as type: postgres"
            )
            continue
        for field in kind_of(fields["type"]).fields:
            if field.required and not fields.get(field.name):
                yield BadEnvironment(
                    place,
                    f"connection {name!r} ({fields['type']}) has no {field.name}",
                    f"penstock connection set {name} --env {environment.name}",
                )


def _locked(environment: Environment) -> Iterator[SecretProblem]:
    seen: set[Place] = set()
    readers: list[tuple[Callable[[str], object], tuple[str, ...]]] = [
        (environment.connection, environment.connection_names()),
        (environment.variable, environment.variable_names()),
    ]
    for read, names in readers:
        for name in names:
            try:
                read(name)
            except SecretProblem as error:
                if error.place not in seen:
                    seen.add(error.place)
                    yield error
            except BadEnvironment:
                continue  # already reported


# Any scalar: values are read as text, so `8080`, `true` and `eu` equal `"8080"`, `"true"` and `"eu"`.
One = str | int | float | bool
Secret = Annotated[str, Field(pattern="^(enc:[0-9a-f]{8}:\\S+)?$")]
Known = Annotated[str, Field(json_schema_extra={"examples": list(KINDS)})]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ConnectionEntry(_Model):
    """A connection, or its fields that differ from the inherited ones. Null removes a field."""

    type: Known | None = None
    """postgres, http, s3, snowflake, generic, or any other type that Airflow knows."""
    host: str | None = None
    """Host name or address; for a web service, the base URL."""
    port: Annotated[int, Field(ge=1, le=MAX_PORT)] | None = None
    """Port number."""
    login: One | None = None
    """Login; for an object store, the access key id."""
    password: Secret | None = None
    """Password, encrypted by `penstock env encrypt`."""
    database: One | None = None
    """Name of the database."""
    schema_: Annotated[One | None, Field(alias="schema")] = None
    """Airflow's name for the database."""
    extra: dict[str, One | None] | None = None
    """Extra fields, such as sslmode. `penstock env encrypt` encrypts secrets among them."""
    same_as: str | None = None
    """Name of another connection, whose fields this one uses except for those given here. It inherits nothing else."""


class EnvironmentDocument(_Model):
    """An environment of a Penstock project: its connections and variables."""

    inherits: str | list[str] | None = None
    """The environment or environments to inherit connections and variables from."""
    connections: Annotated[
        dict[str, ConnectionEntry | None] | None,
        Field(json_schema_extra={"propertyNames": {"pattern": f"^{CONNECTION_NAME.pattern}$"}}),
    ] = None
    """Connections by name. Null excludes an inherited connection."""
    variables: dict[str, One | None] | None = None
    """Variables by name. Null excludes an inherited variable. `penstock env encrypt` encrypts secrets."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of ``environments/*.yaml``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **EnvironmentDocument.model_json_schema(),
    }


def schema_text() -> str:
    """Return the JSON Schema as the text of a file."""
    return json.dumps(schema(), indent=2) + "\n"
