"""A sheet of a workbook (xlsx, xlsm, xlsb, xls, ods), read by calamine."""

from __future__ import annotations

import html
import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetVisibleEnum,
    load_workbook,
)

from penstock.files.packing import ZIP
from penstock.files.stored_file import StoredFile, translated
from penstock.model.errors import SourceError, UsageError
from penstock.model.file_options import FileOptions

_PIECE: Final = 1 << 20
_FAILED = b'value-type="error"'
_PREFIX = 64  # bytes of a tag that has just begun
_ATTRIBUTE = r"""\b{}\s*=\s*["']([^"']*)["']"""
_SHEET = re.compile(r"<(?:\w+:)?sheet\s[^>]*>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\s[^>]*>")
_ERROR = re.compile(
    rb"""<(?:\w+:)?c\s(?=[^>]*\bt=["']e["'])[^>]*?\br=["']([A-Z]+)(\d+)["'][^>]*>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)<""",
    re.DOTALL,
)

Cell = Any


@dataclass(frozen=True, slots=True)
class FailedCell:
    """A cell whose formula failed."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet, and its errors by row and column, counted from 1."""

    sheet: CalamineSheet
    errors: dict[tuple[int, int], FailedCell]
    skip: int

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """The rows with a value, each with its number in the sheet."""
        left = (self.sheet.start or (0, 0))[1] + 1
        failed = {row for row, _ in self.errors}
        rows: Iterator[list[Cell]] = iter(self.sheet.iter_rows())
        for number, cells in enumerate(rows, 1):
            if number in failed:
                cells = [self.errors.get((number, at), cell) for at, cell in enumerate(cells, left)]  # noqa: PLW2901
            if number > self.skip and any(cell != "" for cell in cells):
                yield number, cells


def open_sheet(file: StoredFile, options: FileOptions) -> Sheet:
    """The sheet that the options name, or the only visible one with content. It is in memory.

    Raises:
        SourceError: If the workbook cannot be read, or several sheets have content.
        UsageError: If the workbook has no sheet of that name.
    """
    name, held = file.name, io.BytesIO()
    with translated(name), file.open() as stream:
        shutil.copyfileobj(cast("BinaryIO", stream), held, _PIECE)
    data = held.getvalue()
    try:
        with load_workbook(io.BytesIO(data)) as workbook:
            sheet = _chosen(workbook, name, options.sheet)
            errors = (
                _errors(data, name, workbook.sheet_names.index(sheet.name)) if data.startswith(ZIP) else {}
            )
    except PasswordError as error:
        raise SourceError(f"'{name}' is protected by a password", hint="save it without") from error
    except (CalamineError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise SourceError(
            f"'{name}' cannot be read as a workbook: {error}", hint="open it and save it again, or as CSV"
        ) from error
    found = Sheet(sheet, errors, options.skip_rows)
    if next(found.rows(), None) is None:
        raise SourceError(f"the sheet {sheet.name!r} of '{name}' is empty", hint="name another: --sheet NAME")
    return found


def _chosen(workbook: CalamineWorkbook, name: str, wanted: str | None) -> CalamineSheet:
    """The sheet that is wanted, or the only visible one with content."""
    names = ", ".join(map(repr, workbook.sheet_names))
    if wanted is not None:
        if wanted not in workbook.sheet_names:
            raise UsageError(f"'{name}' has no sheet {wanted!r}", hint=f"its sheets: {names}")
        return workbook.get_sheet_by_name(wanted)
    shown = [one.name for one in workbook.sheets_metadata if one.visible == SheetVisibleEnum.Visible]
    sheets = [workbook.get_sheet_by_name(one) for one in shown]
    filled = [sheet for sheet in sheets if sheet.start is not None]
    if len(filled) != 1:
        what = f"{len(filled)} sheets with content" if filled else "no visible sheet with content"
        raise SourceError(f"'{name}' has {what}", hint=f"name one with --sheet: {names}")
    return filled[0]


def _errors(data: bytes, name: str, index: int) -> dict[tuple[int, int], FailedCell]:
    """The cells of an xlsx sheet that hold an error, which calamine reads as empty.

    Raises:
        SourceError: If an OpenDocument file holds one: its cells do not say where they are.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if "content.xml" in archive.namelist() and _FAILED in archive.read("content.xml"):
            raise SourceError(
                f"'{name}' holds failed formulas", hint="fix them, or save it as xlsx to reject their rows"
            )
        if "xl/workbook.xml" not in archive.namelist():
            return {}
        sheets = _SHEET.findall(archive.read("xl/workbook.xml").decode())
        relation = _attribute(r"\w+:id", sheets[index])
        relations = _RELATION.findall(archive.read("xl/_rels/workbook.xml.rels").decode())
        target = next(_attribute("Target", one) for one in relations if _attribute("Id", one) == relation)
        path = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        found, rest = {}, b""
        with archive.open(path) as stream:
            while piece := stream.read(_PIECE):
                rest += piece
                for match in _ERROR.finditer(rest):
                    letters, row, text = (part.decode() for part in match.groups())
                    error = FailedCell(f"{letters}{row}", html.unescape(text))
                    found[int(row), _column(letters)] = error
                last = max(rest.rfind(b"<c "), rest.rfind(b":c ") - _PREFIX)
                rest = rest[last:] if last > 0 else rest[-_PREFIX:]
        return found


def _attribute(name: str, tag: str) -> str:
    match = re.search(_ATTRIBUTE.format(name), tag)
    return html.unescape(match[1]) if match else ""


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
