"""Requests one page from an API, with retries and redirects."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import stamina

from penstock.model.api import ApiPlan
from penstock.model.api.requests import Answer, Outcome
from penstock.model.errors import PenstockError, Refused, SourceError
from penstock.model.json_path import find_all
from penstock.rest.client import Broken, Client, Reply
from penstock.rest.lake.exact_json import is_json
from penstock.rest.pagination import NotPaged, Page, SamePage, next_page
from penstock.rest.ratelimit.client import Pacer
from penstock.rest.requests import Question
from penstock.rest.stats import Fetched

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MOST_REDIRECTS = 5


class GivenUp(Exception):
    """A request failed and is left for the next run."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Exchange:
    """Requests pages from an API. Any number of requests can run concurrently.

    Args:
        pacer: Gives permits for calls; None if there is no limit.
        account: Counts the calls.
    """

    def __init__(self, plan: ApiPlan, client: Client, pacer: Pacer | None, account: Fetched) -> None:
        self._plan = plan
        self._client = client
        self._pacer = pacer
        self._account = account

    async def answer(self, question: Question) -> Answer:
        """Return the answer; retries as the plan says.

        Raises:
            GivenUp: All attempts failed.
            SourceError: The API refuses the key, or its next page is the same page.
        """
        retries = self._plan.retries
        patience = Patience(retries.patience_s)
        try:
            async for attempt in stamina.retry_context(
                on=patience,
                attempts=retries.attempts or None,
                timeout=None,
                wait_initial=retries.first_wait_s,
                wait_max=retries.longest_wait_s,
                wait_jitter=retries.first_wait_s,
            ):
                with attempt:
                    return await self._try(question, patience, attempt.num)
        except Again as again:
            raise GivenUp(again.reason) from None
        raise AssertionError  # stamina returns or raises

    async def _try(self, question: Question, patience: Patience, number: int) -> Answer:
        headers = {**dict(question.request.headers), **question.validators}
        try:
            reply = await self._call(self._url(question), headers, patience)
        except Broken as broken:
            raise Again(str(broken)) from None
        if reply.status == 304 and headers.keys() & {"If-None-Match", "If-Modified-Since"}:
            return _as_answer(question, reply, "unchanged", number)
        action = self._plan.action(reply.status)
        if action == "records" and self._plan.malformed != "records" and not is_json(reply.body):
            if self._plan.malformed == "retry":
                raise Again("the answer is not valid JSON")
            return _as_answer(question, reply, self._plan.malformed, number)
        if action == "retry":
            raise Again(f"status {reply.status}", await self._asked_to_wait(reply))
        if action == "stop":
            raise _stopped(self._plan, reply)
        if action == "records" and self._plan.error is not None and self._is_error(reply):
            action = "error"
        following = self._next(question, reply) if action == "records" else None
        return _as_answer(question, reply, action, number, following)

    def _is_error(self, reply: Reply) -> bool:
        """Whether the answer, whose status means success, says that it is an error."""
        try:
            document = json.loads(reply.body)
        except (ValueError, RecursionError):  # rejected when the lake is read
            return False
        return any(find_all(document, self._plan.error or ""))

    def _next(self, question: Question, reply: Reply) -> str | None:
        """Return the request for the next page, without the key."""
        page = Page(question.page, question.at, reply.url, reply.headers, reply.body)
        try:
            following = next_page(self._plan, page)
        except NotPaged:
            raise Again("the answer is not JSON, so the next page is unknown") from None
        except SamePage as same:
            raise SourceError(
                f"{reply.url} has the records of the page before it: {same}",
                hint="check pages in the plan; a size makes a page with fewer records the last",
            ) from None
        pages = self._plan.pages
        if pages is not None and pages.path is not None and not self._account.has_next_path:
            first = self._account.has_next_path is None
            self._account.has_next_path = following is not None or (
                first and bool(find_all(json.loads(reply.body), pages.path))
            )
        if following is None:
            return None
        following = self._client.credential.clean_next(following)
        if following == question.at:
            raise SourceError(f"{reply.url} names itself as the next page", hint="check pages in the plan")
        return following

    def _url(self, question: Question) -> str:
        state = {} if question.at is None else json.loads(question.at)
        if "url" in state:
            return str(state["url"])
        replaced: Mapping[str, str] = state.get("parameters", {})
        request = question.request
        parameters = [pair for pair in request.parameters if pair[0] not in replaced]
        return self._client.address(request.path, [*parameters, *replaced.items()])

    async def _call(self, url: str, headers: Mapping[str, str], patience: Patience) -> Reply:
        """Return the reply after all redirects; each redirect counts as a call."""
        for _ in range(_MOST_REDIRECTS + 1):
            queued = time.monotonic()
            async with nullcontext() if self._pacer is None else self._pacer.permit():
                patience.queued_s += time.monotonic() - queued
                self._account.calls += 1
                reply = await self._client.call(url, headers)
            if reply.status not in _REDIRECTS or "location" not in reply.headers:
                return reply
            url = urljoin(url, reply.headers["location"])
        raise SourceError(
            f"{reply.url}: redirected {_MOST_REDIRECTS} times", hint="check the host of the connection"
        )

    async def _asked_to_wait(self, reply: Reply) -> float | None:
        wait_s = asked_wait_s(reply.headers)
        if wait_s is not None and self._pacer is not None and wait_s <= self._plan.retries.patience_s:
            await self._pacer.pause(wait_s)
        return wait_s


def _as_answer(
    question: Question, reply: Reply, outcome: Outcome, attempts: int, following: str | None = None
) -> Answer:
    return Answer(
        request=question.request.key,
        given=question.request.given,
        url=reply.url,
        page=question.page,
        next=following,
        status=reply.status,
        outcome=outcome,
        attempts=attempts,
        asked_at=reply.asked_at,
        answered_at=reply.answered_at,
        headers=reply.headers,
        body=reply.body,
    )


def _stopped(plan: ApiPlan, reply: Reply) -> PenstockError:
    said = " ".join(reply.body[:200].decode("utf-8", "replace").split())
    what = {401: "rejects the key", 403: "does not permit this with this key"}.get(
        reply.status, "refuses the request"
    )
    kind = Refused if reply.status in (401, 403) else SourceError
    return kind(
        f"{plan.connection} {what}: status {reply.status}{f', {said!r}' if said else ''}",
        hint=f"check the key: penstock connection test {plan.connection}; to accept a status, set statuses in the "
        "plan",
    )


class Again(Exception):
    """A call failed, and a retry may succeed."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


class Patience:
    """Decides whether and when a request is retried."""

    def __init__(self, seconds: float) -> None:
        self.queued_s = 0.0
        self._seconds = seconds
        self._begun = time.monotonic()

    def __call__(self, error: Exception) -> bool | float:
        """Return whether to retry, or the seconds to wait before the retry."""
        if not isinstance(error, Again):
            return False
        left = self._seconds - (time.monotonic() - self._begun - self.queued_s)
        # Do not wait beyond the plan's retry limit.
        if left <= 0 or (error.wait_s or 0) > left:
            return False
        return True if error.wait_s is None else error.wait_s


def asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the API asks to wait, given as a number or a date; None if it does not ask."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(value)
        # Relative to the API's own clock, if the answer has a Date header.
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
