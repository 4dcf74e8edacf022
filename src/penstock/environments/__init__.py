"""Environments: connections, variables and encrypted secrets. The public API of this package."""

from __future__ import annotations

from penstock.environments.environment import Environment, Explained
from penstock.environments.errors import (
    BadEnvironment,
    BadKey,
    MissingKey,
    PlainSecret,
    SecretProblem,
    TamperedSecret,
    WrongKey,
)
from penstock.environments.loading import choose, load

__all__ = [
    "BadEnvironment",
    "BadKey",
    "Environment",
    "Explained",
    "MissingKey",
    "PlainSecret",
    "SecretProblem",
    "TamperedSecret",
    "WrongKey",
    "choose",
    "load",
]
