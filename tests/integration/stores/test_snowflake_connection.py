"""Where no Snowflake answers, with whatever version of the connector is installed."""

from __future__ import annotations

import socket

import pytest

from penstock.model.connection import Connection, Secret
from penstock.model.errors import ConnectionFailed
from penstock.snowflake.connect import snowflake_connect


# The connector from version 5 on announces a change of a default that matters to no load.
@pytest.mark.filterwarnings("ignore:enable_server_session_keep_alive:FutureWarning")
def test_nothing_answers() -> None:
    extra = {"account": "nowhere", "protocol": "http", "login_timeout": "1"}
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # held, so that nobody listens there
        connection = Connection(
            name="snow",
            type="snowflake",
            host="127.0.0.1",
            port=silent.getsockname()[1],
            login="someone",
            password=Secret("hidden"),
            extra=extra,
        )

        with pytest.raises(
            ConnectionFailed, match=r"cannot connect to snow \(Snowflake account nowhere\): \S"
        ) as failed:
            snowflake_connect(connection)

    assert "hidden" not in str(failed.value)
