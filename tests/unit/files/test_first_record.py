"""A first record that looks like the other rows is not a header."""

from __future__ import annotations

import io

import pytest

from penstock.files.blocks import Sizes
from penstock.files.source import FileSource
from penstock.files.stored_file import SpooledFile
from penstock.model.errors import SourceError
from penstock.model.plan import FileOptions


def require_header(text: str, **options: str) -> None:
    file = SpooledFile("-", io.BytesIO(text.encode()))
    FileSource([file], FileOptions(**options), Sizes()).require_header()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "id,name\n1,Ann\n2,Bob\n",
        "id\n1\n2\n",
        "name,city\nAnn,Rome\nBob,Oslo\n",
        "name\n",
        "region,1990,1991,1992\nNorth,1,2,3\nSouth,4,5,6\n",
        "region,2013-01-01,2013-02-01\nNorth,1,2\nSouth,4,5\n",
        ",a,b\n0,1,2\n1,3,4\n",
        "code\nAB-12\nCD-34\n",
        "id,name\n1,Ann\nid,name\n2,Bob\n",
        "a,b\n\n",
        "a\n\n\n",
        "day,price\n2013-02-01,1.5\n,2\n",
    ],
)
def test_headers(text: str) -> None:
    require_header(text)


@pytest.mark.parametrize(
    "text",
    [
        "1,Ann\n2,Bob\n3,Eve\n",
        "1,2.5\n",
        "2013-02-01,Lamp\n2013-02-02,Chair\n",
        "North,Lamp,1.5\nSouth,Chair,2.5\nNorth,Lamp,3\n",
        "AB-12\nCD-34\nEF-56\n",
        "Ann,1990\nBob,1991\n",
        ",,\na,b,c\n",
        "12:30,x\n12:31,y\n",
    ],
)
def test_rows(text: str) -> None:
    with pytest.raises(SourceError, match="looks like data") as caught:
        require_header(text)
    assert "--header" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "hint"), [("a;b\n1;2\n", "';'"), ("a|b\n1|2\n", "'|'"), ("a\tb\n1\t2\n", "'\\t'")]
)
def test_one_column_that_holds_a_delimiter(text: str, hint: str) -> None:
    with pytest.raises(SourceError, match="has one column") as caught:
        require_header(text)
    assert f"--delimiter {hint}" in str(caught.value.hint)
    require_header(text, delimiter=",")
