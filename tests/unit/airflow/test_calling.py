"""Functions as tasks. Airflow is imported, so these take a second."""

from __future__ import annotations

import pytest
from airflow.sdk import exceptions

from penstock.airflow import task_wrapper
from penstock.model.errors import ConnectionFailed, Refused


def test_the_result_and_the_words_pass_through() -> None:
    assert task_wrapper.in_airflow(lambda day, *, again: (day, again))("2013-02-04", again=True) == (
        "2013-02-04",
        True,
    )


def test_a_refused_key_fails_the_task_whatever_its_retries() -> None:
    def ask() -> None:
        raise Refused("polygon does not know the key", hint="check the key")

    with pytest.raises(exceptions.AirflowFailException, match="polygon does not know the key; check the key"):
        task_wrapper.in_airflow(ask)()


def test_what_may_pass_is_left_to_the_retries() -> None:
    def ask() -> None:
        raise ConnectionFailed("the server is starting")

    with pytest.raises(ConnectionFailed):
        task_wrapper.in_airflow(ask)()
