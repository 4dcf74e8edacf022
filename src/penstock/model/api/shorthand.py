"""Expands short forms in plans."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from penstock.model.api.auth import written_out
from penstock.model.api.rate_limit import Limit


def lengthened(fields: dict[str, Any]) -> dict[str, Any]:
    """The document with all short forms expanded."""
    if "auth" in fields:
        fields["auth"] = written_out(fields["auth"])
    if isinstance(fields.get("limit"), str):
        fields["limit"] = dataclasses.asdict(Limit.parse(fields["limit"]))
    limit = fields.get("limit")
    if isinstance(limit, Mapping) and isinstance(limit.get("calls"), str):
        fields["limit"] = {
            **limit,
            **dataclasses.asdict(Limit.parse(limit["calls"])),
            "shared": limit.get("shared"),
        }
    if "statuses" in fields and isinstance(fields["statuses"], Mapping):
        fields["statuses"] = {str(name).lower(): action for name, action in fields["statuses"].items()}
    answers = {name: fields.pop(name) for name in ("records", "columns") if name in fields}
    if answers:
        fields["answers"] = {**fields.get("answers", {}), **answers}
    if isinstance(fields.get("parameters"), Mapping):
        fields["parameters"] = {name: _text(value) for name, value in fields["parameters"].items()}
    return fields


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
