"""The sieve: a table in which Snowflake itself tells the rows that the target takes from those it does not.

``ON_ERROR = CONTINUE`` with ``VALIDATE`` would tell them too, but in words only: this way the whole row comes back,
with the column and one of our reasons, from Parquet and CSV alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.sql import SQL

from penstock.model.manifest import Manifest
from penstock.model.reject import Reason
from penstock.postgres.queries import queries
from penstock.snowflake.columns import TableColumn
from penstock.snowflake.quoting import identifier, literal
from penstock.snowflake.types import column_type

_SQL = queries(__package__, "sieve.sql")
_SCHEMA = "PENSTOCK_LEDGER"
LIST_SIEVES = f"SHOW TABLES LIKE 'SIEVE_%' IN SCHEMA {_SCHEMA}"
_LONGEST = timedelta(days=1)  # that a load may take
_LENGTH = re.compile(r"VARCHAR\((\d+)\)")
_MOST_LETTERS = 16_777_216  # what a VARCHAR without a length may hold
# What TRY_CAST knows. Others are left to the server, which refuses the load as a whole.
_TRIED = re.compile(r"(NUMBER|FLOAT|DOUBLE|BOOLEAN|DATE|TIME|TIMESTAMP_(?:NTZ|LTZ|TZ))(\(.*\))?")
# Of these a text says all there is; of others, such as FLOAT, it might say less.
_TOLD = ("VARCHAR", "NUMBER")


@dataclass(frozen=True, slots=True)
class Test:
    """What a row must not be.

    Args:
        condition: In SQL, true of a bad row.
    """

    condition: str
    reason: Reason
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Sieve:
    """The table of one load, there for as long as that goes on, and named by its identity. One that a killed load left
    is replaced when the same load is run again, or removed by any other that comes a day later.

    Args:
        columns: The target's own, in the order of the manifest's.
    """

    identity: str
    manifest: Manifest
    columns: Sequence[TableColumn]

    @property
    def name(self) -> str:
        """Quoted."""
        return identifier(_SCHEMA, f"SIEVE_{self.identity}")

    def create(self) -> str:
        """The statement that makes it. Its types hold whatever the files do, so that all rows get in."""
        columns = ", ".join(
            f"{identifier(column.name)} {self._own_type(place)}"
            for place, column in enumerate(self.manifest.columns)
        )
        return f"CREATE OR REPLACE TRANSIENT TABLE {self.name} ({columns})"

    def drop(self) -> str:
        """The statement that removes it."""
        return f"DROP TABLE IF EXISTS {self.name}"

    def tests(self) -> list[Test]:
        """In the order of the columns. None means that the target takes every row."""
        return [test for place in range(len(self.columns)) for test in self._tests_of(place)]

    def reject(self, target: str, file: str) -> str:
        """The statement that brings bad rows to quarantine."""
        rows = ", ".join(
            f"({number}, {literal(test.reason)}, {literal(test.field)}, {literal(test.message)})"
            for number, test in enumerate(self.tests())
        )
        pairs = ", ".join(
            f"{literal(column.name)}, {identifier(column.name)}" for column in self.manifest.columns
        )
        return _filled(
            "reject",
            id=literal(self.identity),
            target=literal(target),
            file=literal(file),
            raw=f"TO_JSON(OBJECT_CONSTRUCT_KEEP_NULL({pairs}))",
            verdict=self._verdict(),
            sieve=self.name,
            tests=rows,
        )

    def pass_on(self, table: str) -> str:
        """The statement that brings good rows to the table, whose quoted name this is."""
        return _filled(
            "pass",
            table=table,
            columns=", ".join(column.quoted for column in self.columns),
            values=", ".join(map(self._value, range(len(self.columns)))),
            sieve=self.name,
            verdict=self._verdict(),
        )

    def empty(self) -> str:
        """The statement that makes room for the next file; a TRUNCATE would end the transaction."""
        return f"DELETE FROM {self.name}"

    def _own_type(self, place: int) -> str:
        # Text of a CSV file is judged by the server as it stands there.
        return "VARCHAR" if self.manifest.format == "csv" else column_type(self.manifest.columns[place])

    def _tests_of(self, place: int) -> list[Test]:
        column, own = self.columns[place], self.manifest.columns[place]
        value, found = identifier(own.name), []
        if not column.nullable:
            found.append(Test(f"{value} IS NULL", Reason.MISSING, own.name, "no value"))
        length = _LENGTH.fullmatch(column.type)
        if length is not None and int(length[1]) < _MOST_LETTERS:
            letters = f"LENGTH(TO_VARCHAR({value})) > {length[1]}"
            found.append(Test(letters, Reason.TOO_LONG, own.name, f"longer than {length[1]} characters"))
        if self._is_tried(place):
            unfit = f"{value} IS NOT NULL AND {self._tried(place)} IS NULL"
            number = self._own_type(place).startswith("NUMBER")
            reason = Reason.OUT_OF_RANGE if number else Reason.BAD_TYPE
            found.append(Test(unfit, reason, own.name, f"no {column.type}"))
        return found

    def _is_tried(self, place: int) -> bool:
        own, column = self._own_type(place), self.columns[place]
        return own.startswith(_TOLD) and own != column.type and _TRIED.fullmatch(column.type) is not None

    def _tried(self, place: int) -> str:
        value = identifier(self.manifest.columns[place].name)
        return f"TRY_CAST(TO_VARCHAR({value}) AS {self.columns[place].type})"

    def _value(self, place: int) -> str:
        # Not a plain CAST: the server may try it on rows that the WHERE leaves out.
        return self._tried(place) if self._is_tried(place) else identifier(self.manifest.columns[place].name)

    def _verdict(self) -> str:
        whens = " ".join(f"WHEN {test.condition} THEN {number}" for number, test in enumerate(self.tests()))
        return f"CASE {whens} END"


def drop_left(tables: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[str]:
    """Statements that remove what killed loads left and nobody ran again.

    Args:
        tables: What :data:`LIST_SIEVES` lists, by the names of its columns.

    Example:
        >>> from datetime import UTC
        >>> days = {"SIEVE_A": datetime(2013, 2, 1, tzinfo=UTC), "SIEVE_B": datetime(2013, 2, 3, tzinfo=UTC)}
        >>> tables = [{"name": name, "created_on": day} for name, day in days.items()]
        >>> list(drop_left(tables, datetime(2013, 2, 3, 12, tzinfo=UTC)))
        ['DROP TABLE IF EXISTS "PENSTOCK_LEDGER"."SIEVE_A"']
    """
    for table in tables:
        if now - table["created_on"] > _LONGEST:
            yield f"DROP TABLE IF EXISTS {identifier(_SCHEMA, str(table['name']))}"


def _filled(name: str, **parts: str) -> str:
    # Every part is quoted where it holds anybody's input.
    pieces = {key: SQL(part) for key, part in parts.items()}
    return _SQL[name].format(**pieces).as_string(None)
