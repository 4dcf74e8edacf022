"""Provider metadata, which Airflow reads at start."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider metadata for the entry point ``apache_airflow_provider``.

    Example:
        >>> get_provider_info()["package-name"]
        'penstock'
    """
    return {
        "package-name": "penstock",
        "name": "Penstock",
        "description": "Copies data at database speed and accounts for every row.",
        "versions": [version("penstock")],
        "integrations": [{"integration-name": "Penstock", "external-doc-url": "", "tags": ["software"]}],
        "secrets-backends": ["penstock.airflow.secrets.PenstockSecretsBackend"],
        "operators": [
            {
                "integration-name": "Penstock",
                "python-modules": ["penstock.airflow.copy_operator", "penstock.airflow.transfers"],
            }
        ],
        "notifications": ["penstock.airflow.notifier.Notifier"],
    }
