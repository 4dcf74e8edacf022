"""Brings Airflow's metadata database up to date: `python -m penstock.airflow.migrate_db MARKER`."""

from __future__ import annotations

import gc
import sys
from pathlib import Path


def main() -> int:
    """Make or migrate the tables, and write the marker that says so."""
    gc.disable()  # what Airflow imports never goes
    from airflow.utils.db import initdb

    initdb()
    Path(sys.argv[1]).touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
