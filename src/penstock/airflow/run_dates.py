"""Resolves dates to runs of a DAG, by the DAG's timetable. Pass DAGs as :func:`scheduled` returns them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from airflow.sdk import timezone
from airflow.serialization.serialized_objects import DagSerialization

from penstock.model.date_arguments import Moment, ended, in_short
from penstock.model.errors import NothingDone, UsageError

_NEXT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One run to make.

    Args:
        logical_date: The run's logical date.
        run_after: When a scheduler would start the run.
        interval: The data interval of the scheduled run, or of a manual run at that moment.
        is_scheduled: Whether the run is part of the timetable.
    """

    logical_date: datetime
    run_after: datetime | None = None
    interval: tuple[datetime, datetime] | None = None
    is_scheduled: bool = False


def scheduled(dag: Any) -> Any:
    """Return the DAG as the scheduler sees it; only its timetable can compute dates."""
    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))


def runs_between(dag: Any, start: Moment, end: Moment) -> list[Wanted]:
    """Return the scheduled runs with a logical date between two dates, inclusive.

    Raises:
        UsageError: The DAG has no periodic schedule, or the dates are in the wrong order.
        NothingDone: The DAG starts later, ended earlier, or has no run in that time.
    """
    zone = zone_of(dag)
    first, last = start.first(zone), end.last(zone)
    if first > last:
        raise UsageError(f"{start.text} is after {end.text}", hint="swap --from and --to")
    if not dag.timetable.periodic:
        raise UsageError(
            f"{dag.dag_id} has no periodic schedule: {dag.timetable.summary}",
            hint=f"run one date: penstock run {dag.dag_id} --date {start.text}",
        )
    begins, ends = start_of(dag), end_of(dag)
    if begins is not None and last < begins:
        raise before_start(dag, end.text, begins)
    if ends is not None and first > ends:
        raise after_end(dag, start.text, ends)
    found = list(_timetabled(dag, max(filter(None, (first, begins))), min(filter(None, (last, ends)))))
    if not found:
        raise NothingDone(
            f"{dag.dag_id} has no run between {start.text} and {end.text}: its schedule is {dag.timetable.summary}"
        )
    return found


def left_out(dag: Any, start: Moment, end: Moment) -> list[str]:
    """Return notes about scheduled runs between two dates that :func:`runs_between` leaves out."""
    zone = zone_of(dag)
    first, last = start.first(zone), end.last(zone)
    begins, ends = start_of(dag), end_of(dag)
    said = []
    if begins is not None and _any(dag, first, min(last, begins - _NEXT)):
        said.append(f"{dag.dag_id} starts on {_shown(begins, zone)}: skipping earlier dates")
    if ends is not None and _any(dag, max(first, ends + _NEXT), last):
        said.append(f"{dag.dag_id} ended on {_shown(ends, zone)}: skipping later dates")
    return said


def run_at(dag: Any, moment: Moment) -> Wanted:
    """Return the run of one date: the scheduled run if there is one. A day stands for its only run.

    Raises:
        UsageError: The day has several runs.
        NothingDone: The date is before the DAG's start or after its end.
    """
    zone = zone_of(dag)
    first, last = moment.first(zone), moment.last(zone)
    begins, ends = start_of(dag), end_of(dag)
    if begins is not None and last < begins:
        raise before_start(dag, moment.text, begins)
    if ends is not None and first > ends:
        raise after_end(dag, moment.text, ends)
    last = min(filter(None, (last, ends)))
    found = list(_timetabled(dag, first, last)) if dag.timetable.periodic else []
    if exact := [one for one in found if one.logical_date == first]:
        return exact[0]
    if len(found) > 1:
        times = ", ".join(one.logical_date.astimezone(zone).strftime("%H:%M") for one in found[:3])
        raise UsageError(
            f"{dag.dag_id} has {len(found)} runs on {moment.text}: {times} ...",
            hint=f"choose one, such as {found[0].logical_date.astimezone(zone):%Y-%m-%dT%H:%M}, "
            f"or run all: --from {moment.text} --to {moment.text}",
        )
    return (
        found[0] if found else _by_hand(dag, max(filter(None, (first, begins))) if moment.is_day else first)
    )


def run_now(dag: Any) -> Wanted:
    """Return a manual run at this moment.

    Raises:
        NothingDone: The DAG starts later, or has ended.
    """
    now = timezone.utcnow()
    begins, ends = start_of(dag), end_of(dag)
    if begins is not None and now < begins:
        raise before_start(dag, "now", begins)
    if ends is not None and now > ends:
        raise after_end(dag, "now", ends)
    return _by_hand(dag, now)


def _by_hand(dag: Any, moment: datetime) -> Wanted:
    interval = dag.timetable.infer_manual_data_interval(run_after=moment)
    return Wanted(moment, None, (interval.start, interval.end))


def described(dag: Any, wanted: Wanted) -> str:
    """Return the data interval of a run, in words."""
    start, end = wanted.interval or (wanted.logical_date, wanted.logical_date)
    first, last = (_shown(one, zone_of(dag)) for one in (start, end))
    return (
        f"with an empty data interval, {first}" if start == end else f"of the data interval {first} to {last}"
    )


def start_of(dag: Any) -> datetime | None:
    """Return the DAG's start date, or else the earliest start date of its tasks."""
    starts = [dag.start_date, *(task.start_date for task in dag.tasks)]
    return dag.start_date or min((one for one in starts if one is not None), default=None)


def end_of(dag: Any) -> datetime | None:
    """Return the DAG's end date, or else the latest end date of its tasks if all tasks have one."""
    ends = [task.end_date for task in dag.tasks]
    return dag.end_date or (max(ends) if ends and None not in ends else None)


def zone_of(dag: Any) -> tzinfo:
    """Return the DAG's time zone, which applies to dates without a time zone."""
    zone: tzinfo = dag.timezone
    return zone


def before_start(dag: Any, text: str, begins: datetime) -> NothingDone:
    """Return the error for a date before the DAG's start."""
    day = _shown(begins, zone_of(dag))
    return NothingDone(
        f"{dag.dag_id} starts on {day}, after {text}",
        hint=f"choose a date from {day} on, change the DAG's start_date, "
        "or use the running stack: penstock backfill",
    )


def after_end(dag: Any, text: str, ends: datetime) -> NothingDone:
    """Return the error for a date after the DAG's end, for which Airflow would run no task and report success."""
    return ended(dag.dag_id, text, ends.astimezone(zone_of(dag)))


def _shown(moment: datetime, zone: tzinfo) -> str:
    """Format a date for messages; at midnight, without the time."""
    return in_short(moment.astimezone(zone))


def _any(dag: Any, first: datetime, last: datetime) -> bool:
    return first <= last and next(_timetabled(dag, first, last), None) is not None


def _timetabled(dag: Any, first: datetime, last: datetime) -> Iterator[Wanted]:
    for info in dag.iter_dagrun_infos_between(first, last):
        if info.logical_date is not None:
            interval = (info.data_interval.start, info.data_interval.end)
            yield Wanted(info.logical_date, info.run_after, interval, is_scheduled=True)
