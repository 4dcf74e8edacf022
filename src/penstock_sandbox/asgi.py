"""Handles a request to a service: checks its key and rate limit, injects failures, and answers."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

from starlette.types import Receive, Scope, Send

from penstock_sandbox import fault_injection
from penstock_sandbox.fault_injection import KEYS, Plan, Switch, Trouble
from penstock_sandbox.http import JSON, Answer, Asked, Service, json_answer
from penstock_sandbox.state import Call, State

# How a request states its logical time. Real services ignore both.
MOMENT_HEADER = b"x-logical-time"
MOMENT_PARAMETER = "dt"

_ANYBODY = Plan("anybody", None)
_SECRET_HEADERS = (b"authorization", b"cookie", b"proxy-authorization")


class Gate:
    """A service as an ASGI application."""

    def __init__(self, service: Service, state: State) -> None:
        self._service = service
        self._state = state
        self._keys = KEYS.get(service.name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        """Answer one request."""
        at = time.monotonic()
        parameters = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        headers = dict(scope["headers"])
        key = self._key(parameters, headers)
        request = f"{scope['path']}?{urlencode(parameters)}" if parameters else scope["path"]
        plan = _ANYBODY if self._keys is None else self._keys.get(key)
        troubles: Mapping[Trouble, Switch] = {}
        if plan is None:
            answer = self._service.unknown_key()
        elif (wait_s := self._wait_s(key, plan)) > 0:
            answer = _with_header(self._service.over_limit(), "Retry-After", str(math.ceil(wait_s)))
        else:
            troubles = self._state.failures.of(self._service.name, request)
            if (slow := troubles.get("slow")) is not None:
                await asyncio.sleep(slow.seconds)
            answer = self._answer(scope, parameters, headers, troubles)
        kept = _kept(headers) if self._state.settings.headers else None
        name = plan.name if plan else ""
        self._state.journal.add(
            Call(at, self._service.name, request, name, answer.status, tuple(troubles), kept)
        )
        await _send(send, answer, broken_off="drop" in troubles)

    def _key(self, parameters: dict[str, str], headers: Mapping[bytes, bytes]) -> str:
        """Remove the key from the parameters and return it."""
        key = parameters.pop(self._service.key_parameter, "")
        if not key and (bearer := headers.get(b"authorization", b"")).startswith(b"Bearer "):
            key = bearer.removeprefix(b"Bearer ").decode("latin-1")
        return key

    def _wait_s(self, key: str, plan: Plan) -> float:
        if plan.calls is None or not self._state.settings.limits:
            return 0.0
        return self._state.limiter.wait_s(f"{self._service.name} {key}", plan.calls)

    def _answer(
        self,
        scope: Scope,
        parameters: Mapping[str, str],
        headers: Mapping[bytes, bytes],
        troubles: Mapping[Trouble, Switch],
    ) -> Answer:
        if (throttle := troubles.get("throttle")) is not None:
            answer = self._service.over_limit()
            after_s = throttle.retry_after_s
            return answer if after_s is None else _with_header(answer, "Retry-After", str(after_s))
        if (error := troubles.get("error")) is not None:
            return json_answer(error.status, {"status": "ERROR", "message": "internal server error"})
        try:
            moment = _moment(parameters, headers)
        except ValueError:
            return json_answer(400, {"status": "ERROR", "message": "invalid logical time"})
        host = headers.get(b"host", b"localhost").decode("latin-1")
        asked = Asked(
            path=scope["path"], parameters=parameters, moment=moment, base=f"{scope['scheme']}://{host}"
        )
        return self._spoilt(asked, troubles)

    def _spoilt(self, asked: Asked, troubles: Mapping[Trouble, Switch]) -> Answer:
        service = self._service
        if (late := troubles.get("late")) is not None:
            answer = service.late(asked, late.hours)
        elif "duplicate" in troubles:
            answer = service.duplicate(asked)
        else:
            answer = service.answer(asked)
        if (wrong := troubles.get("wrong_type")) is not None:
            answer = fault_injection.wrong_type(answer, wrong.field or service.field(asked))
        if (missing := troubles.get("missing_field")) is not None:
            answer = fault_injection.missing_field(answer, missing.field or service.field(asked))
        return fault_injection.malformed(answer) if "malformed" in troubles else answer


def _moment(parameters: Mapping[str, str], headers: Mapping[bytes, bytes]) -> datetime | None:
    """Return the request's logical time in UTC, if it states one.

    Raises:
        ValueError: The logical time is invalid.
    """
    text = parameters.get(MOMENT_PARAMETER) or headers.get(MOMENT_HEADER, b"").decode("latin-1")
    if not text:
        return None
    try:
        moment = datetime.fromtimestamp(int(text), UTC) if text.isdigit() else datetime.fromisoformat(text)
    except OverflowError as error:
        raise ValueError(text) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _with_header(answer: Answer, name: str, value: str) -> Answer:
    return Answer(answer.status, answer.body, (*answer.headers, (name, value)))


def _kept(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in headers.items()
        if name not in _SECRET_HEADERS
    }


async def _send(send: Send, answer: Answer, *, broken_off: bool) -> None:
    """Send the answer. With `broken_off`, send only the first half, and let the server close the connection."""
    headers = [(b"content-type", JSON.encode()), (b"content-length", str(len(answer.body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = answer.body[: len(answer.body) // 2] if broken_off else answer.body
    await send({"type": "http.response.body", "body": body, "more_body": broken_off})
