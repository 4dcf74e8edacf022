"""A client for the sandbox's admin pages."""

from __future__ import annotations

from typing import Any

import httpx

from penstock.model.connection import Connection, Secret
from penstock.model.errors import ConnectionFailed, PenstockError
from penstock.project import Project
from penstock.stack import on_demand, services
from penstock.stack.sandbox_service import SANDBOX, TOKEN
from penstock_sandbox.state import Settings

_TIMEOUT_S = 10.0


class Sandbox:
    """A client of a running sandbox.

    Args:
        url: Base URL, such as `http://127.0.0.1:5886`.
        token: Token of the admin pages.

    Example:
        sandbox = start(find_project())
        sandbox.apply(parse_settings('{"switches": {"weather": {"throttle": {"next": 5, "retry_after_s": 2}}}}'))
    """

    def __init__(self, url: str, token: Secret) -> None:
        self.url = url
        self._token = token

    def settings(self) -> dict[str, Any]:
        """Return the current settings."""
        found: dict[str, Any] = self._ask("GET", "settings").json()
        return found

    def apply(self, settings: Settings) -> None:
        """Replace the settings; omitted settings get their defaults."""
        self._ask("PUT", "settings", content=settings.model_dump_json())

    def calls(self, service: str | None = None, last: int = 1000) -> dict[str, Any]:
        """Return counts by service and status, the maximum of calls in a window, and the latest calls."""
        parameters = {"last": str(last)} | ({"service": service} if service else {})
        found: dict[str, Any] = self._ask("GET", "calls", params=parameters).json()
        return found

    def forget(self) -> None:
        """Clear the recorded calls; limits and failures stay active."""
        self._ask("DELETE", "calls")

    def _ask(self, method: str, page: str, **more: Any) -> httpx.Response:
        try:
            answer = httpx.request(
                method,
                f"{self.url}/_sandbox/{page}",
                headers={"Authorization": f"Bearer {self._token.reveal()}"},
                timeout=_TIMEOUT_S,
                trust_env=False,  # without proxies, because it is on this machine
                **more,
            )
        except httpx.HTTPError as error:
            raise ConnectionFailed(
                f"the sandbox does not answer: {error}", hint="penstock sandbox start"
            ) from error
        if answer.is_error:
            raise PenstockError(f"the sandbox answers {answer.status_code}: {answer.text[:500]}")
        return answer


def start(project: Project) -> Sandbox:
    """Return the project's sandbox; starts it if necessary.

    Raises:
        ConnectionFailed: The sandbox does not start.
    """
    return _enter(project, services.ensure(project, SANDBOX.name))


def find(project: Project) -> Sandbox:
    """Return the project's running sandbox.

    Raises:
        ConnectionFailed: The sandbox is not running.
    """
    found = on_demand.load(project, SANDBOX)
    if not SANDBOX.is_up(found):
        raise ConnectionFailed("the sandbox is not running", hint="penstock sandbox start")
    return _enter(project, SANDBOX.connection(found))


def _enter(project: Project, connection: Connection) -> Sandbox:
    return Sandbox(f"{connection.host}:{connection.port}", on_demand.load(project, SANDBOX).keys[TOKEN])
