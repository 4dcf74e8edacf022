"""Which runs of a DAG a request means, by the DAG's own timetable. DAGs are taken as :func:`scheduled` gives them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from airflow.sdk import timezone
from airflow.serialization.serialized_objects import DagSerialization

from penstock.model.date_arguments import Moment
from penstock.model.errors import UsageError


@dataclass(frozen=True, slots=True)
class Wanted:
    """One run.

    Args:
        logical_date: Its logical date.
        run_after: When a scheduler would have started it.
        interval: The data interval that its timetable gives it; None where the run is none of the timetable's, and
            Airflow decides.
    """

    logical_date: datetime
    run_after: datetime | None = None
    interval: tuple[datetime, datetime] | None = None


def scheduled(dag: Any) -> Any:
    """The DAG as a scheduler has it: the timetable of the other can tell no dates."""
    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))


def runs_between(dag: Any, start: Moment, end: Moment) -> list[Wanted]:
    """The runs of the DAG's timetable whose logical date lies between two dates, both included.

    Raises:
        UsageError: The DAG has no such timetable, begins later, or has no run in that time.
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
    begins = start_of(dag)
    if begins is not None and last < begins:
        raise before_start(dag, end.text, begins)
    found = _timetabled(dag, max(filter(None, (first, begins))), last)
    if not found:
        raise UsageError(
            f"{dag.dag_id} has no run between {start.text} and {end.text}: its schedule is {dag.timetable.summary}"
        )
    return found


def run_at(dag: Any, moment: Moment) -> Wanted:
    """The run of one date: the timetable's, where it has one then; a day means its only run.

    Raises:
        UsageError: The day has several runs, or lies before the DAG's start.
    """
    zone = zone_of(dag)
    first, last = moment.first(zone), moment.last(zone)
    begins = start_of(dag)
    if begins is not None and last < begins:
        raise before_start(dag, moment.text, begins)
    found = _timetabled(dag, first, last) if dag.timetable.periodic else []
    if exact := [one for one in found if one.logical_date == first]:
        return exact[0]
    if len(found) > 1:
        times = ", ".join(one.logical_date.astimezone(zone).strftime("%H:%M") for one in found[:3])
        raise UsageError(
            f"{dag.dag_id} has {len(found)} runs on {moment.text}: {times} …",
            hint=f"name one, such as {found[0].logical_date.astimezone(zone):%Y-%m-%dT%H:%M}, "
            f"or all: --from {moment.text} --to {moment.text}",
        )
    return found[0] if found else Wanted(max(filter(None, (first, begins))) if moment.is_day else first)


def run_now() -> Wanted:
    """A run of this moment, as one that is started by hand."""
    return Wanted(timezone.utcnow())


def start_of(dag: Any) -> datetime | None:
    """When the DAG begins: its start date, else the earliest of its tasks'."""
    starts = [dag.start_date, *(task.start_date for task in dag.tasks)]
    return dag.start_date or min((one for one in starts if one is not None), default=None)


def zone_of(dag: Any) -> tzinfo:
    """The DAG's time zone, which dates without one are in."""
    zone: tzinfo = dag.timezone
    return zone


def before_start(dag: Any, text: str, begins: datetime) -> UsageError:
    """The error of a date on which the DAG has not begun."""
    day = begins.astimezone(zone_of(dag)).strftime("%Y-%m-%d")
    return UsageError(
        f"{dag.dag_id} begins on {day}, {text} lies before",
        hint=f"choose a date from {day} on, move the DAG's start_date, "
        "or let the running stack do it: penstock backfill",
    )


def _timetabled(dag: Any, first: datetime, last: datetime) -> list[Wanted]:
    return [
        Wanted(info.logical_date, info.run_after, (info.data_interval.start, info.data_interval.end))
        for info in dag.iter_dagrun_infos_between(first, last)
        if info.logical_date is not None
    ]
