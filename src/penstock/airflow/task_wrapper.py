"""Penstock functions as Airflow tasks: names are looked up as Airflow does, and permanent errors are not retried."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from airflow.sdk.exceptions import AirflowFailException

from penstock.airflow.connections import as_airflow
from penstock.airflow.copy_operator import HOPELESS

Words = ParamSpec("Words")
Result = TypeVar("Result")


def in_airflow(function: Callable[Words, Result]) -> Callable[Words, Result]:
    """Wrap a function for use as a task's callable: `@task` or `PythonOperator(python_callable=...)`.

    Within the function, connections and variables are looked up in the project's environment, and then in Airflow's
    own backends.

    Raises:
        AirflowFailException: A retry would fail again, such as with a refused key. The task fails at once, whatever its
            retries.

    Example:
        load = task(in_airflow(load_market_data))
    """

    @wraps(function)
    def call(*args: Words.args, **kwargs: Words.kwargs) -> Result:
        try:
            with as_airflow():
                return function(*args, **kwargs)
        except HOPELESS as error:
            raise AirflowFailException(
                f"{error.message}; {error.hint}" if error.hint else error.message
            ) from error

    return call
