"""Lands the answers of an API in the lake: combines the REST client, the shared limit and an object store."""

from __future__ import annotations

from penstock.rest.landing.land import land
from penstock.rest.landing.pending import Wish, as_plan, load_plan

__all__ = ["Wish", "as_plan", "land", "load_plan"]
