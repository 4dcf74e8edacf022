"""The sandbox's admin pages: settings, failures and recorded calls."""

from __future__ import annotations

import secrets
from dataclasses import asdict

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from penstock_sandbox.state import Settings, State

PREFIX = "/_sandbox"


class Admin:
    """Reads and changes the state. All pages except health need the header `Authorization: Bearer TOKEN`."""

    def __init__(self, state: State, token: str) -> None:
        self._state = state
        self._token = token

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the pages."""
        return [
            Route(f"{PREFIX}/health", self.health),
            Route(f"{PREFIX}/settings", self.settings, methods=["GET", "PUT"]),
            Route(f"{PREFIX}/calls", self.calls, methods=["GET", "DELETE"]),
        ]

    async def health(self, request: Request) -> Response:  # noqa: ARG002  # Starlette's signature
        """Answer a health check."""
        return JSONResponse({"status": "ok"})

    async def settings(self, request: Request) -> Response:
        """Return the current settings. PUT replaces them; omitted settings get their defaults."""
        if (refused := self._refused(request)) is not None:
            return refused
        if request.method == "PUT":
            try:
                wanted = Settings.model_validate_json(await request.body())
            except ValidationError as error:
                details = error.errors(include_url=False, include_context=False, include_input=False)
                return JSONResponse({"error": details}, 400)
            self._state.apply(wanted)
        return JSONResponse(self._state.settings.model_dump())

    async def calls(self, request: Request) -> Response:
        """Return counts and the latest calls (`?service=weather&last=100`). DELETE clears them."""
        if (refused := self._refused(request)) is not None:
            return refused
        journal = self._state.journal
        if request.method == "DELETE":
            journal.clear()
            return Response(status_code=204)
        last = request.query_params.get("last", "1000")
        if not last.isdigit():
            return JSONResponse({"error": "invalid last: not a number"}, 400)
        service = request.query_params.get("service")
        window_s = self._state.settings.window_s
        return JSONResponse(
            {
                "counts": journal.counts(),
                "most_in_window": journal.most_in_window(window_s),
                "calls": [asdict(call) for call in journal.calls(service)[-int(last) :]] if int(last) else [],
            }
        )

    def _refused(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if secrets.compare_digest(given.encode(), self._token.encode()):
            return None
        return JSONResponse({"error": "wrong token"}, 401)
