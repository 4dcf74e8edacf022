"""The sandbox as a service: APIs for demos and tests, served by `python -m penstock_sandbox.serve`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from penstock.model.connection import Connection
from penstock.project import Project
from penstock.stack.on_demand import Running, Service
from penstock.stack.postgres.server import HOST

NAME = "sandbox"
TOKEN = "token"  # noqa: S105  # a name; the token protects the pages that switch failures on


def _command(project: Project, found: Running) -> Sequence[str]:  # noqa: ARG001  # a service's signature
    return [sys.executable, "-m", "penstock_sandbox.serve", "--host", HOST, "--port", str(found.port)]


def _environment(project: Project, found: Running) -> Mapping[str, str]:
    return {"PENSTOCK_PROJECT": str(project.root), "PENSTOCK_SANDBOX_TOKEN": found.keys[TOKEN].reveal()}


def _connection(found: Running) -> Connection:
    # It is on this machine, which the connection must allow.
    return Connection(name=NAME, type="http", host=f"http://{HOST}", port=found.port, extra={"allow": HOST})


SANDBOX = Service(
    name=NAME,
    port=5886,
    package="uvicorn",
    command=_command,
    connection=_connection,
    environment=_environment,
    keys=(TOKEN,),
)
