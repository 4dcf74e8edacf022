"""A park's operations in February 2013: tickets, stock, sales and shifts, generated from a seed.

The data is untidy but valid for its tables: spaces around names, returns, missing prices.
"""

from __future__ import annotations

import csv
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

Row = tuple[object, ...]

FIRST, LAST = date(2013, 2, 1), date(2013, 2, 28)
# Shifts start in the previous year, so that a year-to-date sum has rows to exclude.
FIRST_SHIFT = date(2012, 12, 24)
_SEED = 2013_02

_ENTRANCES = {"North Gate": 1.0, "Lakeside": 0.6, "Harbor Road": 0.35, "Staff & Groups": 0.15}
_TICKETS = {
    "64.00": 120,
    "48.00": 70,
    "52.50": 25,
    None: 4,
}  # adult, child, senior, and free tickets without a price
_LOCATIONS = ("Boardwalk Grill", "Carousel Gifts", "Lakeside Café", "North Gate Kiosk", "Summit Snacks")
_ITEMS = {
    "Cocoa": "3.75",
    "Coffee": "2.95",
    "Gloves": "14.00",
    "Hot Dog": "6.50",
    "Mug": "12.50",
    "Poncho": "11.00",
    "Pretzel": "4.25",
    "Soup": "5.95",
    "Wool Hat": "19.00",
}
_EMPLOYEES = {
    "Abena Owusu": "21.50", "Carlos Ibáñez": "17.25", "Dana O'Brien": "19.00", "Eun-ji Park": "23.75",
    "Frank MacLeod": "15.50", "Grace Lindqvist": "18.40", "Hiroshi Tanaka": "16.00", "Ines da Silva": "20.10",
    "Joy Adeyemi": "15.00", "Kurt Weiß": "17.80", "Lena van Dyk": "22.00", "Marcus Jones": "15.25",
}  # fmt: skip
_HOLIDAYS = {date(2013, 2, 18)}
_TAX = Decimal("0.221")
_CENT = Decimal("0.01")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "guest_attendance": ("admission_date", "entrance_name", "quantity_sold", "ticket_price"),
    "inventory": ("inventory_date", "item_name", "location_name", "quantity_on_hand", "order_more"),
    "item_sales": ("sales_date", "location_name", "item_name", "quantity_sold", "item_price"),
    "labor": ("labor_date", "employee_name", "hours_worked", "pre_tax_earnings", "post_tax_earnings"),
}
"""The columns of each table; the first is its date."""


def write_operations(folder: Path, seed: int = _SEED) -> dict[str, Path]:
    """Write a CSV file for each of the four tables, each atomically; existing files are replaced.

    Args:
        folder: Created if missing.
        seed: Equal seeds give equal bytes.

    Returns:
        The path of each table's file.

    Raises:
        OSError: A file cannot be written.

    Example:
        >>> write_operations(Path("include/data/operations"))["labor"].name
        'labor.csv'
    """
    folder.mkdir(parents=True, exist_ok=True)
    return {table: _write(folder / f"{table}.csv", table, seed) for table in COLUMNS}


def rows(table: str, seed: int = _SEED) -> Iterator[Row]:
    """Yield the rows of one table in order of their days; None is a missing value.

    Raises:
        KeyError: The table is unknown.

    Example:
        >>> next(rows("guest_attendance"))[0]
        datetime.date(2013, 2, 1)
    """
    # Only random() is used, because its numbers are the same in every version of Python.
    chance = random.Random(f"{seed} {table}")  # noqa: S311  # demo data
    day = FIRST_SHIFT if table == "labor" else FIRST
    while day <= LAST:
        yield from _DAYS[table](day, chance)
        day += timedelta(days=1)


def _write(path: Path, table: str, seed: int) -> Path:
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=path.parent, delete=False
    ) as file:
        try:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS[table])
            writer.writerows(rows(table, seed))
            file.flush()
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except BaseException:
            os.unlink(file.name)  # noqa: PTH108  # consistent with os.replace() above
            raise
    return path


def _attendance(day: date, chance: random.Random) -> Iterator[Row]:
    for entrance, share in _ENTRANCES.items():
        for price, guests in _TICKETS.items():
            sold = round(guests * share * _crowd(day) * (0.8 + 0.4 * chance.random()))
            yield day, _untidy(entrance, chance), sold, price
        if chance.random() < 0.2:
            yield day, entrance, -1 - int(chance.random() * 3), "64.00"  # returned


def _inventory(day: date, chance: random.Random) -> Iterator[Row]:
    for location in _LOCATIONS:
        for item in _sold_at(location):
            left = int(chance.random() ** 2 * 160) - 2  # miscounts may be negative
            enough = None if chance.random() < 0.03 else left >= 12  # not checked
            yield day, item, location, left, None if enough is None else not enough


def _item_sales(day: date, chance: random.Random) -> Iterator[Row]:
    for location in _LOCATIONS:
        for item in _sold_at(location):
            for _till in range(2):
                price = None if chance.random() < 0.01 else _ITEMS[item]
                sold = int(chance.random() * 40 * _crowd(day))
                yield day, _untidy(location, chance), item, sold, price
            if chance.random() < 0.05:
                yield day, location, item, -1, _ITEMS[item]  # returned


def _labor(day: date, chance: random.Random) -> Iterator[Row]:
    for employee, wage in _EMPLOYEES.items():
        if chance.random() > 0.45 + 0.2 * _crowd(day):
            continue
        shifts = 2 if chance.random() < 0.1 else 1
        for _shift in range(shifts):
            hours = Decimal(int((4 + 4.5 * chance.random()) / shifts * 4)) / 4
            before = (hours * Decimal(wage)).quantize(_CENT)
            after = (
                None if chance.random() < 0.01 else (before * (1 - _TAX)).quantize(_CENT)
            )  # not computed yet
            yield day, _untidy(employee, chance), hours, before, after


def _sold_at(location: str) -> list[str]:
    place = _LOCATIONS.index(location)
    return [item for number, item in enumerate(_ITEMS) if (number + place) % 3]


def _crowd(day: date) -> float:
    """Return how busy a day is, relative to an ordinary day."""
    return 1.8 if day.weekday() >= 5 or day in _HOLIDAYS else 1.0


def _untidy(name: str, chance: random.Random) -> str:
    """Return the name with typing irregularities."""
    dice = chance.random()
    if dice < 0.02:
        return f" {name}"
    return f"{name}  " if dice < 0.05 else name


_DAYS: Mapping[str, Callable[[date, random.Random], Iterator[Row]]] = {
    "guest_attendance": _attendance,
    "inventory": _inventory,
    "item_sales": _item_sales,
    "labor": _labor,
}
