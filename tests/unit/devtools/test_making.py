"""Projects made from templates: whole, or not at all."""

from __future__ import annotations

import shutil
import socket
import tomllib
from pathlib import Path

import pytest
import yaml

from penstock.cli.main import main
from penstock.devtools import init
from penstock.devtools.init import BUILDING, READY, TEMPLATES, make, template_dir, template_files
from penstock.model.errors import UsageError
from penstock.project import Project, find_project

LAYOUT = {
    "dags",
    "include",
    "plugins",
    "tests",
    "dbt",
    "environments",
    "requirements.txt",
    "airflow_settings.yaml",
    ".env",
    ".gitignore",
    "README.md",
    "penstock.toml",
}


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PENSTOCK_ENV", "PENSTOCK_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_project_has_the_layout_that_airflow_people_know(template: str, tmp_path: Path) -> None:
    made = make(tmp_path / "below" / "my shop", template)
    assert names(made.root) >= LAYOUT
    assert names(made.root.parent) == {"my shop"}
    assert Project(made.root).name == "my-shop"
    assert made.files == sum(path.is_file() for path in made.root.rglob("*"))
    assert (made.root / ".env").stat().st_mode & 0o777 == 0o600


def test_into_the_directory_that_the_shell_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    inode = tmp_path.stat().st_ino
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    assert tmp_path.stat().st_ino == inode
    assert find_project().root == tmp_path
    assert names(tmp_path) >= LAYOUT | {".git"}
    assert not {READY, BUILDING} & names(tmp_path)


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert "already contains README.md" in capsys.readouterr().err
    assert names(tmp_path) == {"README.md"}
    assert (tmp_path / "README.md").read_text() == "mine"


ASTRO = {
    "dags/shop.py": "from airflow.sdk import DAG\n",
    "tests/dags/test_shop.py": "",
    "requirements.txt": "pandas\n",
    "packages.txt": "",
    "Dockerfile": "FROM astrocrpublic.azurecr.io/runtime:3.0-1\n",
    "airflow_settings.yaml": "airflow:\n  variables: [{variable_name: plan, variable_value: free}]\n",
    ".env": "A=1\n",
    ".gitignore": ".env\n",
    "README.md": "mine",
}


def test_an_astro_project_gets_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in ASTRO.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert main(["init", str(tmp_path)]) == 0
    files = {str(path.relative_to(tmp_path)): path for path in tmp_path.rglob("*") if path.is_file()}
    added = {
        "penstock.toml",
        "environments/base.yaml",
        "environments/dev.yaml",
        "pytest.ini",
        "plugins/.gitkeep",
    }
    assert files.keys() == ASTRO.keys() | added
    assert {name: files[name].read_text() for name in ASTRO} == ASTRO
    assert yaml.safe_load(files["environments/base.yaml"].read_text()) == {"variables": {}}
    out = capsys.readouterr().out
    assert (
        "added 5 files to the project; unchanged: .env, .gitignore, README.md, airflow_settings.yaml" in out
    )
    assert (
        "next:  add penstock[airflow,stack,test] to requirements.txt\nnext:  add .penstock/ to .gitignore"
        in out
    )
    assert main(["init", str(tmp_path)]) == 2
    assert "is already a project" in capsys.readouterr().err


def test_a_bare_airflow_project_keeps_its_settings_of_pytest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "-q"\n')
    assert main(["init", str(tmp_path)]) == 0
    assert not (tmp_path / "pytest.ini").exists()
    assert names(tmp_path / "tests") == {"test_dags.py"}
    assert names(tmp_path / "dags") == set()
    assert not (tmp_path / "dbt").exists()
    assert "add -p penstock.testing to addopts in pyproject.toml" in capsys.readouterr().out


def test_the_gallery_is_not_added_to_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dags").mkdir()
    assert main(["init", str(tmp_path), "--template", "gallery"]) == 2
    assert "already contains dags" in capsys.readouterr().err


def test_a_project_is_not_made_twice(tmp_path: Path) -> None:
    make(tmp_path / "shop", "blank")
    with pytest.raises(UsageError, match="is already a project"):
        make(tmp_path / "shop", "gallery")


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = []

    def full(source: Path, target: Path) -> None:
        copied.append(target)
        if len(copied) == 5:
            raise OSError(28, "No space left on device", str(target))
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr("penstock.devtools.init.shutil.copyfile", full)
    (tmp_path / "there").mkdir()
    for directory in (tmp_path / "new", tmp_path / "there"):
        copied.clear()
        assert main(["init", str(directory)]) == 1
        assert len(copied) == 5
    assert names(tmp_path) == {"there"}
    assert names(tmp_path / "there") == set()


def test_what_a_kill_interrupted_is_finished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path / "whole", "blank")
    (tmp_path / "shop").mkdir()
    init._build(tmp_path / "shop" / READY, "shop", "blank", 5884)
    for name in ("dags", ".env", "README.md"):  # moved before the kill
        (tmp_path / "shop" / READY / name).rename(tmp_path / "shop" / name)
    (tmp_path / "other" / BUILDING / "dags").mkdir(parents=True)  # killed while it was built
    for name in ("shop", "other"):
        assert main(["init", str(tmp_path / name)]) == 0
        assert names(tmp_path / name) == names(tmp_path / "whole")
    assert "completed an interrupted init" in capsys.readouterr().out


def test_a_taken_port_is_stepped_aside_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(init, "PREFERRED_PORTS", {"airflow": port})
        assert main(["init", str(tmp_path / "shop")]) == 0
    settings = tomllib.loads((tmp_path / "shop" / "penstock.toml").read_text())
    chosen = settings["stack"]["ports"]["airflow"]
    assert chosen != port
    assert f"Airflow will use {chosen}" in capsys.readouterr().out


def test_a_directory_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["init", str(tmp_path / "file" / "shop")]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_data_that_was_generated_is_not_part_of_a_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(template_dir("blank"), tmp_path / "template")
    monkeypatch.setattr("penstock.devtools.init.template_dir", lambda name: tmp_path / "template")
    before = list(template_files("blank"))
    for path in (
        "include/data/a.csv",
        "include/data/below/b.csv",
        ".penstock/key",
        "dbt/target/manifest.json",
    ):
        (tmp_path / "template" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "template" / path).touch()
    assert list(template_files("blank")) == before


def test_templates_hold_nothing_that_runs_leave_behind() -> None:
    for template in TEMPLATES:
        files = {path.as_posix() for path in template_files(template)}
        assert not [file for file in files if ".penstock/" in file or "__pycache__" in file]
        assert not [
            file for file in files if file.startswith("include/data/") and not file.endswith("ignore")
        ]
    with pytest.raises(UsageError, match="unknown template 'nope'"):
        template_dir("nope")
