"""The keys for secrets in environment files, and the format of an encrypted secret.

An encrypted secret has the form ``enc:KEY:TOKEN``, which editors, formatters and ``git diff`` leave unchanged. KEY is
the beginning of the key's SHA-256, which distinguishes a wrong key from a modified token. TOKEN is a Fernet token.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.environments.errors import BadKey, MissingKey, Place, TamperedSecret, WrongKey
from penstock.project import Project, write_private

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

VARIABLE = "PENSTOCK_KEY"
FILE = "key"
PREFIX = "enc:"

_ENCRYPTED = re.compile(r"enc:(?P<key>[0-9a-f]{8}):(?P<token>\S+)")


def is_encrypted(text: str) -> bool:
    """Whether the text has the form of an encrypted secret."""
    return text.startswith(PREFIX)


def key_of(text: str) -> str | None:
    """Return the id of the key of an encrypted secret; None if the text is damaged."""
    match = _ENCRYPTED.fullmatch(text)
    return match["key"] if match else None


class Keys:
    """The available keys. The first one encrypts; all of them decrypt.

    Args:
        texts: The keys, each 32 bytes in URL-safe base64.
        origin: Where the keys come from, for messages.

    Raises:
        BadKey: A key is invalid. The message does not show it.
    """

    __slots__ = ("_fernets", "origin", "texts")

    def __init__(self, texts: Sequence[str], origin: str = "the given keys") -> None:
        from cryptography.fernet import Fernet

        self._fernets: dict[str, Fernet] = {}
        self.texts = tuple(texts)
        self.origin = origin
        for number, text in enumerate(texts, start=1):
            try:
                self._fernets[_identity(text)] = Fernet(text)
            except ValueError:
                raise BadKey(
                    f"{origin}: key {number} is invalid", hint="a key is 32 bytes in URL-safe base64"
                ) from None

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the keys, as used in encrypted secrets."""
        return tuple(self._fernets)

    def encrypt(self, text: str) -> str:
        """Return the encrypted text for a file."""
        name, fernet = next(iter(self._fernets.items()))
        return f"{PREFIX}{name}:{fernet.encrypt(text.encode()).decode('ascii')}"

    def decrypt(self, text: str, place: Place) -> str:
        """Return the decrypted text.

        Raises:
            SecretProblem: The key is missing, or the text was modified; the message names the place.
        """
        from cryptography.fernet import InvalidToken

        match = _ENCRYPTED.fullmatch(text)
        if match is None:
            raise TamperedSecret(place, "damaged encrypted secret", hint="set the secret again")
        if not self._fernets:
            raise MissingKey(
                place,
                f"no key for a secret that was encrypted with key {match['key']}",
                hint=f"put the team's key into .penstock/{FILE} (readable by you only) or into {VARIABLE}",
            )
        if match["key"] not in self._fernets:
            raise WrongKey(
                place,
                f"the secret was encrypted with key {match['key']}, but {self.origin} has {', '.join(self.ids)}",
                hint=f"add that key to .penstock/{FILE}, on a separate line, or set the secret again",
            )
        try:
            return self._fernets[match["key"]].decrypt(match["token"]).decode()
        except (InvalidToken, ValueError):
            raise TamperedSecret(
                place, "the secret was modified after it was encrypted", hint="restore it, or set it again"
            ) from None

    def __repr__(self) -> str:
        return f"Keys({', '.join(self.ids)})"


def find_keys(root: Path) -> Keys:
    """Return the project's keys: from ``PENSTOCK_KEY`` (separated by commas), else from the key file (one per line).

    Raises:
        BadKey: A key is invalid, or other accounts can read the file.
    """
    if given := os.environ.get(VARIABLE):
        return Keys(given.replace(",", " ").split(), VARIABLE)
    path = Project(root).state_dir / FILE
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Keys((), str(path))
    except PermissionError as error:
        raise BadKey(f"cannot read {path}", hint="check its owner") from error
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise BadKey(f"other accounts can read {path}", hint=f"chmod 600 {path}")
    try:
        return Keys(path.read_text(encoding="utf-8").split(), str(path))
    except (PermissionError, UnicodeDecodeError) as error:
        raise BadKey(f"cannot read {path}", hint="check its owner") from error


def new_key() -> str:
    """Return a new random key."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode("ascii")


def write_keys(root: Path, texts: Sequence[str]) -> Keys:
    """Write the project's keys to a file that only this account can read.

    The state directory is also ignored by git, so that no key is committed by accident.

    Raises:
        PenstockError: The state directory cannot be created.
    """
    directory = Project(root).make_state_dir()
    path = directory / FILE
    ignored = directory / ".gitignore"
    if not ignored.exists():
        ignored.write_text("*\n", encoding="utf-8")  # whatever the project's own .gitignore says
    write_private(path, "".join(f"{text}\n" for text in texts))
    return Keys(texts, str(path))


def _identity(key: str) -> str:
    # A key has 256 random bits: 32 bits of its digest identify it and reveal nothing.
    return hashlib.sha256(key.encode()).hexdigest()[:8]
