"""The account of a copy in a task's log, and the label of a landing's run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.model.plurals import counted
from penstock.model.result import CopyResult, LandResult


def account_lines(result: CopyResult) -> list[str]:
    """Return the account of a copy as lines of text for a log.

    Example:
        >>> account_lines(CopyResult(id="1", read=3, loaded=2, inserted=2, rejected=1, rejects={"check": 1}))[0]
        '3 read = 2 loaded + 0 duplicates + 1 rejected'
    """
    if isinstance(result, LandResult):
        return _landed_lines(result)
    lines = [
        f"{result.read} read = {result.loaded} loaded + {result.duplicates} duplicates + {result.rejected} rejected"
    ]
    lines.append(
        f"{result.loaded} loaded = {result.inserted} inserted + {result.updated} updated + {result.unchanged} unchanged"
    )
    lines.extend(f"rejected, {reason}: {count}" for reason, count in sorted(result.rejects.items()))
    if result.reading is not None:
        lines.append(result.reading)
    lines.extend(result.changes)
    lines.extend(str(check) for check in result.checks)
    if result.already:
        lines.append("done before: this is the account of the first copy; nothing was changed now")
    return lines


def _landed_lines(result: LandResult) -> list[str]:
    lines = [
        (
            f"{counted(result.requests, 'request')} = {result.answered:,} answered"
            f" + {result.fresh:,} with an earlier answer that is still valid"
        ),
        f"{counted(result.answers, 'answer')}, {result.absent:,} of them absent, {result.unchanged:,} unchanged",
        f"{counted(result.bytes, 'byte')} in {counted(result.batches, 'batch')}, with {counted(result.calls, 'call')}",
    ]
    if result.landed_before:
        lines.append(f"{counted(result.landed_before, 'request')} had landed before this run")
    if (remark := result.remark()) is not None:
        lines.append(remark)
    if result.already:
        lines.append("landed before: this is the account of the first landing; nothing was requested now")
    return lines


def run_label(context: Mapping[str, Any]) -> str:
    """Return the label of a run's landing: the start of its data interval, or the run id if it has no interval.

    Example:
        >>> run_label({"run_id": "manual__1"})
        'manual__1'
    """
    begin = context.get("data_interval_start")
    label = str(context["run_id"]) if begin is None else begin.isoformat()
    instance = context.get("ti")
    mapped = getattr(instance, "map_index", -1)
    return label if mapped is None or mapped < 0 else f"{label} {mapped}"
