"""Adaptation: finds how an existing table has to change to hold the rows of a source other than a table."""

from __future__ import annotations

from collections.abc import Callable

from penstock.engine.cleaning.cleaner import Cleaner
from penstock.engine.schema_changes import Wanted, enlarged, find_changes
from penstock.engine.type_inference import infer
from penstock.model.columns import pair, require
from penstock.model.contract import Change, Contract
from penstock.model.plan import CopyPlan
from penstock.model.result import Reason
from penstock.ports import Batch, Recognised, Session, Source


class Adaptation:
    """The changes that a plan with ``on_change`` makes to a table.

    Args:
        as_text: Columns that the server parses.
        begin: Called with the name of each pass through the source.
        found: Called with each batch of the first pass.
    """

    def __init__(
        self,
        plan: CopyPlan,
        source: Source,
        as_text: frozenset[str],
        begin: Callable[[str], None],
        found: Callable[[Batch], None],
    ) -> None:
        self._plan = plan
        self._source = source
        self._as_text = as_text
        self._begin = begin
        self._found = found

    def find(self, session: Session, contract: Contract) -> list[Change]:
        """The changes, as far as the plan allows them."""
        shared = self._shared(contract)
        wanted = self._new_columns(set(shared.values()))
        if self._plan.on_change != "add":
            wanted += [
                Wanted(source=shared[column.name], name=column.name, type=column.type)
                for column in self._large_enough(contract).columns
                if column.name in shared
            ]
        gone: set[str] = set()
        if self._plan.on_change == "follow" and _has_header(self._source):
            gone = session.once_copied(contract) - shared.keys()
        return find_changes(self._plan, contract, wanted, gone)

    def _shared(self, contract: Contract) -> dict[str, str]:
        return pair([column.name for column in contract.columns], list(self._source.columns))

    def _new_columns(self, known: set[str]) -> list[Wanted]:
        if set(self._source.columns) <= known:
            return []
        self._begin("inferring types")
        columns = infer(self._source, self._plan.file, self._found)
        return [
            Wanted(source=name, name=column.name, type=column.type)
            for name, column in zip(self._source.columns, columns, strict=True)
            if name not in known
        ]

    def _large_enough(self, contract: Contract) -> Contract:
        """The contract with types that hold the numbers and texts that are too large for it."""
        shared = self._shared(contract)
        where = self._plan.where
        if where is not None:
            where = require(where[0], self._source.columns, "filter column", "the source"), where[1]
        while True:
            pairs = [(column, shared[column.name]) for column in contract.columns if column.name in shared]
            cleaner = Cleaner(pairs, self._plan.file, required=(), where=where, as_text=self._as_text)
            self._begin("inferring types")
            small = {
                reject.column
                for batch in map(cleaner.clean, self._source.batches())
                for reject in batch.rejects
                if reject.reason in (Reason.OUT_OF_RANGE, Reason.TOO_LONG) and reject.column is not None
            }
            larger = enlarged(contract, small)
            if larger == contract:
                return contract
            contract = larger


def _has_header(source: Source) -> bool:
    """Whether a column that the source lacks does not exist: JSON has a key only where there is a value."""
    if not isinstance(source, Recognised):
        return False
    json = source.options.format in ("json", "jsonl")
    return not json and not any(
        mark in name.lower() for name in source.files for mark in (".json", ".ndjson")
    )
