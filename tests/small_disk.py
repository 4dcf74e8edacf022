"""A disk that is soon full, for servers to write to."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.databases import Query


@contextmanager
def small_disk(query: Query) -> Iterator[Path]:
    """A file system of 4 MB that the server of this database owns."""
    (data,) = query("SHOW data_directory")[0]
    owner = Path(data).stat()
    disk = Path(tempfile.mkdtemp(prefix="penstock-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        disk.rmdir()
        pytest.skip("only root may mount a small disk")
    os.chown(disk, owner.st_uid, owner.st_gid)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)
    disk.rmdir()
