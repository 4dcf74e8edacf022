"""Tells Airflow's logs which texts are secrets, if this process runs Airflow."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterable
from urllib.parse import quote

from penstock.environments import Environment
from penstock.environments.secret_detection import MASK, Extra
from penstock.model.connection import Connection

# Airflow has two maskers: one for tasks, and one for servers and `dag.test()`.
_MASKERS = ("airflow.sdk.log", "airflow._shared.secrets_masker")


def mask_connection(connection: Connection) -> None:
    """Mask the secrets of a connection in logs."""
    secrets = [connection.password.reveal()] if connection.password else []
    extra = connection.extra if isinstance(connection.extra, Extra) else Extra(connection.extra)
    mask([*secrets, *(extra[name] for name in extra.hidden)])


def mask_variable(name: str, value: str, environment: Environment) -> None:
    """Mask the value of a variable in logs, if its environment says that it is a secret."""
    if value and name in environment.variable_names() and environment.explain(name)[-1].value == MASK:
        mask([value])


def mask(secrets: Iterable[str]) -> None:
    """Mask texts in logs, also in their URL-encoded and header forms. Nothing happens outside of Airflow."""
    forms = [form for secret in secrets if secret for form in _forms(secret)]
    for name in _MASKERS if forms else ():
        if (masker := sys.modules.get(name)) is not None:
            masker.mask_secret(forms)


def _forms(secret: str) -> list[str]:
    encoded = base64.b64encode(secret.encode()).decode("ascii")
    return list(dict.fromkeys([secret, quote(secret), quote(secret, safe=""), encoded]))
