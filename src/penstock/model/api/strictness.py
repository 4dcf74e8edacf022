"""Validation settings of plans."""

from __future__ import annotations

# pydantic's settings for these values: unknown fields are errors.
STRICT = {"extra": "forbid"}
