"""Runs `uv` to resolve and install packages, with the package index that is configured for pip."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from penstock.model.errors import PenstockError

_FROM_PIP = {
    "UV_DEFAULT_INDEX": ("PIP_INDEX_URL", "index-url"),
    "UV_INDEX": ("PIP_EXTRA_INDEX_URL", "extra-index-url"),
    "UV_FIND_LINKS": ("PIP_FIND_LINKS", "find-links"),
    "SSL_CERT_FILE": ("PIP_CERT", "cert"),
}
_NO_ANSWER = re.compile(
    r"error sending request|failed to fetch|dns error|connection refused|timed out|network connectivity is disabled"
    r"|network was disabled|could not connect|client error",
    re.IGNORECASE,
)
_LOGIN_IN_URL = re.compile(r"(://)[^/@\s]+@")


class NoIndex(PenstockError):
    """No package index answers."""


class NoPython(PenstockError):
    """The requested version of Python is not installed."""

    def __init__(self, version: str) -> None:
        super().__init__(
            f"Python {version} is not installed",
            hint="install it, add it to PATH, or choose another version: --python 3.12",
        )


class Unsolvable(PenstockError):
    """The requirements cannot be resolved or installed; the message is uv's explanation."""


def run(*words: object) -> str:
    """Run uv and return its output.

    Raises:
        NoIndex: No package index answers.
        Unsolvable: The requirements cannot be resolved or installed.
        PenstockError: uv is not installed.
    """
    done = subprocess.run(
        [_uv(), "--no-config", "--no-progress", "--color", "never", *(str(word) for word in words)],
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    said = _LOGIN_IN_URL.sub(r"\1***@", done.stderr.strip())
    if _NO_ANSWER.search(said):
        raise NoIndex(
            "cannot check other versions: no package index answers",
            hint="configure an index for pip or uv, such as PIP_INDEX_URL, or run it on a machine with network access",
        )
    raise Unsolvable(said.removeprefix("error: "))


def _uv() -> str:
    if find_spec("uv") is not None:
        from uv import find_uv_bin

        return str(find_uv_bin())
    found = shutil.which("uv")
    if found is None:
        raise PenstockError("cannot check other versions: uv is not installed", hint="pip install uv")
    return found


def _environment() -> dict[str, str]:
    """Return the caller's environment, with pip's settings under uv's names."""
    variables = {
        name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")
    }
    variables["UV_PYTHON_DOWNLOADS"] = "never"
    variables.setdefault("UV_HTTP_TIMEOUT", "60")
    given = any(name in variables for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX"))
    for name, (of_pip, setting) in _FROM_PIP.items():
        if name in variables or (given and name.endswith("INDEX")):
            continue
        value = variables.get(of_pip) or _pip_settings().get(setting)
        if value and (name != "SSL_CERT_FILE" or Path(value).is_file()):
            variables[name] = value
    if not given:
        # Like pip, use the best version from all configured indexes.
        variables.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return variables


def _pip_settings() -> dict[str, str]:
    if find_spec("pip") is None:
        return {}
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    lines = (line.partition("=") for line in done.stdout.splitlines())
    return {name.rpartition(".")[2]: value.strip("'\"") for name, _, value in lines}
