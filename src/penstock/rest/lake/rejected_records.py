"""Quarantined records as a source, to load them again, perhaps with a corrected plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import xxhash

from penstock.model.api import Answers
from penstock.model.errors import SourceError
from penstock.model.json_path import find_all
from penstock.model.result import Reason
from penstock.ports import Batch
from penstock.rest.lake.exact_json import Malformed, parse, render
from penstock.rest.lake.record_batch import Piece, batch_of, columns_of
from penstock.rest.lake.source import LakeSource

# An answer in which no records were found may later yield many; their numbers start far after all others.
_FURTHER = 1 << 32


@dataclass(frozen=True, slots=True)
class KeptRow:
    """One row of the quarantine.

    Args:
        file: Original name of the file.
        whole: Whether the text is a complete answer in which no records were found.
    """

    file: str
    line: int
    raw: str
    whole: bool


class KeptSource:
    """Quarantined records with their original file names and line numbers.

    Args:
        rows: The records, ordered by file and line.
        landed: The lake source they were rejected from, for columns that refer to the answer.
    """

    def __init__(self, rows: Sequence[KeptRow], answers: Answers, landed: LakeSource) -> None:
        self.files: Sequence[str] = list(dict.fromkeys(row.file for row in rows))
        self._rows = rows
        self._answers = answers
        self._landed = landed
        self._metadata = any(path.startswith("$") for path in answers.paths.values())

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """See :class:`penstock.ports.Source`."""
        names = columns_of(self._pieces(), self._answers)
        if not names:
            raise SourceError("the quarantined records have no columns", hint="declare columns in the plan")
        return names

    @property
    def size(self) -> int | None:
        """See :class:`penstock.ports.Source`."""
        return None

    def fingerprint(self, seen: Callable[[int], None] | None = None) -> str:  # noqa: ARG002  # no byte is read for it
        """See :class:`penstock.ports.Source`."""
        texts = repr([(row.file, row.line, row.raw) for row in self._rows])
        return f"replay {xxhash.xxh3_128_hexdigest(texts.encode())}"

    def batches(self) -> Iterator[Batch]:
        """See :class:`penstock.ports.Source`."""
        for piece in self._pieces():
            yield batch_of(piece, self._answers, self.columns)

    def raw(self, file: int, lines: Collection[int]) -> dict[int, str]:
        """See :class:`penstock.ports.Source`."""
        return {
            line: piece.text(at)
            for piece in self._pieces()
            if piece.file == file
            for at, line in enumerate(piece.lines)
            if line in lines
        }

    def _pieces(self) -> Iterator[Piece]:
        for number, name in enumerate(self.files):
            rows = [row for row in self._rows if row.file == name]
            about = self._landed.about(name, {row.line for row in rows} if self._metadata else ())
            yield self._piece(number, rows, about)

    def _piece(self, number: int, rows: Sequence[KeptRow], about: Mapping[int, dict[str, Any]]) -> Piece:
        piece, further = Piece(number), Piece(number)
        for row in rows:
            known = about.get(row.line, {})
            try:
                document = parse(row.raw)
            except Malformed as error:
                piece.reject(row.line, row.raw.encode(), Reason.MALFORMED, str(error))
                continue
            if row.whole and self._answers.records:
                found = find_all(document, self._answers.records)
                if not found:
                    what = f"the answer has no {self._answers.records!r}"
                    piece.reject(row.line, row.raw.encode(), Reason.MALFORMED, what)
                    continue
                records = [record for one in found for record in (one if type(one) is list else [one])]
                piece.add(records[:1], known, row.line, "")
                for at, record in enumerate(records[1:], 1):
                    further.add([record], known, row.line + at * _FURTHER, "")
            else:
                piece.add([document], known, row.line, row.raw)
        piece.follow(further)
        return piece


def as_lines(raws: Sequence[str]) -> bytes:
    """Return quarantined records, one per line, for correction in an editor."""
    return b"".join(_on_one_line(raw).encode() + b"\n" for raw in raws)


def _on_one_line(raw: str) -> str:
    if "\n" not in raw and "\r" not in raw:
        return raw
    try:
        return render(parse(raw))
    except Malformed:
        return " ".join(raw.split())
