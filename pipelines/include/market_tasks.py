"""The steps of a market day as tasks, for DAGs written with the TaskFlow API."""

from __future__ import annotations

from airflow.sdk import task
from include import market

from penstock.airflow import in_airflow, target_asset


@task
def create_market_tables() -> None:
    """Create the tables that are missing."""
    in_airflow(market.create_market_tables)()


@task
def extract_market_data(day: str, again: str = "False") -> str:
    """Land the service's answers for the day; return their address."""
    return in_airflow(market.extract_market_data)(day, again)


@task
def flatten_market_data(landed: str, day: str) -> str:
    """Flatten the answers into rows; return the table."""
    return in_airflow(market.flatten_market_data)(landed, day)


@task
def transform_market_data(flat: str, day: str) -> str:
    """Compute the day's changes; return the table."""
    return in_airflow(market.transform_market_data)(flat, day)


@task(outlets=[target_asset(market.LOADED)])
def load_market_data(staged: str, day: str) -> dict[str, object]:
    """Publish the day's rows; return the account of the copy."""
    return in_airflow(market.load_market_data)(staged, day)
