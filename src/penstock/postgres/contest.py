"""Decides which rows load when several claim the same unique value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Claim = tuple[int, str]
"""A unique index by its number, and a value in it."""


@dataclass(slots=True)
class Rival:
    """A row of the table that holds unique values which staged rows claim.

    Args:
        index: The number of the unique index.
        claimants: The staged rows that claim its values.
        heirs: The staged rows that would replace it. If one of them loads, the rival gives up its values.
    """

    index: int
    claimants: dict[str, None] = field(default_factory=dict)
    heirs: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Loss:
    """Why a staged row does not load.

    Args:
        index: The number of the unique index.
        winner: The staged row that holds the value; None for a row of the table.
    """

    index: int
    winner: str | None = None


class Contest:
    """The staged rows that share unique values with each other or with the table.

    Rows load in order, each unless a row that loads, or a row of the table that stays as it is, holds one of its
    values. So a row never loses to a row that does not load.

    Args:
        claims: The values that each row shares with another staged row, in the order of precedence.
        rivals: Rows of the table that hold values of staged rows, by any name.
    """

    def __init__(self, claims: Mapping[str, Sequence[Claim]], rivals: Mapping[str, Rival]) -> None:
        self._claims = claims
        self._rivals = rivals
        self._lost: dict[str, Loss] = {}
        self._dead: dict[str, Loss] = {}
        self._replaces: dict[str, list[Rival]] = defaultdict(list)
        for rival in rivals.values():
            for heir in rival.heirs:
                self._replaces[heir].append(rival)

    def losses(self) -> dict[str, Loss]:
        """The rows that do not load.

        Example:
            >>> rows = {"1,x": [(1, "x")], "2,x": [(0, "2"), (1, "x")], "2,y": [(0, "2")]}
            >>> Contest(rows, {}).losses()
            {'2,x': Loss(index=1, winner='1,x')}
        """
        self._kill_all(rival for rival in self._rivals.values() if not rival.heirs)
        self._lost = self._losers()
        again = False
        while stay := [rival for rival in self._rivals.values() if self._wins(rival)]:
            self._kill_all(stay)
            self._lost = self._losers()
            again = True
        if again:
            self._revive()
        return self._dead | self._lost

    def _stays(self, rival: Rival) -> bool:
        return all(heir in self._dead or heir in self._lost for heir in rival.heirs)

    def _wins(self, rival: Rival) -> bool:
        """Whether it stays, and a row claims its value that would load otherwise."""
        claimed = any(row not in self._dead and row not in self._lost for row in rival.claimants)
        return claimed and self._stays(rival)

    def _kill_all(self, rivals: Iterable[Rival]) -> None:
        """Reject all who claim values of these rows, then of rows whose heirs were all rejected by that."""
        stay = list(rivals)
        while stay:
            rival = stay.pop()
            for row in rival.claimants:
                if row in self._dead or row in self._lost:
                    continue
                self._dead[row] = Loss(rival.index)
                stay += [
                    other for other in self._replaces[row] if all(heir in self._dead for heir in other.heirs)
                ]

    def _losers(self) -> dict[str, Loss]:
        holders: dict[Claim, str] = {}
        lost: dict[str, Loss] = {}
        for row, claims in self._claims.items():
            if row in self._dead:
                continue
            held = next((claim for claim in claims if claim in holders), None)
            if held is not None:
                lost[row] = Loss(held[0], holders[held])
            else:
                holders.update(dict.fromkeys(claims, row))
        return lost

    def _revive(self) -> None:
        """Load rows after all that lost to rows of the table which give up their values now."""
        obstacles: dict[str, list[Rival]] = defaultdict(list)
        for rival in self._rivals.values():
            for row in rival.claimants:
                obstacles[row].append(rival)
        holders = {
            claim: row
            for row, claims in self._claims.items()
            if row not in self._dead and row not in self._lost
            for claim in claims
        }
        changed = True
        while changed:
            changed = False
            for row in [*self._dead, *self._lost]:
                claims = self._claims.get(row, ())
                if any(claim in holders for claim in claims) or any(map(self._stays, obstacles[row])):
                    continue
                self._dead.pop(row, None)
                self._lost.pop(row, None)
                holders.update(dict.fromkeys(claims, row))
                changed = True
