"""Addresses, packing, changes: what a source is made of."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import threading
import zipfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.files.reading import drain

from penstock.files.blocks import Sizes
from penstock.files.decoding import Encoding, unescape
from penstock.files.source import open_files
from penstock.model.errors import SourceError
from penstock.model.file_options import FileOptions

DATA = b"id,name\n" + b"".join(b"%d,name %d\n" % (at, at * 7919) for at in range(500))
ROWS = [(str(at), f"name {at * 7919}") for at in range(500)]


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


PACKED = {
    "plain": DATA,
    "gzip": gzip.compress(DATA),
    "gzip in two members": gzip.compress(DATA[:100]) + gzip.compress(DATA[100:]),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress(DATA),
    "zstd in two frames": zstandard.compress(DATA[:100]) + zstandard.compress(DATA[100:]),
    "bzip2": bz2.compress(DATA),
    "bzip2 in two streams": bz2.compress(DATA[:100]) + bz2.compress(DATA[100:]),
    "xz": lzma.compress(DATA),
    "xz in two streams": lzma.compress(DATA[:100]) + bytes(8) + lzma.compress(DATA[100:]) + bytes(4),
    "zip": zipped(**{"sales.csv": DATA, "__MACOSX/._sales.csv": b"x"}),
}


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("packing", PACKED)
def test_packing_is_told_by_the_first_bytes(packing: str) -> None:
    Path("sales.csv").write_bytes(PACKED[packing])
    assert drain(open_files("sales.csv", FileOptions(), sizes=Sizes(1000))).rows == ROWS


@pytest.mark.parametrize("packing", ["gzip", "zstd", "bzip2", "xz"])
@pytest.mark.parametrize("damage", ["cut", "last byte gone", "byte changed", "garbage behind"])
def test_damaged_files_are_refused(packing: str, damage: str) -> None:
    data = bytearray(PACKED[packing])
    if damage == "cut":
        del data[len(data) // 2 :]
    elif damage == "last byte gone":
        del data[-1]
    elif damage == "byte changed":
        data[len(data) // 2 : len(data) // 2 + 9] = b"\xff" * 9
    else:
        data += b"garbage"
    Path("sales.csv.gz").write_bytes(data)
    with pytest.raises(SourceError, match=r"^'sales\.csv\.gz' (ends|is packed, and damaged|cannot be)"):
        drain(open_files("sales.csv.gz", FileOptions()))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (zipped(), "'f.zip' holds no file"),
        (zipped(**{".x": b"x", "d/": b""}), "'f.zip' holds no file"),
        (zipped(a=b"x", b=b"PAR1"), "'f.zip' holds a Parquet file: b"),
        (PACKED["zip"][:-30], "'f.zip' cannot be unpacked: File is not a zip file"),
        (b"\xff\x06\0\0sNaPpYx", "'f.zip' is packed with snappy"),
        (b"\x04\x22\x4d\x18x", "'f.zip' is packed with lz4"),
    ],
)
def test_unsupported_packing(data: bytes, message: str) -> None:
    Path("f.zip").write_bytes(data)
    with pytest.raises(SourceError) as caught:
        drain(open_files("f.zip", FileOptions()))
    assert caught.value.message == message


def test_a_zip_of_several_files_reads_like_a_glob() -> None:
    files = {"d/b.csv": b"Name,ID\ny,2\nz\n", "d/a.csv": b"id,name\n1,x\n", "c.csv.gz": gzip.compress(DATA)}
    Path("all.zip").write_bytes(zipped(**files, **{"__MACOSX/d/._a.csv": b"x", "d/.DS_Store": b"x"}))
    source = open_files("all.zip", FileOptions())
    assert list(source.files) == ["all.zip/c.csv.gz", "all.zip/d/a.csv", "all.zip/d/b.csv"]
    found = drain(source)
    assert (found.columns, found.rows) == (("id", "name"), [*ROWS, ("1", "x"), ("2", "y")])
    assert [(reject.file, reject.line) for reject in found.rejects] == [(2, 3)]
    for name, data in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(data)
    same = [open_files(pattern, FileOptions()).fingerprint() for pattern in ("all.zip", "**/*.csv*")]
    assert same[0] == same[1]


def test_a_zip_of_json_and_a_glob_of_zips() -> None:
    Path("a.zip").write_bytes(zipped(a=b'{"id": 1}\n', b=b'{"id": 2}\n'))
    Path("b.zip").write_bytes(zipped(c=b'{"id": 3}\n'))
    source = open_files("*.zip", FileOptions())
    assert (drain(source).rows, source.files) == ([("1",), ("2",), ("3",)], ["a.zip/a", "a.zip/b", "b.zip"])


def test_a_damaged_member_of_a_zip_is_named() -> None:
    data = zipped(**{"a.csv": DATA, "b.csv": DATA})
    middle = data.index(b"b.csv") + 200
    Path("f.zip").write_bytes(data[:middle] + bytes(20) + data[middle + 20 :])
    with pytest.raises(SourceError, match=r"^'f\.zip/b\.csv' cannot be unpacked"):
        drain(open_files("f.zip", FileOptions()))
    with pytest.raises(SourceError, match=r"^'f\.zip/b\.csv' cannot be unpacked"):
        open_files("f.zip", FileOptions(format="csv", header=("a", "b"))).fingerprint()


def test_members_of_other_columns_are_named() -> None:
    Path("f.zip").write_bytes(zipped(**{"a.csv": b"id,name\n1,x\n", "README.csv": b"text,by\nx,y\n"}))
    with pytest.raises(SourceError, match=r"'f\.zip/a\.csv' has other columns"):
        drain(open_files("f.zip", FileOptions()))


def test_a_glob_reads_all_files_in_order_of_name() -> None:
    Path("d").mkdir()
    Path("d/b.csv").write_text("Name,ID\ny,2\n")
    Path("d/a.csv").write_text("id,name\n1,x\n")
    Path("d/c.csv.gz").write_bytes(gzip.compress(b"id,name\n3,z\n"))
    Path("d/sub.csv").mkdir()
    source = open_files("d/*.csv*", FileOptions())
    assert list(source.files) == ["d/a.csv", "d/b.csv", "d/c.csv.gz"]
    found = drain(source)
    assert (found.columns, found.rows) == (("id", "name"), [("1", "x"), ("2", "y"), ("3", "z")])
    assert found.files == [0, 1, 2]


def test_a_file_whose_name_looks_like_a_pattern() -> None:
    Path("a[1].csv").write_text("id\n1\n")
    assert drain(open_files("a[1].csv", FileOptions())).rows == [("1",)]


def test_files_of_different_columns_are_refused() -> None:
    Path("a.csv").write_text("id,name\n")
    Path("b.csv").write_text("id,price\n")
    with pytest.raises(SourceError, match=r"'b\.csv' has other .*: it lacks 'name' and has besides 'price'"):
        drain(open_files("*.csv", FileOptions()))


def test_standard_input_can_be_read_twice_and_at_once() -> None:
    source = open_files("-", FileOptions(), stdin=io.BytesIO(PACKED["gzip"]), sizes=Sizes(700))
    first, second = source.batches(), source.batches()
    pairs = [(one.rows, other.rows) for one, other in zip(first, second, strict=True)]
    assert len(pairs) > 5
    assert all(one.equals(other) for one, other in pairs)


def test_a_pipe_is_kept_first() -> None:
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(DATA))
    writer.start()
    source = open_files("pipe", FileOptions())
    writer.join()
    assert drain(source).rows == drain(source).rows == ROWS


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("none.csv", "no file 'none.csv'"),
        ("none*.csv", "no file matches 'none*.csv'"),
        ("d", "'d' is a directory"),
        ("", "no file ''"),
        ("a\0.csv", "no file 'a\\x00.csv'"),
        ("a" * 300, f"cannot read '{'a' * 300}': File name too long"),
        ("a.csv/x", "cannot read 'a.csv/x': Not a directory"),
        ("*.*", "the files are of several formats: csv, parquet"),
    ],
)
def test_addresses_without_a_file(address: str, message: str) -> None:
    Path("d").mkdir()
    Path("a.csv").touch()
    Path("a.parquet").touch()
    with pytest.raises(SourceError) as caught:
        open_files(address, FileOptions())
    assert caught.value.message == message


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read() -> None:
    Path("a.csv").touch(0)
    with pytest.raises(SourceError, match="no permission to read"):
        open_files("a.csv", FileOptions())


def test_a_file_that_changes_meanwhile_is_refused() -> None:
    Path("a.csv").write_bytes(DATA)
    source = open_files("a.csv", FileOptions(), sizes=Sizes(1000))
    batches = source.batches()
    next(batches)
    with Path("a.csv").open("ab") as file:
        file.write(b"501,x\n")
    with pytest.raises(SourceError, match=r"'a\.csv' changed while it was being copied"):
        list(batches)


def test_the_fingerprint_knows_content_and_order_not_names() -> None:
    Path("a.csv").write_bytes(DATA)
    Path("b.csv").write_text("id,name\n")
    of_both = open_files("?.csv", FileOptions()).fingerprint()
    Path("a.csv").rename("a2.csv")
    Path("b.csv").rename("b2.csv")
    assert open_files("?2.csv", FileOptions()).fingerprint() == of_both
    Path("a2.csv").rename("c2.csv")
    assert open_files("?2.csv", FileOptions()).fingerprint() != of_both
    stdin = open_files("-", FileOptions(), stdin=io.BytesIO(DATA))
    assert stdin.fingerprint() == open_files("c2.csv", FileOptions()).fingerprint()


def test_tabs_by_name() -> None:
    Path("a.TSV.gz").write_bytes(gzip.compress(b"a\tb\n1,5\t2\n"))
    assert drain(open_files("a.TSV.gz", FileOptions())).rows == [("1,5", "2")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"SQLite format 3\0" + bytes(84), "is a SQLite database"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "cannot be read as a workbook"),
        (zipped(**{"content.xml": b"x", "META-INF/manifest.xml": b"x"}), "cannot be read as a workbook"),
        (zipped(**{"xl/workbook.xml": b"", "b": b""}), "cannot be read as a workbook"),
        (b"\xef\xbb\xbf\n <?xml version='1.0'?>\n<a/>", "is XML"),
        (b"<!DOCTYPE html><html></html>", "is HTML"),
        (gzip.compress(b"<?xml version='1.0'?>\n<a/>", mtime=0), "is XML"),
    ],
)
def test_what_is_no_table_is_refused_by_name(data: bytes, message: str) -> None:
    Path("data.csv").write_bytes(data)
    with pytest.raises(SourceError, match=message) as caught:
        drain(open_files("data.csv", FileOptions()))
    assert caught.value.hint


@given(st.binary(max_size=8))
def test_bytes_that_are_no_text_are_shown_reversibly(data: bytes) -> None:
    shown = Encoding("utf-8").escape(data + b"\\x41\xff")
    assert unescape(shown) == data + b"\\x41\xff"
