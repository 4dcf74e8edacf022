"""Which runs of a DAG a request means, by the DAG's own timetable. DAGs are taken as :func:`scheduled` gives them."""

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
    """One run.

    Args:
        logical_date: Its logical date.
        run_after: When a scheduler would have started it.
        interval: Its data interval: the timetable's, or what the timetable makes of a run by hand at that moment.
        is_scheduled: Whether it is one of the timetable's runs.
    """

    logical_date: datetime
    run_after: datetime | None = None
    interval: tuple[datetime, datetime] | None = None
    is_scheduled: bool = False


def scheduled(dag: Any) -> Any:
    """The DAG as a scheduler has it: the timetable of the other can tell no dates."""
    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))


def runs_between(dag: Any, start: Moment, end: Moment) -> list[Wanted]:
    """The runs of the DAG's timetable whose logical date lies between two dates, both included.

    Raises:
        UsageError: The DAG has no such timetable, or the dates are in the wrong order.
        NothingDone: The DAG begins later, ended before, or has no run in that time.
    """
    zone = zone_of(dag)
    first, last = start.first(zone), end.last(zone)
    if first > last:
        raise UsageError(f"{start.text} lies after {end.text}", hint="exchange --from and --to")
    if not dag.timetable.periodic:
        raise UsageError(
            f"{dag.dag_id} has no schedule to run through: {dag.timetable.summary}",
            hint=f"name one date: penstock run {dag.dag_id} --date {start.text}",
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
    """Which runs of the timetable between two dates :func:`runs_between` does not give, in words."""
    zone = zone_of(dag)
    first, last = start.first(zone), end.last(zone)
    begins, ends = start_of(dag), end_of(dag)
    said = []
    if begins is not None and _any(dag, first, min(last, begins - _NEXT)):
        said.append(f"{dag.dag_id} begins on {_shown(begins, zone)}: the dates before are left out")
    if ends is not None and _any(dag, max(first, ends + _NEXT), last):
        said.append(f"{dag.dag_id} ended on {_shown(ends, zone)}: the dates after are left out")
    return said


def run_at(dag: Any, moment: Moment) -> Wanted:
    """The run of one date: the timetable's, where it has one then; a day means its only run.

    Raises:
        UsageError: The day has several runs.
        NothingDone: It lies before the DAG's start or after its end.
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
            hint=f"name one, such as {found[0].logical_date.astimezone(zone):%Y-%m-%dT%H:%M}, "
            f"or all: --from {moment.text} --to {moment.text}",
        )
    return (
        found[0] if found else _by_hand(dag, max(filter(None, (first, begins))) if moment.is_day else first)
    )


def run_now(dag: Any) -> Wanted:
    """A run of this moment, as one that is started by hand.

    Raises:
        NothingDone: The DAG begins later, or has ended.
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


def start_of(dag: Any) -> datetime | None:
    """When the DAG begins: its start date, else the earliest of its tasks'."""
    starts = [dag.start_date, *(task.start_date for task in dag.tasks)]
    return dag.start_date or min((one for one in starts if one is not None), default=None)


def end_of(dag: Any) -> datetime | None:
    """When the DAG ends: its end date, else the latest of its tasks', where all of them have one."""
    ends = [task.end_date for task in dag.tasks]
    return dag.end_date or (max(ends) if ends and None not in ends else None)


def zone_of(dag: Any) -> tzinfo:
    """The DAG's time zone, which dates without one are in."""
    zone: tzinfo = dag.timezone
    return zone


def before_start(dag: Any, text: str, begins: datetime) -> NothingDone:
    """The error of a date on which the DAG has not begun."""
    day = _shown(begins, zone_of(dag))
    return NothingDone(
        f"{dag.dag_id} begins on {day}, {text} lies before",
        hint=f"choose a date from {day} on, move the DAG's start_date, "
        "or let the running stack do it: penstock backfill",
    )


def after_end(dag: Any, text: str, ends: datetime) -> NothingDone:
    """The error of a date on which the DAG has ended: Airflow would run no task, and call that a success."""
    return ended(dag.dag_id, text, ends.astimezone(zone_of(dag)))


def _shown(moment: datetime, zone: tzinfo) -> str:
    """As people write it: midnight is the day."""
    return in_short(moment.astimezone(zone))


def _any(dag: Any, first: datetime, last: datetime) -> bool:
    return first <= last and next(_timetabled(dag, first, last), None) is not None


def _timetabled(dag: Any, first: datetime, last: datetime) -> Iterator[Wanted]:
    for info in dag.iter_dagrun_infos_between(first, last):
        if info.logical_date is not None:
            interval = (info.data_interval.start, info.data_interval.end)
            yield Wanted(info.logical_date, info.run_after, interval, is_scheduled=True)
