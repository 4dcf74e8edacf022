import socket
from pathlib import Path

import pytest

from penstock.model.errors import UsageError
from penstock.project import Project
from penstock.stack.port_config import free_port, read_wishes
from penstock.stack.postgres.settings import as_text, server_settings


def project_with(root: Path, text: str) -> Project:
    (root / "penstock.toml").write_text(text)
    return Project(root)


@pytest.mark.parametrize("name", ["source", "warehouse"])
def test_commits_survive_a_power_cut_and_only_this_machine_may_call(name: str) -> None:
    settings = server_settings(name, 5433)
    assert settings["fsync"] == settings["synchronous_commit"] == settings["full_page_writes"] == "on"
    assert settings["listen_addresses"] == "127.0.0.1"
    assert settings["wal_compression"] == "off"


def test_statements_are_not_logged() -> None:
    settings = server_settings("warehouse", 5434)
    assert settings["log_statement"] == "none"
    assert settings["log_min_error_statement"] == "panic"
    assert settings["log_error_verbosity"] == "terse"


def test_quotes_are_doubled() -> None:
    assert as_text({"a": "it's", "b": ""}) == "a = 'it''s'\nb = ''\n"


def test_wishes(tmp_path: Path) -> None:
    text = '[stack.ports]\nwarehouse = 6000\n[stack.postgres]\nfsync = false\nwork_mem = "1MB"\nmax_connections = 5\n'
    wishes = read_wishes(project_with(tmp_path, text), "warehouse")
    assert wishes.port == 6000
    assert wishes.settings == {"fsync": "off", "work_mem": "1MB", "max_connections": "5"}


def test_without_wishes_the_ports_are_5433_and_5434(tmp_path: Path) -> None:
    assert [read_wishes(Project(tmp_path), name).port for name in ("source", "warehouse")] == [5433, 5434]


@pytest.mark.parametrize(
    "text",
    [
        '[stack.ports]\nwarehouse = "x"',
        "[stack.ports]\nwarehouse = 65536",
        "[stack]\nports = 1",
        '[stack.postgres]\n"a = 1; b" = 1',
    ],
)
def test_senseless_wishes(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"penstock\.toml"):
        read_wishes(project_with(tmp_path, text), "warehouse")


def test_a_busy_port_is_stepped_over() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert free_port(port, 0) != port
        assert free_port(port, port) != port
    assert free_port(port, 0) == port
