import os
from pathlib import Path

import pytest

from penstock.model.errors import PenstockError, UsageError
from penstock.project import ForeignProject, NoProject, Project, find_project, write_private


@pytest.fixture(autouse=True)
def _no_project_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_PROJECT", raising=False)


def make_project(root: Path, text: str = "") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "penstock.toml").write_text(text)
    return root


def test_nearest_marker_upwards_wins(tmp_path: Path) -> None:
    make_project(tmp_path)
    inner = make_project(tmp_path / "a" / "inner")
    below = inner / "x" / "y"
    below.mkdir(parents=True)
    assert find_project(below) == Project(inner)
    assert find_project(tmp_path / "a") == Project(tmp_path)


def test_pipelines_is_the_default_project_of_a_repository(tmp_path: Path) -> None:
    gallery = make_project(tmp_path / "pipelines")
    elsewhere = tmp_path / "src" / "deep"
    elsewhere.mkdir(parents=True)
    assert find_project(tmp_path) == find_project(elsewhere) == find_project(gallery) == Project(gallery)


def test_working_directory_is_the_default_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert find_project() == Project(tmp_path)


def test_variable_names_the_project_outright(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, here = make_project(tmp_path / "named"), make_project(tmp_path / "here")
    monkeypatch.setenv("PENSTOCK_PROJECT", str(named))
    assert find_project(here) == Project(named)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another account")
@pytest.mark.parametrize("given", [".", "penstock.toml"])
def test_a_project_of_another_account_is_used_only_if_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    root = make_project(tmp_path / "theirs")
    below = root / "mine"
    below.mkdir()
    os.chown(root / given, 1234, 1234)
    with pytest.raises(ForeignProject, match=r"belongs to another account \(uid 1234\)") as caught:
        find_project(below)
    assert f"PENSTOCK_PROJECT={root}" in str(caught.value.hint)
    monkeypatch.setenv("SUDO_UID", "1234")
    assert find_project(below) == Project(root)
    monkeypatch.delenv("SUDO_UID")
    monkeypatch.setenv("PENSTOCK_PROJECT", str(root))
    assert find_project(below) == Project(root)


def test_a_project_of_root_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_project(tmp_path)
    if os.geteuid() != 0:
        pytest.skip("only root has a directory of root to make a project in")
    monkeypatch.setattr("os.geteuid", lambda: 1234)
    assert find_project(root) == Project(root)


def test_variable_that_names_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PROJECT", str(tmp_path))
    with pytest.raises(NoProject, match="PENSTOCK_PROJECT") as caught:
        find_project()
    assert caught.value.exit_code == 2


def test_no_project_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoProject, match=r"penstock\.toml") as caught:
        find_project(tmp_path)
    assert "PENSTOCK_PROJECT" in str(caught.value.hint)


def test_name(tmp_path: Path) -> None:
    assert Project(make_project(tmp_path / "a", '[project]\nname = "gallery"\n')).name == "gallery"
    assert Project(make_project(tmp_path / "b")).name == "b"


@pytest.mark.parametrize("text", ["[project", 'project = "gallery"'])
def test_unreadable_settings_name_their_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"penstock\.toml"):
        _ = Project(make_project(tmp_path, text)).name


@pytest.mark.parametrize(("uid", "mode"), [(0, 0o711), (1000, 0o700)])
def test_state_is_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, mode: int
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    made = Project(tmp_path).make_state_dir("a", "b")
    assert made == tmp_path / ".penstock" / "a" / "b"
    servers = Project(tmp_path).make_state_dir(
        "postgres"
    )  # its account differs from root's and passes through
    for directory, expected in ((made, 0o700), (made.parent, 0o700), (servers, mode), (servers.parent, mode)):
        assert directory.stat().st_mode & 0o777 == expected


def test_state_dir_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / ".penstock").write_text("a file is in the way")
    with pytest.raises(PenstockError, match="is a file, but Penstock needs a directory"):
        Project(tmp_path).make_state_dir("a")


def test_private_file_is_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
