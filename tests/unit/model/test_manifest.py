from __future__ import annotations

import json
from typing import Any

import pytest

from penstock.model.errors import SourceError
from penstock.model.manifest import ExportedFile, Manifest

GOOD = Manifest(
    id="1", run="r", source="labor", format="csv", compression="none", rows=3, fingerprint="f", columns=(),
    files=tuple(ExportedFile(name=f"r-{rows}.csv", rows=rows, size=9, etag="a") for rows in (1, 2)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("file", "fields", "words"),
    [
        ({"rows": -5}, {}, "invalid number of rows"),
        ({"rows": True}, {}, "invalid number of rows"),
        ({"size": "9"}, {}, "invalid number of rows"),
        ({}, {"rows": 2**70}, "states 1180591620717411303424 rows, and its files 3"),
        ({"rows": 5}, {}, "states 3 rows, and its files 7"),
        ({"name": "../../secret.csv"}, {}, "outside of its export"),
        ({"name": "/etc/passwd"}, {}, "outside of its export"),
        ({"name": 7}, {}, "outside of its export"),
        ({"rows": [1]}, {}, "invalid number of rows"),
    ],
)
def test_a_manifest_that_was_tampered_with(file: dict[str, Any], fields: dict[str, Any], words: str) -> None:
    document = json.loads(GOOD.to_json())
    assert Manifest.from_json(json.dumps(document), "it") == GOOD
    document.update(fields)
    document["files"][0].update(file)
    with pytest.raises(SourceError, match=words):
        Manifest.from_json(json.dumps(document), "it")
