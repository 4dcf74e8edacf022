"""Messages that people meet first: of a URL as an address, outside a project, and of one thing."""

from pathlib import Path

import pytest

from penstock.cli.main import main
from penstock.cli.progress import in_words
from penstock.model.errors import TooManyRejects, masked
from penstock.model.plan import Threshold
from penstock.ports import Underway

URL = "postgres://etl:s3kr/t@p@db.internal/dwh"


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("PENSTOCK_PROJECT", "PENSTOCK_CONN_WAREHOUSE", "AIRFLOW_CONN_WAREHOUSE", "PENSTOCK_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "a.csv").write_text("id\n1\n")


@pytest.mark.parametrize(
    "words",
    [
        ["copy", "a.csv", URL],
        ["copy", URL, "warehouse:t"],
        ["copy", URL, "warehouse:t", "--query", "SELECT 1"],
        ["copy", URL, "warehouse:t", "--all"],
        ["diff", URL, "warehouse:t"],
        ["diff", "warehouse:t", URL],
        ["db", "psql", URL],
        ["db", "start", URL],
        ["rejects", "list", URL],
        ["ledger", "show", URL],
        ["connection", "test", URL],
        ["connection", "add", URL],
        ["connection", "add", "x", "--type", "postgres", "--host", URL],
        ["connection", "add", "x", "--type", "postgres", "--host", "etl:s3kr/t@p@db.internal"],
        ["env", "check", URL],
        ["run", URL],
        [URL],
    ],
)
@pytest.mark.parametrize("in_project", [True, False])
def test_a_url_s_password_is_never_printed(
    words: list[str], in_project: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if in_project:
        (tmp_path / "penstock.toml").write_text("")
    assert main(words) in (1, 2)
    printed = "".join(capsys.readouterr())
    assert "s3kr" not in printed
    assert "t@p" not in printed


def test_a_url_as_an_address_leads_to_connection_add(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["copy", "a.csv", URL],
        ["copy", URL, "warehouse:t"],
        ["diff", URL, "x:y"],
        ["db", "psql", URL],
    ):
        assert main(words) == 2
        assert capsys.readouterr().err == (
            "error: 'postgres://***@db.internal/dwh' is a URL, not the name of a connection\n"
            "hint: give it a name with penstock connection add NAME, then write NAME:schema.table\n"
        )


def test_what_is_not_a_password_stays() -> None:
    for text in ("s3://archive@bucket/a", "postgres://login:password@host:port/database", "https://h/x?a=1"):
        assert masked(text) == text


def test_outside_a_project_the_way_into_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["status"],
        ["copy", "a.csv", "warehouse:t"],
        ["connection", "test", "x"],
        ["db", "psql", "target"],
    ):
        assert main(words) in (1, 2)
        assert "penstock init" in capsys.readouterr().err, words


def test_psql_of_an_unknown_server_names_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "psql", "nope"]) == 2
    assert "the servers are source and warehouse" in capsys.readouterr().err


def test_without_pytest_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "penstock.toml").write_text("")
    monkeypatch.setattr("penstock.cli.test.find_spec", lambda _: None)
    assert main(["test"]) == 1
    assert "pip install 'penstock[test]'" in capsys.readouterr().err


def test_one_is_singular() -> None:
    assert in_words(Underway(calls=1, answers=1, landed=1, waiting=0))[:2] == ["1 call", "1 answer"]
    with pytest.raises(TooManyRejects, match="1 of 1 row rejected"):
        Threshold(count=0).enforce(rejected=1, read=1, examples=())
