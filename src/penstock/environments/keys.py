"""The keys that secrets in environment files are encrypted with, and the form of an encrypted secret.

A secret is written ``enc:KEY:TOKEN``: a plain text, which every editor, formatter and ``git diff`` leaves alone. KEY is
the beginning of the key's SHA-256, so that a wrong key and an altered token can be told apart; TOKEN is Fernet's.
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
    """Whether the text is meant as an encrypted secret."""
    return text.startswith(PREFIX)


def key_of(text: str) -> str | None:
    """Which key an encrypted secret was made with; None where it is damaged."""
    match = _ENCRYPTED.fullmatch(text)
    return match["key"] if match else None


class Keys:
    """The keys at hand: the first encrypts, each decrypts what was made with it.

    Args:
        texts: The keys, as 32 bytes in URL-safe base64.
        origin: Where they come from, for messages.

    Raises:
        BadKey: If one of them is no key. The message does not show it.
    """

    __slots__ = ("_fernets", "origin", "texts")

    def __init__(self, texts: Sequence[str], origin: str = "the keys given") -> None:
        from cryptography.fernet import Fernet

        self._fernets: dict[str, Fernet] = {}
        self.texts = tuple(texts)
        self.origin = origin
        for number, text in enumerate(texts, start=1):
            try:
                self._fernets[_identity(text)] = Fernet(text)
            except ValueError:
                raise BadKey(
                    f"{origin}: key {number} is no key", hint="a key is 32 bytes in URL-safe base64"
                ) from None

    @property
    def ids(self) -> tuple[str, ...]:
        """What the keys are called in encrypted secrets."""
        return tuple(self._fernets)

    def encrypt(self, text: str) -> str:
        """The text as it may stand in a file."""
        name, fernet = next(iter(self._fernets.items()))
        return f"{PREFIX}{name}:{fernet.encrypt(text.encode()).decode('ascii')}"

    def decrypt(self, text: str, place: Place) -> str:
        """What was encrypted.

        Raises:
            SecretProblem: If no key, the wrong keys, or an altered text are at hand; the message names the place.
        """
        from cryptography.fernet import InvalidToken

        match = _ENCRYPTED.fullmatch(text)
        if match is None:
            raise TamperedSecret(
                place, "this is no encrypted secret, or only a part of one", hint="set the secret anew"
            )
        if not self._fernets:
            raise MissingKey(
                place,
                f"the secret was encrypted with key {match['key']}, and there is no key here",
                hint=f"put the team's key into .penstock/{FILE} (readable by you alone) or into {VARIABLE}",
            )
        if match["key"] not in self._fernets:
            raise WrongKey(
                place,
                f"the secret was encrypted with key {match['key']}; {self.origin} holds {', '.join(self.ids)}",
                hint=f"add that key to .penstock/{FILE}, on a line of its own, or set the secret anew",
            )
        try:
            return self._fernets[match["key"]].decrypt(match["token"]).decode()
        except (InvalidToken, ValueError):
            raise TamperedSecret(
                place, "the secret was altered after it was encrypted", hint="restore it, or set it anew"
            ) from None

    def __repr__(self) -> str:
        return f"Keys({', '.join(self.ids)})"


def find_keys(root: Path) -> Keys:
    """The project's keys: those of ``PENSTOCK_KEY`` (separated by commas), else those of the file (one a line).

    Raises:
        BadKey: If one is no key, or others may read the file.
    """
    if given := os.environ.get(VARIABLE):
        return Keys(given.replace(",", " ").split(), VARIABLE)
    path = Project(root).state_dir / FILE
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Keys((), str(path))
    except PermissionError as error:
        raise BadKey(f"{path} cannot be read", hint="check who owns it") from error
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise BadKey(f"others may read {path}", hint=f"chmod 600 {path}")
    try:
        return Keys(path.read_text(encoding="utf-8").split(), str(path))
    except (PermissionError, UnicodeDecodeError) as error:
        raise BadKey(f"{path} cannot be read", hint="check who owns it") from error


def new_key() -> str:
    """A key out of the system's randomness."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode("ascii")


def write_keys(root: Path, texts: Sequence[str]) -> Keys:
    """Make these the project's keys, in a file that this account alone may read.

    The state directory is also hidden from git, so that no key is committed by accident.

    Raises:
        PenstockError: The state directory cannot be made.
    """
    directory = Project(root).make_state_dir()
    path = directory / FILE
    ignored = directory / ".gitignore"
    if not ignored.exists():
        ignored.write_text("*\n", encoding="utf-8")  # whatever the project's own .gitignore says
    write_private(path, "".join(f"{text}\n" for text in texts))
    return Keys(texts, str(path))


def _identity(key: str) -> str:
    # A key is 256 random bits: 32 bits of its digest tell keys apart and give nothing away.
    return hashlib.sha256(key.encode()).hexdigest()[:8]
