"""Runs of a DAG's past, made by the running stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from penstock.model.date_arguments import Moment, ended
from penstock.model.errors import PenstockError, UsageError
from penstock.stack.airflow_api import AirflowApi, Refused

ENDED = frozenset({"success", "failed"})
_MANY = 12  # names to list where none is near
_NOT_FOUND, _CONFLICT, _UNPROCESSABLE = 404, 409, 422


@dataclass(frozen=True, slots=True)
class Wish:
    """What to run.

    Args:
        dag_id: The DAG.
        start: The first logical date.
        end: The last one; a day is meant to its end.
        reprocess: Which runs that exist already are run again: `none`, `failed`, or `completed`, which is all.
        max_active: How many run at once; None means as many as the DAG allows.
        conf: The runs' parameters.
    """

    dag_id: str
    start: Moment
    end: Moment
    reprocess: str = "none"
    max_active: int | None = None
    conf: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What would run.

    Args:
        body: The request that has it run.
        dates: The logical dates of the runs.
        existing: How many runs of that time exist and are left alone.
        paused: The DAG is, so that nothing of it runs.
        failed: How many of those that exist have failed.
        beyond: How many dates of the schedule are left out, for they lie after the DAG's end: its tasks would not run.
    """

    body: dict[str, Any]
    dates: tuple[str, ...]
    existing: int
    paused: bool
    failed: int = 0
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """How far a backfill is.

    Args:
        total: How many runs it has.
        states: How many of them are in which state.
        failed: The runs that failed, by logical date.
    """

    total: int
    states: dict[str, int] = field(default_factory=dict)
    failed: tuple[dict[str, Any], ...] = ()

    @property
    def ended(self) -> int:
        """How many runs have ended."""
        return sum(count for state, count in self.states.items() if state in ENDED)


def plan(api: AirflowApi, wish: Wish) -> Plan:
    """Ask Airflow what it would run.

    Raises:
        UsageError: There is no such DAG, it has no schedule, or the dates make no sense.
        NothingDone: The DAG ended before.
    """
    dag = find_dag(api, wish.dag_id)
    zone = _zone(dag["timezone"])
    first, last = wish.start.first(zone), wish.end.last(zone)
    if first > last:
        raise UsageError(f"{wish.start.text} lies after {wish.end.text}", hint="exchange --from and --to")
    body: dict[str, Any] = {
        "dag_id": wish.dag_id,
        "from_date": first.isoformat(),
        "to_date": last.isoformat(),
        "reprocess_behavior": wish.reprocess,
        "max_active_runs": wish.max_active or dag["max_active_runs"],
        "dag_run_conf": wish.conf,
    }
    try:
        found = api.post("backfills/dry_run", body)["backfills"]
    except Refused as error:
        if error.status != _UNPROCESSABLE:
            raise
        remedy = None if dag["timetable_periodic"] else f"penstock run {wish.dag_id} --date {wish.start.text}"
        raise UsageError(f"{wish.dag_id}: {error.message}", hint=remedy) from error
    asked = [one["logical_date"] for one in found]
    ends = None if dag["end_date"] is None else datetime.fromisoformat(dag["end_date"])
    if ends is not None and first > ends:
        raise ended(wish.dag_id, wish.start.text, ends.astimezone(zone))
    dates = tuple(one for one in asked if ends is None or datetime.fromisoformat(one) <= ends)
    if ends is not None:
        body["to_date"] = min(last, ends).isoformat()
    runs = _runs(api, wish.dag_id, body["from_date"], body["to_date"])
    there = {run["logical_date"]: run["state"] for run in runs if run["logical_date"] not in dates}
    failed = sum(state == "failed" for state in there.values())
    return Plan(body, dates, len(there), dag["is_paused"], failed, len(asked) - len(dates))


