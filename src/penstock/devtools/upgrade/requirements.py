"""The requirements of a project for an upgrade check, with another Airflow and the running Penstock."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution, distributions
from pathlib import Path
from urllib.parse import unquote, urlparse

from penstock.model.errors import PenstockError, UsageError
from penstock.project import Project

FILE = "requirements.txt"
AIRFLOW = "apache-airflow"
_VERSION = re.compile(r"\d+(\.\d+){0,2}((a|b|rc)\d+)?")


def wanted(project: Project, airflow: str | None, place: Path) -> list[Path]:
    """Return the requirement files to resolve: the project's own, and one that pins the checked version.

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
    pin = place / "pin.in"
    pin.write_text("" if airflow is None else f"{AIRFLOW}{_pinned(airflow)}\n", encoding="utf-8")
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
