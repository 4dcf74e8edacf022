"""The key goes to the service, and nowhere else: no log, no object, no row, no message, no repr, no template."""

from __future__ import annotations

import json
import logging
import traceback
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote, quote_plus

import pyarrow.parquet as pq
import pytest
from tests.databases import Query
from tests.integration.apis.conftest import Plan, cities
from tests.integration.apis.service import Asked, Say, Service

import penstock
from penstock.model.errors import PenstockError
from penstock.rest.hosts import Credential
from penstock.routes import quarantine

SECRET = 'k3y+with/odd=&%"chars-0123'
FORMS = [
    SECRET,
    quote(SECRET, safe=""),
    quote_plus(SECRET),
    json.dumps(SECRET)[1:-1],
    b64encode(f"login:{SECRET}".encode()).decode(),
    SECRET.replace("/", "\\/"),
]


def require_clean(what: str, text: str) -> None:
    found = [form for form in FORMS if form in text]
    assert not found, f"{what} holds the key: {text[:500]}"


def telltale(asked: Asked) -> Say:
    """A service that repeats the key wherever it can, and fails now and then."""
    number = int(asked.query["id"])
    host = asked.headers["host"]
    echo = {
        "id": number if number % 3 else f"no number {SECRET}",
        "you_sent": SECRET,
        "authorization": asked.headers.get("authorization"),
        "url": f"http://{host}{asked.path}?appid={quote(SECRET, safe='')}&id={number}",
    }
    headers = {"X-Echo": quote(SECRET, safe=""), "Set-Cookie": "session=1"}
    if asked.number % 5 == 4:
        return Say({"error": f"slow down, {SECRET}"}, status=503, headers=headers)
    if number == 7 and "moved" not in asked.query:
        address = f"{asked.path}?id=7&moved=1&appid={quote(SECRET, safe='')}"
        return Say(status=302, headers={**headers, "Location": address})
    if number == 9:
        return Say(f"<html>{SECRET}".encode(), headers=headers)
    return Say(echo, headers=headers)


@pytest.mark.parametrize("place", [{"query": "appid"}, {"header": "X-Key"}, "bearer", "basic"], ids=str)
def test_the_key_is_nowhere(
    service: Service,
    lake: Path,
    plan: Plan,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    place: object,
) -> None:
    caplog.set_level(logging.DEBUG)
    at = f"127.0.0.1:{service.port}"
    monkeypatch.setenv("PENSTOCK_CONN_API", f"http://login:{quote(SECRET, safe='')}@{at}")
    service.behave = telltale
    columns = {"id": "id", "said": "you_sent", "url": "url", "asked": "$url", "auth": "authorization"}
    asked = plan(auth=place, columns=columns, limit={"calls": 1000, "per_s": 1, "shared": "warehouse"})
    query("CREATE TABLE echoes (id int NOT NULL, said text, url text, asked text, auth text)")
    landed = penstock.land(asked, "lake:echo", rows=cities(20))
    assert landed.answers == 20
    result = penstock.copy("lake:echo", "warehouse:echoes")
    assert result.rejected > 5
    service.behave = lambda one: Say({"message": f"unknown key {SECRET}"}, status=401)
    with pytest.raises(PenstockError) as refused:
        penstock.land(asked, "lake:echo", rows=cities(20), label="refused")
    output = [repr(landed), repr(result), repr(refused.value), str(refused.value), str(refused.value.hint)]
    output += ["".join(traceback.format_exception(refused.value)), repr(penstock.ApiPlan.parse(asked))]
    output += [record.getMessage() + str(record.exc_text) + str(record.args) for record in caplog.records]
    for text in output:
        require_clean("a message", text)
    tables = ("penstock_ledger.copies", "penstock_ledger.rejects", "penstock_ledger.permits", "echoes")
    for table in tables:
        rows = query(f"SELECT t::text FROM {table} AS t")
        assert rows
        for (text,) in rows:
            require_clean(table, text)
    files = [path for path in lake.rglob("*") if path.is_file()]
    assert files
    for path in files:
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data = repr(pq.read_table(path).to_pylist()).encode()
        require_clean(str(path), data.decode("utf-8", "replace"))
    with quarantine.records("warehouse") as kept:
        require_clean("quarantine", str(kept.rejects(kept.find(result.id)["run"], reason=None, limit=99)))


def test_a_credential_shows_itself_to_nobody() -> None:
    from penstock.model.api import Auth
    from penstock.model.connection import Connection, Secret

    connection = Connection(name="api", type="http", host="http://h", login="login", password=Secret(SECRET))
    credential = Credential(Auth(place="query", name="appid"), connection, connection.password)
    require_clean("a repr", repr(credential) + repr(connection))
    for form in FORMS[:4]:
        assert credential.clean(f"before {form} behind") == "before *** behind"
