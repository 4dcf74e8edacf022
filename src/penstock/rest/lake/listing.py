"""Lists the landings of the lake, their answers, and outdated landings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from penstock.ports import ObjectStore, Stored
from penstock.rest.lake import batches
from penstock.rest.lake.landing_dir import BATCH, BEGUN, DONE, read_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """One landing in a listing.

    Args:
        path: Path in the lake's address, such as ``weather``.
        key: Key of its directory.
        finished: Whether it is complete.
        batches: Number of objects with answers.
        bytes: Stored size of all its objects.
        modified: Time of the last write.
    """

    path: str
    key: str
    label: str
    source: str
    finished: bool
    answers: int | None
    batches: int
    bytes: int
    modified: datetime


def landings(store: ObjectStore, path: str = "") -> Iterator[Landed]:
    """Yield the landings below a path, sorted by key."""
    for key, objects in _directories(store, path):
        names = {one.key.rpartition("/")[2] for one in objects}
        if BEGUN in names:
            yield _landed(store, key, objects, finished=DONE in names)


def answers(store: ObjectStore, key: str, *, limit: int) -> Iterator[dict[str, Any]]:
    """Yield the answers of a landing in order of arrival, without their bodies."""
    columns = [name for name in batches.SCHEMA.names if name != "body"]
    left = limit
    for stored in store.list(f"{key}/{BATCH}"):
        with store.open(stored.key) as stream:
            for rows in batches.read(stream, stored.key, columns):
                for answer in rows.slice(0, left).to_pylist():
                    left -= 1
                    yield {"batch": stored.key, **answer}
        if left <= 0:
            return


def body(store: ObjectStore, key: str, request: str) -> Iterator[bytes]:
    """Yield the pages of a request's answer in a landing.

    Args:
        request: A prefix of the request's identity, or a part of its address.
    """
    for stored in store.list(f"{key}/{BATCH}"):
        with store.open(stored.key) as stream:
            for rows in batches.read(stream, stored.key, ["request", "url", "body"]):
                for answer in rows.to_pylist():
                    if answer["request"].startswith(request) or request in answer["url"]:
                        yield answer["body"]


def outdated(store: ObjectStore, path: str, *, keep_days: float) -> Sequence[Landed]:
    """Return the landings without a write in the last `keep_days` days."""
    before = datetime.now(UTC) - timedelta(days=keep_days)
    return [one for one in landings(store, path) if one.modified < before]


def remove(store: ObjectStore, landed: Iterable[Landed]) -> None:
    """Delete landings, starting with their descriptions, so that a partial landing never looks complete."""
    for one in landed:
        store.delete([f"{one.key}/{DONE}"])
        store.delete([stored.key for stored in store.list(f"{one.key}/")])


def _directories(store: ObjectStore, path: str) -> Iterator[tuple[str, list[Stored]]]:
    objects = store.list(f"{path}/" if path else "")
    for key, group in groupby(objects, key=lambda one: one.key.rpartition("/")[0]):
        yield key, list(group)


def _landed(store: ObjectStore, key: str, objects: Sequence[Stored], *, finished: bool) -> Landed:
    begun = read_json(store, f"{key}/{BEGUN}") or {}
    done = (read_json(store, f"{key}/{DONE}") or {}) if finished else {}
    return Landed(
        path=key.rpartition("/")[0],
        key=key,
        label=str(begun.get("label", "")),
        source=str(begun.get("plan", {}).get("source", "")),
        finished=finished,
        answers=done.get("answers"),
        batches=sum(f"/{BATCH}" in one.key for one in objects),
        bytes=sum(one.size for one in objects),
        modified=max(one.modified for one in objects),
    )
