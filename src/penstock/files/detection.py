"""What the content of files says where the options leave it open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.files.decoding import Encoding
from penstock.files.dialect_detection import Layout, candidates, detect_layout
from penstock.files.dialects import dialect_of, shown, usual_delimiter, written
from penstock.files.encoding_detection import ASCII, UTF8, detect_encoding
from penstock.files.first_record import First, judge_first, require_distinct
from penstock.files.format_detection import format_of, recognise
from penstock.files.packing import is_workbook, stored_magic
from penstock.files.stored_file import StoredFile
from penstock.model.errors import SourceError, UsageError
from penstock.model.file_options import FileOptions
from penstock.model.plurals import counted

_ROWS = 500


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found.

    Args:
        options: With what was found in them.
        first: The fields of the first record.
        doubt: Why a table cannot be created from the header.
    """

    options: FileOptions
    first: tuple[str, ...] = ()
    doubt: SourceError | None = None


def settle(files: Sequence[StoredFile], options: FileOptions, *, detect: bool = True) -> Findings:
    """The options with what the files' content says where they leave it open.

    Where that is what an option says by default, nothing is added, so that a copy keeps its identity.

    Args:
        detect: Nothing but the format is found if false.

    Raises:
        SourceError: If the files are of several formats or are written differently, or may be read in two ways.
        UsageError: If the options make no sense.
    """
    found = replace(options, fixed=(), detected=())
    if detect and not any(_is_binary(file, options) for file in files):
        found = _with_encoding(files, options, found)
    if options.format == "auto":
        found = _with_format(files, found)
    if options.header == ():
        found = replace(found, header=None)
    elif options.header is not None:
        require_distinct(options.header, "--header")
    if options.sheet is not None and detect and found.format != "excel":
        raise UsageError(f"'{files[0].name}' is not a workbook", hint="leave out --sheet")
    if found.format == "excel" and detect:
        _require_csv(files, options)
        return _with_first_rows(files, options, found)
    if (found.format if found.format != "auto" else format_of(files[0].name)) != "csv":
        _require_csv(files, options)
        return Findings(found)
    for file in files:
        dialect_of(found, file.name)
    if not detect:
        return Findings(found)
    return _with_layout(files, options, found)


def _require_csv(files: Sequence[StoredFile], options: FileOptions) -> None:
    """Refuse how numbers and dates are written where the format says it."""
    if options.decimal_comma or options.date_order is not None:
        raise UsageError(
            f"'{files[0].name}' is not a CSV file", hint="leave out --decimal-comma and --date-order"
        )


def _is_binary(file: StoredFile, options: FileOptions) -> bool:
    if options.format != "auto":
        return options.format in ("parquet", "excel")
    named = format_of(file.name) == "parquet"
    return named or stored_magic(file).startswith(b"PAR1") or is_workbook(file)


def _with_encoding(files: Sequence[StoredFile], options: FileOptions, found: FileOptions) -> FileOptions:
    Encoding(options.encoding)
    if options.encoding != UTF8 or "encoding" in options.fixed:
        return found
    western = options.format in ("auto", "csv")
    names = {
        file.name: detect_encoding(file, western=western and format_of(file.name) == "csv") for file in files
    }
    different = set(names.values()) - {ASCII}
    if len(different) > 1:
        raise SourceError(
            f"the files are in several encodings: {', '.join(sorted(different))}", hint="copy them one by one"
        )
    encoding = different.pop() if different else UTF8
    return found if encoding == UTF8 else _noted(found, encoding=encoding)


def _with_format(files: Sequence[StoredFile], options: FileOptions) -> FileOptions:
    names = {recognise(file, options) for file in files}
    if len(names) > 1:
        raise SourceError(
            f"the files are of several formats: {', '.join(sorted(names))}", hint="say which with --format"
        )
    name = names.pop()
    return options if {format_of(file.name) for file in files} == {name} else replace(options, format=name)


