"""What may be wrong with an environment's files and keys; each names the file and the line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from penstock.model.errors import PenstockError


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands.

    Args:
        environment: The environment whose file it is.
        file: The file, relative to the project.
        line: Counted from 1.

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
    """A file of an environment says something that cannot be: the message begins with the file and the line."""

    def __init__(self, place: Place, message: str, hint: str | None = None) -> None:
        super().__init__(f"{place}: {message}", hint)
        self.place = place


class PlainSecret(BadEnvironment):
    """A secret stands in a file as plain text.

    Args:
        what: Which, in words.
        path: The names that lead to it in the file.
    """

    def __init__(self, place: Place, what: str, path: tuple[str, ...]) -> None:
        super().__init__(
            place, f"{what} is a secret in plain text", f"penstock env encrypt {place.environment}"
        )
        self.path = path


class SecretProblem(BadEnvironment):
    """A secret of a file cannot be read."""


class MissingKey(SecretProblem):
    """There is no key at all."""


class WrongKey(SecretProblem):
    """The secret was encrypted with a key that is not among the keys here."""


class TamperedSecret(SecretProblem):
    """The secret was altered after it was encrypted."""


class BadKey(PenstockError):
    """A key is none, or others may read its file."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """A hint: the known word that was probably meant, or all of them.

    Example:
        >>> suggestion("pasword", ["login", "password"])
        'did you mean password?'
        >>> suggestion("x", ["login", "password"])
        'there are: login, password'
    """
    names = sorted(known)
    if close := get_close_matches(word, names, n=1):
        return f"did you mean {close[0]}?"
    return f"there are: {', '.join(names)}" if names else "there are none yet"
