"""The kinds of bad rows that a benchmark's file holds, each with the code under which a copy must reject it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.model.result import Reason


@dataclass(frozen=True, slots=True)
class Dirt:
    """One kind of bad row.

    Args:
        per_million: How many of a million rows are of this kind.
        column: The column that is spoilt; None where the line itself is.
        text: What stands in it instead.
    """

    per_million: int
    reason: Reason
    column: str | None
    text: str


# Together 17,000 in a million rows, the 1.7 % that a copy is measured with.
DIRT: Mapping[str, Dirt] = {
    "blank": Dirt(3_000, Reason.MISSING, "retailer_id", " "),
    "empty": Dirt(2_500, Reason.MISSING, "product_id", ""),
    "none_word": Dirt(2_000, Reason.MISSING, "price", "None"),
    "no_date": Dirt(1_000, Reason.MISSING, "sold_on", ""),
    "no_integer": Dirt(1_500, Reason.BAD_TYPE, "product_id", "12x"),
    "no_whole_number": Dirt(700, Reason.BAD_TYPE, "quantity", "1.5"),
    "no_number": Dirt(1_000, Reason.BAD_TYPE, "price", "$19.99"),
    "impossible_date": Dirt(1_500, Reason.BAD_TYPE, "sold_on", "2013-02-30"),
    "other_date_format": Dirt(800, Reason.BAD_TYPE, "sold_on", "28/02/2013"),
    "too_negative": Dirt(600, Reason.OUT_OF_RANGE, "quantity", "-40000"),
    "too_great": Dirt(500, Reason.OUT_OF_RANGE, "product_id", "99999999999"),
    "too_many_decimals": Dirt(900, Reason.OUT_OF_RANGE, "price", "19.999"),
    "too_long": Dirt(800, Reason.TOO_LONG, "brand", "A brand of far too many characters for its column"),
    "field_too_few": Dirt(100, Reason.MALFORMED, None, ""),
    "field_too_many": Dirt(100, Reason.MALFORMED, None, ",surplus"),
}
