"""A source of quarantined rows, with their original files and lines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pyarrow as pa

from penstock.model.checks import TableCheck
from penstock.model.plan import CopyPlan
from penstock.ports import Batch, Lines, Source


class Replay:
    """A source of quarantined rows.

    Args:
        inner: Reads the rows' texts: one file for each original file, in the same order.
        files: Names of the original files.
        places: For each file, the line of each row in ``inner``, ascending, and its original line.
        header: Names of the columns in the first original file's order; None if ``inner`` has them.
    """

    def __init__(
        self,
        inner: Source,
        files: Sequence[str],
        places: Sequence[tuple[Lines, Lines]],
        header: Sequence[str] | None = None,
    ) -> None:
        self._inner = inner
        self._header = header
        self.files = files
        self._places = places

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, as the original header wrote them."""
        return self._inner.columns if self._header is None else tuple(self._header)

    @property
    def size(self) -> int | None:
        """Size of the rows' texts in bytes."""
        return self._inner.size

    def fingerprint(self, seen: Callable[[int], None] | None = None) -> str:
        """A hash of the rows' texts, files and lines."""
        return f"replay {self._inner.fingerprint(seen)} {self.files}"

    def batches(self) -> Iterator[Batch]:
        """The rows, with their original lines."""
        for batch in self._inner.batches():
            lines = self._original(batch.file, batch.lines)
            rejects = [
                replace(reject, line=int(self._original(batch.file, np.array([reject.line]))[0]))
                for reject in batch.rejects
            ]
            yield replace(batch, lines=lines, rejects=rejects)

    def raw(self, file: int, lines: Collection[int]) -> dict[int, str]:
        """The text of the rows with these original lines."""
        inner, original = self._places[file]
        wanted = sorted(lines)
        at = inner[np.searchsorted(original, wanted)]
        texts = self._inner.raw(file, at.tolist())
        return {line: texts[place] for line, place in zip(wanted, at.tolist(), strict=True)}

    def _original(self, file: int, lines: Lines) -> Lines:
        inner, original = self._places[file]
        return original[np.searchsorted(inner, lines, side="right") - 1]


class WithBytes:
    r"""A source of texts in which some columns are bytes, written as ``\x00ff``.

    Args:
        columns: Names of these columns, each with the bytes of a value, or 0 where that varies.
    """

    def __init__(self, inner: Source, columns: Mapping[str, int]) -> None:
        self._inner = inner
        self._bytes = columns

    @property
    def files(self) -> Sequence[str]:
        """See :class:`penstock.ports.Source`."""
        return self._inner.files

    @property
    def columns(self) -> tuple[str, ...]:
        """See :class:`penstock.ports.Source`."""
        return self._inner.columns

    @property
    def size(self) -> int | None:
        """See :class:`penstock.ports.Source`."""
        return self._inner.size

    def fingerprint(self, seen: Callable[[int], None] | None = None) -> str:
        """See :class:`penstock.ports.Source`."""
        return self._inner.fingerprint(seen)

    def batches(self) -> Iterator[Batch]:
        """The rows, with bytes in these columns."""
        for batch in self._inner.batches():
            arrays = [
                self._decoded(name, array)
                for name, array in zip(batch.rows.schema.names, batch.rows.columns, strict=True)
            ]
            yield replace(batch, rows=pa.RecordBatch.from_arrays(arrays, names=batch.rows.schema.names))

    def raw(self, file: int, lines: Collection[int]) -> dict[int, str]:
        """See :class:`penstock.ports.Source`."""
        return self._inner.raw(file, lines)

    def _decoded(self, name: str, array: pa.Array) -> pa.Array:
        size = self._bytes.get(name)
        if size is None:
            return array
        values = [None if text is None else _bytes(text) for text in array.to_pylist()]
        even = size and all(value is None or len(value) == size for value in values)
        return pa.array(values, pa.binary(size) if even else pa.large_binary())


def _bytes(text: str) -> bytes:
    if text.startswith("\\x"):
        with suppress(ValueError):
            return bytes.fromhex(text[2:])
    return text.encode()


def replay_plan(plan: CopyPlan) -> CopyPlan:
    """The plan to replay quarantined rows of another plan: it only adds rows to the table."""
    mode = "merge" if plan.mode == "merge" else "append"
    # The volume of a replay says nothing, nor does the age of its rows.
    checks = tuple(text for text in plan.checks if TableCheck.parse(text).kind not in ("fresh", "volume"))
    return replace(plan, mode=mode, interval=None, where=None, max_rejects=None, checks=checks)  # type: ignore[arg-type]
