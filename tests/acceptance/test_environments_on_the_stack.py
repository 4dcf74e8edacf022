"""One DAG on the real stack: it writes to the database of its environment, also after key rotation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.stacks import call, log_in, penstock, states, until

from penstock.environments.errors import Place, WrongKey
from penstock.environments.keys import Keys
from penstock.model.connection import Connection
from penstock.postgres.connect import connect
from penstock.project import Project
from penstock.stack import airflow_credentials, state_file
from penstock.stack.processes import is_alive

TOKEN = "tok-7f3b/9c+41?"

# The copy finds its connection by itself, the other task through Airflow's hook and Airflow's variables.
DAG = """
from airflow.sdk import DAG, task
from penstock.airflow.copy_operator import CopyOperator

with DAG("shop", schedule=None, is_paused_upon_creation=False):
    copy = CopyOperator(task_id="copy", source="{csv}", target="shop_db:public.products", mode="replace")

    @task
    def mark() -> None:
        # What careless tasks log: their environment, and secrets that they looked up without Airflow.
        import os

        from penstock import lookup

        print(dict(os.environ), lookup.find("shop_db").password.reveal(), lookup.find_variable("api_token"))
        from airflow.providers.postgres.hooks.postgres import PostgresHook
        from airflow.sdk import Variable

        hook = PostgresHook("shop_db")
        hook.run("create table if not exists marks (token text)")
        hook.run("insert into marks values (%s)", parameters=(Variable.get("api_token"),))

    copy >> mark()
"""

BROKEN = """# an airflow dag
from penstock import lookup

raise ValueError(lookup.find("shop_db").password.reveal())
"""

BASE = """
connections:
  shop_db:
    type: postgres
    host: {host}
    port: {port}
    login: {login}
    password: {password}
    extra:
      sslmode: disable
variables:
  api_token: {token}
"""

CHILD = """
inherits: [base]
connections:
  shop_db:
    database: {database}
"""

PRODUCTS = "select product_id, name from products order by 1"
MARKS = "select token from marks"
TABLES = (
    "select to_regclass('products') as a, to_regclass('marks') as b, to_regnamespace('penstock_ledger') as c"
)


@pytest.fixture
def databases(make_database: Callable[[str], Connection]) -> dict[str, Connection]:
    """A database for each environment, on a server that the stack does not own."""
    return {name: make_database("shop_db") for name in ("dev", "prod")}


@pytest.fixture
def shop(project: Project, databases: dict[str, Connection], monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project, its secrets encrypted; `dev` and `prod` differ in the database and in nothing else."""
    for name in ("PENSTOCK_ENV", "PENSTOCK_KEY"):
        monkeypatch.delenv(name, raising=False)
    any_of_them = databases["dev"]
    assert any_of_them.password is not None
    texts = {name: CHILD.format(database=database.database) for name, database in databases.items()}
    texts["base"] = BASE.format(
        host=any_of_them.host,
        port=any_of_them.port,
        login=any_of_them.login,
        password=any_of_them.password.reveal(),
        token=TOKEN,
    )
    for folder in ("dags", "environments", "include"):
        (project.root / folder).mkdir()
    for name, text in texts.items():
        (project.root / "environments" / f"{name}.yaml").write_text(text)
    (project.root / "dags" / "shop.py").write_text(DAG.format(csv=csv(project)))
    (project.root / "dags" / "broken.py").write_text(BROKEN)
    encrypted = penstock(project, "env", "encrypt", "base")
    assert (encrypted.returncode, encrypted.stdout.count(": encrypted\n")) == (0, 2), encrypted.stderr
    return project


def csv(project: Project) -> Path:
    return project.root / "include" / "products.csv"


def rows(database: Connection, query: str) -> list[tuple[Any, ...]]:
    with connect(database) as session:
        return [tuple(row.values()) for row in session.execute(query).fetchall()]


def secrets(project: Project) -> tuple[str, ...]:
    """The encrypted texts in the base environment's file."""
    words = (project.root / "environments" / "base.yaml").read_text().split()
    return tuple(word for word in words if word.startswith("enc:"))


def keys(project: Project) -> list[str]:
    return (project.state_dir / "key").read_text().split()


def import_error(project: Project) -> str:
    found = state_file.load(project)
    url = found.address("api-server") if found else None
    assert url is not None
    token = log_in(url, "airflow")["access_token"]
    errors = until(lambda: call(f"{url}/api/v2/importErrors", None, token)["import_errors"], 60)
    return str(errors[0]["stack_trace"])


