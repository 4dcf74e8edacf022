"""What lies in the lake: landings, their answers, and which of them have had their time."""

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
    """One landing as the lake lists it.

    Args:
        path: Of its address, as in ``weather``.
        key: Of its directory.
        finished: Nothing is missing from it.
        batches: Objects that hold its answers.
        bytes: Of all its objects, as they are stored.
        modified: When something was written to it last.
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
    """The landings below a path, in the order of their keys."""
    for key, objects in _directories(store, path):
        names = {one.key.rpartition("/")[2] for one in objects}
        if BEGUN in names:
            yield _landed(store, key, objects, finished=DONE in names)


def answers(store: ObjectStore, key: str, *, limit: int) -> Iterator[dict[str, Any]]:
    """The answers of a landing, in the order in which they came, without their bodies."""
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
    """What a landing holds in answer to a request, page by page.

    Args:
        request: The beginning of its identity, or a part of its address.
    """
    for stored in store.list(f"{key}/{BATCH}"):
        with store.open(stored.key) as stream:
            for rows in batches.read(stream, stored.key, ["request", "url", "body"]):
                for answer in rows.to_pylist():
                    if answer["request"].startswith(request) or request in answer["url"]:
                        yield answer["body"]


def outdated(store: ObjectStore, path: str, *, keep_days: float) -> Sequence[Landed]:
    """Landings to which nothing was written for so long."""
    before = datetime.now(UTC) - timedelta(days=keep_days)
    return [one for one in landings(store, path) if one.modified < before]


def remove(store: ObjectStore, landed: Iterable[Landed]) -> None:
    """Delete landings: first what declares them, so that half of one is never taken for a whole."""
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
