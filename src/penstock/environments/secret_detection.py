"""Names that promise a secret, and texts that hold one."""

from __future__ import annotations

import re

MASK = "***"

# Keys of the sandbox, which everybody knows: they open nothing else, and may stand in a file.
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
# A key is a secret in this company only: a `sort_key` or an `aws_access_key_id` is none.
_KEYS = frozenset(
    {"api", "access", "private", "secret", "account", "signing", "encryption", "fernet", "master", "shared"}
    | {"auth", "client", "app"}
)
_WHOLE = frozenset({"private_key_content", "keyfile_dict", "connection_string", "authorization"})
_LOGIN_IN_URI = re.compile(
    r"(?P<before>[a-z][a-z0-9+.-]*://[^\s/:@?#]*:)(?P<secret>[^\s/@?#]+)@", re.IGNORECASE
)


def looks_secret(name: str) -> bool:
    """Whether a field or variable of this name holds a secret.

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
    """Whether this text under this name is a secret: by its name, or because it is a URI with a password in it.

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
    """The text as it may be shown under this name.

    Example:
        >>> masked("queue", "amqp://guest:guest@broker//"), masked("api_token", "abc"), masked("host", "db")
        ('amqp://guest:***@broker//', '***', 'db')
    """
    if text and looks_secret(name):
        return MASK
    return _LOGIN_IN_URI.sub(rf"\g<before>{MASK}@", text)


class Extra(dict[str, str]):
    """Further fields of a connection, whose secrets show themselves only when one is asked for by its name.

    Args:
        fields: The fields.
        secret: Names that are secrets whatever they are called.

    Example:
        >>> Extra({"sslmode": "require", "api_key": "abc"})
        {'sslmode': 'require', 'api_key': '***'}
    """

    __slots__ = ("_secret",)

    def __init__(self, fields: object = (), secret: frozenset[str] = frozenset()) -> None:
        super().__init__(fields)  # type: ignore[call-overload]  # whatever a dict takes
        self._secret = secret

    @property
    def hidden(self) -> frozenset[str]:
        """The names of the fields that are secrets, or hold one."""
        return frozenset(
            name for name, text in self.items() if name in self._secret or holds_secret(name, text)
        )

    def __repr__(self) -> str:
        return repr(
            {name: MASK if name in self._secret else masked(name, text) for name, text in self.items()}
        )

    __str__ = __repr__