class Run:
    """A run of the DAG with a file of these products, triggered as a user's program would."""

    def __init__(self, project: Project, *products: str) -> None:
        lines = [f"{number},{name}" for number, name in enumerate(products, start=1)]
        csv(project).write_text("\n".join(["product_id,name", *lines]) + "\n")
        found = state_file.load(project)
        url = found.address("api-server") if found else None
        assert url is not None
        self._token = log_in(url, "airflow")["access_token"]
        dag = f"{url}/api/v2/dags/shop"
        begun = until(  # the DAG may not have been seen yet
            lambda: (
                isinstance(got := call(f"{dag}/dagRuns", {"logical_date": None}, self._token), dict) and got
            ),
            60,
        )
        self._place = f"{dag}/dagRuns/{begun['dag_run_id']}"

    def succeeds(self) -> None:
        """Wait for its end; where that is not success, say what its tasks complained of."""
        ended = ("success", "failed")
        state = until(lambda: (got := call(self._place, token=self._token)["state"]) in ended and got, 60)
        assert state == "success", self._errors()

    def _errors(self) -> str:
        tasks = [f"{self._place}/taskInstances/{name}/logs/1" for name in ("copy", "mark")]
        answers = [call(task, token=self._token) for task in tasks]
        entries = [entry for answer in answers if isinstance(answer, dict) for entry in answer["content"]]
        return "\n".join(str(entry) for entry in entries if entry.get("level") == "error")


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_each_environment_has_its_database_and_rotation_loses_nothing(
    shop: Project, databases: dict[str, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_ENV", "dev")
    started = penstock(shop, "start")
    assert started.returncode == 0, started.stdout + started.stderr
    # From here on only the stack knows which environment it was started with.
    monkeypatch.delenv("PENSTOCK_ENV")
    Run(shop, "pen", "ink").succeeds()
    assert "ValueError: ***" in import_error(shop)
    assert rows(databases["dev"], PRODUCTS) == [(1, "pen"), (2, "ink")]
    assert rows(databases["dev"], MARKS) == [(TOKEN,)]
    assert rows(databases["prod"], TABLES) == [(None, None, None)]

    # The key changes under a run, then again, and nothing but the newest is left when the next run begins.
    first, old = keys(shop), secrets(shop)
    running = Run(shop, "pen", "ink", "cap")
    rotated = penstock(shop, "env", "rotate")
    assert rotated.returncode == 0, rotated.stderr
    running.succeeds()
    assert rows(databases["dev"], PRODUCTS) == [(1, "pen"), (2, "ink"), (3, "cap")]
    forgot = penstock(shop, "env", "rotate", "--forget")
    assert forgot.returncode == 0, forgot.stderr
    assert len(keys(shop)) == 1
    assert set(keys(shop)).isdisjoint(first)
    assert len(secrets(shop)) == len(old) == 2
    for text in old:
        with pytest.raises(WrongKey):
            Keys(keys(shop)).decrypt(text, Place("base", "base.yaml", 1))
    Run(shop, "pen", "ink", "cap", "nib").succeeds()
    in_dev = [(1, "pen"), (2, "ink"), (3, "cap"), (4, "nib")]
    assert rows(databases["dev"], PRODUCTS) == in_dev
    assert rows(databases["dev"], MARKS) == [(TOKEN,)] * 3
    assert rows(databases["prod"], TABLES) == [(None, None, None)]

    monkeypatch.setenv("PENSTOCK_ENV", "prod")
    restarted = penstock(shop, "restart")
    assert restarted.returncode == 0, restarted.stdout + restarted.stderr
    monkeypatch.delenv("PENSTOCK_ENV")
    Run(shop, "quill").succeeds()
    assert rows(databases["prod"], PRODUCTS) == [(1, "quill")]
    assert rows(databases["prod"], MARKS) == [(TOKEN,)]
    assert rows(databases["dev"], PRODUCTS) == in_dev
    assert rows(databases["dev"], MARKS) == [(TOKEN,)] * 3

    last = state_file.load(shop)
    assert last is not None
    assert penstock(shop, "stop").returncode == 0
    assert not any(is_alive(process) for process in last.processes())
    assert {one["state"] for one in states(shop).values()} == {"stopped"}

    # Neither secret is in anything that the stack wrote: logs, Airflow's database, the servers' files, the record.
    password = databases["dev"].password
    assert password is not None
    written = [path for path in shop.root.rglob("*") if path.is_file()]
    assert any(path.is_relative_to(shop.state_dir / "logs" / "airflow") for path in written)
    forms = [password.reveal().encode(), TOKEN.encode()]
    own = shop.state_dir / "airflow"
    assert b"AIRFLOW__CORE__FERNET_KEY_CMD" in b"".join(
        path.read_bytes() for path in written if path.is_relative_to(shop.state_dir / "logs")
    )
    for key in airflow_credentials.keys(shop).values():
        holders = {path.parent for path in written if key.encode() in path.read_bytes()}
        assert holders == {own, own / "secrets"}
    holding = {
        f"{path.relative_to(shop.root)}"
        for path in written
        if any(form in path.read_bytes() for form in forms)
    }
    assert holding == set()
