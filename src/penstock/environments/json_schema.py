"""The JSON Schema of environment files, for editors. `parse_file` reads the files themselves, with line numbers."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from penstock.environments.connection_types import CONNECTION_NAME, KINDS, MAX_PORT

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
