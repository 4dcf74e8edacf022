"""The key of an API: where it goes, and how it is kept out of everything else."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

from penstock.model.api import Auth
from penstock.model.connection import Connection, Secret
from penstock.model.errors import ConnectionFailed, UsageError

_SHORTEST = 6  # a shorter key is found in innocent texts, too


class Credential:
    """The key of an API, put where the plan says."""

    def __init__(self, auth: Auth, connection: Connection, key: Secret | None) -> None:
        if auth.place != "none" and key is None:
            raise ConnectionFailed(
                f"the connection {connection.name!r} has no password to be the key",
                hint=f"penstock connection set {connection.name} --password, or auth: none",
            )
        secret = key.reveal() if key is not None and auth.place != "none" else ""
        self.parameters: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        token = secret
        match auth.place:
            case "query":
                self.parameters[str(auth.name)] = secret
            case "header":
                self.headers[str(auth.name)] = secret
            case "bearer":
                self.headers["Authorization"] = f"Bearer {secret}"
            case "basic":
                token = b64encode(f"{connection.login or ''}:{secret}".encode()).decode("ascii")
                self.headers["Authorization"] = f"Basic {token}"
        if any(not value.isascii() or not value.isprintable() for value in self.headers.values()):
            raise UsageError(
                f"the key of {connection.name!r} is no text that a header may hold", hint="check it"
            )
        forms = {token, *_forms(secret)} - {""}
        self._forms = [form for form in sorted(forms, key=len, reverse=True) if len(form) >= _SHORTEST]

    def clean(self, text: str) -> str:
        """The text without the key."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text

    def clean_bytes(self, data: bytes) -> bytes:
        """The bytes without the key: an API that repeats it in its answers shall not have it kept."""
        for form in self._forms:
            if form.encode() in data:
                data = data.replace(form.encode(), b"***")
        return data

    def clean_url(self, url: str) -> str:
        """The address without the key's parameter."""
        if not self.parameters:
            return self.clean(url)
        parts = urlsplit(url)
        kept = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in self.parameters]
        return self.clean(urlunsplit(parts._replace(query="&".join(kept))))

    def clean_next(self, following: str) -> str:
        """How the next page is asked for, without the key."""
        state = json.loads(following)
        return json.dumps({**state, "url": self.clean_url(state["url"])}) if "url" in state else following


def _forms(secret: str) -> set[str]:
    """How a service may repeat a text: as it is, in an address, in JSON."""
    in_json = json.dumps(secret)[1:-1]
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        in_json,
        json.dumps(secret, ensure_ascii=False)[1:-1],
        in_json.replace("/", "\\/"),
    }
