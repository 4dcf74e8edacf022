"""The requirements of a project for an upgrade check, and `uv`, which resolves and installs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlparse

from penstock.model.errors import PenstockError, UsageError
from penstock.project import Project

FILE = "requirements.txt"
AIRFLOW = "apache-airflow"
# The image of such a project, an Astro project for example, brings Airflow and these.
_NAMES_AIRFLOW = re.compile(r"(?mi)^\s*(apache-airflow\b|penstock\b|-r|-e|\.)")
_OF_AN_IMAGE = ("apache-airflow-providers-postgres", "apache-airflow-providers-standard")
_VERSION = re.compile(r"\d+(\.\d+){0,2}((a|b|rc)\d+)?")


def wanted(project: Project, airflow: str | None, place: Path) -> list[Path]:
    """Return the requirement files to resolve: the project's own, and one that pins the checked version.

    If the project has DAGs and its requirements do not name Airflow, because an image brings it, the second file does.

    Args:
        airflow: A version such as `3.2` or `3.2.1`; None for the newest that the project allows.
        place: Directory for the second file.

    Raises:
        UsageError: The project has no requirements, or the version is invalid.
    """
    own = project.root / FILE
    if not own.is_file():
        raise UsageError(
            f"missing {FILE} in {project.root}",
            hint="list the project's packages in it, such as penstock[airflow,dbt,stack]",
        )
    pins = [] if airflow is None else [f"{AIRFLOW}{_pinned(airflow)}"]
    if (project.root / "dags").is_dir() and not _NAMES_AIRFLOW.search(own.read_text(encoding="utf-8")):
        pins += [AIRFLOW, *_OF_AN_IMAGE]
    pin = place / "pin.in"
    pin.write_text("\n".join([*pins, ""]), encoding="utf-8")
    return [own, pin]


def _pinned(version: str) -> str:
    if not _VERSION.fullmatch(version):
        raise UsageError(f"invalid version {version!r}", hint="use --airflow 3.2 or --airflow 3.2.1")
    return f"=={version}" if version.count(".") > 1 else f"=={version}.*"


def own_source(place: Path) -> str | None:
    """Return a requirement for the running Penstock if it was installed from a directory or a file, else None.

    A directory, such as a checkout, is built into `place` first. Returns None for an installation from an index.
    """
    recorded = distribution("penstock").read_text("direct_url.json")
    if recorded is None:
        return None
    url = urlparse(json.loads(recorded)["url"])
    path = Path(unquote(url.path))
    if url.scheme != "file" or not path.exists():
        return None
    if path.is_dir():
        path = _built(path, place)
    return f"penstock @ {path.as_uri()}"


def _built(checkout: Path, place: Path) -> Path:
    try:
        distribution("hatchling")
        words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    except PackageNotFoundError:
        words = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "-w",
            str(place),
            str(checkout),
        ]
    done = subprocess.run(words, cwd=checkout, capture_output=True, text=True, check=False)
    wheels = sorted(place.glob("penstock-*.whl"))
    if done.returncode or not wheels:
        raise PenstockError(
            f"cannot build {checkout}: {done.stderr.strip()[-200:]}", hint="pip install hatchling"
        )
    return wheels[-1]


def pins(text: str) -> dict[str, str]:
    r"""Parse the names and versions of a resolution.

    Example:
        >>> pins("# by uv\napache-airflow==3.2.2\n    # via x\n")
        {'apache-airflow': '3.2.2'}
    """
    lines = (line.split(";")[0].strip() for line in text.splitlines() if not line.startswith((" ", "#", "-")))
    return dict(line.split("==") for line in lines if line.count("==") == 1)


def installed() -> dict[str, str]:
    """Return the normalized names and the versions of all installed packages."""
    return {re.sub(r"[-_.]+", "-", one.name).lower(): one.version for one in distributions() if one.name}


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
        raise PenstockError(
            "cannot check other versions: uv is not installed", hint="pip install 'penstock[upgrade]'"
        )
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
