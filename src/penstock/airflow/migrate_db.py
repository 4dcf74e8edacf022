"""Migrates Airflow's metadata database: `python -m penstock.airflow.migrate_db MARKER`."""

from __future__ import annotations

import gc
import sys
from pathlib import Path


def main() -> int:
    """Create or migrate the tables, then write the marker file."""
    gc.disable()  # imported objects stay alive
    from airflow.utils.db import initdb

    initdb()
    Path(sys.argv[1]).touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
