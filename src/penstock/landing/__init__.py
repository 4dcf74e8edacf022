"""Lands the answers of an API in the lake: joins the REST source, the shared limit and an object store."""

from __future__ import annotations

from penstock.landing.landing import land
from penstock.landing.missing import Wish
from penstock.landing.plans import as_plan, load_plan

__all__ = ["Wish", "as_plan", "land", "load_plan"]
