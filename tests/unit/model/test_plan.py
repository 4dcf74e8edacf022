from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.model.errors import UsageError
from penstock.model.options import CopyOptions, make_plan
from penstock.model.plan import CopyPlan, Threshold

NAMES = st.text(st.characters(categories=["L"]), min_size=1, max_size=5)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["append", "replace", "merge"]),
        "key": st.lists(NAMES, max_size=3),
        "order_by": NAMES,
        "max_rejects": st.integers(0, 99).map(str) | st.integers(0, 99).map(lambda n: f"{n}%"),
        "header": st.lists(NAMES, min_size=1, max_size=3),
        "null_values": st.lists(NAMES, max_size=3),
        "quote": st.none() | st.just("'"),
        "skip_extra": st.booleans(),
    },
)


@given(OPTIONS)
def test_a_plan_survives_json_and_pickle(options: CopyOptions) -> None:
    plan = make_plan("in.csv", "warehouse:t", **options)
    assert CopyPlan.from_json(plan.to_json()) == plan
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert hash(plan) == hash(make_plan("in.csv", "warehouse:t", **options))


def test_words_become_values() -> None:
    plan = make_plan(
        "in.csv",
        "warehouse:t",
        mode="interval",
        key="a, b",
        interval_column="at",
        interval_start="1",
        interval_end="2",
        filter_column="c",
        filter_value="",
        max_rejects=3,
    )
    assert plan.key == ("a", "b")
    assert plan.interval is not None
    assert (plan.interval.column, plan.where, plan.max_rejects) == ("at", ("c", ""), Threshold(count=3))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "upsert"}, "no mode 'upsert'"),
        ({"mode": "interval"}, "belong together"),
        ({"interval_column": "at"}, "incomplete interval"),
        ({"interval_column": "a", "interval_start": "1", "interval_end": "2"}, "belong together"),
        ({"filter_value": "x"}, "incomplete filter"),
        ({"max_rejects": "1.5"}, "invalid threshold"),
        ({"max_rejects": "-1"}, "invalid threshold"),
    ],
)
def test_words_that_mean_nothing(options: CopyOptions, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_plan("in.csv", "warehouse:t", **options)


@pytest.mark.parametrize(
    ("text", "rejected", "read", "exceeded"),
    [
        ("0", 0, 5, False),
        ("0", 1, 5, True),
        ("20%", 1, 5, False),
        ("20%", 2, 5, True),
        ("0.1%", 1, 1000, False),
        ("0.1%", 1, 999, True),
        ("0%", 0, 0, False),
    ],
)
def test_threshold(text: str, rejected: int, read: int, exceeded: bool) -> None:
    threshold = Threshold.parse(text)
    assert threshold.exceeded(rejected=rejected, read=read) is exceeded
    assert str(threshold) == text
