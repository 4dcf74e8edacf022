"""Results of a run: times of rivals measured in turns, and claims with their outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Timing:
    """One measured run.

    Args:
        seconds: Wall time of the whole process.
        client_s: Processor time of the client.
        server_s: Processor time of the server on its behalf.
        others: Share of the machine that other programs took meanwhile.
    """

    seconds: float
    client_s: float
    server_s: float
    others: float


@dataclass(frozen=True, slots=True)
class Contest:
    """The same work done by several, one after the other, round by round.

    Args:
        rows: What a rate is counted in.
        rounds: Each one's runs, in the order of the rounds.
    """

    title: str
    rows: int
    rounds: Mapping[str, Sequence[Timing]]

    def times(self, name: str) -> list[float]:
        """One's times, in the order of the rounds."""
        return [timing.seconds for timing in self.rounds[name]]

    def seconds(self, name: str) -> float:
        """The median of one's times."""
        return median(self.times(name))

    def fastest(self, names: Sequence[str]) -> str:
        """Whose median is the least."""
        return min(names, key=self.seconds)

    def ratios(self, name: str, other: str) -> list[float]:
        """One's time in units of the other's, round by round: what slows a round down slows both."""
        return ratios(self.times(name), self.times(other))


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of the results.

    Args:
        measured: The figure that is judged, as it is shown.
        target: What was asked for, as it is shown.
    """

    what: str
    penstock: str
    rival: str
    measured: str
    target: str
    met: bool


@dataclass(slots=True)
class Findings:
    """All of a run."""

    claims: list[Claim] = field(default_factory=list)
    contests: list[Contest] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def ratios(mine: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """One's times in units of another's, round by round."""
    return [ours / others for ours, others in zip(mine, theirs, strict=True)]


def no_slower(what: str, mine: Sequence[float], theirs: Sequence[float], bound: float) -> Claim:
    """The claim that one takes at most N times as long as another."""
    found = ratios(mine, theirs)
    return Claim(
        what=what,
        penstock=f"{median(mine):.2f} s",
        rival=f"{median(theirs):.2f} s",
        measured=spread(found),
        target=f"at most {bound}",
        met=median(found) <= bound,
    )


def spread(values: Sequence[float]) -> str:
    """The median and the range."""
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
