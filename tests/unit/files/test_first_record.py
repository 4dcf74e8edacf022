"""A first record that looks like the other rows is not a header."""

from __future__ import annotations

import io

import pytest

from penstock.files.blocks import Sizes
from penstock.files.source import FileSource
from penstock.files.stored_file import SpooledFile
from penstock.model.errors import SourceError
from penstock.model.file_options import FileOptions


def opened(text: str) -> FileSource:
    file = SpooledFile("-", io.BytesIO(text.encode()))
    source = FileSource([file], FileOptions(), Sizes())
    source.require_header()
    return source


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
    assert opened(text).options.header is None


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
    source = opened(text)
    assert source.columns[0] == "column_1"
    assert source.options.findings["header"] == "no"
    assert sum(batch.rows.num_rows for batch in source.batches()) == text.count("\n")


@pytest.mark.parametrize(
    "text", ["1,2,mean\n2,3,4\n3,4,5\n", "2013-01-01,5,total\n2013-01-02,6,7\n2013-01-03,6,7\n"]
)
def test_a_first_line_that_may_be_either(text: str) -> None:
    with pytest.raises(SourceError, match="may be a header or a row") as caught:
        opened(text)
    assert "--header yes" in str(caught.value.hint)
    assert "--header no" in str(caught.value.hint)
