"""The key of an API: adds it to requests and removes it from everything else."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

from penstock.model.api import Auth
from penstock.model.connection import Connection, Secret
from penstock.model.errors import ConnectionFailed, UsageError

_SHORTEST = 6  # shorter keys also occur in unrelated texts


class Credential:
    """The key of an API, sent where the plan says."""

    def __init__(self, auth: Auth, connection: Connection, key: Secret | None) -> None:
        if auth.place != "none" and key is None:
            raise ConnectionFailed(
                f"connection {connection.name!r} has no password to use as the key",
                hint=f"penstock connection set {connection.name} --password, or auth: none in the plan",
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
                f"the key of {connection.name!r} contains characters that a header cannot hold",
                hint="check the key",
            )
        forms = {token, *_forms(secret)} - {""}
        self._forms = [form for form in sorted(forms, key=len, reverse=True) if len(form) >= _SHORTEST]

    def clean(self, text: str) -> str:
        """Return the text without the key."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text

    def clean_bytes(self, data: bytes) -> bytes:
        """Return the bytes without the key, in case an API repeats it in its answers."""
        for form in self._forms:
            if form.encode() in data:
                data = data.replace(form.encode(), b"***")
        return data

    def clean_url(self, url: str) -> str:
        """Return the address without the key's parameter."""
        if not self.parameters:
            return self.clean(url)
        parts = urlsplit(url)
        kept = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in self.parameters]
        return self.clean(urlunsplit(parts._replace(query="&".join(kept))))

    def clean_next(self, following: str) -> str:
        """Return the request for the next page without the key."""
        state = json.loads(following)
        return json.dumps({**state, "url": self.clean_url(state["url"])}) if "url" in state else following


def _forms(secret: str) -> set[str]:
    """The forms in which a service may repeat a text: unchanged, URL-encoded, in JSON."""
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
