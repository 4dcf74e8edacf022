"""Backfills: runs of a DAG for past dates, made by the running stack."""

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
_MANY = 12  # names to list if none is similar
_NOT_FOUND, _CONFLICT, _UNPROCESSABLE = 404, 409, 422


@dataclass(frozen=True, slots=True)
class Wish:
    """A request for a backfill.

    Args:
        dag_id: The DAG.
        start: The first logical date.
        end: The last logical date; a day includes all its runs.
        reprocess: Which existing runs to repeat: `none`, `failed`, or `completed` for all.
        max_active: Number of concurrent runs; None for the DAG's own limit.
        conf: Parameters of the runs.
    """

    dag_id: str
    start: Moment
    end: Moment
    reprocess: str = "none"
    max_active: int | None = None
    conf: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A planned backfill.

    Args:
        body: The body of the API request that creates it.
        dates: The logical dates of the runs.
        existing: Number of existing runs in that time that are not repeated.
        paused: Whether the DAG is paused, so that nothing runs.
        failed: Number of existing runs that failed.
        beyond: Number of scheduled dates that are skipped because they are after the DAG's end.
    """

    body: dict[str, Any]
    dates: tuple[str, ...]
    existing: int
    paused: bool
    failed: int = 0
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """Progress of a backfill.

    Args:
        total: Number of runs.
        states: Number of runs by state.
        failed: The runs that failed, by logical date.
    """

    total: int
    states: dict[str, int] = field(default_factory=dict)
    failed: tuple[dict[str, Any], ...] = ()

    @property
    def ended(self) -> int:
        """The number of runs that have ended."""
        return sum(count for state, count in self.states.items() if state in ENDED)


def plan(api: AirflowApi, wish: Wish) -> Plan:
    """Plan a backfill with a dry run in Airflow.

    Raises:
        UsageError: The DAG is unknown or has no schedule, or the dates are invalid.
        NothingDone: The DAG ended before the first date.
    """
    dag = find_dag(api, wish.dag_id)
    zone = _zone(dag["timezone"])
    first, last = wish.start.first(zone), wish.end.last(zone)
    if first > last:
        raise UsageError(f"{wish.start.text} is after {wish.end.text}", hint="swap --from and --to")
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
    """Create the backfill; return Airflow's description of it.

    Raises:
        PenstockError: Another backfill of the DAG is running.
    """
    dag = planned.body["dag_id"]
    try:
        return _create(api, planned)
    except Refused as error:
        if error.status != _CONFLICT:
            raise
    # Airflow takes up to half a minute to notice that all runs of a backfill have ended.
    before = going_on(api, dag)
    so_far = account(api, before)
    if so_far.ended < so_far.total or not so_far.total:
        raise PenstockError(
            f"a backfill of {dag} is already running; Airflow allows one at a time",
            hint=f"wait for it with penstock backfill {dag} --follow, or end it with --cancel",
        )
    cancel(api, before)
    return _create(api, planned)


def _create(api: AirflowApi, planned: Plan) -> dict[str, Any]:
    made: dict[str, Any] = api.post("backfills", planned.body)
    return made


def going_on(api: AirflowApi, dag_id: str) -> dict[str, Any]:
    """Return the DAG's running backfill.

    Raises:
        UsageError: The DAG is unknown.
        PenstockError: The DAG has no running backfill.
    """
    find_dag(api, dag_id)
    for one in api.every("backfills", "backfills", dag_id=dag_id, order_by="-id"):
        if one["completed_at"] is None:
            found: dict[str, Any] = one
            return found
    raise PenstockError(
        f"no backfill of {dag_id} is running", hint=f"penstock backfill {dag_id} --from DATE --to DATE"
    )


def account(api: AirflowApi, backfill: dict[str, Any], dates: Sequence[str] | None = None) -> Account:
    """Return the progress of a backfill.

    Args:
        dates: The logical dates of its runs; by default those of all backfill runs in its time range.
    """
    runs = _runs(api, backfill["dag_id"], backfill["from_date"], backfill["to_date"], run_type="backfill")
    ours = [run for run in runs if dates is None or run["logical_date"] in dates]
    failed = tuple(run for run in ours if run["state"] == "failed")
    return Account(len(ours), dict(Counter(run["state"] for run in ours)), failed)


def failed_tasks(api: AirflowApi, run: dict[str, Any]) -> list[str]:
    """Return the failed tasks of a run, without tasks that failed upstream."""
    path = f"dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances"
    return [one["task_id"] for one in api.every(path, "task_instances", state="failed")]


def cancel(api: AirflowApi, backfill: dict[str, Any]) -> None:
    """Cancel a backfill: queued runs are dropped, running ones finish."""
    try:
        api.put(f"backfills/{backfill['id']}/cancel")
    except Refused as error:
        if error.status != _CONFLICT:  # a conflict means that it has ended
            raise


def unpause(api: AirflowApi, dag_id: str) -> None:
    """Unpause the DAG."""
    api.patch(f"dags/{dag_id}", {"is_paused": False})


def find_dag(api: AirflowApi, dag_id: str) -> dict[str, Any]:
    """Return Airflow's description of a DAG.

    Raises:
        UsageError: The DAG is unknown; the hint names similar ones.
    """
    try:
        found: dict[str, Any] = api.get(f"dags/{dag_id}/details")
    except Refused as error:
        if error.status != _NOT_FOUND:
            raise
        known = sorted(one["dag_id"] for one in api.every("dags", "dags"))
        near = get_close_matches(dag_id, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known DAGs: {', '.join(known[:_MANY]) or 'none yet'}"
        raise UsageError(
            f"unknown DAG {dag_id!r}",
            hint=f"{hint}; Airflow finds a new file within ten seconds; penstock parse checks the files",
        ) from error
    return found


def _zone(name: str) -> tzinfo:
    """Return the time zone with this name or UTC offset."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return datetime.fromisoformat(f"2000-01-01T00:00{name}").tzinfo or UTC


def _runs(api: AirflowApi, dag_id: str, first: str, last: str, **more: str) -> Iterator[dict[str, Any]]:
    bounds = {"logical_date_gte": first, "logical_date_lte": last, **more}
    yield from api.every(f"dags/{dag_id}/dagRuns", "dag_runs", order_by="logical_date", **bounds)
