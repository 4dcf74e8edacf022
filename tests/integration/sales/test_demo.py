"""`penstock demo`: the real DAG, run by Airflow, on a warehouse of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.integration.sales.conftest import dbt, penstock_command

from penstock_sandbox.sales import write_sales

pytestmark = pytest.mark.timeout(300)

# Refuses network access, then imports the DAG file as a worker does.
PARSE = """
import socket, subprocess, sys
def refuse(*args, **kwargs):
    raise AssertionError(f"I/O while a DAG file is parsed: {args}")
from airflow.dag_processing.dagbag import DagBag
socket.socket.connect = socket.create_connection = subprocess.Popen.__init__ = refuse
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
dag = bag.dags["sales_warehouse"]
print("\\n".join(sorted(dag.task_ids)))
print([asset.uri for asset in dag.task_dict["copy_sales"].outlets])
"""


def small_file(gallery: Path) -> None:
    path = gallery / "include" / "data" / "sales-2013-02.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sales(path, rows=2_000)


@pytest.mark.soak
def test_the_demo_shows_the_account_and_writes_no_password(gallery: Path) -> None:
    truth = write_sales(gallery / "include" / "data" / "sales-2013-02.csv", rows=2_000)
    first = penstock_command(gallery, "penstock", "demo")
    assert first.returncode == 0, first.stdout + first.stderr
    for text in (f"{truth.rows:,}", f"{truth.loaded:,}", f"{truth.rejected:,}", *truth.rejects):
        assert text in first.stdout
    assert f"revenue {truth.revenue:,.2f}" in first.stdout
    assert "every_sale_has_one_product_version" in first.stdout
    password = os.environ["PENSTOCK_DBT_PASSWORD"]
    written = [path for path in (gallery / ".penstock").rglob("*") if path.is_file()]
    assert [path for path in written if password.encode() in path.read_bytes()] == []
    assert password not in first.stdout + first.stderr


@pytest.mark.soak
def test_a_failing_test_fails_the_demo_and_is_named(gallery: Path) -> None:
    small_file(gallery)
    model = gallery / "dbt" / "models" / "facts" / "fct_sales.sql"
    model.write_text(model.read_text() + "where sales.sale_id <> 200\n")
    done = penstock_command(gallery, "penstock", "demo")
    assert done.returncode == 1
    assert "fct_sales_totals_agree_with_staging" in done.stderr
    # Tables that were built are marked; failed ones and those after them are not.
    assert "✓" in next(line for line in done.stdout.splitlines() if "dim_products.run" in line)
    assert "✓" not in next(line for line in done.stdout.splitlines() if "totals_agree_with_staging" in line)


@pytest.mark.soak
def test_a_failing_copy_fails_the_demo_with_its_own_words(gallery: Path) -> None:
    (gallery / "include" / "data" / "sales-2013-02.csv").write_text("SaleID,Surprise\n1,2\n")
    done = penstock_command(gallery, "penstock", "demo")
    assert done.returncode == 1
    assert "copy_sales" in done.stderr
    assert "Surprise" in done.stderr or "surprise" in done.stderr


def test_parsing_reaches_nothing_and_shows_every_model_and_test(gallery: Path) -> None:
    target = gallery / ".penstock" / "dbt" / "target"
    assert dbt(gallery, "parse").returncode == 0
    target.parent.mkdir(parents=True)
    (gallery.parent / "dbt-target").rename(target)
    words = [sys.executable, "-c", PARSE, str(gallery / "dags")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    environment["PYTHONPATH"] = str(gallery)  # as Airflow has it: what DAGs share lies in include/
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    *tasks, outlets = done.stdout.splitlines()[-29:]
    manifest = json.loads((target / "manifest.json").read_text())
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            assert f"dbt.{node['name']}.run" in tasks
            assert f"dbt.{node['name']}.test" in tasks
        elif node["resource_type"] == "test" and len(node["depends_on"]["nodes"]) > 1:
            assert any(node["name"] in task for task in tasks)
    assert outlets == "['penstock://warehouse/raw/sales']"


def test_without_a_manifest_the_import_error_says_what_to_do(gallery: Path) -> None:
    words = [sys.executable, "-c", PARSE, str(gallery / "dags")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1
    assert "missing dbt manifest" in done.stderr


def test_an_interrupted_demo_leaves_nothing_running(gallery: Path) -> None:
    small_file(gallery)
    environment = os.environ | {"PENSTOCK_PROJECT": str(gallery)}
    command = [sys.executable, "-m", "penstock", "demo"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        while "create_raw_sales" not in demo.stdout.readline():
            assert demo.poll() is None
        (run,) = psutil.Process(demo.pid).children()
        demo.kill()
    psutil.wait_procs([run], timeout=10)
    assert not run.is_running() or run.status() == psutil.STATUS_ZOMBIE
