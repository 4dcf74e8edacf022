"""A project with a DAG, two environments and a database for each, entered with a password that needs quoting."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent
from urllib.parse import quote

import pytest
from psycopg import sql
from tests.commands import forked

from penstock.environments.formats.bundle import Bundle
from penstock.environments.import_files import take_in
from penstock.model.connection import Connection, Secret
from penstock.postgres.connect import connect

Done = subprocess.CompletedProcess[str]

PASSWORD = "Zürich & söhne/+?%20'\"=:@#\\ 7f3a"
TOKEN = "tok/en+7f3b=?&"
FORMS = [
    form
    for secret in (PASSWORD, TOKEN)
    for form in (
        secret,
        quote(secret),
        quote(secret, safe=""),
        base64.b64encode(secret.encode()).decode(),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
    )
]

DAG = '''
    """One DAG for every environment."""
    import os

    from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
    from airflow.sdk import DAG, BaseHook, Variable, task

    from penstock.airflow.copy_operator import CopyOperator

    FOLDER = os.path.dirname(__file__)

    with DAG("shop", schedule=None) as dag:
        mark = SQLExecuteQueryOperator(
            task_id="mark",
            conn_id="shop_db",
            sql="create table if not exists marks (region text); insert into marks values ('{{ var.value.region }}')",
            split_statements=True,
        )
        copy = CopyOperator(task_id="copy", source=f"{FOLDER}/products.csv", target="shop_db:public.products")

        @task
        def tell(entry, token):
            found = BaseHook.get_connection("shop_db")
            assert (found.password, Variable.get("api_token")) == (entry, token)
            print("entered as", found.login)

        mark >> copy >> tell("{{ conn.shop_db.password }}", "{{ var.value.api_token }}")
'''

RUN = """
    import os, sys
    from pathlib import Path
    from penstock.airflow import dag_test, run_database

    home = Path(os.environ["AIRFLOW_HOME"])
    run_database.prepare(home / "metadata.db", home)
    sys.exit(0 if dag_test.run("shop", Path(sys.argv[1]), {}, lambda **fields: print(fields)) else 1)
"""


@dataclass(frozen=True)
class Shop:
    """The project, and how its programs are run."""

    root: Path
    databases: dict[str, Connection]

    @property
    def airflow_home(self) -> Path:
        return self.root / ".penstock" / "airflow"

    def variables(self, chosen: str | None, **kwargs: str) -> dict[str, str]:
        """The variables of a process that uses this environment; `kwargs` go to the secrets backend."""
        airflow = {
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGS_FOLDER": str(self.root / "dags"),
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.airflow_home / 'metadata.db'}",
            "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
            "LOGGING__BASE_LOG_FOLDER": str(self.root / ".penstock" / "logs"),
            "SECRETS__BACKEND": "penstock.airflow.secrets.PenstockSecretsBackend",
            "SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PENSTOCK_", "AIRFLOW_", "PG"))
        }
        return {
            **kept,
            "AIRFLOW_HOME": str(self.airflow_home),
            **{f"AIRFLOW__{name}": value for name, value in airflow.items()},
            "PENSTOCK_PROJECT": str(self.root),
            **({"PENSTOCK_ENV": chosen} if chosen else {}),
        }

    def run_dag(self, chosen: str | None, **kwargs: str) -> Done:
        script = [sys.executable, "-c", dedent(RUN), str(self.root / "dags" / "shop.py")]
        return self._run(script, self.variables(chosen, **kwargs))

    def penstock(self, environment: str | None, *words: str) -> Done:
        return self._run([str(forked()), *words], self.variables(environment))

    def _run(self, command: list[str], variables: dict[str, str]) -> Done:
        return subprocess.run(command, cwd=self.root, env=variables, capture_output=True, text=True)

    def rows(self, environment: str, query: str) -> list[tuple[object, ...]]:
        with connect(self.databases[environment]) as session:
            return [tuple(row.values()) for row in session.execute(query).fetchall()]


@pytest.fixture
def shop(tmp_path: Path, make_database: Callable[[str], Connection]) -> Iterator[Shop]:
    databases = {name: make_database("shop_db") for name in ("dev", "prod")}
    role = f"etl_{databases['dev'].database}"
    for database in databases.values():
        with connect(database) as session:
            if database is databases["dev"]:
                session.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        sql.Identifier(role), sql.Literal(PASSWORD)
                    )
                )
            named = [sql.Identifier(str(database.database)), sql.Identifier(role)]
            session.execute(sql.SQL("GRANT ALL ON DATABASE {} TO {}").format(*named))
            session.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(named[1]))
    root = tmp_path / "shop"
    (root / "dags").mkdir(parents=True)
    (root / "penstock.toml").write_text('[project]\nname = "shop"\nenvironment = "dev"\n')
    (root / "dags" / "shop.py").write_text(dedent(DAG))
    (root / "dags" / "products.csv").write_text("product_id,name\n1,pen\n2,ink\n2,\n")
    for name, database in databases.items():
        entered = replace(database, login=role, password=Secret(PASSWORD), extra={"sslmode": "disable"})
        variables = {"region": name, "api_token": TOKEN}
        take_in(root, name, Bundle(connections=(entered,), variables=variables))
    Shop(root, databases).airflow_home.mkdir(parents=True)
    yield Shop(root, databases)
    for database in databases.values():
        with connect(database) as session:
            session.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(role)))
    with connect(databases["dev"]) as session:
        session.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
