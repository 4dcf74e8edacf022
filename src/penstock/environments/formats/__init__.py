"""Connections and variables in the formats of Airflow, Astro and dbt: pure functions from text and to text."""

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
    """The format of a file, by its name and what it begins with.

    Raises:
        UsageError: If nothing tells.

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
    raise UsageError(f"nothing tells the format of {path}", hint=f"--format {'|'.join(FORMATS)}")


def read(text: str, form: str, environment: Mapping[str, str] | None = None) -> Bundle:
    """The connections and variables that a text of this format holds.

    Args:
        environment: What dbt's ``env_var('NAME')`` stands for.

    Raises:
        UsageError: If the text is not of the format; the message shows no value.

    Example:
        >>> read("AIRFLOW_VAR_REGION=north", "env").variables
        {'region': 'north'}
    """
    from penstock.environments.formats import airflow_settings, dbt, dotenv, export_json

    readers: dict[str, Callable[[str], Bundle]] = {
        "env": dotenv.read,
        "json": export_json.read,
        "airflow-settings": airflow_settings.read,
        "dbt": lambda given: dbt.read(given, environment or {}),
    }
    return readers[_known(form)](text)


def write(bundle: Bundle, form: str) -> str:
    r"""The connections and variables as a text of this format, secrets in the clear.

    Raises:
        UsageError: If the format cannot tell two of the names apart.

    Example:
        >>> write(Bundle(variables={"region": "north"}), "env")
        'AIRFLOW_VAR_REGION=north\n'
    """
    from penstock.environments.formats import airflow_settings, dbt, dotenv, export_json

    writers: dict[str, Callable[[Bundle], str]] = {
        "env": dotenv.write,
        "json": export_json.write,
        "airflow-settings": airflow_settings.write,
        "dbt": dbt.write,
    }
    return writers[_known(form)](bundle)


def left_out(bundle: Bundle, form: str) -> tuple[str, ...]:
    """What a text of this format cannot hold, a line each, without secrets.

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
        raise UsageError(f"no format {form!r}", hint=f"one of {', '.join(FORMATS)}")
    return form
