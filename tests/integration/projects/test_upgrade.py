"""Other versions, tried for real where a package index answers."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from penstock.cli.main import main
from penstock.devtools.init import make

OLDER = "3.2"
BREAKS = '''"""An Airflow DAG that leans on what only some versions have."""

from airflow.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("leaning"):
    BashOperator(task_id="x", bash_command="true")


def later():
    from airflow.sdk import ExceptionRetryPolicy  # since 3.3
    from airflow.utils.dates import days_ago  # gone for long
    from nowhere import nothing

    try:
        from airflow.gone import expected
    except ImportError:
        pass
'''


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("PENSTOCK_")]:
        monkeypatch.delenv(name)
    root = make(tmp_path / "shop", "blank").root
    monkeypatch.chdir(root)
    return root


def digest(root: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file()
    }


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_an_older_airflow(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "dags" / "leaning.py").write_text(BREAKS)
    # Without dbt: fewer packages, and no models to parse.
    (root / "requirements.txt").write_text("penstock[airflow]\n")
    shutil.rmtree(root / "dbt")
    before = digest(root)
    code = main(["upgrade-check", "--airflow", OLDER, "--json"])
    printed = capsys.readouterr()
    if "no package index answers" in printed.err:
        pytest.skip("no package index answers here")
    report = json.loads(printed.out)
    assert report["versions"]["apache-airflow"].startswith(f"{OLDER}.")
    assert report["changed"]["apache-airflow"][1] == report["versions"]["apache-airflow"]
    assert report["dags"] == 2
    output = {(one["kind"], one["where"].split(":")[0], one["today"]) for one in report["problems"]}
    assert output == {("import", "dags/leaning.py", False), ("import", "dags/leaning.py", True)} | {
        ("deprecation", "dags/leaning.py", True)
    }
    new = [one["message"] for one in report["problems"] if not one["today"]]
    assert new == ["airflow.sdk has no 'ExceptionRetryPolicy'"]
    assert code == 1
    assert printed.err.endswith("error: 1 thing would break\n")
    assert digest(root) == before


def test_requirements_that_contradict(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "requirements.txt").write_text("six>=2\nsix<1.5\n")
    assert main(["upgrade-check"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("✗ resolution: ")
    assert "six" in out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--airflow", "three"], 2, "invalid version 'three'"),
        (["--python", "3.99"], 1, "Python 3.99 is not installed"),
        (["--python", "three"], 1, "Python three is not installed"),
    ],
)
def test_what_cannot_be_tried(
    root: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    (root / "requirements.txt").write_text("six\n")
    assert main(["upgrade-check", *words]) == code
    assert message in capsys.readouterr().err


def test_without_requirements(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "requirements.txt").unlink()
    assert main(["upgrade-check"]) == 2
    assert re.search("missing requirements.txt.*\nhint: ", capsys.readouterr().err)


def test_without_an_index(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_INDEX", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://me:hidden@127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    (root / "requirements.txt").write_text("six\n")
    assert main(["upgrade-check"]) == 1
    err = capsys.readouterr().err
    assert "no package index answers" in err
    assert "hidden" not in err
