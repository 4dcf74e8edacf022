"""Type inference for a column of texts: the narrowest type that holds all values exactly."""

from __future__ import annotations

import copy
import re
from decimal import Decimal
from enum import Flag, auto
from functools import reduce
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.engine.cleaning.dates import Dates
from penstock.engine.cleaning.literals import Booleans, Uuids
from penstock.engine.cleaning.notation import comma_numbers, ordered_dates
from penstock.engine.cleaning.null_values import Markers
from penstock.engine.cleaning.numbers import Floats, Integers, digits_and_exponent
from penstock.engine.cleaning.numeric import CAPACITY, Numerics
from penstock.engine.cleaning.string_buffers import BLANKS, Codec, Mask, Texts
from penstock.engine.cleaning.timestamps import Moments
from penstock.engine.cleaning.to_text import TEXT
from penstock.engine.cleaning.value_errors import Beyond, Refused
from penstock.model.contract import Column, Kind
from penstock.model.file_options import FileOptions

_PLAIN = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)")
_CODE = re.compile(r"\+.*|-?0[0-9].*", re.DOTALL)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EXACT_LENGTH = 15  # decimal digits that a double preserves
_PROBE = 64  # values checked one by one before the leading type is tried on the rest
_REMEMBERED = 20_000


class Fit(Flag):
    """Types that hold a value exactly, in order of preference."""

    BOOLEAN = auto()
    FORMATTED_DATE = auto()
    INTEGER = auto()
    NUMERIC = auto()
    FLOAT = auto()
    DATE = auto()
    TIMESTAMP = auto()
    TIMESTAMPTZ = auto()
    UUID = auto()
    TEXT = auto()


_ALL: Final = reduce(lambda one, other: one | other, Fit)
_NUMBERS: Final = Fit.INTEGER | Fit.NUMERIC | Fit.FLOAT
_MOMENTS: Final = Fit.DATE | Fit.TIMESTAMP | Fit.TIMESTAMPTZ
KINDS: Final = {
    Fit.BOOLEAN: (Kind.BOOL, "boolean"),
    Fit.FORMATTED_DATE: (Kind.DATE, "date"),
    Fit.INTEGER: (Kind.INT8, "bigint"),
    Fit.NUMERIC: (Kind.NUMERIC, "numeric"),
    Fit.FLOAT: (Kind.FLOAT8, "double precision"),
    Fit.DATE: (Kind.DATE, "date"),
    Fit.TIMESTAMP: (Kind.TIMESTAMP, "timestamp without time zone"),
    Fit.TIMESTAMPTZ: (Kind.TIMESTAMPTZ, "timestamp with time zone"),
    Fit.UUID: (Kind.UUID, "uuid"),
    Fit.TEXT: (Kind.TEXT, "text"),
}


def _column(fit: Fit) -> Column:
    kind, type_ = KINDS[fit]
    return Column(name="guess", type=type_, kind=kind)


# Other types that hold a value which the leading type's fast path accepts.
_IMPLIED: Final = {
    Fit.BOOLEAN: Fit.BOOLEAN | Fit.TEXT,
    Fit.FORMATTED_DATE: _ALL,
    Fit.INTEGER: _NUMBERS | Fit.TEXT,
    Fit.NUMERIC: Fit.NUMERIC | Fit.FLOAT | Fit.TEXT,
    Fit.FLOAT: Fit.FLOAT | Fit.TEXT,
    Fit.DATE: Fit.DATE | Fit.TIMESTAMP | Fit.TEXT,
    Fit.TIMESTAMP: Fit.TIMESTAMP | Fit.TEXT,
    Fit.TIMESTAMPTZ: Fit.TIMESTAMPTZ | Fit.TEXT,
    Fit.UUID: Fit.UUID | Fit.TEXT,
}


