"""How much a buyer may gain for what a seller gives up. Pure: values in, numbers out.

The definition is decision 16's. A kW that the seller gives up takes from a constraint what a kW
of its own puts there; the buyer may put back no more. Only constraints near or past their limit
in the base case count, and of them only those that the buyer moves materially.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

# A constraint that a thousand kW of the buyer move by less than a study's tolerance is not
# loaded by it: percentage points of rating, pu, kW of reverse power.
MATERIAL_KW = 1000.0
TOLERANCE = {"%": 0.1, "pu": 0.0005, "kW": 1.0}
PLACES = 100  # a rate is rounded down to hundredths


@dataclass(frozen=True, slots=True)
class Touch:
    """A constraint near its limit, and how far a kW more of either site moves it towards it."""

    constraint: int
    unit: str
    seller: float
    buyer: float


@dataclass(frozen=True, slots=True)
class Rate:
    """How many kW the buyer may gain per kW that the seller gives up, and what says so.

    ``constraint`` None: no constraint near its limit is loaded by the buyer, so only that no more
    is bought than is sold limits it.
    """

    rate: float
    constraint: int | None


def exchange_rate(touches: Iterable[Touch]) -> Rate:
    """Return the rate in one half-hour: the worst over its constraints, from 0 to 1."""
    worst = Rate(1.0, None)
    for touch in touches:
        if touch.buyer * MATERIAL_KW < TOLERANCE[touch.unit]:
            continue  # it is relieved, or hardly moved
        rate = _down(max(0.0, min(1.0, touch.seller / touch.buyer)))
        if rate < worst.rate or worst.constraint is None:
            worst = Rate(rate, touch.constraint)
    return worst


def _down(rate: float) -> float:
    return math.floor(rate * PLACES + 1e-6) / PLACES
