"""Progress of a DAG run: a live table on a terminal, otherwise plain lines."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from penstock.cli.terminal.streams import PenstockConsole, is_watched, legible
from penstock.devtools.dag_events import EMPTY
from penstock.model.errors import NothingDone, PenstockError
from penstock.model.plurals import counted
from penstock.project import Project

_MARKS = {
    "success": "[green]✓[/green]",
    "failed": "[red]✗[/red]",
    "running": "[yellow]…[/yellow]",
    "skipped": "[yellow]-[/yellow]",
}


@dataclass(slots=True)
class _Task:
    state: str = ""
    seconds: float | None = None
    began: float = 0.0
    note: str = ""
    label: str = ""  # of a mapped task with a name


class RunBoard:
    """Shows the runs of one DAG.

    Args:
        project: Paths are shown relative to it.
        dag: The DAG's id.
    """

    def __init__(self, project: Project, dag: str) -> None:
        self.failure: PenstockError | None = None
        self._project = project
        self._dag = dag
        self._tasks: dict[str, _Task] = {}
        self._title = f"{dag}: starting Airflow"
        self._date = ""
        watched = is_watched(sys.stdout)
        self._console = PenstockConsole(soft_wrap=not watched)
        self._live = (
            Live(console=self._console, get_renderable=self._table, refresh_per_second=8) if watched else None
        )

    def __enter__(self) -> RunBoard:
        if self._live:
            self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            if not self._tasks:
                self._title = ""
            self._live.stop()

    def show(self, event: dict[str, Any]) -> None:
        """Show an event."""
        getattr(self, f"_on_{event['event']}")(event)

    def _on_note(self, event: dict[str, Any]) -> None:
        self._console.print(escape(event["message"]))

    def _on_start(self, event: dict[str, Any]) -> None:
        self._date = _date(event["logical_date"])
        self._title = f"{self._dag}  {self._date}{_interval(event)}"
        self._tasks = {task: _Task() for task in event["tasks"]}
        if not self._live:
            self._console.print(escape(self._title))

    def _on_begin(self, event: dict[str, Any]) -> None:
        self._task(event["task"]).state = "running"
        self._task(event["task"]).began = time.monotonic()

    def _on_end(self, event: dict[str, Any]) -> None:
        task = self._task(event["task"])
        task.state, task.seconds, task.note = event["state"] or "not run", event["seconds"], _note(event)
        task.label = event.get("label", event["task"])
        if event["state"] == "failed" and self.failure is None:
            self._fail(event)
        if not self._live:
            self._console.print(_line(task))

    def _on_done(self, event: dict[str, Any]) -> None:
        good = sum(task.state == "success" for task in self._tasks.values())
        line = f"{event['state']} in {event['seconds']:.1f} s, {good} of {counted(len(self._tasks), 'task')} succeeded"
        for state, words in (("skipped", "skipped"), ("", "not reached")):
            count = sum(task.state == state for task in self._tasks.values())
            line += f", {count} {words}" if count else ""
        if event["state"] != "success" and self.failure is None:
            self.failure = self._why(event["state"])
        if self._live:
            ended = [escape(self._title), *(_line(task) for task in self._tasks.values() if task.state)]
            self._tasks, self._title = {}, ""
            self._live.refresh()  # printed lines stay above the live table
            for text in ended:
                self._console.print(text, soft_wrap=True)
        self._console.print(line)

    def _on_finished(self, event: dict[str, Any]) -> None:
        if event["runs"] > 1 or event["left"]:
            left = f", {len(event['left'])} not run" if event["left"] else ""
            good = event["runs"] - event["failed"] - event.get("empty", 0)
            self._console.print(
                f"{good} of {counted(event['runs'], 'run')} succeeded{left}, in {event['seconds']:.1f} s"
            )
        if event["left"] and self.failure is not None:
            first = _date(event["left"][0])
            left = counted(len(event["left"]), "run")
            self.failure.hint = f"{self.failure.hint}; {left} from {first} on skipped: --keep-going runs them"

    def _why(self, state: str) -> PenstockError:
        """The error of a run that failed although no task did."""
        if state != EMPTY:
            return PenstockError(f"{self._dag}: the run ended as {state}")
        if not self._tasks:
            return NothingDone(
                f"{self._dag} has no tasks", hint="penstock parse lists the DAGs and their files"
            )
        return NothingDone(
            f"{self._dag}: no task ran on {self._date}: all tasks start later or ended before",
            hint="choose another --date, or change start_date and end_date of the tasks",
        )

    def _fail(self, event: dict[str, Any]) -> None:
        log = event.get("log")
        hints = [event.get("hint"), f"see {self._shown(log)}" if log else None]
        self.failure = PenstockError(
            f"{event.get('label', event['task'])}: {event['error']}",
            hint="; ".join(filter(None, hints)) or None,
        )

    def _shown(self, path: str) -> str:
        return path.removeprefix(f"{self._project.root}/") if self._project.root.samefile(".") else path

    def _task(self, name: str) -> _Task:
        mapped = name.partition("[")[0]
        if mapped != name:  # the number of tasks is known by now
            self._tasks.pop(mapped, None)
        return self._tasks.setdefault(name, _Task())

    def _table(self) -> Table:
        table = Table(
            box=None,
            show_header=False,
            padding=(0, 1),
            title=escape(self._title) or None,
            title_justify="left",
        )
        for justify in ("left", "right", "left", "left"):
            table.add_column(justify=justify)
        for name, task in list(self._tasks.items()):  # another thread draws this
            seconds = time.monotonic() - task.began if task.state == "running" else task.seconds
            shown = "" if seconds is None else f"{seconds:.2f} s"
            table.add_row(_mark(task), shown, escape(task.label or name), escape(task.note))
        return table


def _mark(task: _Task) -> str:
    return legible(_MARKS.get(task.state, "[dim]·[/dim]"))


def _line(task: _Task) -> str:
    return f"  {_mark(task)} {task.seconds or 0:6.2f} s  {escape(task.label)}  {escape(task.note)}".rstrip()


def _note(event: dict[str, Any]) -> str:
    account = event.get("account")
    if account:
        rejected = f", {account['rejected']:,} rejected" if account["rejected"] else ""
        already = ", copied before" if account.get("already") else ""
        return f"{counted(account['loaded'], 'row')}{rejected}{already}"
    return "" if event["state"] == "success" else event["state"] or "not run"


def _date(text: str) -> str:
    """A date, without the time if it is midnight."""
    return text.removesuffix("T00:00:00+00:00").removesuffix("+00:00")[: len("2013-02-01T00:00:00")]


def _interval(event: dict[str, Any]) -> str:
    """The data interval of a run, unless it is empty."""
    start, end = event.get("data_interval") or ("", "")
    return "" if start == end else f"  data interval {_date(start)} to {_date(end)}"
