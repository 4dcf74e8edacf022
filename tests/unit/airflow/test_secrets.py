"""The secrets backend without a database or a server. Airflow is imported, so these take seconds."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from airflow import sdk
from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied as Denied

from penstock.airflow import secrets
from penstock.environments.formats.bundle import Bundle
from penstock.environments.import_files import take_in
from penstock.model.connection import Connection, Secret

DWH = Connection(
    name="dwh",
    type="postgres",
    host="db",
    port=5433,
    login="etl",
    password=Secret("p@ss/w:rd%"),
    database="sales",
    extra={"sslmode": "require", "keepalives": "1", "options": "-c x=y"},
)


class Vault(secrets.BaseSecretsBackend):  # type: ignore[misc,name-defined]
    """What is asked next."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def get_conn_value(self, conn_id: str) -> str | None:
        return f"postgres://{self.path}" if conn_id == "in_vault" else None

    def get_variable(self, key: str) -> str | None:
        return self.path if key == "in_vault" else None

    def get_config(self, key: str) -> str | None:
        return f"{key} of {self.path}"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [*os.environ]:
        if name.startswith(("PENSTOCK_", "AIRFLOW_CONN", "AIRFLOW_VAR")):
            monkeypatch.delenv(name)
    (tmp_path / "penstock.toml").touch()
    take_in(
        tmp_path, "base", Bundle(connections=(DWH,), variables={"region": "north", "api_token": "hidden"})
    )
    take_in(tmp_path, "prod", Bundle(variables={"region": "south"}))
    return tmp_path


def make(root: Path, **kwargs: Any) -> Any:
    backend = secrets.PenstockSecretsBackend(project=str(root), **kwargs)
    backend._set_connection_class(sdk.Connection)
    return backend


def test_a_connection_as_airflow_knows_it(root: Path) -> None:
    found = make(root).get_connection("dwh")
    assert (found.conn_type, found.host, found.port, found.login) == ("postgres", "db", 5433, "etl")
    assert (found.password, found.schema) == ("p@ss/w:rd%", "sales")
    assert found.extra_dejson == {"sslmode": "require", "keepalives": 1, "options": "-c x=y"}
    again = sdk.Connection.from_json(make(root).get_conn_value("dwh"), conn_id="dwh")
    assert again == found


def test_variables_and_what_is_unknown(root: Path) -> None:
    backend = make(root)
    assert (backend.get_variable("region"), backend.get_variable("api_token")) == ("north", "hidden")
    assert make(root, environment="prod").get_variable("region") == "south"
    unknown = (backend.get_connection("nope"), backend.get_conn_value("nope"), backend.get_variable("nope"))
    assert unknown == (None, None, None)
    assert backend.get_config("sql_alchemy_conn") is None


def test_the_fallback_is_asked_next(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = make(root, fallback=f"{__name__}.Vault", fallback_kwargs={"path": "vault"})
    assert backend.get_connection("in_vault").host == "vault"
    assert backend.get_connection("dwh").host == "db"
    assert backend.get_connection("nope") is None
    assert backend.get_variable("in_vault") == "vault"
    assert backend.get_config("x") == "x of vault"
    monkeypatch.setenv("AIRFLOW_CONN_IN_VAULT", "postgres://variable")
    assert backend.get_connection("in_vault").host == "variable"


def test_a_wrong_environment_is_an_error_and_not_unknown(root: Path) -> None:
    (root / ".penstock" / "key").unlink()
    backend = make(root, fallback=f"{__name__}.Vault", fallback_kwargs={"path": "vault"})
    with pytest.raises(Denied, match=r"environments/base\.yaml:.*no key for a secret") as caught:
        backend.get_connection("dwh")
    assert caught.value.__cause__ is None
    with pytest.raises(Denied, match="unknown environment 'nope'"):
        make(root, environment="nope").get_variable("region")


def test_it_shows_nothing(root: Path) -> None:
    backend = make(root, fallback=f"{__name__}.Vault", fallback_kwargs={"path": "hidden"})
    assert repr(backend) == "PenstockSecretsBackend(environment=None)"


def test_a_lookup_takes_less_than_five_milliseconds(root: Path) -> None:
    connections = tuple(
        Connection(name=f"c{n}", type="postgres", host="db", password=Secret("x")) for n in range(50)
    )
    take_in(root, "base", Bundle(connections=connections))
    backend = make(root)
    backend.get_connection("dwh")
    took = []
    for one in connections * 4:
        began = time.perf_counter()
        assert backend.get_connection(one.name).password == "x"
        took.append(time.perf_counter() - began)
    assert sorted(took)[len(took) // 2] < 0.005


@pytest.mark.parametrize(
    "connection",
    [
        DWH,
        Connection(name="api", type="http", host="https://api.example.org", password=Secret("k:/")),
        Connection(
            name="lake", type="s3", login="AKIA", password=Secret("a/b+c"), extra={"region_name": "eu"}
        ),
    ],
)
def test_airflow_reads_our_uris_as_we_do(connection: Connection) -> None:
    from penstock.environments.formats.airflow import from_fields, to_uri

    read = sdk.Connection.from_uri(to_uri(connection), conn_id=connection.name)
    assert from_fields(connection.name, read.to_dict()) == connection
