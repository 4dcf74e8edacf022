from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.engine.duplicates import Repeats


def batch(*columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns), names=[f"k{n}" for n in range(len(columns))])


@given(st.lists(st.lists(st.tuples(st.integers(0, 20), st.text("ab ", max_size=2)), max_size=20), max_size=5))
def test_no_repeated_key_is_missed(parts: list[list[tuple[int, str]]]) -> None:
    repeats = Repeats(["k0", "k1"])
    seen: set[tuple[int, str]] = set()
    for part in parts:
        rows = batch(
            pa.array([n for n, _ in part], pa.int32()), pa.array([t for _, t in part], pa.large_string())
        )
        for key, marked in zip(part, repeats.mark(rows), strict=True):
            assert marked or key not in seen
            seen.add(key)


def test_few_rows_are_marked_wrongly() -> None:
    repeats = Repeats(["k0"])
    marked = sum(
        int(repeats.mark(batch(pa.array(np.arange(n, n + 50_000)))).sum()) for n in range(0, 500_000, 50_000)
    )
    assert marked < 500


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (pa.array([Decimal("1.0")], pa.decimal128(38, 1)), pa.array([Decimal("1.00")], pa.decimal128(38, 2))),
        (pa.array([0.0]), pa.array([-0.0])),
        (pa.array(["a"], pa.large_string()), pa.array(["a  "], pa.large_string())),
        (pa.array([None], pa.int32()), pa.array([None], pa.int32())),
    ],
)
def test_values_that_the_server_holds_equal(left: Any, right: Any) -> None:
    repeats = Repeats(["k0"])
    assert not repeats.mark(batch(left)).any()
    assert repeats.mark(batch(right)).all()


def test_without_a_key_nothing_repeats_and_unsure_everything_does() -> None:
    rows = batch(pa.array([1, 1]))
    assert not Repeats([]).mark(rows).any()
    assert Repeats(["k0"], unsure=True).mark(rows).all()
    assert Repeats(["k0"]).mark(batch(pa.array([], pa.int64()))).size == 0
