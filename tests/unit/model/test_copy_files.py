"""Copies as files: what they hold, where their paths begin, and the line of an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.model.copy_files import read_copy
from penstock.model.errors import UsageError

ENDS = "source: in/sales.csv\ntarget: warehouse:raw.sales\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "penstock.toml").touch()
    (tmp_path / "copies").mkdir()
    return tmp_path


def written(folder: Path, text: str, name: str = "sales.yaml") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_options_and_the_fields_of_the_dag(tmp_path: Path) -> None:
    text = (
        f"{ENDS}header: no\nmax_rejects: 5\nfilter_column: day\nfilter_value: 2013-02-01\nkey: [a, b]\n"
        "schedule: '@daily'\nretries: 2\nretry_delay: 5 minutes\n"
    )
    found = read_copy(written(tmp_path, text))
    assert (found.source, found.options["header"], found.options["filter_value"]) == (
        "in/sales.csv",
        "no",
        "2013-02-01",
    )
    assert (found.dag.schedule, found.dag.retries, found.dag.catchup) == ("@daily", 2, False)
    assert "pipeline" not in found.options


def test_in_a_project_paths_begin_at_its_root_and_the_dag_owns_the_copy(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "copies")
    found = read_copy(Path(written(project / "copies", ENDS).name))
    assert (found.source, found.target) == (f"{project}/in/sales.csv", "warehouse:raw.sales")
    assert (found.options["pipeline"], found.options["task"]) == ("sales", "copy")
    export = "source: 'warehouse:'\nquery: SELECT 1\ntarget: out/\n"
    assert read_copy(written(project / "copies", export, "out.yaml")).target == f"{project}/out/"
    toml = 'source = "/data/{{ ds }}.csv"\ntarget = "warehouse:t"\nmax_rejects = "{{ params.most }}"\n'
    assert read_copy(written(project / "copies", toml, "t.toml")).template == "/data/{{ ds }}.csv"


def test_templates_in_lists_are_found_and_braces_of_sql_are_not(tmp_path: Path) -> None:
    templated = f"{ENDS}checks:\n- fresh: {{day: '{{{{ params.age }}}}'}}\n"
    assert "{{ params.age }}" in (read_copy(written(tmp_path, templated)).template or "")
    query = "source: 'shop:'\ntarget: warehouse:t\nquery: select * from t where j like '{%'\n"
    assert read_copy(written(tmp_path, query)).template is None


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("mode: merg\n", ":3: mode: Input should be", "copy.md"),
        ("# a comment\nretires: 3\n", ":4: unknown field 'retires'", "did you mean retries?"),
        ("key: a\nmax_rejects: few\n", ":4: invalid threshold 'few'", "0.5%"),
        ("interval_column: day\n", ":3: incomplete interval", "--interval-start"),
        ("retry_delay: soon\n", ":3: invalid duration 'soon'", "2 days"),
        ("retries: many\n", ":3: retries: Input should be a valid integer", "copy.md"),
        ("key: {a: 1}\n", ":3: key: ", "copy.md"),
        ("key: [a\n", "line 4", "fix the file"),
        ("5: a\n", ":3: unknown field 5", "known fields"),
    ],
)
def test_an_error_names_the_file_and_the_line(tmp_path: Path, text: str, message: str, hint: str) -> None:
    path = written(tmp_path, ENDS + text)
    with pytest.raises(UsageError) as refused:
        read_copy(path)
    assert str(path) in refused.value.message
    assert message in refused.value.message
    assert hint in (refused.value.hint or "")


def test_a_name_that_cannot_be_a_dag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="invalid name 'my sales'"):
        read_copy(written(tmp_path, ENDS, "my sales.yaml"))
