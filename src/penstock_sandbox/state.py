"""What a running sandbox is set to, and what it remembers."""

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
    """How a sandbox behaves.

    Args:
        seed: Decides which calls the switches' shares fall on.
        limits: Whether plans are held to their calls.
        window_s: Seconds that count as a plan's minute; 1 makes time sixty times as fast.
        headers: Whether the journal keeps the headers of requests.
        population: Of the smallest cities that the weather service knows by name; counts from the next start.
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
    """Settings from JSON, or from a file that holds it.

    Raises:
        UsageError: If it cannot be read, with the place that is wrong.

    Example:
        >>> parse_settings('{"switches": {"weather": {"error": {"share": 0.1}}}}').switches["weather"]["error"].share
        0.1
    """
    try:
        content = text if text.lstrip().startswith("{") else Path(text).read_text(encoding="utf-8")
        return Settings.model_validate_json(content)
    except OSError as error:
        raise UsageError(f"the sandbox's settings {text} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the text"
        raise UsageError(
            f"the sandbox's settings: {where}: {first['msg']}", hint="see docs/reference/sandbox.md"
        ) from error


class State:
    """The settings in force, with what follows from them."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.journal = Journal()
        self.apply(settings or Settings())

    def apply(self, settings: Settings) -> None:
        """Put settings into force. Failures begin anew, and no call counts against a limit any more."""
        self.settings = settings
        self.limiter = Limiter(settings.window_s)
        self.failures = Failures(dict(settings.switches.items()), seed=settings.seed)
