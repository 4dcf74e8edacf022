"""Functions of Penstock's as tasks: names mean what they mean to Airflow, and what is hopeless is not retried."""

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
    """The function as the callable of a task: `@task` or `PythonOperator(python_callable=...)`.

    Within it, connections and variables are looked for in the project's environment and then wherever Airflow keeps
    its own.

    Raises:
        AirflowFailException: Where trying again would give the same, such as with a key that is refused. The task fails
            at once, whatever its retries.

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
