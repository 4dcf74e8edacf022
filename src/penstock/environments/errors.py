"""Errors in environment files and keys. Each names the file and the line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from penstock.model.errors import PenstockError


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in an environment file.

    Args:
        environment: The environment of the file.
        file: Path relative to the project.
        line: Line number, starting at 1.

    Example:
        >>> str(Place("dev", "environments/dev.yaml", 3))
        'environments/dev.yaml:3'
    """

    environment: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class BadEnvironment(PenstockError):
    """An environment file is invalid. The message begins with the file and the line."""

    def __init__(self, place: Place, message: str, hint: str | None = None) -> None:
        super().__init__(f"{place}: {message}", hint)
        self.place = place


class PlainSecret(BadEnvironment):
    """A file holds a secret in plain text.

    Args:
        what: Description of the secret.
        path: Keys that lead to it in the file.
    """

    def __init__(self, place: Place, what: str, path: tuple[str, ...]) -> None:
        super().__init__(
            place, f"{what} is a secret in plain text", f"penstock env encrypt {place.environment}"
        )
        self.path = path


class SecretProblem(BadEnvironment):
    """A secret in a file cannot be decrypted."""


class MissingKey(SecretProblem):
    """No key was found."""


class WrongKey(SecretProblem):
    """The secret was encrypted with a key that is not available."""


class TamperedSecret(SecretProblem):
    """The secret was modified after it was encrypted."""


class BadKey(PenstockError):
    """A key is invalid, or other accounts can read its file."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return a hint with the most similar known word, or with all of them.

    Example:
        >>> suggestion("pasword", ["login", "password"])
        'did you mean password?'
        >>> suggestion("x", ["login", "password"])
        'known: login, password'
    """
    names = sorted(known)
    if close := get_close_matches(word, names, n=1):
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if names else "none defined yet"
