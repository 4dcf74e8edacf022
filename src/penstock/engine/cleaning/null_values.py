"""Rules for texts that mean NULL."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.engine.cleaning.string_buffers import BLANKS, Mask, Texts
from penstock.engine.cleaning.to_text import as_texts
from penstock.model.contract import Column, Kind

# In columns of other types than text and bytes, these texts count as missing.
SAFE: Final = frozenset(("", "null", "none", "na", "n/a", "\\n"))

# Types read by the server in which whitespace counts as missing, too; in an enum, a domain or a `citext` it does not.
_NEVER_BLANK: Final = (
    "time", "interval", "json", "jsonb", "inet", "cidr", "macaddr", "money", "point", "line", "lseg", "box", "path",
    "polygon", "circle", "bit", "int", "num", "ts", "date", "oid",
)  # fmt: skip


class Markers:
    """The texts that mean "missing" in one column.

    Args:
        listed: The plan's own list, compared exactly, in every column; None for the safe default.
    """

    def __init__(self, column: Column, listed: tuple[str, ...] | None) -> None:
        self._listed = None if listed is None else frozenset(text.strip(BLANKS) for text in listed)
        if listed is not None or column.kind in {Kind.TEXT, Kind.BYTEA}:
            self._default: frozenset[str] = frozenset()
        elif column.kind is Kind.OTHER:
            blank = column.type.startswith(_NEVER_BLANK) or column.type.endswith("[]")
            self._default = frozenset(("",)) if blank else frozenset()
        else:
            self._default = SAFE
        self._texts = column.kind in {Kind.TEXT, Kind.OTHER}
        self._values = pa.array(sorted(self._listed or self._default), pa.large_string())

    @property
    def any(self) -> bool:
        """Whether any text means "missing"."""
        return len(self._values) > 0

    @property
    def listed(self) -> bool:
        """Whether the plan lists them itself."""
        return self._listed is not None and self.any

    def blank_out(self, array: pa.Array) -> pa.Array:
        """Values of any type, null where their text means "missing"."""
        missing = self.find(Texts(as_texts(array)))
        if missing is None or not missing.any():
            return array
        return pc.if_else(pa.array(missing), pa.scalar(None, array.type), array)

    def mean_missing(self, bare: str) -> bool:
        """Whether this text, without surrounding whitespace, means "missing"."""
        if self._listed is not None:
            return bare in self._listed
        return bool(self._default) and bare.lower() in self._default

    def find(self, texts: Texts) -> Mask | None:
        """Which texts of the column mean "missing"; None if none can.

        In a non-text column only the plan's own list is searched: the default texts are not valid values there, so
        the slow parser finds them anyway.
        """
        if not self.any or (self._listed is None and not self._texts):
            return None
        found: Mask = pc.is_in(texts.array, self._values).to_numpy(zero_copy_only=False)
        blank = np.zeros(256, np.bool_)
        blank[list(BLANKS.encode())] = True
        around = blank[texts.data[texts.starts]] | blank[texts.data[texts.ends - 1]]
        suspects = np.flatnonzero(around & (texts.lengths > 0))
        if len(suspects):
            values = texts.array.take(pa.array(suspects)).to_pylist()
            found[suspects] |= [
                value is not None and self.mean_missing(value.strip(BLANKS)) for value in values
            ]
        return found