class Guess:
    """The types that are still possible for one column after the batches so far."""

    def __init__(self, options: FileOptions) -> None:
        # If the plan has a date format, a date in another format is not a date.
        self._fits = _ALL & ~(Fit.FORMATTED_DATE if options.date_format is None else Fit.DATE)
        self._seen = False
        self._options = options
        self._known: dict[str, Fit] = {}
        self._markers = Markers(_column(Fit.INTEGER), options.null_values)
        self._format = options.date_format
        self._codecs: dict[Fit, Codec] = {
            Fit.BOOLEAN: Booleans(),
            Fit.FORMATTED_DATE: Dates(options.date_format),
            Fit.INTEGER: Integers(_column(Fit.INTEGER)),
            Fit.NUMERIC: Numerics(_column(Fit.NUMERIC)),
            Fit.FLOAT: Floats(_column(Fit.FLOAT)),
            Fit.DATE: Dates(None),
            Fit.TIMESTAMP: Moments(zoned=False),
            Fit.TIMESTAMPTZ: Moments(zoned=True),
            Fit.UUID: Uuids(),
        }

    @property
    def fit(self) -> Fit:
        """The preferred type that holds every value; text if there was no value."""
        return self._lead() if self._seen else Fit.TEXT

    @property
    def seen(self) -> bool:
        """Whether there was a value."""
        return self._seen

    def fork(self) -> Guess:
        """A copy that observes other values from here on."""
        other = copy.copy(self)
        other.forget()  # a value that is known is not noted as seen again
        return other

    def forget(self) -> None:
        """Drop the remembered types of values."""
        self._known = {}

    def _lead(self) -> Fit:
        return next(one for one in Fit if one in self._fits)

    def observe(self, array: pa.Array) -> None:
        """Rule out types that do not hold all of these values."""
        if self._lead() is Fit.TEXT:
            return
        array, wrong = self._as_server_reads(self._present(array).array)
        if wrong:
            self._seen = True
            self._fits = Fit.TEXT
            return
        texts, trimmed = Texts(array), False
        while len(texts) and (lead := self._lead()) is not Fit.TEXT:
            good = self._fast(lead, texts)
            if not trimmed and not good.all():
                texts, trimmed = _trimmed(texts), True
                good = self._fast(lead, texts)
            if good.any():
                self._seen = True
                self._fits &= _IMPLIED[lead]
                self._keep_exact_floats(texts, good)
            odd = np.flatnonzero(~good)
            if not len(odd):
                return
            self._look(texts.array.take(pa.array(odd[:_PROBE])))
            if lead in self._fits:
                self._look(texts.array.take(pa.array(odd[_PROBE:])))
            if lead in self._fits:
                return

    def _present(self, array: pa.Array) -> Texts:
        if array.null_count:
            array = array.drop_null()
        texts = Texts(array)
        missing = self._markers.find(texts)
        if missing is not None and missing.any():
            return Texts(array.filter(pa.array(~missing)))
        return texts

    def _as_server_reads(self, array: pa.Array) -> tuple[pa.Array, bool]:
        """Values written as the options say, rewritten; and whether one is a number of another notation."""
        wrong = False
        if self._options.decimal_comma:
            array, others = comma_numbers(array)
            wrong = bool(others.any())
        if self._options.date_order is not None:
            array = ordered_dates(array, self._options.date_order)
        return array, wrong

    def _fast(self, lead: Fit, texts: Texts) -> Mask:
        _, good = self._codecs[lead].fast(texts)
        if lead is Fit.BOOLEAN:
            good &= texts.lengths >= len("true")
        elif lead in _NUMBERS:
            if lead is Fit.NUMERIC and not good.all():
                good |= _long_numbers(texts)
            good &= ~_codes(texts)
        elif lead is Fit.TIMESTAMPTZ:
            _, local = self._codecs[Fit.TIMESTAMP].fast(texts)
            good &= ~local
        return good

    def _look(self, array: pa.Array) -> None:
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        for text in array.unique().to_pylist():
            fits = self._known.get(text)
            if fits is None:
                fits = self._known[text] = self._fits_of(text.strip(BLANKS))
            self._fits &= fits
            if self._lead() is Fit.TEXT:
                return

    def _fits_of(self, text: str) -> Fit:
        """The types that hold this text, of those that are still possible."""
        if self._markers.mean_missing(text):
            return _ALL
        self._seen = True
        fits = Fit.TEXT
        if text.lower() in {"true", "false"}:
            fits |= Fit.BOOLEAN
        if self._format is not None and self._takes(Fit.FORMATTED_DATE, text):
            fits |= Fit.FORMATTED_DATE
        if _UUID.fullmatch(text):
            fits |= Fit.UUID
        if self._fits & _NUMBERS:
            fits |= self._as_number(text)
        if self._fits & _MOMENTS:
            fits |= self._as_moment(text)
        return fits

    def _as_number(self, text: str) -> Fit:
        fits = Fit(0)
        if _CODE.fullmatch(text):
            return fits
        if Fit.INTEGER in self._fits and self._takes(Fit.INTEGER, text):
            fits |= Fit.INTEGER
        if (
            Fit.NUMERIC in self._fits
            and _PLAIN.fullmatch(text)
            and sum(map(str.isdigit, text)) <= CAPACITY
            and self._takes(Fit.NUMERIC, text)
        ):
            fits |= Fit.NUMERIC
        if Fit.FLOAT in self._fits and self._takes(Fit.FLOAT, text) and _survives(text):
            fits |= Fit.FLOAT
        return fits

    def _as_moment(self, text: str) -> Fit:
        if self._takes(Fit.TIMESTAMP, text):
            return Fit.TIMESTAMP | (Fit.DATE if self._takes(Fit.DATE, text) else Fit(0))
        return Fit.TIMESTAMPTZ if self._takes(Fit.TIMESTAMPTZ, text) else Fit(0)

    def _takes(self, fit: Fit, text: str) -> bool:
        try:
            self._codecs[fit].slow(text)
        except (Refused, Beyond):
            return False
        return True

    def _keep_exact_floats(self, texts: Texts, good: Mask) -> None:
        """Rule out doubles if a number has more digits than a double preserves."""
        long = np.flatnonzero(good & (texts.lengths > _EXACT_LENGTH))
        if not len(long) or Fit.FLOAT not in self._fits:
            return
        array = texts.array.take(pa.array(long))
        numbers, _ = self._codecs[Fit.FLOAT].fast(Texts(array))
        same = pc.equal(pc.cast(pa.array(numbers), TEXT), array)
        others = array.filter(pc.invert(same)).unique()
        if not all(_survives(text.strip(BLANKS)) for text in others.to_pylist()):
            self._fits &= ~Fit.FLOAT