def create(api: AirflowApi, planned: Plan) -> dict[str, Any]:
    """Have it run; Airflow's own description of the backfill.

    Raises:
        PenstockError: Another backfill of the DAG goes on.
    """
    dag = planned.body["dag_id"]
    try:
        return _create(api, planned)
    except Refused as error:
        if error.status != _CONFLICT:
            raise
    # Up to half a minute passes before Airflow notes that all runs of a backfill have ended.
    before = going_on(api, dag)
    so_far = account(api, before)
    if so_far.ended < so_far.total or not so_far.total:
        raise PenstockError(
            f"a backfill of {dag} goes on already, and Airflow runs one at a time",
            hint=f"penstock backfill {dag} --follow waits for it, --cancel ends it",
        )
    cancel(api, before)
    return _create(api, planned)


def _create(api: AirflowApi, planned: Plan) -> dict[str, Any]:
    made: dict[str, Any] = api.post("backfills", planned.body)
    return made


def going_on(api: AirflowApi, dag_id: str) -> dict[str, Any]:
    """The backfill of the DAG that goes on.

    Raises:
        UsageError: There is no such DAG.
        PenstockError: None goes on.
    """
    find_dag(api, dag_id)
    for one in api.every("backfills", "backfills", dag_id=dag_id, order_by="-id"):
        if one["completed_at"] is None:
            found: dict[str, Any] = one
            return found
    raise PenstockError(
        f"no backfill of {dag_id} goes on", hint=f"penstock backfill {dag_id} --from DATE --to DATE"
    )


def account(api: AirflowApi, backfill: dict[str, Any], dates: Sequence[str] | None = None) -> Account:
    """How far a backfill is.

    Args:
        dates: The logical dates of its runs; by default those of all runs in its time that a backfill made.
    """
    runs = _runs(api, backfill["dag_id"], backfill["from_date"], backfill["to_date"], run_type="backfill")
    ours = [run for run in runs if dates is None or run["logical_date"] in dates]
    failed = tuple(run for run in ours if run["state"] == "failed")
    return Account(len(ours), dict(Counter(run["state"] for run in ours)), failed)


def failed_tasks(api: AirflowApi, run: dict[str, Any]) -> list[str]:
    """The tasks that failed in a run, without those that never ran because of them."""
    path = f"dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances"
    return [one["task_id"] for one in api.every(path, "task_instances", state="failed")]


def cancel(api: AirflowApi, backfill: dict[str, Any]) -> None:
    """End a backfill: runs that wait are given up, those that run come to their end."""
    try:
        api.put(f"backfills/{backfill['id']}/cancel")
    except Refused as error:
        if error.status != _CONFLICT:  # it has ended meanwhile
            raise


def unpause(api: AirflowApi, dag_id: str) -> None:
    """Let the DAG's runs go."""
    api.patch(f"dags/{dag_id}", {"is_paused": False})


def find_dag(api: AirflowApi, dag_id: str) -> dict[str, Any]:
    """What Airflow knows of a DAG.

    Raises:
        UsageError: It knows none of this name; the message names those that are near.
    """
    try:
        found: dict[str, Any] = api.get(f"dags/{dag_id}/details")
    except Refused as error:
        if error.status != _NOT_FOUND:
            raise
        known = sorted(one["dag_id"] for one in api.every("dags", "dags"))
        near = get_close_matches(dag_id, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known[:_MANY]) or 'none yet'}"
        raise UsageError(
            f"Airflow knows no DAG {dag_id!r}",
            hint=f"{hint}; a new file is seen within ten seconds, and penstock parse says what is wrong with it",
        ) from error
    return found


def _zone(name: str) -> tzinfo:
    """The time zone of this name, or of this distance from UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return datetime.fromisoformat(f"2000-01-01T00:00{name}").tzinfo or UTC


def _runs(api: AirflowApi, dag_id: str, first: str, last: str, **more: str) -> Iterator[dict[str, Any]]:
    bounds = {"logical_date_gte": first, "logical_date_lte": last, **more}
    yield from api.every(f"dags/{dag_id}/dagRuns", "dag_runs", order_by="logical_date", **bounds)
