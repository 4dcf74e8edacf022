"""Detects secrets by the names of fields and by their text."""

from __future__ import annotations

import re

MASK = "***"

# Public keys of the sandbox: they open nothing else and may be in files as plain text.
SANDBOX_KEYS = frozenset(
    {"sandbox-prices-free", "sandbox-prices-paid", "sandbox-weather-free", "sandbox-weather-paid"}
)

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LAST = frozenset(
    {
        "password",
        "passwd",
        "pwd",
        "pass",
        "passphrase",
        "passcode",
        "secret",
        "secrets",
        "token",
        "credential",
    }
    | {"credentials", "apikey", "dsn", "pat"}
)
# "key" means a secret only together with these words: `sort_key` and `aws_access_key_id` are not secrets.
_KEYS = frozenset(
    {"api", "access", "private", "secret", "account", "signing", "encryption", "fernet", "master", "shared"}
    | {"auth", "client", "app"}
)
_WHOLE = frozenset(
    {"private_key_content", "keyfile_dict", "connection_string", "authorization"}
    | {"proxy-authorization", "cookie"}
)
_LOGIN_IN_URI = re.compile(
    r"(?P<before>[a-z][a-z0-9+.-]*://[^\s/:@?#]*:)(?P<secret>[^\s/@?#]+)@", re.IGNORECASE
)


def looks_secret(name: str) -> bool:
    """Whether the name of a field or variable suggests a secret.

    Example:
        >>> [looks_secret(name) for name in ("password", "apiKey", "aws_access_key_id", "token_url", "sort_key")]
        [True, True, False, False, False]
    """
    if name.lower().removeprefix("extra__") in _WHOLE:
        return True
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words:
        return False
    return words[-1] in _LAST or (words[-1] == "key" and len(words) > 1 and words[-2] in _KEYS)


def holds_secret(name: str, text: str) -> bool:
    """Whether the value is a secret: by its name, or because it is a URI with a password.

    Example:
        >>> holds_secret("queue", "amqp://guest:guest@broker//"), holds_secret("queue", "amqp://broker//")
        (True, False)
        >>> holds_secret("api_key", "c0ffee"), holds_secret("api_key", "sandbox-prices-paid")
        (True, False)
    """
    return (
        text not in SANDBOX_KEYS
        and bool(text)
        and (looks_secret(name) or _LOGIN_IN_URI.search(text) is not None)
    )


def masked(name: str, text: str) -> str:
    """Return the text for display under this name, with secrets masked.

    Example:
        >>> masked("queue", "amqp://guest:guest@broker//"), masked("api_token", "abc"), masked("host", "db")
        ('amqp://guest:***@broker//', '***', 'db')
    """
    if text and looks_secret(name):
        return MASK
    return _LOGIN_IN_URI.sub(rf"\g<before>{MASK}@", text)


class Extra(dict[str, str]):
    """Extra fields of a connection; secrets are masked except on access by name.

    Args:
        fields: The fields.
        secret: Names of fields that are secrets regardless of their name.

    Example:
        >>> Extra({"sslmode": "require", "api_key": "abc"})
        {'sslmode': 'require', 'api_key': '***'}
    """

    __slots__ = ("_secret",)

    def __init__(self, fields: object = (), secret: frozenset[str] = frozenset()) -> None:
        super().__init__(fields)  # type: ignore[call-overload]  # accepts what dict accepts
        self._secret = secret

    @property
    def hidden(self) -> frozenset[str]:
        """Return the names of the fields that hold secrets."""
        return frozenset(
            name for name, text in self.items() if name in self._secret or holds_secret(name, text)
        )

    def __repr__(self) -> str:
        return repr(
            {name: MASK if name in self._secret else masked(name, text) for name, text in self.items()}
        )

    __str__ = __repr__
