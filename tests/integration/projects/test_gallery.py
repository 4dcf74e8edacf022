"""The gallery's own tests, run as its users run them."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import RUN_DIR, _remove

from penstock.devtools.init import make

BINARIES = Path(sys.executable).parent


@pytest.fixture
def gallery() -> Iterator[Path]:
    root = Path(os.environ[RUN_DIR], secrets.token_hex(4))
    make(root, "gallery")
    yield root
    _remove(root)


@pytest.mark.timeout(600)
def test_the_gallery_is_green_and_starts_no_server_of_its_users(gallery: Path) -> None:
    done = subprocess.run(
        [BINARIES / "penstock", "test", "-q"],
        cwd=gallery,
        env={name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert not (gallery / ".penstock" / "postgres").exists()
