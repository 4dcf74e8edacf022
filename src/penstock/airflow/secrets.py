"""Penstock's environments as an Airflow secrets backend, for servers, workers and the command line.

    AIRFLOW__SECRETS__BACKEND=penstock.airflow.secrets.PenstockSecretsBackend
    AIRFLOW__SECRETS__BACKEND_KWARGS={"project": "/srv/sales", "environment": "prod"}

Workers use the same backend unless ``AIRFLOW__WORKERS__SECRETS_BACKEND`` names another. The lookup order is that of
:mod:`penstock.lookup`, with the backend named ``fallback`` next. Airflow looks up all other names in its metadata
database.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from airflow.secrets import BaseSecretsBackend

from penstock import lookup
from penstock.environments import load
from penstock.environments.formats.airflow import to_json
from penstock.lookup.masking import mask_connection, mask_variable
from penstock.model.errors import PenstockError
from penstock.project import Project, find_project

try:
    # Airflow treats every other error as "not found" and asks the next backend.
    from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied as Denied
except ImportError:  # before Airflow 3.3
    Denied = PermissionError

Answer = TypeVar("Answer")


class PenstockSecretsBackend(BaseSecretsBackend):
    """Provides the connections and variables of the project's environment, and then those of the fallback.

    If the environment is invalid or its secrets cannot be decrypted, the lookup fails instead of returning None,
    because the next backend might know the name as another system.

    Args:
        project: The directory of ``penstock.toml``; by default found as in every command.
        environment: Name of the environment; by default chosen as in every command.
        fallback: Dotted name of the backend class to use next.
        fallback_kwargs: Keyword arguments for that class.
    """

    def __init__(
        self,
        project: str | None = None,
        environment: str | None = None,
        fallback: str | None = None,
        fallback_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._root = project
        self._environment = environment
        self._fallback = None if fallback is None else _make(fallback, fallback_kwargs or {})

    def get_connection(self, conn_id: str) -> Any:
        """Return the connection, or None if it is unknown.

        Raises:
            AirflowSecretsBackendAccessDenied: The environment is invalid. Airflow then asks no other backend.
        """
        found = self._ask(lambda: lookup.declared(conn_id, self._project(), self._environment))
        if found is None and self._fallback is not None:
            answer = self._fallback.get_connection(conn_id)
            if answer is not None:
                return answer
        if found is None:
            found = self._ask(lambda: lookup.embedded(conn_id, self._project()))
        if found is None:
            return None
        mask_connection(found)
        return self.deserialize_connection(conn_id, to_json(found))

    def get_conn_value(self, conn_id: str) -> str | None:
        """Return the connection as JSON, or None if it is unknown.

        Raises:
            AirflowSecretsBackendAccessDenied: See `get_connection`.
        """
        found = self.get_connection(conn_id)
        return None if found is None else str(found.as_json())

    def get_variable(self, key: str) -> str | None:
        """Return the variable, or None if it is unknown.

        Raises:
            AirflowSecretsBackendAccessDenied: See `get_connection`.
        """
        environment = self._ask(lambda: load(self._project().root, self._environment))
        found = self._ask(lambda: lookup.variable(key, environment, self._project()))
        if found is None:
            return None if self._fallback is None else self._fallback.get_variable(key)
        mask_variable(key, found, environment)
        return found

    def get_config(self, key: str) -> str | None:
        """Return a setting of Airflow from the fallback; environments hold none."""
        return None if self._fallback is None else self._fallback.get_config(key)

    def _set_connection_class(self, conn_class: type) -> None:
        super()._set_connection_class(conn_class)
        if self._fallback is not None:
            self._fallback._set_connection_class(conn_class)  # noqa: SLF001  # as Airflow does to this one

    def _ask(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except PenstockError as error:
            refusal: Exception = Denied(f"{error.message}; {error.hint}" if error.hint else error.message)
        raise refusal

    def _project(self) -> Project:
        return find_project() if self._root is None else Project(Path(self._root))

    def __repr__(self) -> str:
        return f"PenstockSecretsBackend(environment={self._environment!r})"


def _make(name: str, kwargs: dict[str, Any]) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)(**kwargs)
