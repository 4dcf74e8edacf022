"""Airflow, the engine and the shell under one environment and another, and what none of them lets out."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import psutil
import pytest
from tests.integration.secrets.conftest import FORMS, PASSWORD, TOKEN, Shop

from penstock.environments import load
from penstock.environments.write import rotate

PRODUCTS = "select product_id, name from products order by 1, 2"
MARKS = "select region from marks"


@pytest.mark.soak
def test_one_dag_writes_to_the_database_of_its_environment(shop: Shop) -> None:
    for name, database in shop.databases.items():
        other = next(one for one in shop.databases if one != name)
        done = shop.run_dag(name) if name == "dev" else shop.run_dag(None, environment=name)
        assert done.returncode == 0, done.stdout + done.stderr
        assert shop.rows(name, MARKS) == [(name,)], database.database
        assert len(shop.rows(name, PRODUCTS)) == 3
        if name == "dev":
            assert shop.rows(other, "select coalesce(to_regclass('marks'), to_regclass('products'))") == [
                (None,)
            ]


def test_a_broken_environment_stops_the_task_and_says_why(shop: Shop) -> None:
    (shop.root / ".penstock" / "key").unlink()
    done = shop.run_dag("prod")
    assert done.returncode == 1
    everything = done.stdout + done.stderr
    assert "environments/prod.yaml:" in everything
    assert "no key for a secret" in everything


@pytest.mark.soak
def test_nothing_that_a_full_run_writes_holds_a_secret(shop: Shop) -> None:
    with watched_arguments() as arguments:
        ran = [
            shop.run_dag("dev"),
            shop.penstock("dev", "copy", "dags/products.csv", "shop_db:public.again"),
            shop.penstock("dev", "copy", "dags/products.csv", "shop_db:nowhere.x.y"),
            shop.penstock("dev", "copy", "dags/shop.py", "shop_db:public.products"),
            shop.penstock("dev", "env", "show"),
            shop.penstock("dev", "env", "explain", "shop_db"),
            shop.penstock("dev", "env", "diff", "dev", "prod"),
            shop.penstock("dev", "env", "check"),
            shop.penstock("dev", "env", "export"),
            shop.penstock("dev", "env", "export", "--format", "airflow-settings", "--to", "masked.yaml"),
            shop.penstock(
                "dev", "env", "exec", "--pg", "shop_db", "--", "psql", "-c", "select pg_sleep(0.5)"
            ),
            shop.penstock("dev", "connection", "test", "shop_db"),
            shop.penstock("dev", "env", "rotate"),
        ]
    codes = [done.returncode for done in ran]
    assert codes[:2] == [0, 0], ran[0].stdout + ran[0].stderr + ran[1].stderr
    assert codes[-3:] == [0, 0, 0], [done.stderr for done in ran[-3:]]
    assert any("psql" in words for words in arguments)
    output = {f"{done.args}": done.stdout + done.stderr for done in ran}
    ledger = {
        f"table {schema}.{table}": f"{shop.rows('dev', f'select t::text from {schema}.{table} t')}"
        for schema, table in shop.rows(
            "dev",
            "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
        )
    }
    assert len(ledger) > 3
    files = {str(path): path.read_bytes().decode(errors="replace") for path in written(shop.root)}
    assert any("metadata.db" in name for name in files)
    assert "entered as" in ran[0].stdout
    for form in FORMS:
        for where, text in {**output, **ledger, **files, "arguments": "\n".join(arguments)}.items():
            assert form not in text, f"{where} holds a secret"


def written(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file())


@contextmanager
def watched_arguments() -> Iterator[set[str]]:
    """The arguments of every process that runs in this block and below this one."""
    seen: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            for process in psutil.Process().children(recursive=True):
                try:
                    seen.add(" ".join(process.cmdline()))
                except psutil.Error:
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


LOOK_UP = """
    import sys, time
    from airflow.sdk import Connection
    from penstock.airflow.secrets import PenstockSecretsBackend

    backend = PenstockSecretsBackend(environment="prod")
    backend._set_connection_class(Connection)
    print("ready", flush=True)
    until, count, slow = time.monotonic() + 4, 0, 0
    while time.monotonic() < until:
        began = time.perf_counter()
        found, token = backend.get_connection("shop_db"), backend.get_variable("api_token")
        slow += time.perf_counter() - began > 0.005
        assert (found.password, token) == (sys.argv[1], sys.argv[2])
        count += 1
    print(count, slow)
"""


@pytest.mark.soak
def test_rotation_while_a_process_keeps_looking_up_loses_nothing(shop: Shop) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", dedent(LOOK_UP), PASSWORD, TOKEN],
        env=shop.variables(None),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while process.stdout.readline() != "ready\n":  # after what Airflow has to say
        assert process.poll() is None
    for _ in range(8):
        rotate(shop.root)
        time.sleep(0.3)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    count, slow = map(int, out.split())
    assert count > 100
    assert slow < count / 10  # those that found changed files
    assert load(shop.root, "prod").variable("api_token") == TOKEN


MASKED = """
    import json, sys
    import airflow.models  # as a server does
    from airflow._shared.secrets_masker import redact as of_servers
    from airflow.sdk import Connection
    from airflow.sdk._shared.secrets_masker import redact as of_tasks
    from penstock.airflow.secrets import PenstockSecretsBackend

    backend = PenstockSecretsBackend()
    backend._set_connection_class(Connection)
    backend.get_connection("shop_db")
    backend.get_variable("api_token")
    forms = json.loads(sys.stdin.read())
    print(json.dumps([[redact(f"before {form} after") for form in forms] for redact in (of_servers, of_tasks)]))
"""


def test_what_was_looked_up_is_masked_in_logs(shop: Shop) -> None:
    forms = [form for form in FORMS if "\\" not in form or form == PASSWORD]
    done = subprocess.run(
        [sys.executable, "-c", dedent(MASKED)],
        env=shop.variables("dev"),
        input=json.dumps(forms),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for texts in json.loads(done.stdout.splitlines()[-1]):
        assert texts == ["before *** after"] * len(forms)
