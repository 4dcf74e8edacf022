"""The fictional trade behind the sales file: products, retailers, cities, and renames in February 2013."""

from __future__ import annotations

from datetime import date

import polars as pl

MONTH = date(2013, 2, 1)
DAYS = 28

_BRANDS = (
    "Alder & Finch", "Blue Ridge", "Castellan", "Dovetail", "Evergreen", "Fjällberg", "Greyhound", "Harbour",
    "Ironwood", "Juniper", "Kestrel", "Lumen", "Marlow", "Nordwind", "Orchard, Sons & Co", "Pembroke",
)  # fmt: skip
_CATEGORIES = ("Audio", "Books", "Camping", "Garden", "Home, Kitchen", "Lighting", "Office", "Toys")
_THINGS = (
    "Speaker", "Notebook", "Tent", "Trowel", "Kettle", "Lamp", "Stapler", "Puzzle", "Headset", "Atlas", "Stove",
    "Hose", "Toaster", "Lantern", "Organizer", "Kite",
)  # fmt: skip
_STYLES = ("Classic", "Compact", "Deluxe", "Junior", "Max", "Plus", 'Pro 15"', "Travel")
_RETAILERS = (
    "Acorn Market", "Bellweather", "Corner & Main", "Dry Dock", "Emporium Nine", "Foxglove", "Grand Union Goods",
    "Hollis Brothers", "Inkwell", "Jubilee Stores", "Kingfisher, Inc.", "Larkspur", "Mill Street", "Northgate",
    "Old Town Supply", "Pioneer", "Quill & Co", "Riverside", "Sundry", "Three Oaks",
)  # fmt: skip
CITIES = (
    "New York", "Los Angeles", "Chicago", "Houston", "Phoenix", "Philadelphia", "San Antonio", "San Diego", "Dallas",
    "San José", "Austin", "Jacksonville", "Columbus", "Charlotte", "Seattle", "Denver", "Boston", "Nashville",
    "Washington, D.C.", "Las Vegas", "Portland", "Memphis", "Louisville", "Milwaukee", "Albuquerque", "Tucson",
    "Cañon City", "La Cañada Flintridge", "Mayagüez", "Utqiaġvik", "Coeur d'Alene", "Saint Paul", "Honolulu",
)  # fmt: skip

PRODUCTS = 256
RETAILERS = len(_RETAILERS)


def product_id(number: int) -> int:
    """Return ids around the limits of one-byte and two-byte integers, where careless type inference overflows to 0."""
    return number + 1 if number < 200 else 32_700 + number


def retailer_id(number: int) -> int:
    """See :func:`product_id`."""
    return 100 + 9 * number if number < 15 else 70_000 + number


def products() -> pl.DataFrame:
    """Return the attributes of every product by day: product, day, product_id, product_name, brand, category, cents."""
    return pl.DataFrame([_product(number, day) for number in range(PRODUCTS) for day in range(DAYS)])


def retailers() -> pl.DataFrame:
    """Return the name of every retailer by day: retailer, day, retailer_id, retailer_name."""
    return pl.DataFrame([_retailer(number, day) for number in range(RETAILERS) for day in range(DAYS)])


def _product(number: int, day: int) -> dict[str, object]:
    brand, category = _BRANDS[number % 16], _CATEGORIES[number % 8]
    name = f"{_THINGS[number % 16]} {_STYLES[number // 16 % 8]} {number // 128 + 1}"
    if number % 12 == 5 and day >= number % 20 + 4:  # renamed
        name = f"New {name}"
    if number % 50 == 7 and day >= 16:  # sold to another brand
        brand = _BRANDS[(number + 3) % 16]
    if number % 40 == 11 and day >= 9:  # moved to another category
        category = _CATEGORIES[(number + 1) % 8]
    if brand == "Nordwind" and day >= 14:  # the same brand in another spelling
        brand = "NORDWIND"
    if category == "Toys" and day >= 20:  # the same category in another spelling
        category = "toys"
    return {
        "product": number,
        "day": day,
        "product_id": product_id(number),
        "product_name": name,
        "brand": brand,
        "category": category,
        "cents": 299 + number * 7919 % 25_000,
    }


def _retailer(number: int, day: int) -> dict[str, object]:
    name = _RETAILERS[number]
    if number % 7 == 2 and day >= 11:
        name = f"{name} Group"
    return {"retailer": number, "day": day, "retailer_id": retailer_id(number), "retailer_name": name}
