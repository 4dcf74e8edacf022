"""The validation table, in which Snowflake separates valid rows from rejects.

``ON_ERROR = CONTINUE`` with ``VALIDATE`` only returns messages. This table returns the whole row with column and
reason code, for Parquet and CSV.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.sql import SQL

from penstock.model.manifest import Manifest
from penstock.model.plurals import counted
from penstock.model.result import Reason
from penstock.postgres.queries import queries
from penstock.snowflake.columns import TableColumn, column_type, identifier, literal

_SQL = queries(__package__, "sieve.sql")
_SCHEMA = "PENSTOCK_LEDGER"
LIST_SIEVES = f"SHOW TABLES LIKE 'SIEVE_%' IN SCHEMA {_SCHEMA}"
_LONGEST = timedelta(days=1)  # that a load may take
_LENGTH = re.compile(r"VARCHAR\((\d+)\)")
_MOST_LETTERS = 16_777_216  # what a VARCHAR without a length may hold
# The types that TRY_CAST supports. For others an invalid value fails the whole load.
_TRIED = re.compile(r"(NUMBER|FLOAT|DOUBLE|BOOLEAN|DATE|TIME|TIMESTAMP_(?:NTZ|LTZ|TZ))(\(.*\))?")
# The text of these types is exact; that of others, such as FLOAT, may lose digits.
_TOLD = ("VARCHAR", "NUMBER")


@dataclass(frozen=True, slots=True)
class Test:
    """A test for invalid rows.

    Args:
        condition: SQL condition that is true for an invalid row.
    """

    condition: str
    reason: Reason
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Sieve:
    """The table of one load, which exists during the load and is named by its identity. A killed load's table is
    replaced when the same load is repeated, or removed by any other load a day later.

    Args:
        columns: The target's columns, in the manifest's order.
    """

    identity: str
    manifest: Manifest
    columns: Sequence[TableColumn]

    @property
    def name(self) -> str:
        """Quoted."""
        return identifier(_SCHEMA, f"SIEVE_{self.identity}")

    def create(self) -> str:
        """The statement that makes the table. Its types can hold all values of the files."""
        columns = ", ".join(
            f"{identifier(column.name)} {self._own_type(place)}"
            for place, column in enumerate(self.manifest.columns)
        )
        return f"CREATE OR REPLACE TRANSIENT TABLE {self.name} ({columns})"

    def drop(self) -> str:
        """The statement that removes the table."""
        return f"DROP TABLE IF EXISTS {self.name}"

    def tests(self) -> list[Test]:
        """The tests, in the order of the columns; empty if every row is valid."""
        return [test for place in range(len(self.columns)) for test in self._tests_of(place)]

    def reject(self, target: str, file: str) -> str:
        """The statement that copies invalid rows to quarantine."""
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
        """The statement that copies valid rows to the table of this quoted name."""
        return _filled(
            "pass",
            table=table,
            columns=", ".join(column.quoted for column in self.columns),
            values=", ".join(map(self._value, range(len(self.columns)))),
            sieve=self.name,
            verdict=self._verdict(),
        )

    def empty(self) -> str:
        """The statement that empties the table for the next file; TRUNCATE would end the transaction."""
        return f"DELETE FROM {self.name}"

    def _own_type(self, place: int) -> str:
        # The server checks the text of a CSV file as it is.
        return "VARCHAR" if self.manifest.format == "csv" else column_type(self.manifest.columns[place])

    def _tests_of(self, place: int) -> list[Test]:
        column, own = self.columns[place], self.manifest.columns[place]
        value, found = identifier(own.name), []
        if not column.nullable:
            found.append(Test(f"{value} IS NULL", Reason.MISSING, own.name, "no value"))
        length = _LENGTH.fullmatch(column.type)
        if length is not None and int(length[1]) < _MOST_LETTERS:
            letters = f"LENGTH(TO_VARCHAR({value})) > {length[1]}"
            longest = counted(int(length[1]), "character")
            found.append(Test(letters, Reason.TOO_LONG, own.name, f"longer than {longest}"))
        if self._is_tried(place):
            unfit = f"{value} IS NOT NULL AND {self._tried(place)} IS NULL"
            number = self._own_type(place).startswith("NUMBER")
            reason = Reason.OUT_OF_RANGE if number else Reason.BAD_TYPE
            found.append(Test(unfit, reason, own.name, f"not a valid {column.type}"))
        return found

    def _is_tried(self, place: int) -> bool:
        own, column = self._own_type(place), self.columns[place]
        return own.startswith(_TOLD) and own != column.type and _TRIED.fullmatch(column.type) is not None

    def _tried(self, place: int) -> str:
        value = identifier(self.manifest.columns[place].name)
        return f"TRY_CAST(TO_VARCHAR({value}) AS {self.columns[place].type})"

    def _value(self, place: int) -> str:
        # Not a plain CAST: the server may evaluate it on rows that the WHERE excludes.
        return self._tried(place) if self._is_tried(place) else identifier(self.manifest.columns[place].name)

    def _verdict(self) -> str:
        whens = " ".join(f"WHEN {test.condition} THEN {number}" for number, test in enumerate(self.tests()))
        return f"CASE {whens} END"


def drop_left(tables: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[str]:
    """Statements that remove the tables of killed loads that were not repeated.

    Args:
        tables: The rows of :data:`LIST_SIEVES`, as dictionaries.

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
    # Every part that holds user input is quoted.
    pieces = {key: SQL(part) for key, part in parts.items()}
    return _SQL[name].format(**pieces).as_string(None)
