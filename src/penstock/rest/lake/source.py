"""Landed records as a source of rows; makes no requests to the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from typing import Any

import xxhash

from penstock.model.api import Answers, ApiPlan
from penstock.model.errors import SourceError
from penstock.model.json_path import find_all
from penstock.model.result import Reason
from penstock.ports import Batch, ObjectStore
from penstock.rest.lake import batches
from penstock.rest.lake.exact_json import Malformed, parse
from penstock.rest.lake.landing_dir import BATCH, BEGUN, read_json
from penstock.rest.lake.record_batch import Piece, batch_of, columns_of

# Memory grows with this: a batch of 20,000 weather records takes 10 MB as text, and five are in flight at once.
_ROWS = 20_000
_ANSWERS = 2_000  # read at once; fewer if they are large
_NOTHING = ""
_ABOUT = ("given", "url", "status", "asked_at", "answered_at")


class LakeSource:
    """The records of batches of answers, in landing order.

    Args:
        keys: Keys of the batches.
        answers: How records are extracted from answers.
    """

    def __init__(self, store: ObjectStore, keys: Sequence[str], answers: Answers) -> None:
        self._store = store
        self._keys = list(keys)
        self._answers = answers
        self._path = answers.records
        self._metadata = any(path.startswith("$") for path in answers.paths.values())

    @property
    def files(self) -> Sequence[str]:
        """See :class:`penstock.ports.Source`."""
        return [f"lake:{key}" for key in self._keys]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """See :class:`penstock.ports.Source`. Without declared columns, all columns of the records."""
        names = columns_of(self._pieces(), self._answers)
        if not names:
            raise SourceError(
                "cannot infer columns: no record has landed", hint="declare columns in the plan"
            )
        return names

    @property
    def size(self) -> int | None:
        """See :class:`penstock.ports.Source`. Unknown, because answers are compressed and extracted while reading."""
        return None

    def fingerprint(self, seen: Callable[[int], None] | None = None) -> str:  # noqa: ARG002  # no byte is read for it
        """See :class:`penstock.ports.Source`. A batch never changes, and its name is unique."""
        return f"lake {xxhash.xxh3_128_hexdigest(json.dumps(self._keys).encode())}"

    def batches(self) -> Iterator[Batch]:
        """See :class:`penstock.ports.Source`."""
        columns = self.columns
        for piece in self._pieces():
            yield batch_of(piece, self._answers, columns)

    def raw(self, file: int, lines: Collection[int]) -> dict[int, str]:
        """See :class:`penstock.ports.Source`."""
        wanted = set(lines)
        texts: dict[int, str] = {}
        for piece in self._pieces_of(file):
            texts |= {line: piece.text(at) for at, line in enumerate(piece.lines) if line in wanted}
            texts |= {reject.line: reject.raw for reject in piece.rejects if reject.line in wanted}
        return texts

    def without(self, loaded: Collection[str]) -> LakeSource:
        """Return the source without files that were loaded before."""
        return LakeSource(
            self._store, [key for key in self._keys if f"lake:{key}" not in loaded], self._answers
        )

    def has_records(self) -> bool:
        """Whether any answer holds a record. Reading stops at the first one."""
        for key in self._keys:
            for answer in self._answered(key, ("outcome", "body")):
                piece = Piece(0)
                self._take(piece, answer, 1)
                if piece.lines:
                    return True
        return False

    def about(self, name: str, lines: Collection[int]) -> dict[int, dict[str, Any]]:
        """Return facts about the answers of these records or rejects, if their batch still exists."""
        key = name.removeprefix("lake:")
        known: dict[int, dict[str, Any]] = {}
        if not lines or self._store.find(key) is None:
            return known
        line = 1
        for answer in self._answered(key, ("outcome", "body", *_ABOUT)):
            following = self._take(Piece(0), answer, line)
            about = None
            for one in range(line, following):
                if one in lines:
                    known[one] = about = about or _about(answer)
            line = following
        return known

    def _pieces(self) -> Iterator[Piece]:
        for file in range(len(self._keys)):
            yield from self._pieces_of(file)

    def _pieces_of(self, file: int) -> Iterator[Piece]:
        key = self._keys[file]
        piece, line = Piece(file), 1
        for answer in self._answered(key, ("outcome", "body", *(_ABOUT if self._metadata else ()))):
            line = self._take(piece, answer, line)
            if len(piece.lines) >= _ROWS:
                yield piece
                piece = Piece(file)
        if piece.lines or piece.rejects:
            yield piece

    def _answered(self, key: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield the answers of a batch that should hold records."""
        with self._store.open(key) as stream:
            for answers in batches.read(stream, key, columns, _ANSWERS):
                yield from (answer for answer in answers.to_pylist() if answer["outcome"] == "records")

    def _take(self, piece: Piece, answer: dict[str, Any], line: int) -> int:
        """Add the records of an answer; return the number of the next one."""
        try:
            text = answer["body"].decode("utf-8-sig")
            document = parse(text)
        except UnicodeDecodeError:
            return piece.reject(line, answer["body"], Reason.BAD_ENCODING, "the answer is not valid UTF-8")
        except Malformed as error:
            return piece.reject(line, answer["body"], Reason.MALFORMED, str(error))
        found = find_all(document, self._path) if self._path else [document]
        if not found and not self._path.endswith("?"):
            return piece.reject(line, answer["body"], Reason.MALFORMED, f"the answer has no {self._path!r}")
        about = _about(answer) if self._metadata and "url" in answer else {}
        whole = text.strip() if not self._path and type(document) is dict else _NOTHING
        for one in found:
            records = one if type(one) is list else [one] if one is not None else []
            piece.add(records, about, line, whole)
            line += len(records)
        return line


def _about(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "request": {
            name: value if value is None else str(value)
            for name, value in json.loads(answer["given"]).items()
        },
        "url": answer["url"],
        "status": str(answer["status"]),
        "asked_at": answer["asked_at"].isoformat(),
        "answered_at": answer["answered_at"].isoformat(),
        "body": answer["body"].decode("utf-8", "replace"),
    }


def landed(store: ObjectStore, path: str) -> list[str]:
    """Return the keys of the batches below a path of the lake, in landing order.

    Raises:
        SourceError: Nothing has landed there.
    """
    prefix = f"{path}/" if path else ""
    keys = [one.key for one in store.list(prefix) if f"/{BATCH}" in one.key]
    if not keys:
        raise SourceError(
            f"nothing has landed in lake:{path}", hint="land answers with: penstock copy plan.yaml lake:NAME"
        )
    return keys


def declared(store: ObjectStore, path: str) -> Answers:
    """Return how the plan of the newest landing below a path extracts records from answers."""
    prefix = f"{path}/" if path else ""
    begun = (one for one in store.list(prefix) if one.key.endswith(f"/{BEGUN}"))
    newest = max(begun, key=lambda one: one.modified, default=None)
    begun_with = None if newest is None else read_json(store, newest.key)
    return Answers() if begun_with is None else ApiPlan.parse(begun_with["plan"]).answers
