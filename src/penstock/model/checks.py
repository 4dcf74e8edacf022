"""Checks of a table after a copy: what they are, and their results."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

from penstock.model.columns import require
from penstock.model.contract import Contract, Kind
from penstock.model.date_arguments import parse_duration
from penstock.model.errors import CheckFailed, ContractError, UsageError
from penstock.model.plurals import counted

CheckKind = Literal["not_null", "unique", "accepted", "fresh", "volume"]
OnFailure = Literal["fail", "warn"]

_WARN = "warn:"
_HINT = (
    "write it as not_null:column, unique:column,column, accepted:column=value,value, fresh:column=1 day or "
    "volume:50%-200%; with warn: before it, it only warns"
)
_SHARE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)%(?:\s*-\s*(\d{1,6}(?:\.\d{1,3})?)%)?")
_MOMENTS = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCheck:
    """A check of a table after a copy, in its transaction.

    Args:
        kind: ``not_null``; ``unique`` (of rows without NULL in these columns); ``accepted`` (only these values, or
            NULL); ``fresh`` (the greatest value is at most so old); ``volume`` (the rows of this copy, as a share of
            the median of the last ones).
        values: The accepted values, as texts.
        age: How old the greatest value may be, such as ``1 day``.
        least: The least share, in percent.
        most: The greatest share, in percent.
        on_failure: ``fail`` rolls the copy back; ``warn`` keeps it.
    """

    kind: CheckKind
    columns: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    age: str = ""
    least: float = 0
    most: float | None = None
    on_failure: OnFailure = "fail"

    @classmethod
    def parse(cls, text: str) -> TableCheck:
        """Read the text of a check.

        Raises:
            UsageError: If it is not one.

        Example:
            >>> TableCheck.parse("warn:accepted:channel=web,shop").values
            ('web', 'shop')
        """
        on_failure: OnFailure = "warn" if text.startswith(_WARN) else "fail"
        kind, _, words = text.removeprefix(_WARN).partition(":")
        kind = kind.strip()
        name, sign, value = words.partition("=")
        share = _SHARE.fullmatch(words.strip())
        if kind in ("not_null", "unique") and (columns := _listed(words)):
            return cls(kind=kind, columns=columns, on_failure=on_failure)  # type: ignore[arg-type]
        if kind == "accepted" and name.strip() and value.strip():
            values = _words(value)
            return cls(kind="accepted", columns=(name.strip(),), values=values, on_failure=on_failure)
        if kind == "fresh" and name.strip() and sign:
            parse_duration(value)
            return cls(kind="fresh", columns=(name.strip(),), age=value.strip(), on_failure=on_failure)
        if kind == "volume" and share is not None:
            most = None if share[2] is None else float(share[2])
            return cls(kind="volume", least=float(share[1]), most=most, on_failure=on_failure)
        raise UsageError(f"invalid check {text!r}", hint=_HINT)

    def resolved(self, contract: Contract) -> tuple[str, ...]:
        """The columns as the table names them.

        Raises:
            ContractError: If the table lacks one, or it has a type that the check cannot read.
        """
        table = f"{contract.schema}.{contract.table}"
        names = [column.name for column in contract.columns]
        found = tuple(require(name, names, "column of a check", table) for name in self.columns)
        for column in contract.columns:
            if self.kind == "fresh" and column.name in found and column.kind not in _MOMENTS:
                raise ContractError(
                    f"check fresh: column {column.name} of {table} has the type {column.type}",
                    hint="choose a column of type date, timestamp or timestamptz",
                )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of a check.

    Args:
        check: The check as a text, such as ``unique:sale_id``.
        found: What it found, in words.
    """

    check: str
    passed: bool
    found: str
    on_failure: OnFailure

    def __str__(self) -> str:
        state = "passed" if self.passed else "failed" if self.on_failure == "fail" else "failed (warning)"
        return f"check {state}: {self.check}: {self.found}"


def as_texts(checks: str | Iterable[str | Mapping[str, Any]]) -> tuple[str, ...]:
    """Checks as texts; each may be a mapping, as in a YAML file.

    Raises:
        UsageError: If one is invalid.

    Example:
        >>> as_texts([{"accepted": {"channel": ["web", "shop"]}, "on_failure": "warn"}, {"unique": ["day", "store"]}])
        ('warn:accepted:channel=web,shop', 'unique:day,store')
    """
    texts = tuple(_text(one) for one in ([checks] if isinstance(checks, str) else checks))
    for text in texts:
        TableCheck.parse(text)
    return texts


def require_columns(checks: Iterable[str], contract: Contract) -> None:
    """Look for the columns of checks before any row is read.

    Raises:
        ContractError: If the table lacks one.
    """
    for text in checks:
        TableCheck.parse(text).resolved(contract)


def enforce_checks(results: Sequence[CheckResult], target: str) -> None:
    """Stop a copy before it commits.

    Raises:
        CheckFailed: If a check failed that does not only warn.
    """
    failed = [result for result in results if not result.passed and result.on_failure == "fail"]
    if failed:
        shown = "".join(f"\n  {result.check}: {result.found}" for result in failed)
        raise CheckFailed(
            f"{counted(len(failed), 'check')} of {target} failed; nothing was changed{shown}",
            hint=f"fix the source, or only warn: --check 'warn:{failed[0].check}'",
        )


def _text(check: str | Mapping[str, Any]) -> str:
    if isinstance(check, str):
        return check.strip()
    fields = dict(check)
    on_failure = fields.pop("on_failure", "fail")
    if len(fields) != 1 or on_failure not in get_args(OnFailure):
        raise UsageError(
            f"invalid check {check!r}", hint="a check has one kind, and on_failure may be fail or warn"
        )
    ((kind, value),) = fields.items()
    if isinstance(value, Mapping):
        if len(value) != 1:
            raise UsageError(f"invalid check {check!r}", hint=f"name one column: {kind}: {{column: ...}}")
        ((column, inner),) = value.items()
        words = f"{column}={_joined(inner)}"
    else:
        words = _joined(value)
    return f"{_WARN if on_failure == 'warn' else ''}{kind}:{words}"


def _joined(value: Any) -> str:
    """The words with commas between them; one that holds a comma is quoted."""
    if not isinstance(value, list | tuple):
        return _word(value)
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([_word(one) for one in value])
    return line.getvalue()


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)


def _listed(words: str) -> tuple[str, ...]:
    return tuple(word for word in _words(words) if word)


def _words(words: str) -> tuple[str, ...]:
    try:
        (row,) = csv.reader([words], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        raise UsageError(f"invalid list {words!r}", hint='write it as a,b or "a, b",c') from None
    return tuple(word.strip() for word in row)
