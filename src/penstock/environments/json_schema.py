"""The JSON Schema of environment files, for editors. Files themselves are read by `reading`, which knows lines."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from penstock.environments.connection_types import CONNECTION_NAME, KINDS, MAX_PORT

# Any one value: files are read as texts, so `8080`, `true` and `eu` are as good as `"8080"`, `"true"` and `"eu"`.
One = str | int | float | bool
Secret = Annotated[str, Field(pattern="^(enc:[0-9a-f]{8}:\\S+)?$")]
Known = Annotated[str, Field(json_schema_extra={"examples": list(KINDS)})]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ConnectionEntry(_Model):
    """A connection, or the fields of it that differ from what is inherited. A field of null is taken away."""

    type: Known | None = None
    """postgres, http, s3, snowflake, generic, or any other type that Airflow knows."""
    host: str | None = None
    """Host name or address; of a web service, its base address."""
    port: Annotated[int, Field(ge=1, le=MAX_PORT)] | None = None
    """The port."""
    login: One | None = None
    """The login, or the access key id of an object store."""
    password: Secret | None = None
    """The password, encrypted by `penstock env encrypt`."""
    database: One | None = None
    """The database to enter."""
    schema_: Annotated[One | None, Field(alias="schema")] = None
    """Airflow's name for the database."""
    extra: dict[str, One | None] | None = None
    """Further fields, such as sslmode. Secrets among them are encrypted by `penstock env encrypt`."""
    same_as: str | None = None
    """Another connection: this one has its fields, but for those given here, and inherits nothing else."""


class EnvironmentDocument(_Model):
    """An environment of a Penstock project: its connections and variables."""

    inherits: str | list[str] | None = None
    """The environment, or environments, whose connections and variables this one shares."""
    connections: Annotated[
        dict[str, ConnectionEntry | None] | None,
        Field(json_schema_extra={"propertyNames": {"pattern": f"^{CONNECTION_NAME.pattern}$"}}),
    ] = None
    """Connections by name. A connection of null is excluded, although a parent has it."""
    variables: dict[str, One | None] | None = None
    """Variables by name. A variable of null is excluded. Secrets are encrypted by `penstock env encrypt`."""


def schema() -> dict[str, Any]:
    """The JSON Schema of ``environments/*.yaml``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **EnvironmentDocument.model_json_schema(),
    }


def schema_text() -> str:
    """The same as a file holds it."""
    return json.dumps(schema(), indent=2) + "\n"
