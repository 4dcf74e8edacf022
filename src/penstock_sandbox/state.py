"""The settings and state of a running sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from penstock.model.errors import UsageError
from penstock_sandbox.call_log import Journal
from penstock_sandbox.cities import Population
from penstock_sandbox.fault_injection import Failures, Switch, Trouble
from penstock_sandbox.rate_limits import Limiter

ServiceName = Literal["prices", "weather", "course"]


class Settings(BaseModel):
    """Settings of a sandbox.

    Args:
        seed: Decides which calls the switches' shares affect.
        limits: Whether to enforce the rate limits of plans.
        window_s: Length of a plan's minute in seconds; 1 makes time run sixty times as fast.
        headers: Whether to record request headers.
        population: Minimum population of the cities that the weather service knows; applies from the next start.
        switches: Failures by service.
    """

    model_config = ConfigDict(extra="forbid")

    seed: int = 0
    limits: bool = True
    window_s: float = Field(default=60.0, gt=0, le=3600)
    headers: bool = False
    population: Population = 15000
    switches: dict[ServiceName, dict[Trouble, Switch]] = Field(default_factory=dict)


def parse_settings(text: str) -> Settings:
    """Parse settings from JSON, or from a JSON file.

    Raises:
        UsageError: The settings are invalid; the message has the place of the error.

    Example:
        >>> parse_settings('{"switches": {"weather": {"error": {"share": 0.1}}}}').switches["weather"]["error"].share
        0.1
    """
    try:
        content = text if text.lstrip().startswith("{") else Path(text).read_text(encoding="utf-8")
        return Settings.model_validate_json(content)
    except OSError as error:
        raise UsageError(f"cannot read the sandbox settings {text}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the text"
        raise UsageError(
            f"invalid sandbox settings: {where}: {first['msg']}", hint="see docs/reference/sandbox.md"
        ) from error


class State:
    """The current settings, and the state that depends on them."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.journal = Journal()
        self.apply(settings or Settings())

    def apply(self, settings: Settings) -> None:
        """Apply new settings, and reset failures and rate limits."""
        self.settings = settings
        self.limiter = Limiter(settings.window_s)
        self.failures = Failures(dict(settings.switches.items()), seed=settings.seed)
