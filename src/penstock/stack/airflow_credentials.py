"""Airflow's keys, made once, and its file of logins."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from penstock.model.errors import PenstockError, UsageError
from penstock.project import MARKER, Project, write_private
from penstock.stack.config import Options

STATE = "airflow"
LOGIN, PASSWORD = "airflow", "airflow"  # refused wherever another machine could call


def keys(project: Project) -> Mapping[str, str]:
    """Airflow's settings that are secret: what encrypts its store, and what signs its tokens and cookies.

    Raises:
        PenstockError: Their file was damaged.
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


def passwords_file(project: Project) -> Path:
    """Where Airflow reads who may log in; written with the default login where there is none."""
    path = project.make_state_dir(STATE) / "passwords.json"
    if not path.exists():
        write_private(path, json.dumps({LOGIN: PASSWORD}) + "\n")
    return path


def require_safe(project: Project, options: Options) -> None:
    """Refuse to be reached from other machines with a password that everybody knows.

    Raises:
        UsageError: That is what the project asks for.
        PenstockError: The file of logins was damaged.
    """
    path = passwords_file(project)
    if not options.is_local and _read(path).get(LOGIN) == PASSWORD:
        raise UsageError(
            f"{MARKER} lets other machines reach Airflow (host {options.host}), and the password is still the default",
            hint=f"write another one into {path}, or take the host out",
        )


def password(project: Project) -> str:
    """The password of the login, for Penstock's own requests.

    Raises:
        PenstockError: The file of logins was damaged, or the login taken out.
    """
    found = _read(passwords_file(project)).get(LOGIN)
    if found is None:
        raise PenstockError(
            f"{passwords_file(project)} has no password of {LOGIN}", hint="put it back, then penstock restart"
        )
    return found


def shown_login(project: Project) -> str:
    """How to log in, for the terminal: a password of the user's own is not shown."""
    known = _read(passwords_file(project)).get(LOGIN) == PASSWORD
    return f"{LOGIN} / {PASSWORD}" if known else f"{LOGIN}, password in {passwords_file(project)}"


def _read(path: Path) -> Mapping[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PenstockError(
            f"{path} is damaged", hint="put a backup back, or remove it to have it made anew"
        ) from error
    return {str(name): str(value) for name, value in found.items()}
