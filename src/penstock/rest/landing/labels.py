"""Chooses the label of a landing if none is given."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from penstock.model.api import ApiPlan
from penstock.ports import ObjectStore
from penstock.rest.lake.landing_dir import kind_of, read_json
from penstock.rest.landing.pending import Wish

_OPEN = "_open"


def choose_label(store: ObjectStore, path: str, plan: ApiPlan, wish: Wish) -> str:
    """Return the given label, or that of an unfinished landing of this plan, or the current time."""
    if wish.label and not wish.again:
        return wish.label
    key = _open_key(path, plan)
    unfinished = read_json(store, key)
    if unfinished is not None and (wish.label is None or unfinished["wanted"] == wish.label):
        return str(unfinished["label"])
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    label = f"{wish.label} again {now}" if wish.label else now
    store.put(key, json.dumps({"label": label, "wanted": wish.label}).encode())
    return label


def close(store: ObjectStore, path: str, plan: ApiPlan, label: str) -> None:
    """Remove the note that this landing is unfinished."""
    key = _open_key(path, plan)
    unfinished = read_json(store, key)
    if unfinished is not None and unfinished["label"] == label:
        store.delete([key])


def _open_key(path: str, plan: ApiPlan) -> str:
    return f"{path}/{_OPEN}/{kind_of(plan)}.json"
