"""A process of Airflow's that keeps running: `python -m penstock.airflow.part scheduler`, words as Airflow has them."""

from __future__ import annotations

import gc

# What Airflow imports never goes. Looking for garbage among it every 700 objects, Python's default, takes 15 % of what
# the four processes need to come up: 13.1 s of processor time, with this 11.1 s.
OBJECTS_BETWEEN_COLLECTIONS = 100_000


def main() -> None:
    """Run the process until it is ended."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 20, 50)
    from airflow.__main__ import main as airflow

    airflow()


if __name__ == "__main__":
    main()
