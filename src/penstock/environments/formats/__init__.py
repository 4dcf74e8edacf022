"""Connections and variables in the formats of Airflow, Astro and dbt: pure functions from and to text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Literal, get_args

from penstock.environments.formats.bundle import Bundle
from penstock.model.errors import UsageError

Format = Literal["env", "json", "airflow-settings", "dbt"]
FORMATS: tuple[str, ...] = get_args(Format)

__all__ = ["FORMATS", "Bundle", "Format", "guess", "left_out", "read", "write"]


def guess(path: str, text: str) -> Format:
    """Guess the format of a file from its name and its first characters.

    Raises:
        UsageError: The format cannot be guessed.

    Example:
        >>> guess("include/.env", "AIRFLOW_VAR_REGION=north")
        'env'
    """
    name = PurePath(path).name.lower()
    if name.endswith(".json"):
        return "json"
    if name.endswith((".yaml", ".yml")):
        lines = [line.rstrip() for line in text.splitlines()]
        return "airflow-settings" if any(line.startswith("airflow:") for line in lines) else "dbt"
    if name.startswith(".env") or name.endswith(".env"):
        return "env"
    raise UsageError(f"unknown format of {path}", hint=f"use --format {'|'.join(FORMATS)}")


def read(text: str, form: str, environment: Mapping[str, str] | None = None) -> Bundle:
    """Parse the connections and variables in a text of this format.

    Args:
        environment: Values for dbt's ``env_var('NAME')``.

    Raises:
        UsageError: The text is not valid in this format; the message shows no values.

    Example:
        >>> read("AIRFLOW_VAR_REGION=north", "env").variables
        {'region': 'north'}
    """
    from penstock.environments.formats import airflow, airflow_settings, dbt, dotenv

    readers: dict[str, Callable[[str], Bundle]] = {
        "env": dotenv.read,
        "json": airflow.read,
        "airflow-settings": airflow_settings.read,
        "dbt": lambda given: dbt.read(given, environment or {}),
    }
    return readers[_known(form)](text)


def write(bundle: Bundle, form: str) -> str:
    r"""Return the connections and variables as text in this format. Secrets are in plain text.

    Raises:
        UsageError: Two names are equal in this format.

    Example:
        >>> write(Bundle(variables={"region": "north"}), "env")
        'AIRFLOW_VAR_REGION=north\n'
    """
    from penstock.environments.formats import airflow, airflow_settings, dbt, dotenv

    writers: dict[str, Callable[[Bundle], str]] = {
        "env": dotenv.write,
        "json": airflow.write,
        "airflow-settings": airflow_settings.write,
        "dbt": dbt.write,
    }
    return writers[_known(form)](bundle)


def left_out(bundle: Bundle, form: str) -> tuple[str, ...]:
    """Return what this format cannot represent, one line each, without secrets.

    Example:
        >>> left_out(Bundle(variables={"region": "north"}), "json")
        ('variable region: env and airflow-settings can hold it',)
    """
    from penstock.environments.formats import dbt

    holders = ("json", "dbt")
    variables = bundle.variables if _known(form) in holders else {}
    return (
        *(dbt.left_out(bundle) if form == "dbt" else ()),
        *(f"variable {name}: env and airflow-settings can hold it" for name in variables),
    )


def _known(form: str) -> str:
    if form not in FORMATS:
        raise UsageError(f"unknown format {form!r}", hint=f"use one of {', '.join(FORMATS)}")
    return form
