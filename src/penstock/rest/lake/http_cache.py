"""HTTP caching rules for answers in the lake: how long an answer is fresh, and how to revalidate it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penstock.model.errors import NoSuchObject
from penstock.ports import ObjectStore
from penstock.rest.lake import batches

_SCHEMA = pa.schema(
    [
        ("request", pa.string()),
        ("etag", pa.string()),
        ("modified", pa.string()),
        ("fresh_until", pa.timestamp("us", "UTC")),
        ("batch", pa.string()),
    ]
)
_TELLING = ("etag", "last-modified", "cache-control", "expires")
_MAX_AGE = re.compile(r'(?:^|,)\s*max-age\s*=\s*"?([0-9]+)')
_LONGEST_S = 10**9


@dataclass(frozen=True, slots=True)
class Remembered:
    """The cached answer to a request.

    Args:
        fresh: Whether the answer is still fresh, so that no request is needed.
        headers: Headers of a conditional request.
    """

    fresh: bool
    headers: Mapping[str, str]


class Validators:
    """The validators of one plan's answers at one lake address."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        self._store = store
        self._key = key
        self._there: dict[str, bool] = {}
        self._table = _SCHEMA.empty_table()
        self._rows: dict[str, int] = {}
        try:
            self._table = pq.read_table(io.BytesIO(store.get(key)), schema=_SCHEMA)
        except NoSuchObject:
            return
        self._rows = {request: at for at, request in enumerate(self._table.column("request").to_pylist())}

    def find(self, request: str) -> Remembered | None:
        """Return the cached answer to this request, if the lake still holds it."""
        at = self._rows.get(request)
        if at is None:
            return None
        row: dict[str, Any] = self._table.slice(at, 1).to_pylist()[0]
        if not self._is_there(row["batch"]):
            return None
        headers = {"If-None-Match": row["etag"], "If-Modified-Since": row["modified"]}
        fresh = row["fresh_until"] is not None and row["fresh_until"] > datetime.now(UTC)
        return Remembered(fresh, {name: value for name, value in headers.items() if value is not None})

    def learn(self, keys: Iterator[str]) -> None:
        """Store the validators of the answers in these batches."""
        tables = [table for key in keys if len(table := self._told(key))]
        if not tables:
            return
        answers = pa.concat_tables(tables)
        others = pc.invert(pc.is_in(self._table.column("request"), answers.column("request")))
        sink = io.BytesIO()
        pq.write_table(pa.concat_tables([self._table.filter(others), answers]), sink, compression="zstd")
        self._store.put(self._key, sink.getvalue())

    def _is_there(self, batch: str) -> bool:
        if batch not in self._there:
            self._there[batch] = self._store.find(batch) is not None
        return self._there[batch]

    def _told(self, key: str) -> pa.Table:
        entries: list[dict[str, Any] | None] = []
        with self._store.open(key) as stream:
            for rows in batches.read(stream, key, ["request", "outcome", "answered_at", "headers"]):
                entries += [self._entry(key, row) for row in rows.to_pylist() if _tells(row)]
        return pa.Table.from_pylist([one for one in entries if one is not None], schema=_SCHEMA)

    def _entry(self, key: str, row: dict[str, Any]) -> dict[str, Any] | None:
        headers = json.loads(row["headers"])
        control = headers.get("cache-control", "").lower()
        at = self._rows.get(row["request"])
        before = {} if at is None else self._table.slice(at, 1).to_pylist()[0]
        unchanged = row["outcome"] == "unchanged"
        if "no-store" in control or (unchanged and not before):
            return None
        entry = {
            "request": row["request"],
            "etag": headers.get("etag", before.get("etag") if unchanged else None),
            "modified": headers.get("last-modified", before.get("modified") if unchanged else None),
            "fresh_until": _fresh_until(headers, control, row["answered_at"]),
            "batch": before["batch"] if unchanged else key,
        }
        return entry if entry["etag"] or entry["modified"] or entry["fresh_until"] else None


def _tells(row: Mapping[str, Any]) -> bool:
    return row["outcome"] in ("records", "unchanged") and any(name in row["headers"] for name in _TELLING)


def _fresh_until(headers: Mapping[str, str], control: str, answered_at: datetime) -> datetime | None:
    """Return when the answer becomes stale, by Cache-Control or else Expires; None if neither says."""
    if "no-cache" in control:
        return None
    if (found := _MAX_AGE.search(control)) is not None:
        age_s = _seconds(headers.get("age", "0"))
        left_s: float = _seconds(found[1]) - age_s
        return answered_at + timedelta(seconds=left_s) if left_s > 0 else None
    try:
        expires = parsedate_to_datetime(headers["expires"])
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else answered_at
        left_s = (expires - now).total_seconds()
        return answered_at + timedelta(seconds=min(left_s, _LONGEST_S)) if left_s > 0 else None
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _seconds(text: str) -> int:
    """A number of seconds of a header, at most `_LONGEST_S`; 0 if it is not a number."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        return 0
    return _LONGEST_S if len(digits) > len(str(_LONGEST_S)) else min(int(digits), _LONGEST_S)
