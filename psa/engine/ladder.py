"""The largest capacity that passes, among those tested.

Passing is not monotone in kW (a transformer may step its tap, a breach may be relieved), so
nothing is inferred: a capacity counts as passing only if every half-hour passes on every required
basis, and as failing as soon as one does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from psa.engine.case import Options

MOST_REFINEMENTS = 6
Test = Callable[[Sequence[float]], list[bool]]


def rungs(studied_kw: float, options: Options) -> list[float]:
    """Give the capacities of the ladder, ascending, rounded down to the market's step."""
    steps = max(1, options.ladder_steps)
    tried = {_rounded(studied_kw * step / steps, options.step_kw) for step in range(1, steps)}
    return sorted(kw for kw in tried if 0 < kw < studied_kw)


def climb(
    studied_kw: float, options: Options, screen: Test, passes: Callable[[float], bool]
) -> tuple[float | None, tuple[tuple[float, bool], ...]]:
    """Find the largest capacity tested below ``studied_kw`` (which is known to fail) that passes.

    ``screen`` tries many capacities in one batch on the half-hours that failed: a False is final,
    a True is not. ``passes`` tries one capacity on every half-hour. Returns the capacity, or None,
    and every capacity decided with its verdict, ascending.
    """
    known: dict[float, bool] = {studied_kw: False}
    steps = rungs(studied_kw, options)
    hopeful = []
    for kw, alive in zip(steps, screen(steps) if steps else [], strict=True):
        if alive:
            hopeful.append(kw)
        else:
            known[kw] = False
    best: float | None = None
    for kw in reversed(hopeful):
        known[kw] = passes(kw)
        if known[kw]:
            best = kw
            break
    low = best or 0.0
    high = min(kw for kw, passed in known.items() if not passed and kw > low)
    for _ in range(MOST_REFINEMENTS):
        kw = _rounded((low + high) / 2, options.step_kw)
        if kw in known or not low < kw < high:
            break
        known[kw] = screen([kw])[0] and passes(kw)
        if known[kw]:
            low = best = kw
        else:
            high = kw
    return best, tuple(sorted(known.items()))


def _rounded(kw: float, step_kw: float) -> float:
    return round(math.floor(kw / step_kw + 1e-9) * step_kw, 6)
