"""Workbooks: a sheet becomes rows in the types of its cells, or is refused with the names of the sheets."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from tests.unit.files.reading import drain

from penstock.engine.type_inference import infer
from penstock.files.source import open_files
from penstock.model.errors import SourceError, UsageError
from penstock.model.file_options import FileOptions

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
HIDDEN = ' state="hidden"'
DAY, MOMENT, TIME, SPAN = 1, 2, 3, 4
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="170" formatCode="[h]:mm:ss"/></numFmts>'
    '<cellXfs count="5"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="21"/>'
    '<xf numFmtId="170"/></cellXfs></styleSheet>'
)
# Written by xlwt: id, day, name and ok; 7, 2013-02-01, the text 007 and true; 8, 2013-02-02, Ann and an error.
XLS = (
    "ABzY8000000t4+>O=uHA6#iy5X?|$)Q&XW8LI_wjwovh)mv)VyJz1(3MFdT|In<i11TXPowdN=Yo)j;Idhk;9;twk5&4W<Ug"
    "CGcr9z6*P9@?yL-tN}4Dm0*lmid->GxKKNo3}IXz5RK!kgUx<=&55BhG3xKM9|j66I3F8CjlCF9M$yeFcn8*Lm?8TgKP`pX~"
    "*l3Izx5dbx7O~yd(;IqH+r7F*0QrGwX<hY(qgP8wQCA+$K&8-E37S({ZL-nBL==&zK%y&NZfkG`A*BV!<5A?f1O+gv|0-3`*"
    "}KmifS(J?O$K<;9n-3wLf1`SL{J+y)y+2ih?QI?&;wT`a499Cr`}Dun)0so%0{NYP=>;k%OozWGu8BBS~1%NHR2kCpt;U-)4"
    "<#MS&8G5}1&Im1Cxr34)dxW15IM2_QG74q&0%K)rGg@)}ysYo7EB*wtNKB9Tsj;id=*&wkZ8+34#v=g-u=XR1~B|+va-u?Ra"
    "$k?cPnmN<_1aO}d+m%^xa9K%^aEwO`rfMX|61$mRVXfP^-NQ6Rj!bp$XqVSGJi~LY@@OxuvzPJC+|ktDN$u*FqmR?o&*m;_&"
    "kxrxrsm(9v&ho6SR}8m8T5%haqFhS6VtDSms376?fxylgk{3B-SHlVaV)8bA|#o*J+(VxxhK87a(f2#3{RI>rRzDZFIZQa^V"
    "`{~x?d$HSc}@TpbS&b;1!e(`3D`6b!1tGy{tpBj-aPQvW}b>lAU;{1Sn(vLKGSr8X6iJ8X6j#7sCBE;P+B~$MoL%L*9R#B`O"
    "X5n`G1C7^djDKp&NdU{hU2r6vE_ilFdyi8adj{|gn4)9PhRVvOyWY}tS5i$^ry&zc1j|1N}DUBA(ao&S0LpACDIumBbS00"
)

Cells = dict[str, str]


def text(value: str) -> str:
    return f't="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is>'


def number(value: object, style: int = 0) -> str:
    return f's="{style}"><v>{value}</v>'


def error(value: str) -> str:
    return f't="e"><f>NA()</f><v>{value}</v>'


def xlsx(hidden: str = "", /, **sheets: dict[int, Cells]) -> bytes:
    """A workbook, of the cells of each row of each sheet."""
    tags = "".join(
        f'<sheet name="{name}" sheetId="{at}" r:id="r{at}"{HIDDEN * (name == hidden)}/>'
        for at, name in enumerate(sheets, 1)
    )
    relations = "".join(
        f'<Relationship Id="r{at}" Type="{OFFICE}/worksheet" Target="worksheets/s{at}.xml"/>'
        for at in range(1, len(sheets) + 1)
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="w"'
        f' Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{tags}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{relations}'
        f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": STYLES,
    }
    for at, rows in enumerate(sheets.values(), 1):
        body = "".join(
            f'<row r="{row}">'
            + "".join(f'<c r="{place}{row}" {cell}</c>' for place, cell in cells.items())
            + "</row>"
            for row, cells in rows.items()
        )
        files[f"xl/worksheets/s{at}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'
        )
    return zipped(files)


def zipped(files: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def ods(cells: str) -> bytes:
    names = {"office": "office", "table": "table", "text": "text"}
    spaces = " ".join(
        f'xmlns:{one}="urn:oasis:names:tc:opendocument:xmlns:{two}:1.0"' for one, two in names.items()
    )
    body = f'<table:table table:name="A"><table:table-row>{cells}</table:table-row></table:table>'
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
            "content.xml": f"<office:document-content {spaces} xmlns:calcext="
            '"urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"><office:body><office:spreadsheet>'
            f"{body}</office:spreadsheet></office:body></office:document-content>",
        }
    )


SALES: dict[int, Cells] = {
    3: {"B": text("ID"), "C": text("Day"), "D": text("Price"), "E": text("Zip"), "F": text("ok")},
    4: {
        "B": number(1),
        "C": number(41306, DAY),
        "D": number(19.99),
        "E": text("02134"),
        "F": 't="b"><v>1</v>',
    },
    6: {"B": number(2), "C": number(41307, DAY), "D": number(20), "E": text("75201"), "F": 't="b"><v>0</v>'},
    7: {"B": number(3), "E": text("x<y")},
}


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def types(source: object) -> list[str]:
    return [column.type for column in infer(source, FileOptions())]  # type: ignore[arg-type]


def test_cells_keep_their_types_and_rows_their_numbers() -> None:
    Path("sales.data").write_bytes(xlsx(Sales=SALES, Empty={}))
    source = open_files("sales.data", FileOptions())
    found = drain(source)
    assert found.columns == ("ID", "Day", "Price", "Zip", "ok")
    assert found.rows == [
        (1, date(2013, 2, 1), 19.99, "02134", True),
        (2, date(2013, 2, 2), 20.0, "75201", False),
        (3, None, None, "x<y", None),
    ]
    assert found.lines == [4, 6, 7]
    assert types(source) == ["bigint", "date", "double precision", "text", "boolean"]
    assert json.loads(found.raw[0]) == {
        "ID": 1,
        "Day": "2013-02-01",
        "Price": 19.99,
        "Zip": "02134",
        "ok": True,
    }


def test_columns_of_mixed_cells_are_texts() -> None:
    cells = [
        number(1),
        number(1.5),
        number(41306, DAY),
        number(41306.4375, MOMENT),
        number(0.5, TIME),
        text(" a "),
    ]
    cells += [number(1.25, SPAN), 't="b"><v>1</v>', number("12345678901234567890")]
    rows = {at: {"A": cell} for at, cell in enumerate(cells, 2)}
    Path("a.xlsx").write_bytes(xlsx(A={1: {"A": text("v")}, **rows}))
    found = drain(open_files("a.xlsx", FileOptions()))
    assert [row[0] for row in found.rows] == [
        "1", "1.5", "2013-02-01", "2013-02-01 10:30:00", "12:00:00", " a ", "30:00:00", "true", "1.2345678901234567e+19"
    ]  # fmt: skip


def test_days_and_moments_are_moments() -> None:
    rows = {2: {"A": number(41306, DAY)}, 3: {"A": number(41306.4375, MOMENT)}}
    Path("a.xlsx").write_bytes(xlsx(A={1: {"A": text("v")}, **rows}))
    source = open_files("a.xlsx", FileOptions())
    assert drain(source).rows == [(datetime(2013, 2, 1),), (datetime(2013, 2, 1, 10, 30),)]  # noqa: DTZ001
    assert types(source) == ["timestamp without time zone"]


def test_rows_with_a_failed_formula_are_rejected() -> None:
    rows = {
        at: {"B": number(at), "C": error("#N/A") if at == 20_000 else number(1)} for at in range(3, 30_000)
    }
    Path("a.xlsx").write_bytes(xlsx(A={2: {"B": text("id"), "C": text("v")}, **rows}))
    found = drain(open_files("a.xlsx", FileOptions()))
    assert (len(found.rows), found.reasons) == (29_996, [(20_000, "bad_type")])
    assert found.rejects[0].message == "the cell C20000 holds the error #N/A"
    assert json.loads(found.rejects[0].raw) == {"id": 20_000, "v": "#N/A"}
    found = drain(open_files("a.xlsx", FileOptions(null_values=("#N/A",))))
    assert (len(found.rows), found.rows[20_000 - 3]) == (29_997, (20_000, None))


def test_a_sheet_is_chosen() -> None:
    one, other = ({1: {"A": text("id")}, 2: {"A": number(value)}} for value in (1, 2))
    Path("a.xlsx").write_bytes(xlsx(One=one, Other=other))
    with pytest.raises(SourceError, match=r"'a\.xlsx' has 2 sheets with content") as caught:
        open_files("a.xlsx", FileOptions())
    assert caught.value.hint == "name one with --sheet: 'One', 'Other'"
    assert drain(open_files("a.xlsx", FileOptions(sheet="Other"))).rows == [(2,)]
    with pytest.raises(UsageError, match="has no sheet 'Third'"):
        open_files("a.xlsx", FileOptions(sheet="Third"))
    Path("a.xlsx").write_bytes(xlsx("One", One=one, Other=other))
    assert drain(open_files("a.xlsx", FileOptions())).rows == [(2,)]
    assert drain(open_files("a.xlsx", FileOptions(sheet="One"))).rows == [(1,)]
    Path("a.csv").write_text("id\n1\n")
    with pytest.raises(UsageError, match=r"'a\.csv' is not a workbook"):
        open_files("a.csv", FileOptions(sheet="One"))


def test_headers_of_sheets() -> None:
    rows = {1: {"A": number(1), "B": text("Ann")}, 2: {"A": number(2), "B": text("Bob")}}
    Path("a.xlsx").write_bytes(xlsx(A=rows))
    found = drain(open_files("a.xlsx", FileOptions()))
    assert (found.columns, found.lines) == (("column_1", "column_2"), [1, 2])
    assert drain(open_files("a.xlsx", FileOptions(header=("x", "y")))).columns == ("x", "y")
    with pytest.raises(SourceError, match="has 2 columns, --header names 1"):
        drain(open_files("a.xlsx", FileOptions(header=("x",))))
    title = {
        1: {"A": text("Sales of February")},
        3: {"A": text("id"), "B": text("name")},
        4: {"A": number(1)},
    }
    Path("a.xlsx").write_bytes(xlsx(A=title))
    found = drain(open_files("a.xlsx", FileOptions(skip_rows=2)))
    assert (found.columns, found.rows, found.lines) == (("id", "name"), [(1, None)], [4])


def test_workbooks_of_a_glob_have_common_types() -> None:
    for name, value in (("a", number(1)), ("b", number(1.5))):
        Path(f"{name}.xlsx").write_bytes(xlsx(A={1: {"A": text("v")}, 2: {"A": value}}))
    source = open_files("*.xlsx", FileOptions())
    assert (drain(source).rows, types(source)) == ([(1.0,), (1.5,)], ["double precision"])


def test_a_workbook_in_a_zip_file() -> None:
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("sales.xlsx", xlsx(A=SALES))
    source = open_files("a.zip", FileOptions())
    assert (source.files, drain(source).lines) == (["a.zip/sales.xlsx"], [4, 6, 7])


def test_xls() -> None:
    Path("a.xls").write_bytes(gzip.decompress(base64.b85decode(XLS)))
    found = drain(open_files("a.xls", FileOptions()))
    assert found.rows == [(7, date(2013, 2, 1), "007", True), (8, date(2013, 2, 2), "Ann", None)]


def test_ods() -> None:
    def cell(kind: str, shown: str, more: str = "") -> str:
        return (
            f'<table:table-cell office:value-type="{kind}" {more}><text:p>{shown}</text:p></table:table-cell>'
        )

    header = cell("string", "id") + cell("string", "day") + "</table:table-row><table:table-row>"
    row = cell("float", "1", 'office:value="1"') + cell("date", "1 Feb", 'office:date-value="2013-02-01"')
    Path("a.ods").write_bytes(ods(header + row))
    assert drain(open_files("a.ods", FileOptions())).rows == [(1, date(2013, 2, 1))]
    Path("a.ods").write_bytes(ods(header + row + cell("string", "#N/A", 'calcext:value-type="error"')))
    with pytest.raises(SourceError, match=r"'a\.ods' holds failed formulas"):
        open_files("a.ods", FileOptions())


def test_sheets_without_rows_and_damaged_workbooks_are_refused() -> None:
    Path("a.xlsx").write_bytes(xlsx(A={}))
    with pytest.raises(SourceError, match="no visible sheet with content"):
        open_files("a.xlsx", FileOptions())
    with pytest.raises(SourceError, match=r"the sheet 'A' of 'a\.xlsx' is empty"):
        open_files("a.xlsx", FileOptions(sheet="A"))
    Path("a.xlsx").write_bytes(xlsx(A=SALES).replace(b"sheets/s1", b"sheets/s2"))
    with pytest.raises(SourceError, match=r"'a\.xlsx' cannot be read as a workbook"):
        open_files("a.xlsx", FileOptions())
    with pytest.raises(SourceError, match=r"'a\.xlsx' is a workbook"):
        open_files("a.xlsx", FileOptions(format="csv"))