def _with_layout(files: Sequence[StoredFile], options: FileOptions, found: FileOptions) -> Findings:
    layouts = [(file, _layout(file, options, found)) for file in files]
    clear = [(file, layout) for file, layout in layouts if len(layout.rows) and len(layout.rows[0]) > 1]
    file, layout = clear[0] if clear else layouts[0]
    for other_file, other in clear:
        if _way(other, other_file) != _way(layout, file):
            raise SourceError(
                f"the files are written differently: '{file.name}' has {_described(layout)},"
                f" '{other_file.name}' {_described(other)}",
                hint="copy them one by one",
            )
    if written(layout.dialect) != written(dialect_of(found, file.name)):
        found = _noted(found, delimiter=written(layout.dialect))
    if layout.dialect.quote != found.quote:
        found = _noted(found, quote=layout.dialect.quote)
    if layout.skip_rows != found.skip_rows:
        found = _noted(found, skip_rows=layout.skip_rows)
    if not layout.rows or options.header:
        return Findings(found)
    return _with_header(layouts, options, found)


def _with_first_rows(files: Sequence[StoredFile], options: FileOptions, found: FileOptions) -> Findings:
    """With what the first rows of workbooks say of their header."""
    from penstock.files.excel import ExcelFormat

    usual = dialect_of(FileOptions(), "")
    layouts = [
        (file, Layout(usual, found.skip_rows, ExcelFormat(found).first_rows(file, _ROWS))) for file in files
    ]
    return Findings(found) if options.header else _with_header(layouts, options, found)


def _layout(file: StoredFile, options: FileOptions, found: FileOptions) -> Layout:
    usual = dialect_of(found, file.name)
    tried = candidates(
        usual,
        delimiter=options.delimiter is None,
        quote=options.quote == '"' and "quote" not in options.fixed,
    )
    preamble = (
        options.header is None and not options.skip_rows and not {"skip_rows", "header"} & set(options.fixed)
    )
    return detect_layout(
        file,
        Encoding(found.encoding),
        list(tried),
        skip_rows=options.skip_rows,
        footer=options.footer or 0,
        preamble=preamble,
    )


def _with_header(
    layouts: Sequence[tuple[StoredFile, Layout]], options: FileOptions, found: FileOptions
) -> Findings:
    filled = [(file, layout.rows) for file, layout in layouts if layout.rows]
    file, (first, *rows) = filled[0]
    names = tuple(f"column_{at}" for at in range(1, max(len(first), *map(len, rows[:1]), 1) + 1))
    if options.header == ():
        return Findings(replace(found, header=names), tuple(first))
    if "header" in options.fixed or found.skip_rows > options.skip_rows:
        return Findings(found, tuple(first))
    judged = {judge_first(head, below[:_ROWS]) for _, (head, *below) in filled}
    if judged == {First.DATA}:
        return Findings(_noted(found, header=names), tuple(first))
    if judged == {First.HEADER}:
        return Findings(found, tuple(first))
    return Findings(found, tuple(first), _doubtful(file, first, filled if len(judged) > 1 else ()))


def _doubtful(file: StoredFile, first: Sequence[str], filled: Sequence[Any]) -> SourceError:
    if filled:
        return SourceError(
            "some of the files begin with a header, and some do not",
            hint="copy them apart: --header yes for those with a header, --header no for the others",
        )
    return SourceError(
        f"the first line of '{file.name}' may be a header or a row: {', '.join(first)[:200]}",
        hint="pass --header yes if it names the columns, --header no if it is a row, or name them: --header a,b,c",
    )


def _noted(options: FileOptions, **found: Any) -> FileOptions:
    return replace(options, **found, detected=(*options.detected, *found))


def _way(layout: Layout, file: StoredFile) -> tuple[str | None, str | None, int]:
    delimiter = written(layout.dialect)
    usual = delimiter == usual_delimiter(file.name)
    return None if usual else delimiter, layout.dialect.quote, layout.skip_rows


def _described(layout: Layout) -> str:
    lines = f" and {counted(layout.skip_rows, 'line')} before the header" if layout.skip_rows else ""
    quote = "" if layout.dialect.quote == '"' else f", the quote {layout.dialect.quote or 'none'}"
    return f"the delimiter {shown(written(layout.dialect))}{quote}{lines}"
