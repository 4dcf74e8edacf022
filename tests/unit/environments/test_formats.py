"""Round trips: what a format is given, it gives back."""

from __future__ import annotations

import json
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.environments import formats
from penstock.environments.formats import airflow, dotenv
from penstock.environments.formats.bundle import Bundle, to_texts, to_values
from penstock.model.connection import Connection, Secret
from penstock.model.errors import UsageError

# NUL stands in no file and in no variable of a process, lone surrogates in no UTF-8.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
# Switches come back in lower case, however they were written.
EXTRA = TEXT.map(lambda text: text.lower() if text.lower() in ("true", "false") else text)
FIELDS = st.dictionaries(NAMES, EXTRA, max_size=4)
# What a shell's or YAML's line ends would turn into others stays out of the formats that are read line by line.
PRINTABLE = st.text(string.printable.replace("\r", "").replace("\x0b", "").replace("\x0c", ""), max_size=30)


@st.composite
def connections(draw: st.DrawFn, name: str | None = None) -> Connection:
    kind = draw(st.sampled_from(["postgres", "http", "s3", "snowflake", "generic", "google_cloud_platform"]))
    password = draw(st.none() | TEXT)
    extra = draw(FIELDS)
    if kind == "snowflake":  # kept in a field of its own
        extra.pop("database", None)
    return Connection(
        name=name or draw(NAMES),
        type=kind,
        host=draw(st.none() | TEXT),
        port=draw(st.none() | st.integers(1, 65535)),
        login=draw(st.none() | TEXT),
        password=None if password is None else Secret(password),
        database=draw(st.none() | TEXT),
        extra=extra,
    )


@st.composite
def bundles(draw: st.DrawFn) -> Bundle:
    names = draw(st.lists(NAMES, unique=True, max_size=3))
    variables = draw(st.dictionaries(NAMES, PRINTABLE, max_size=3))
    return Bundle(connections=tuple(draw(connections(name)) for name in names), variables=variables)


@given(connections())
def test_fields_json_and_uri_give_the_connection_back(connection: Connection) -> None:
    assert airflow.from_fields(connection.name, airflow.to_fields(connection)) == connection
    assert airflow.from_text(connection.name, airflow.to_json(connection)) == connection


@given(connections())
def test_a_uri_gives_back_what_has_a_plain_host(connection: Connection) -> None:
    plain = replace(connection, host="db.example.org")
    assert airflow.from_text(plain.name, airflow.to_uri(plain)) == plain
    with_protocol = replace(connection, host="https://api.example.org")
    assert airflow.from_text(plain.name, airflow.to_uri(with_protocol)) == with_protocol


@given(bundles())
@pytest.mark.parametrize("form", ["env", "json", "airflow-settings"])
def test_files_of_airflow_give_everything_back(form: str, bundle: Bundle) -> None:
    held = replace(bundle, variables={}) if form == "json" else bundle
    assert formats.read(formats.write(bundle, form), form) == held
    assert len(formats.left_out(bundle, form)) == len(bundle.variables) - len(held.variables)


@given(
    st.builds(Bundle, connections=st.lists(connections(), max_size=3, unique_by=lambda c: c.name).map(tuple))
)
def test_dbt_gives_back_what_it_has_fields_for(bundle: Bundle) -> None:
    keep = {"postgres": ("sslmode",), "snowflake": ("account", "schema")}
    fit = tuple(
        replace(
            one,
            host=one.host if one.type == "postgres" else None,
            port=one.port if one.type == "postgres" else None,
            extra=dict.fromkeys(keep[one.type], "x{"),
        )
        for one in bundle.connections
        if one.type in keep and "{{" not in f"{airflow.to_fields(one)}"
    )
    if fit:
        assert formats.read(formats.write(Bundle(connections=fit), "dbt"), "dbt").connections == fit


@given(FIELDS)
def test_extra_texts_survive_as_values(extra: dict[str, str]) -> None:
    assert to_texts(to_values(extra)) == extra


def test_switches_are_switches_however_they_are_written() -> None:
    assert to_values({"a": "False", "b": "TRUE", "c": "no"}) == {"a": False, "b": True, "c": "no"}


@given(
    st.dictionaries(
        NAMES, st.booleans() | st.integers(-99999999, 999999999) | st.lists(st.integers()) | st.none()
    )
)
def test_extra_values_survive_as_texts(extra: dict[str, object]) -> None:
    assert to_values(to_texts(extra)) == extra


@given(st.dictionaries(NAMES.map(str.upper), PRINTABLE, max_size=4))
def test_what_a_shell_would_read_is_read(values: dict[str, str]) -> None:
    import shlex

    text = "".join(
        f"  export {name}={shlex.quote(value)}\n\n# remark 'open\n" for name, value in values.items()
    )
    assert dict(dotenv.assignments(text)) == values


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b c # remark", "b c"),
        ("A = b", "b"),
        ("A=", ""),
        ("A=b#c", "b#c"),
        ('A="b\\"c"', 'b"c'),
        ("A='it'\"'\"'s'", "it's"),
        ('A={"conn_type": "http"}', '{"conn_type": "http"}'),
        ("A='b\nc'", "b\nc"),
    ],
)
def test_lines(line: str, value: str) -> None:
    assert list(dotenv.assignments(f"{line}\nZ=end\n")) == [("A", value), ("Z", "end")]


