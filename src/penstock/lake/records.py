"""The records of what has landed, as a source of rows: nothing is asked of the API again."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from penstock.lake import batches
from penstock.lake.documents import Malformed, is_text, parse
from penstock.lake.extraction import Extraction, Found, flatten, record_text
from penstock.lake.landing import BATCH, BEGUN, read_json
from penstock.model.api import Answers, ApiPlan
from penstock.model.errors import SourceError
from penstock.model.paths import find_all
from penstock.model.reject import Reason, Reject
from penstock.ports import Batch, ObjectStore

# Memory grows with it: a batch of 20,000 weather records is 10 MB as texts, and five are on their way at once.
_ROWS = 20_000
_ANSWERS = 2_000  # read at once, and of large answers fewer
_NOTHING = ""
_ABOUT = ("given", "url", "status", "asked_at", "answered_at")


class LakeSource:
    """The records of batches of answers, in the order in which they landed.

    Args:
        keys: The batches.
        answers: How records are taken from answers.
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
        """See :class:`penstock.ports.Source`. Without declared columns, all that any record has."""
        if self._answers.columns:
            return tuple(self._answers.paths)
        names: dict[str, None] = {}
        for piece in self._pieces():
            for record in piece.found.records:
                names.update(dict.fromkeys(flatten(record)))
        if not names:
            raise SourceError(
                "no record has landed, so no columns are known", hint="declare columns in the plan"
            )
        return tuple(names)

    def fingerprint(self) -> str:
        """See :class:`penstock.ports.Source`. A batch never changes, and no two have one name."""
        return f"lake {xxhash.xxh3_128_hexdigest(json.dumps(self._keys).encode())}"

    def batches(self) -> Iterator[Batch]:
        """See :class:`penstock.ports.Source`."""
        extraction = Extraction(self._answers, self.columns)
        for piece in self._pieces():
            rows, faults = extraction.rows(piece.found)
            rejects = [
                *piece.rejects,
                *(
                    Reject(
                        piece.file, piece.lines[at], piece.text(at), fault.reason, fault.column, fault.message
                    )
                    for at, fault in faults.items()
                ),
            ]
            lines = np.array(piece.lines, np.int64)
            kept = np.arange(len(lines))
            if faults:
                good = np.ones(len(lines), np.bool_)
                good[list(faults)] = False
                rows, lines, kept = rows.filter(pa.array(good)), lines[good], kept[good]
            rejects.sort(key=lambda reject: reject.line)
            yield Batch(piece.file, rows, lines, _Texts(piece, kept), rejects)

    def raw(self, file: int, lines: Collection[int]) -> dict[int, str]:
        """See :class:`penstock.ports.Source`."""
        wanted = set(lines)
        texts: dict[int, str] = {}
        for piece in self._pieces_of(file):
            texts |= {line: piece.text(at) for at, line in enumerate(piece.lines) if line in wanted}
            texts |= {reject.line: reject.raw for reject in piece.rejects if reject.line in wanted}
        return texts

    def without(self, loaded: Collection[str]) -> LakeSource:
        """The same, but for files that were loaded before."""
        return LakeSource(
            self._store, [key for key in self._keys if f"lake:{key}" not in loaded], self._answers
        )

    def _pieces(self) -> Iterator[_Piece]:
        for file in range(len(self._keys)):
            yield from self._pieces_of(file)

    def _pieces_of(self, file: int) -> Iterator[_Piece]:
        key = self._keys[file]
        piece, line = _Piece(file), 1
        columns = ["outcome", "body", *(_ABOUT if self._metadata else ())]
        with self._store.open(key) as stream:
            for answers in batches.read(stream, key, columns, _ANSWERS):
                for answer in answers.to_pylist():
                    if answer["outcome"] != "records":
                        continue
                    line = self._take(piece, answer, line)
                    if len(piece.lines) >= _ROWS:
                        yield piece
                        piece = _Piece(file)
        if piece.lines or piece.rejects:
            yield piece

    def _take(self, piece: _Piece, answer: dict[str, Any], line: int) -> int:
        """Add the records of an answer; returns the number of the next one."""
        try:
            text = answer["body"].decode("utf-8-sig")
            document = parse(text)
        except UnicodeDecodeError:
            return piece.reject(line, answer["body"], Reason.BAD_ENCODING, "an answer that is no UTF-8")
        except Malformed as error:
            return piece.reject(line, answer["body"], Reason.MALFORMED, str(error))
        found = find_all(document, self._path) if self._path else [document]
        if not found and not self._path.endswith("?"):
            return piece.reject(line, answer["body"], Reason.MALFORMED, f"the answer has no {self._path!r}")
        about = _about(answer) if self._metadata else {}
        whole = text.strip() if not self._path and type(document) is dict else _NOTHING
        for one in found:
            records = one if type(one) is list else [one] if one is not None else []
            piece.add(records, about, line, whole)
            line += len(records)
        return line


@dataclass(slots=True)
class _Piece:
    """Some records of one batch of answers."""

    file: int
    found: Found = field(default_factory=Found)
    lines: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    def add(self, records: list[Any], about: dict[str, Any], line: int, text: str) -> None:
        self.found.records.extend(records)
        self.found.about.extend([about] * len(records))
        self.lines.extend(range(line, line + len(records)))
        self.texts.extend([text] * len(records))

    def reject(self, line: int, body: bytes, reason: Reason, message: str) -> int:
        raw = body.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
        self.rejects.append(Reject(self.file, line, raw, reason, None, message))
        return line + 1

    def text(self, at: int) -> str:
        """The text of a record: as it stood where it is the whole answer, else written anew, digits as they were."""
        text = self.texts[at]
        return text if text and is_text(text) else record_text(self.found.records[at])


@dataclass(frozen=True, slots=True)
class _Texts:
    piece: _Piece
    kept: np.ndarray[Any, np.dtype[np.int64]]

    def __call__(self, positions: Sequence[int]) -> list[str]:
        return [self.piece.text(int(self.kept[at])) for at in positions]


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
    """Keys of the batches below a path of the lake, in the order of their landings.

    Raises:
        SourceError: If nothing has landed there.
    """
    prefix = f"{path}/" if path else ""
    keys = [one.key for one in store.list(prefix) if f"/{BATCH}" in one.key]
    if not keys:
        raise SourceError(
            f"nothing has landed in lake:{path}", hint="penstock copy plan.yaml lake:NAME lands answers"
        )
    return keys


def declared(store: ObjectStore, path: str) -> Answers:
    """How the plan of the newest landing below a path takes records from answers."""
    prefix = f"{path}/" if path else ""
    found = [
        document
        for one in store.list(prefix)
        if one.key.endswith(f"/{BEGUN}") and (document := read_json(store, one.key)) is not None
    ]
    newest = max(found, key=lambda document: str(document["begun_at"]), default=None)
    return Answers() if newest is None else ApiPlan.parse(newest["plan"]).answers
