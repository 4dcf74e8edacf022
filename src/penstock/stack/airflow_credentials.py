"""Airflow's keys, generated once, and its password file."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path

from penstock.model.errors import PenstockError, UsageError
from penstock.project import MARKER, Project, write_private
from penstock.stack.port_config import Options

STATE = "airflow"
_ALL_ADMINS = "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"
LOGIN, PASSWORD = "airflow", "airflow"  # refused if other machines can connect


def keys(project: Project) -> Mapping[str, str]:
    """Return Airflow's secret settings: the keys that encrypt its database and sign its tokens and cookies.

    Raises:
        PenstockError: The key file is damaged.
    """
    path = project.make_state_dir(STATE) / "keys.json"
    if not path.exists():
        fresh = {
            "CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
            "API__SECRET_KEY": secrets.token_urlsafe(48),
        }
        write_private(path, json.dumps(fresh) + "\n")
    return _read(path)


def secret_commands(project: Project, settings: Mapping[str, str]) -> dict[str, str]:
    """Store secret settings in files that only this account may read; return the settings that make Airflow read them.

    In an environment variable, a task that prints its environment would write them to its log.

    Example:
        >>> from penstock.project import find_project
        >>> list(secret_commands(find_project(), {"CORE__FERNET_KEY": "secret"}))
        ['CORE__FERNET_KEY_CMD']
    """
    directory = project.make_state_dir(STATE, "secrets")
    for name, value in settings.items():
        path = directory / name
        if not path.exists() or path.read_text(encoding="utf-8") != value:
            write_private(path, value)
    return {f"{name}_CMD": shlex.join(["cat", str(directory / name)]) for name in settings}


def passwords_file(project: Project) -> Path:
    """Return the path of Airflow's password file; creates it with the default login if it is missing."""
    path = project.make_state_dir(STATE) / "passwords.json"
    if not path.exists():
        write_private(path, json.dumps({LOGIN: PASSWORD}) + "\n")
    return path


def require_safe(project: Project, options: Options) -> None:
    """Refuse to listen for other machines with the default password, or without one.

    Raises:
        UsageError: The project is configured so.
        PenstockError: The password file is damaged.
    """
    path = passwords_file(project)
    if options.is_local:
        return
    if _is_open(options):
        raise UsageError(
            f"{MARKER} exposes Airflow to other machines (host {options.host}) without a password: "
            f"{_ALL_ADMINS} is set",
            hint="remove that setting, or the host setting",
        )
    if _read(path).get(LOGIN) == PASSWORD:
        raise UsageError(
            f"{MARKER} exposes Airflow to other machines (host {options.host}) with the default password",
            hint=f"change the password in {path}, or remove the host setting",
        )


def _is_open(options: Options) -> bool:
    """Whether everyone is an administrator, by `[stack.airflow]` or the caller's variable."""
    asked = options.airflow.get(_ALL_ADMINS, os.environ.get(f"AIRFLOW__{_ALL_ADMINS}", ""))
    return asked.strip().lower() in ("true", "t", "1")


def password(project: Project) -> str:
    """Return the password for Penstock's own requests.

    Raises:
        PenstockError: The password file is damaged, or does not contain the login.
    """
    found = _read(passwords_file(project)).get(LOGIN)
    if found is None:
        raise PenstockError(
            f"{passwords_file(project)} has no password for {LOGIN}", hint="add it, then run penstock restart"
        )
    return found


def shown_login(project: Project) -> str:
    """Return the login for display in a terminal; a changed password is not shown."""
    known = _read(passwords_file(project)).get(LOGIN) == PASSWORD
    return f"{LOGIN} / {PASSWORD}" if known else f"{LOGIN}, password in {passwords_file(project)}"


def _read(path: Path) -> Mapping[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PenstockError(
            f"{path} is damaged", hint="restore a backup, or remove the file to create a new one"
        ) from error
    return {str(name): str(value) for name, value in found.items()}