def test_a_line_that_is_no_assignment_is_named_not_shown() -> None:
    with pytest.raises(UsageError, match="line 4") as caught:
        formats.read("A='b\nc'\n\nhunter2 hunter2\n", "env")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("env", "AIRFLOW_CONN_X=hunter2"),
        ("env", "AIRFLOW_CONN_X=postgres://u:p@h:hunter2/d"),
        ("env", 'AIRFLOW_CONN_X={"conn_type": "http", "port": "hunter2"}'),
        ("env", 'AIRFLOW_CONN_X={"conn_type": hunter2'),
        ("json", "hunter2"),
        ("json", "[]"),
        ("json", '{"x": {"conn_type": "http", "extra": "hunter2"}}'),
        ("json", '{"x": {"conn_type": "http", "port": "hunter2"}}'),
        ("airflow-settings", "airflow: {connections: [{conn_id: x, conn_password: *hunter2}]}"),
        ("airflow-settings", "airflow: {connections: {x: hunter2}}"),
        ("airflow-settings", "airflow: {connections: [{conn_id: x, conn_password: hunter2}]}"),
        ("airflow-settings", "hunter2"),
        ("airflow-settings", "a\x01hunter2"),
        ("dbt", "hunter2"),
        ("dbt", "p: {outputs: {x: hunter2}}"),
        ("dbt", "p: {outputs: {x: {type: postgres, port: hunter2}}}"),
        ("dbt", "p: {outputs: {x: {type: postgres, password: \"{{ env_var('NOT_SET') }}hunter2\"}}}"),
        ("dbt", "p: {outputs: {x: {type: postgres, password: \"{{ 'hunter2' }}\"}}}"),
        ("nope", "hunter2"),
    ],
)
def test_what_cannot_be_read_is_said_without_its_text(form: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        formats.read(text, form)
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"
    assert caught.value.__cause__ is None


def test_an_astro_file() -> None:
    bundle = formats.read(
        """
airflow:
  connections:
    - conn_id: warehouse
      conn_type: postgres
      conn_host: db
      conn_schema: sales
      conn_login: etl
      conn_password: hunter2
      conn_port: 5432
      conn_extra: {sslmode: require}
    - conn_id: api
      conn_uri: http://key:s@https%3A%2F%2Fapi.example.org
    - conn_id:
      conn_type:
  pools:
    - {pool_name: small, pool_slot: 2, pool_description: a few}
    - pool_name:
  variables:
    - {variable_name: region, variable_value: north}
    - {variable_name: limits, variable_value: {high: 3}}
    - {variable_name: , variable_value: }
""",
        "airflow-settings",
    )
    assert bundle.connections[0] == Connection(
        name="warehouse",
        type="postgres",
        host="db",
        port=5432,
        login="etl",
        password=Secret("hunter2"),
        database="sales",
        extra={"sslmode": "require"},
    )
    assert bundle.connections[1].host == "https://api.example.org"
    assert bundle.variables == {"region": "north", "limits": '{"high": 3}'}
    assert "airflow pools set small 2 'a few'" in bundle.remarks[0]


def test_exports_of_airflow() -> None:
    connections = {"dwh": {"conn_type": "postgres", "description": "d", "extra": '{"sslmode": "require"}'}}
    assert formats.read(json.dumps(connections), "json").connections[0].extra == {"sslmode": "require"}
    assert formats.read(
        '{"a": "1", "b": [1], "c": {"value": "x", "description": "y"}}', "json"
    ).variables == {
        "a": "1",
        "b": "[1]",
        "c": "x",
    }
    assert formats.read("dwh=postgres://etl:s@db/sales\nPATH=/bin\n", "env") == Bundle(
        connections=(
            Connection(
                name="dwh", type="postgres", host="db", login="etl", password=Secret("s"), database="sales"
            ),
        ),
        remarks=("PATH is neither an Airflow connection nor an Airflow variable",),
    )


def test_profiles_of_dbt() -> None:
    text = """
shop:
  target: dev
  outputs:
    dev: {type: postgres, host: "{{ env_var('H', 'db') }}", user: etl, pass: "{{ env_var('P') }}", port: 5432,
          dbname: sales, schema: dev, threads: 4}
    lake: {type: duckdb, path: x}
desk:
  outputs:
    dev: {type: snowflake, account: a1, user: u, password: p, database: D, schema: S, warehouse: W}
"""
    bundle = formats.read(text, "dbt", {"P": "hunter2"})
    assert [one.name for one in bundle.connections] == ["shop_dev", "desk_dev"]
    assert bundle.connections[0].password == Secret("hunter2")
    assert bundle.connections[0].host == "db"
    assert bundle.connections[1].extra == {"account": "a1", "warehouse": "W", "schema": "S"}
    assert bundle.remarks == (
        "shop_dev: schema is a dbt setting and stays in profiles.yml",
        "shop_dev: threads is a dbt setting and stays in profiles.yml",
        "lake: unsupported type duckdb; only postgres and snowflake are imported",
    )


def test_names_that_differ_in_case_only_are_refused() -> None:
    with pytest.raises(UsageError, match="dwh and DWH have the same variable AIRFLOW_CONN_DWH"):
        dotenv.settings(
            Bundle(connections=(Connection(name="dwh", type="http"), Connection(name="DWH", type="http")))
        )


@pytest.mark.parametrize(
    ("path", "text", "form"),
    [
        ("a/.env", "", "env"),
        ("prod.env", "", "env"),
        (".env.prod", "", "env"),
        ("c.json", "", "json"),
        ("airflow_settings.yaml", "# c\nairflow:\n", "airflow-settings"),
        ("profiles.yml", "shop:\n", "dbt"),
    ],
)
def test_the_format_is_told_by_the_file(path: str, text: str, form: str) -> None:
    assert formats.guess(path, text) == form


def test_a_format_that_nothing_tells() -> None:
    with pytest.raises(UsageError, match="unknown format of"):
        formats.guess("connections", "")
