"""The package as a newcomer gets it: a wheel, in an environment where nothing else is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.databases import uri

from penstock.devtools.init import TEMPLATES, template_files
from penstock.model.connection import Connection

ROOT = Path(__file__).parents[3]
BINARIES = Path(sys.executable).parent


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the account of the embedded servers may enter, too."""
    made = Path(tempfile.mkdtemp(prefix="penstock-wheel-"))
    made.chmod(0o755)
    yield made
    if (made / "shop" / ".penstock").exists():
        run(made / "shop", BINARIES / "penstock", "db", "stop")
    shutil.rmtree(made)


def run(where: Path, *words: object, fails: int = 0, **variables: str) -> str:
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "PIP_", "UV_", "SSL_", "http", "HTTP")
    environment = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    done = subprocess.run(
        [str(word) for word in words], cwd=where, env=environment | variables, capture_output=True, text=True
    )
    assert done.returncode == fails, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def install(place: Path, *what: str) -> None:
    """As the lock has it, from uv's own store if it holds everything: `make install` filled it."""
    words = [BINARIES / "uv", "--quiet", "pip", "install", "--python", place / "venv/bin/python"]
    words += ["--constraint", ROOT / "requirements.lock", *what]
    try:
        run(place, *words, "--offline")
    except AssertionError:
        run(place, *words)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_from_the_wheel_to_a_green_project(place: Path, warehouse: Connection) -> None:
    run(ROOT, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place / "dist")
    (wheel,) = (place / "dist").glob("*.whl")
    run(place, BINARIES / "uv", "--quiet", "venv", "--python", sys.executable, "venv")
    penstock, python = place / "venv/bin/penstock", place / "venv/bin/python"

    # The core: no Airflow, no dbt, no servers.
    install(place, str(wheel))
    listed = run(place, python, "-c", "import penstock, importlib.util as u; print(u.find_spec('airflow'))")
    assert listed.strip() == "None"
    assert "upgrade-check" in run(place, penstock, "--help")
    assert "next:" in run(place, penstock, "init", "shop")
    shop = place / "shop"
    assert "pip install 'penstock[airflow]'" in run(shop, penstock, "doctor", "--no-connect", fails=1)
    copied = run(
        shop,
        penstock,
        *("copy", "include/greetings.csv", "warehouse:raw.greetings", "--key", "id"),
        PENSTOCK_CONN_WAREHOUSE=uri(warehouse),
    )
    assert "loaded" in copied

    # With what the project's own requirements ask for.
    install(place, f"{wheel}[airflow,dbt,stack]", "pytest")
    tested = run(shop, penstock, "test", "-q")
    assert "2 passed" in tested


def test_the_wheel_carries_every_template_and_nothing_generated(tmp_path: Path) -> None:
    run(ROOT, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    prefix = "penstock/templates"
    carried = {name for name in names if name.startswith(f"{prefix}/")}
    assert carried == {
        f"{prefix}/{template}/{path.as_posix()}"
        for template in TEMPLATES
        for path in template_files(template)
    }
