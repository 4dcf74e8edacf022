"""One DAG for each file in copies/."""

from __future__ import annotations

from pathlib import Path

from penstock.airflow import copy_dags

copy_dags(Path(__file__).resolve().parents[1] / "copies")
