"""A client for the REST API of the running stack's Airflow."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx

from penstock.model.errors import ConnectionFailed, PenstockError
from penstock.project import Project
from penstock.stack.airflow_credentials import LOGIN, password
from penstock.stack.lifecycle import running

_TIMEOUT_S = 30.0
_PAGE = 100


class Refused(PenstockError):
    """Airflow refused a request.

    Args:
        status: The HTTP status.
    """

    def __init__(self, message: str, status: int, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.status = status


class AirflowApi:
    """An authenticated session with Airflow's API.

    Raises:
        ConnectionFailed: Airflow does not answer, or refuses the login.

    Example:
        with open_api(project) as api:
            api.get("dags/sales_warehouse")["is_paused"]
    """

    def __init__(self, url: str, login: str, secret: str) -> None:
        # Without proxies, because the server is on this machine.
        self._client = httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False)
        body = {"username": login, "password": secret}
        answer = self._send("POST", "/auth/token", body)
        if not answer.is_success:
            raise ConnectionFailed(
                f"Airflow on {url} refuses the login {login} ({answer.status_code})",
                hint="restart the stack to read .penstock/airflow/passwords.json again: penstock restart",
            )
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def __enter__(self) -> AirflowApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """Get a path below `/api/v2/`.

        Raises:
            Refused: Airflow refused the request.
            ConnectionFailed: Airflow does not answer.
        """
        return self._ask("GET", path, None, parameters)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Post to a path; raises as `get` does."""
        return self._ask("POST", path, body)

    def put(self, path: str) -> Any:
        """Put to a path; raises as `get` does."""
        return self._ask("PUT", path)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """Patch a path; raises as `get` does."""
        return self._ask("PATCH", path, body)

    def every(self, path: str, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Get all pages of a list.

        Args:
            name: The list's key in the answer.
        """
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(path, limit=_PAGE, offset=len(found), **parameters)
            found += page[name]
            if not page[name] or len(found) >= page["total_entries"]:
                return found

    def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> Any:
        answer = self._send(method, f"/api/v2/{path}", body, parameters)
        if not answer.is_success:
            raise Refused(_detail(answer), answer.status_code)
        return answer.json()

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None, parameters: dict[str, Any] | None = None
    ) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body, params=parameters)
        except httpx.TransportError as error:
            raise ConnectionFailed(
                f"Airflow on {self._client.base_url} does not answer: {error}", hint="penstock status"
            ) from error


def open_api(project: Project) -> AirflowApi:
    """Log in to the project's running stack.

    Raises:
        ConnectionFailed: The stack is not running, or Airflow does not answer.
    """
    url = running(project).address("api-server")
    if url is None:
        raise ConnectionFailed("Airflow is not up yet", hint="penstock status")
    return AirflowApi(url, LOGIN, password(project))


def _detail(answer: httpx.Response) -> str:
    """Return Airflow's error message."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"Airflow answers {answer.status_code}: {answer.text[:200]}"
    if isinstance(detail, list):
        return "; ".join(str(one.get("msg", one)) if isinstance(one, dict) else str(one) for one in detail)
    return str(detail)
