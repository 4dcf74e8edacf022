"""Row errors: finds the rows that make a statement fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.sql import SQL, Composable, Literal

from penstock.model.errors import TargetError
from penstock.model.plan import Threshold
from penstock.model.result import Reason
from penstock.postgres.staging import Statements

Action = Callable[[Composable], object]
"""Runs a statement with some of the staged rows; they are given as SQL for a ``FROM`` clause."""

# Classes of errors that no row causes: connections, transactions, resources, locks, administrators, internal errors.
_NOT_OF_ROWS = ("08", "0B", "25", "28", "40", "53", "55", "57", "58", "F0", "XX")
_DENIED = "42501"

_REASONS = {
    "22001": Reason.TOO_LONG,
    "22003": Reason.OUT_OF_RANGE,
    "22008": Reason.OUT_OF_RANGE,
    "23502": Reason.MISSING,
    "23503": Reason.FOREIGN_KEY,
    "23505": Reason.KEY_CONFLICT,
    "23514": Reason.CHECK,
    "23P01": Reason.KEY_CONFLICT,
}

# Finding one row takes some 20 statements in a million rows.
_MOST = 10_000


def is_row_error(error: psycopg.Error) -> bool:
    """Whether single rows may have caused an error."""
    code = error.sqlstate
    return code is not None and not code.startswith(_NOT_OF_ROWS) and code != _DENIED


@dataclass(frozen=True, slots=True)
class RowError:
    """A staged row that the server refuses.

    Args:
        row: Its place in the stage.
    """

    row: str
    error: psycopg.Error

    @property
    def message(self) -> str:
        """The server's words."""
        return self.error.diag.message_primary or str(self.error)

    def reason(self, otherwise: Reason) -> Reason:
        """The reason code."""
        return _REASONS.get(self.error.sqlstate or "", otherwise)


class RowErrors:
    """Finds and rejects the rows of one copy's stage that make a statement fail.

    Args:
        limit: No more rejects are looked for than the copy survives.
    """

    def __init__(self, statements: Statements, limit: Threshold | None = None) -> None:
        self._statements = statements
        self._limit = limit

    def guard(
        self, act: Callable[[], object], probe: Action, *, otherwise: Reason, column: str | None = None
    ) -> None:
        """Run statements; if rows make them fail, reject these and run them again.

        Args:
            probe: Fails for the same rows.
            otherwise: The reason code for errors that have none of their own.
            column: The column of the rejects.
        """
        try:
            with self._statements.transaction():
                act()
        except psycopg.Error as error:
            if not is_row_error(error):
                raise
            cause = error
        else:
            return
        self.reject(self.find(probe, cause), otherwise=otherwise, column=column)
        act()

    def find(
        self, act: Action, cause: psycopg.Error, doubtful: Callable[[psycopg.Error], bool] = lambda _: False
    ) -> list[RowError]:
        """The rows without which an action succeeds, found by halving: good halves are kept, so that a row fails if it
        conflicts with an earlier one. Then everything is rolled back.

        Args:
            cause: The error of all rows together.
            doubtful: Whether an error may be due to rows of other halves. Such rows count only if there are no others.

        Raises:
            psycopg.Error: The cause, if it is not due to single rows.
            TargetError: If too many rows fail.
            TooManyRejects: If more fail than the copy survives.
        """
        with self._statements.transaction(force_rollback=True):
            self._statements.run("number_rows")
            (count,) = self._statements.values("count_numbered")
            if self._failure(act, 1, 0) is not None:
                raise cause
            failed: list[tuple[int, psycopg.Error]] = []
            doubted: list[tuple[int, psycopg.Error]] = []
            left = [(1, count)]
            while left:
                low, high = left.pop()
                error = self._failure(act, low, high)
                if error is None:
                    continue
                if low < high:
                    middle = (low + high) // 2
                    left += [(middle + 1, high), (low, middle)]
                    continue
                (doubted if doubtful(error) else failed).append((low, error))
                self._enforce(failed, doubted, count)
            failed = failed or doubted
            if not failed:
                raise cause
            places = self._statements.rows("places", numbers=Literal([number for number, _ in failed]))
            return [RowError(place["place"], error) for place, (_, error) in zip(places, failed, strict=True)]

    def reject(
        self,
        errors: Sequence[RowError],
        *,
        otherwise: Reason = Reason.SERVER_ERROR,
        column: str | None = None,
    ) -> None:
        """Move rows from the stage to quarantine."""
        self._statements.run(
            "reject_failed",
            rows=Literal([error.row for error in errors]),
            reasons=Literal([error.reason(otherwise).value for error in errors]),
            column_names=Literal([column or error.error.diag.column_name for error in errors]),
            messages=Literal([error.message for error in errors]),
        )

    def _failure(self, act: Action, low: int, high: int) -> psycopg.Error | None:
        rows = SQL("(SELECT * FROM penstock_numbered WHERE _penstock_number BETWEEN {} AND {})")
        try:
            with self._statements.transaction():
                act(rows.format(low, high))
                self._statements.run("check_deferred")
        except psycopg.Error as error:
            if not is_row_error(error):
                raise
            return error
        return None

    def _enforce(
        self,
        failed: Sequence[tuple[int, psycopg.Error]],
        doubted: Sequence[tuple[int, psycopg.Error]],
        count: int,
    ) -> None:
        if self._limit is not None and self._limit.count is not None:
            examples = [RowError("", error).message for _, error in failed[:3]]
            self._limit.enforce(rejected=len(failed), read=count, examples=examples)
        if max(len(failed), len(doubted)) > _MOST:
            message = RowError("", (failed or doubted)[0][1]).message
            raise TargetError(
                f"the server refuses more than {_MOST:,} rows, the first with: {message}",
                hint="fix the rows, or what refuses them: a constraint, an index, a trigger; nothing was changed",
            )
