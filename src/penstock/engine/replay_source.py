"""A source of quarantined rows, with their original files and lines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from penstock.model.plan import CopyPlan
from penstock.ports import Batch, Lines, Source


class Replay:
    """A source of quarantined rows.

    Args:
        inner: Reads the rows' texts: one file for each original file, in the same order.
        files: Names of the original files.
        places: For each file, the line of each row in ``inner``, ascending, and its original line.
    """

    def __init__(self, inner: Source, files: Sequence[str], places: Sequence[tuple[Lines, Lines]]) -> None:
        self._inner = inner
        self.files = files
        self._places = places

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, as the original header wrote them."""
        return self._inner.columns

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


def replay_plan(plan: CopyPlan) -> CopyPlan:
    """The plan to replay quarantined rows of another plan: it only adds rows to the table."""
    mode = "merge" if plan.mode == "merge" else "append"
    return replace(plan, mode=mode, interval=None, where=None, max_rejects=None)  # type: ignore[arg-type]
