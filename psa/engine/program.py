"""A 0/1 program over parts: the most weight that the limits learnt so far leave open.

HiGHS by ``scipy.optimize.milp``. A limit is learnt from a combination that failed, at the
half-hour and quantity that failed it, as a straight line through what was solved there. The slopes
are chosen *hopeful*: what a part adds is taken at the least and what leaving it out relieves at
the most that was seen, so that a combination that passes is not cut off (a loading bends when its
flow turns round). What the lines let through wrongly, the next power flow finds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from psa.engine.case import FloatArray

Chosen = frozenset[int]


@dataclass(frozen=True, slots=True)
class Line:
    """``slopes @ shares + party_slopes @ parties <= most``; or, if ``other`` stands, either.

    ``parties`` are 1 for the sites that full capacity puts to their whole right.
    """

    slopes: FloatArray
    party_slopes: FloatArray
    most: float
    other: float | None = None  # slopes @ shares <= other: no worse than what was outside before


class Program:
    """What is known of which parts fit together."""

    def __init__(self, weights: Sequence[int], parties: Sequence[frozenset[int]]) -> None:
        unit = math.gcd(*weights) or 1
        self.weights = np.array([weight // unit for weight in weights], np.float64)
        self.sites = sorted(set().union(*parties))
        self.parties = parties
        self.lines: list[Line] = []
        self.failed: list[Chosen] = []

    def best(self) -> Chosen | None:
        """Give the heaviest set that is left open; of equal ones that with the earliest parts."""
        size = len(self.weights)
        fixed: list[tuple[float, float]] = [(0.0, 1.0)] * size
        found = self._solve(fixed, -self.weights)
        if found is None:
            return None
        weight = float(self.weights @ found)
        for part in range(size):
            if found[part] > 0.5:
                fixed[part] = (1.0, 1.0)
                continue
            fixed[part] = (1.0, 1.0)
            other = self._solve(fixed, -self.weights, least=weight)
            if other is None:
                fixed[part] = (0.0, 0.0)
            else:
                found = other
        return frozenset(int(part) for part in np.flatnonzero(found > 0.5))

    def _solve(
        self,
        fixed: Sequence[tuple[float, float]],
        cost: FloatArray,
        *,
        least: float | None = None,
    ) -> FloatArray | None:
        parts, sites = len(self.weights), len(self.sites)
        either = [at for at, line in enumerate(self.lines) if line.other is not None]
        width = parts + sites + len(either)
        rows: list[FloatArray] = []
        low: list[float] = []
        high: list[float] = []

        def add(row: FloatArray, least: float, most: float) -> None:
            rows.append(row)
            low.append(least)
            high.append(most)

        for column, site in enumerate(self.sites):
            with_site = [at for at in range(parts) if site in self.parties[at]]
            for at in with_site:
                row = np.zeros(width)
                row[at], row[parts + column] = 1.0, -1.0
                add(row, -np.inf, 0.0)
            row = np.zeros(width)
            row[with_site], row[parts + column] = -1.0, 1.0
            add(row, -np.inf, 0.0)
        for at, line in enumerate(self.lines):
            row = np.zeros(width)
            row[:parts], row[parts : parts + sites] = line.slopes, line.party_slopes
            if line.other is None:
                add(row, -np.inf, line.most)
                continue
            choice = parts + sites + either.index(at)
            reach = float(np.abs(row).sum() + abs(line.most) + abs(line.other) + 1.0)
            first, second = row.copy(), np.zeros(width)
            first[choice] = -reach
            add(first, -np.inf, line.most)
            second[:parts], second[choice] = line.slopes, reach
            add(second, -np.inf, line.other + reach)
        for chosen in self.failed:
            row = np.zeros(width)
            row[:parts] = [1.0 if at in chosen else -1.0 for at in range(parts)]
            add(row, -np.inf, len(chosen) - 1.0)
        if least is not None:
            row = np.zeros(width)
            row[:parts] = self.weights
            add(row, least - 0.5, np.inf)
        bounds = np.ones((width, 2)) * [0.0, 1.0]
        bounds[:parts] = fixed
        result = milp(
            np.concatenate([cost, np.zeros(width - parts)]),
            integrality=np.ones(width),
            bounds=Bounds(bounds[:, 0], bounds[:, 1]),
            constraints=LinearConstraint(np.array(rows), low, high) if rows else None,
            options={"mip_rel_gap": 0.0},
        )
        return None if result.x is None else np.round(result.x[:parts])
