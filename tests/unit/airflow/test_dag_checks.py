"""What is found in DAG files, each by the mistake that people make."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from penstock.airflow.dag_checks import duplicates, import_file, skipped
from penstock.airflow.dag_files import find_dag, read_files
from penstock.model.errors import PenstockError, UsageError

EMPTY = 'from airflow.sdk import DAG\nwith DAG("{name}", schedule=None): pass\n'


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    (tmp_path / "dags").mkdir()

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / "dags" / name
        path.write_text(dedent(text))
        return path

    return write_file


def output(path: Path, root: Path) -> list[str]:
    return [f"{one.file}:{one.line}: {one.message}" for one in import_file(path, root).problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from airflow.sdk import DAG\nimport pandsa\n", ":2: ModuleNotFoundError: No module named 'pandsa'"),
        ("from airflow.sdk import DAG\ndef x(:\n", ":2: SyntaxError: invalid syntax"),
        ("from airflow.sdk import DAG\nimport sys\nsys.exit(3)\n", ":3: SystemExit: 3"),
        (
            'from airflow.sdk import DAG\n\nwith DAG("a", schedule="61 * * * *"): pass\n',
            ":3: a: AirflowTimetableInvalid: [61 * * * *] is not acceptable, out of range",
        ),
        (
            (
                'from airflow.sdk import DAG, task\nwith DAG("a", schedule=None):\n'
                '    @task.bash\n    def x(): return "a"\n    one, two = x(), x()\n    one >> two >> one\n'
            ),
            ":2: a: AirflowDagCycleException: Cycle detected in Dag: a. Faulty task: x__1",
        ),
        (
            (
                "from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator\n"
                'from airflow.sdk import dag\n@dag(schedule=None)\ndef a():\n    SQLExecuteQueryOperator(task_id="q", '
                'conn_id="w", sql="gone.sql")\na()\n'
            ),
            ":4: a: q: sql names a missing file: gone.sql",
        ),
        (
            EMPTY.format(name="a") + EMPTY.format(name="a"),
            ":4: duplicate DAG id 'a', also in line 2",
        ),
    ],
    ids=["module", "syntax", "exit", "cron", "cycle", "template", "twice"],
)
def test_what_is_wrong_is_told_with_its_line(write, tmp_path: Path, text: str, expected: str) -> None:  # type: ignore[no-untyped-def]
    assert output(write("a.py", text), tmp_path) == [f"dags/a.py{expected}"]


def test_a_file_in_order_has_nothing_wrong(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = import_file(write("a.py", EMPTY.format(name="a")), tmp_path)
    assert ([dag.dag_id for dag in found.dags], found.problems, found.notes) == (["a"], [], [])


def test_a_dag_function_that_nobody_calls_is_noted(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = write("a.py", "from airflow.sdk import dag\n@dag(schedule=None)\ndef never(): ...\n")
    assert [one.message for one in import_file(path, tmp_path).notes] == [
        "defines no DAG: never is decorated with @dag but never called"
    ]


def test_dags_of_one_name_in_two_files(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    paths = [write(name, EMPTY.format(name="a")) for name in ("one.py", "two.py")]
    (found,) = duplicates({"a": paths, "b": paths[:1]}, tmp_path)
    assert (found.file, found.line, found.message) == (
        "dags/two.py",
        2,
        "duplicate DAG id 'a', also in dags/one.py:2",
    )


def test_a_file_that_airflow_skips_is_wrong_where_it_makes_a_dag(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write("made.py", "from include.factory import make_dag\nmake_dag('x')\n")
    write("rates.py", "RATES = {}\n")
    write("left_out.py", "make_dag('y')\n")
    write(".airflowignore", "left_out.py\n")
    folder = tmp_path / "dags"
    found = {
        one.file: (is_wrong, one.line) for is_wrong, one in skipped(folder, read_files(folder), tmp_path)
    }
    assert found == {"dags/made.py": (True, 2), "dags/rates.py": (False, None)}


def test_a_dag_is_found_by_a_name_that_stands_in_no_file(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = write(
        "many.py",
        'from airflow.sdk import DAG\nfor n in "ab":\n    with DAG("load_" + n, schedule=None): ...\n',
    )
    write("function.py", "from airflow.sdk import dag\n@dag(schedule=None)\ndef shop(): ...\nshop()\n")
    assert find_dag("load_b", tmp_path).file == path
    assert find_dag("shop", tmp_path).file.name == "function.py"


def test_an_unknown_dag_is_answered_with_those_that_are_near(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write("a.py", EMPTY.format(name="sales_daily"))
    write("broken.py", "from airflow.sdk import DAG\nimport pandsa\n")
    with pytest.raises(UsageError, match="unknown DAG 'sale_daily'") as error:
        find_dag("sale_daily", tmp_path)
    assert error.value.hint == (
        "did you mean sales_daily?; cannot be imported: dags/broken.py:2: ModuleNotFoundError: No module named 'pandsa'"
    )


def test_a_dag_in_a_broken_or_a_skipped_file_says_so(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write("broken.py", 'from airflow.sdk import DAG\nimport pandsa\nDAG("shop")\n')
    write("made.py", 'from include.factory import make\nmake("hidden")\n')
    with pytest.raises(PenstockError, match=r"dags/broken\.py:2: ModuleNotFoundError"):
        find_dag("shop", tmp_path)
    with pytest.raises(UsageError, match="unknown DAG 'hidden'") as error:
        find_dag("hidden", tmp_path)
    assert "made.py defines it, but Airflow skips that file" in (error.value.hint or "")
