"""The directory of one landing in the lake: the answers to one plan's requests, under one label."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import xxhash

from penstock.model.api import ApiPlan
from penstock.model.api.requests import Answer
from penstock.model.errors import NoSuchObject
from penstock.ports import ObjectStore
from penstock.rest.lake import batches

BEGUN = "landing.json"
DONE = "done.json"
BATCH = "batch-"

_SLUG = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """The location of a landing.

    Args:
        path: Path in the lake's address, such as ``weather``.
        key: Key of the directory.
        label: What the landing is for: an hour, a day, a run.
    """

    path: str
    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Progress of a request in this landing.

    Args:
        page: Number of landed pages.
        next: Request for the next page.
    """

    page: int
    next: str | None


class Landing:
    """A landing that is started or resumed. No other process may write to it meanwhile.

    Attributes:
        account: Account of the finished landing; None if it is not finished.
        since: Start value, if the plan is incremental.
        complete: Requests whose answers have landed completely.
        passed: Requests that were skipped because an earlier landing's answer was still fresh.
        partial: Requests with some landed pages.
        earlier: Counts of what has landed.
    """

    def __init__(self, store: ObjectStore, place: Place) -> None:
        self.place = place
        self._store = store
        self._number = 0
        self.since: str | None = None
        self.account: dict[str, Any] | None = None
        self.passed: set[bytes] = set()
        self.complete: set[bytes] = set()
        self.partial: dict[str, Standing] = {}
        self.earlier: dict[str, int] = {"answers": 0, "absent": 0, "unchanged": 0, "batches": 0, "bytes": 0}

    def recall(self) -> None:
        """Read what has landed already."""
        done = read_json(self._store, f"{self.place.key}/{DONE}")
        if done is not None:
            self.passed = {bytes.fromhex(request) for request in done.pop("passed", ())}
            self.account = done
        before = read_json(self._store, f"{self.place.key}/{BEGUN}") or {}
        self.since = before.get("since")
        for stored in self._store.list(f"{self.place.key}/{BATCH}"):
            self._number = max(self._number, _number(stored.key) + 1)
            self._remember(stored.key)
            self.earlier["batches"] += 1

    def begin(self, plan: ApiPlan, since: str | None = None) -> None:
        """Write the description of the landing.

        Args:
            since: Start value, used for a new landing.
        """
        self._store.sweep(f"{self.place.key}/")
        described = json.loads(plan.to_json())
        before = read_json(self._store, f"{self.place.key}/{BEGUN}")
        if before is None:
            self.since = since
        if before is None or before["plan"] != described:
            begun_at = before["begun_at"] if before else datetime.now(UTC).isoformat(timespec="seconds")
            described_landing = {
                "label": self.place.label,
                "begun_at": begun_at,
                "since": self.since,
                "plan": described,
            }
            self._put(BEGUN, described_landing)

    def land(self, answers: Sequence[Answer]) -> int:
        """Write a batch atomically; return the size of the object in bytes."""
        data = batches.pack(answers)
        self._store.put(
            f"{self.place.key}/{BATCH}{self._number:06}-{secrets.token_hex(4)}{batches.SUFFIX}", data
        )
        self._number += 1
        return len(data)

    def finish(self, account: Mapping[str, Any], passed: Sequence[str]) -> None:
        """Mark the landing as finished.

        Args:
            passed: Requests that were skipped because an earlier landing's answer is still fresh.
        """
        self._put(DONE, {**account, "passed": passed} if passed else account)

    def batches(self) -> Iterator[str]:
        """Yield the keys of the batches in landing order."""
        for stored in self._store.list(f"{self.place.key}/{BATCH}"):
            yield stored.key

    def _remember(self, key: str) -> None:
        with self._store.open(key) as stream:
            for rows in batches.read(stream, key, ["request", "page", "next", "outcome", "body"]):
                requests, pages, nexts, outcomes, bodies = (column.to_pylist() for column in rows.columns)
                self.earlier["bytes"] += sum(map(len, bodies))
                for request, page, following, outcome in zip(requests, pages, nexts, outcomes, strict=True):
                    self._note(request, page, following, outcome)

    def _note(self, request: str, page: int, following: str | None, outcome: str) -> None:
        if outcome == "error":
            return  # requested again until the landing is finished
        self.earlier["answers"] += 1
        if outcome in self.earlier:
            self.earlier[outcome] += 1
        if following is None:
            self.complete.add(bytes.fromhex(request))
            self.partial.pop(request, None)
        else:
            self.partial[request] = Standing(page + 1, following)

    def _put(self, name: str, document: Mapping[str, Any]) -> None:
        text = json.dumps(document, indent=1, ensure_ascii=False, default=str)
        self._store.put(f"{self.place.key}/{name}", text.encode())


def place(path: str, plan: ApiPlan, label: str) -> Place:
    """Return the location of the landing for this plan and label.

    Example:
        >>> place("weather", ApiPlan(source="api:/now"), "2013-02-01T10:00").key
        'weather/2013-02-01T10-00.3c433e6b'
    """
    slug = _SLUG.sub("-", label).strip("-.")[:80] or "landing"
    return Place(path, f"{path}/{slug}.{kind_of(plan, label)}", label)


def kind_of(plan: ApiPlan, *more: str) -> str:
    """Return a short hash of what the plan requests, independent of how it requests and reads."""
    asked = {
        name: value
        for name, value in asdict(plan).items()
        if name in ("source", "parameters", "headers", "pages", "since")
    }
    return xxhash.xxh3_64_hexdigest(json.dumps([asked, *more], sort_keys=True).encode())[:8]


def read_json(store: ObjectStore, key: str) -> dict[str, Any] | None:
    """Return the JSON document under this key, or None."""
    try:
        return json.loads(store.get(key))  # type: ignore[no-any-return]
    except NoSuchObject:
        return None


def _number(key: str) -> int:
    return int(key.rpartition(BATCH)[2].partition("-")[0])
