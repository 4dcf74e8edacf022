"""The steps of a market day as tasks, for DAGs written with the TaskFlow API."""

from __future__ import annotations

from airflow.sdk import task
from include import market

from penstock.airflow import in_airflow, target_asset


@task
def create_market_tables() -> None:
    """Make the tables, where they are missing."""
    in_airflow(market.create_market_tables)()


@task
def extract_market_data(day: str, again: str = "False") -> str:
    """Land what the service says of the day; returns where."""
    return in_airflow(market.extract_market_data)(day, again)


@task
def flatten_market_data(landed: str, day: str) -> str:
    """Make rows of the answers; returns the table."""
    return in_airflow(market.flatten_market_data)(landed, day)


@task
def transform_market_data(flat: str, day: str) -> str:
    """Work out the day's changes; returns the table."""
    return in_airflow(market.transform_market_data)(flat, day)


@task(outlets=[target_asset(market.LOADED)])
def load_market_data(staged: str, day: str) -> dict[str, object]:
    """Publish the day's rows; returns the account."""
    return in_airflow(market.load_market_data)(staged, day)
