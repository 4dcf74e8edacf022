import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.environments import BadEnvironment, load
from penstock.environments.keys import Keys, new_key
from penstock.environments.loading import find_connection
from penstock.model.errors import UsageError

from .conftest import Write

BASE = """
    connections:
      warehouse:
        type: postgres
        host: localhost
        port: 5432
        login: etl
        database: dwh
        extra:
          sslmode: prefer
          application_name: etl
      reporting:
        same_as: warehouse
        login: reader
      old_api: {type: http, host: https://old.example.com}
    variables:
      region: eu
      debug: true
    """
PROD = """
    inherits: base
    connections:
      warehouse:
        host: db.prod
        extra:
          sslmode: require
          application_name: null
      old_api: null
    variables:
      region: us
      debug: null
    """


def test_a_child_overrides_single_fields(write: Write) -> None:
    prod = load(write(base=BASE, prod=PROD), "prod")
    warehouse = prod.connection("warehouse")
    assert warehouse is not None
    assert (warehouse.host, warehouse.port, warehouse.login) == ("db.prod", 5432, "etl")
    assert warehouse.extra == {"sslmode": "require"}
    assert prod.variable("region") == "us"


def test_a_child_excludes(write: Write) -> None:
    prod = load(write(base=BASE, prod=PROD), "prod")
    assert prod.connection("old_api") is None
    assert prod.variable("debug") is None
    assert prod.connection_names() == ("reporting", "warehouse")
    assert prod.variable_names() == ("region",)
    assert str(prod.excluded("old_api")) == "environments/prod.yaml:8"
    assert prod.excluded("warehouse") is None


def test_a_link_follows_what_it_links_to(write: Write) -> None:
    root = write(base=BASE, prod=PROD)
    reporting = load(root, "prod").connection("reporting")
    assert reporting is not None
    assert (reporting.name, reporting.host, reporting.login) == ("reporting", "db.prod", "reader")


def test_what_is_excluded_can_be_defined_anew_and_inherits_nothing(write: Write) -> None:
    root = write(
        base=BASE,
        prod=PROD,
        far="inherits: prod\nconnections:\n  old_api: {type: http}\n",
        link="inherits: base\nconnections:\n  warehouse: {same_as: old_api}\n",
    )
    assert load(root, "far").shown("old_api") == {"type": "http"}
    assert load(root, "link").shown("warehouse") == {"type": "http", "host": "https://old.example.com"}


def test_texts_stay_as_they_were_written(write: Write) -> None:
    root = write(base="variables: {a: 007, b: yes, c: 1_000, d: 2024-01-01, e: '', f: 'null'}\n")
    environment = load(root)
    texts = [environment.variable(name) for name in "abcdef"]
    assert texts == ["007", "yes", "1_000", "2024-01-01", "", "null"]


def test_airflows_schema_is_the_database(write: Write) -> None:
    dwh = load(write(base="connections:\n  dwh: {type: mysql, schema: sales}\n")).connection("dwh")
    assert dwh is not None
    assert (dwh.type, dwh.database) == ("mysql", "sales")


def test_explain_names_file_line_and_environment(write: Write) -> None:
    prod = load(write(base=BASE, prod=PROD), "prod")
    found = {
        one.field: (one.value, f"{one.file}:{one.line}", one.environment) for one in prod.explain("reporting")
    }
    assert found == {
        "type": ("postgres", "environments/base.yaml:3", "base"),
        "host": ("db.prod", "environments/prod.yaml:4", "prod"),
        "port": ("5432", "environments/base.yaml:5", "base"),
        "login": ("reader", "environments/base.yaml:13", "base"),
        "database": ("dwh", "environments/base.yaml:7", "base"),
        "extra.sslmode": ("require", "environments/prod.yaml:6", "prod"),
    }
    (region,) = prod.explain("region")
    assert (region.kind, region.value, region.line) == ("variable", "us", 10)


def test_unknown_names_are_suggested(write: Write) -> None:
    prod = load(write(base=BASE, prod=PROD), "prod")
    with pytest.raises(UsageError, match="unknown name 'warehose'") as caught:
        prod.explain("warehose")
    assert caught.value.hint == "did you mean warehouse?"
    with pytest.raises(UsageError, match=r"prod.yaml:8 excludes 'old_api'"):
        prod.shown("old_api")
    assert prod.connection("nowhere") is None


def test_which_environment(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load(tmp_path).name == ""
    assert load(tmp_path).connection_names() == ()
    root = write(dev="", prod="")
    assert load(root).name == ""
    write(base="")
    assert load(root).name == "base"
    (root / "penstock.toml").write_text('[project]\nenvironment = "dev"\n')
    assert load(root).name == "dev"
    monkeypatch.setenv("PENSTOCK_ENV", "prod")
    assert load(root).name == "prod"
    assert load(root, "base").name == "base"


@pytest.mark.parametrize("name", ["prodd", "../prod", "a/b", "."])
def test_no_such_environment(write: Write, name: str) -> None:
    with pytest.raises(UsageError, match="environment"):
        load(write(prod=""), name)


def test_changes_are_noticed(write: Write) -> None:
    root = write(base=BASE, prod=PROD)
    assert load(root, "prod").variable("region") == "us"
    path = root / "environments" / "base.yaml"
    path.write_text(path.read_text().replace("reader", "analyst"))
    assert load(root, "prod").shown("reporting")["login"] == "analyst"
    path.unlink()
    with pytest.raises(BadEnvironment, match=r"prod.yaml:1: inherits an unknown environment 'base'"):
        load(root, "prod")


def test_nothing_is_read_twice(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(base=BASE, prod=PROD)
    load(root, "prod")
    monkeypatch.setattr(Path, "read_bytes", lambda *_, **__: pytest.fail("read again"))
    assert load(root, "prod").variable("region") == "us"


def test_secrets_show_themselves_only_when_asked(write: Write) -> None:
    keys = Keys([new_key()])
    text = f"""
    connections:
      api:
        type: http
        host: {keys.encrypt("hidden.example.com")}
        password: {keys.encrypt("hunter2")}
        extra: {{api_key: {keys.encrypt("tiger")}, odd: {keys.encrypt("lion")}, retries: 3}}
    variables:
      note: {keys.encrypt("panther")}
    """
    environment = load(write(base=text), key=keys)
    api = environment.connection("api")
    assert api is not None
    assert api.password is not None
    assert (api.host, api.password.reveal()) == ("hidden.example.com", "hunter2")
    assert (api.extra["api_key"], api.extra["odd"], environment.variable("note")) == (
        "tiger",
        "lion",
        "panther",
    )
    shown = [repr(api), repr(environment), repr(environment.explain("api")), str(environment.shown("api"))]
    shown += [repr(environment._layer), repr(environment.explain("note")), repr(keys), f"{api.extra}"]
    for word in ("hunter2", "tiger", "lion", "panther", *keys.texts):
        assert all(word not in text for text in shown)
    assert pickle.loads(pickle.dumps(api)).extra["odd"] == "lion"


def test_the_door_is_cheap() -> None:
    code = (
        "import sys; import penstock.environments; "
        "print([m for m in ('yaml', 'cryptography', 'pydantic', 'polars', 'rich') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "[]"


def test_connections_of_variables_are_masked_too() -> None:
    found = find_connection("api", {"PENSTOCK_CONN_API": "http://etl:hunter2@api.example.com/?api_key=tiger"})
    assert found is not None
    assert found.extra == {"api_key": "tiger"}
    assert "tiger" not in repr(found)
    assert "hunter2" not in repr(found)