def _trimmed(texts: Texts) -> Texts:
    """The texts without surrounding whitespace."""
    blank = np.zeros(256, np.bool_)
    blank[list(BLANKS.encode())] = True
    around = blank[texts.data[texts.starts]] | blank[texts.data[texts.ends - 1]]
    return Texts(pc.ascii_trim(texts.array, BLANKS)) if (around & (texts.lengths > 0)).any() else texts


def _long_numbers(texts: Texts) -> Mask:
    """Which texts are numbers of more digits than a word holds, and no more than a ``numeric`` of Arrow."""
    plain = pc.match_substring_regex(texts.array, f"^(?:{_PLAIN.pattern})$")
    mask: Mask = plain.to_numpy(zero_copy_only=False)
    return mask & (texts.lengths <= CAPACITY)


def _codes(texts: Texts) -> Mask:
    """Which texts are codes rather than numbers: ``007``, ``+49``."""
    data, first = texts.data, texts.data[texts.starts]
    starts = texts.starts + (first == ord("-"))
    second = data[starts + 1]
    zero = (
        (data[starts] == ord("0")) & (texts.ends - starts > 1) & (second >= ord("0")) & (second <= ord("9"))
    )
    codes: Mask = zero | (first == ord("+"))
    return codes


def _survives(text: str) -> bool:
    """Whether a double holds this number exactly as written."""
    if digits_and_exponent(text) is None:
        return True
    return Decimal(repr(float(text))) == Decimal(text)
