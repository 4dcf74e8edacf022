"""The sandbox server, for local connections only: `python -m penstock_sandbox.serve`."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from penstock.model.errors import PenstockError
from penstock.project import NoProject, find_project
from penstock_sandbox.admin import Admin
from penstock_sandbox.asgi import Gate
from penstock_sandbox.cities import read_cities
from penstock_sandbox.course import Course
from penstock_sandbox.openweathermap import OpenWeatherMap
from penstock_sandbox.polygon import Polygon
from penstock_sandbox.prices import read_prices
from penstock_sandbox.state import Settings, State, parse_settings
from penstock_sandbox.weather import Weather

HOST = "127.0.0.1"
TOKEN_VARIABLE = "PENSTOCK_SANDBOX_TOKEN"  # noqa: S105  # the variable's name, not the token


def make_app(settings: Settings | None = None, *, token: str) -> Starlette:
    """Return the application with all services.

    Args:
        token: Token for the pages below `/_sandbox/`.

    Raises:
        MissingData: A data package is not installed.
    """
    state = State(settings)
    prices = Gate(Polygon(read_prices()), state)
    weather = Gate(OpenWeatherMap(Weather(read_cities(state.settings.population))), state)
    course = Gate(Course(), state)
    return Starlette(
        routes=[
            Route("/data/2.5/{rest:path}", weather),
            Route("/v1/{rest:path}", prices),
            Route("/v2/{rest:path}", prices),
            Route("/v3/{rest:path}", prices),
            Route("/course/{rest:path}", course),
            Route("/api/{rest:path}", course),
            *Admin(state, token).routes(),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal stops the server."""
    chosen = _parser().parse_args(arguments)
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(16)
    try:
        app = make_app(_settings(chosen.settings), token=token)
    except PenstockError as error:
        hint = f" ({error.hint})" if error.hint else ""
        print(f"error: {error.message}{hint}", file=sys.stderr, flush=True)  # noqa: T201  # its only output
        return error.exit_code
    # Answers that are broken off on purpose are not errors of the server.
    uvicorn.run(app, host=HOST, port=chosen.port, log_level="critical", access_log=False, lifespan="off")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m penstock_sandbox.serve", description=__doc__)
    parser.add_argument("--host", choices=[HOST], default=HOST, help="address to listen on; local only")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--settings", help="a JSON file or a JSON text, in the format of PUT /_sandbox/settings"
    )
    return parser


def _settings(text: str | None) -> Settings:
    """Return the settings from the argument, or else from `[sandbox]` in the project's `penstock.toml`."""
    if text is not None:
        return parse_settings(text)
    try:
        project = find_project()
    except NoProject:
        return Settings()
    return parse_settings(json.dumps(project.section("sandbox")))


if __name__ == "__main__":
    sys.exit(main())
