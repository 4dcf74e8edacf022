"""How documents become values."""

from __future__ import annotations

# How pydantic reads documents into these values: a field that is none is a mistake.
STRICT = {"extra": "forbid"}
