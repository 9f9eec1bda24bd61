"""How fast headroom is found. Run: ``python bench/headroom.py``.

Fifty sites of mv_oberrhein (179 buses), import and export, in each of 672 half-hours at random
injections, on all of this machine's cores: sensitivity factors, guesses, verification by full
power flows and corrections, from network text to answer; nothing cached but the compiled network.

The naive way is a bisection by ``runpp`` to the same step of 10 kW for each site, direction and
half-hour: a sample of them, scaled. Both ways must agree in the sample: the bisection's capacity,
if passing is monotone there, is the headroom or less than a hundredth above it. Prints a table,
then one line of JSON. CPU seconds stand beside the clock's, for a shared machine.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

os.environ.setdefault("PSA_THREADS", "0")  # all cores
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.psa import SOURCES, injections  # noqa: E402  (the path is set just above)
from psa.engine import network as networks  # noqa: E402
from psa.engine.case import Profile, Rights, Study, StudySite  # noqa: E402
from psa.engine.fallback import PandapowerSolver  # noqa: E402
from psa.engine.headroom import Headrooms, Wish, headrooms  # noqa: E402
from psa.engine.limits import watch  # noqa: E402

PERIODS, SITES, STEP_KW, MOST_KW = 672, 50, 10.0, 5_000.0
SAMPLE = 6  # of the naive way
TARGET_S = 5.0


@dataclass
class Spent:
    """Seconds by the clock and by the processors."""

    clock: float
    cpu: float


def main() -> None:
    """Measure both ways and print."""
    study, wishes = question()
    headrooms(study, wishes[:1], step_kw=STEP_KW)  # compiles the network
    found, ours = timed(study, wishes)
    sample = [
        (int(wish), int(at))
        for wish, at in np.random.default_rng(3).integers(0, (len(wishes), PERIODS), (SAMPLE, 2))
    ]
    naive, differ = by_runpp(study, wishes, found, sample)
    scale = len(wishes) * PERIODS / SAMPLE
    ratio = naive.clock * scale / ours.clock
    print(f"{SITES} sites, import and export, {PERIODS} half-hours, 179 buses")
    print(f"  headroom           {ours.clock:9.2f} s   cpu {ours.cpu:9.2f} s")
    print(f"  bisection by runpp {naive.clock * scale:9.0f} s   ({SAMPLE} of them, scaled)")
    print(f"  ratio              {ratio:9.0f}")
    print(f"  furthest apart     {differ:9.0f} kW in the sample")
    print(
        json.dumps(
            {
                "headroom": {
                    "network": "mv_oberrhein",
                    "sites": SITES,
                    "directions": 2,
                    "half_hours": PERIODS,
                    "seconds": round(ours.clock, 3),
                    "cpu_seconds": round(ours.cpu, 3),
                    "naive_seconds": round(naive.clock * scale),
                    "ratio": round(ratio),
                    "furthest_apart_kw": differ,
                    "known": int(np.isfinite(found.kw).sum()),
                    "bound_by_nothing": int((found.binding < 0).sum()),
                    "target_seconds": TARGET_S,
                }
            }
        )
    )


def question() -> tuple[Study, list[Wish]]:
    """Give the study and whose headroom is sought."""
    text = SOURCES["mv_oberrhein"]()
    network = networks.load(text)
    kw, _ = injections(text, network, PERIODS)
    zero = np.zeros(PERIODS)
    chosen = [
        network.injected[at] for at in np.linspace(0, len(network.injected) - 1, SITES, dtype=int)
    ]
    free = Rights(zero, zero + 1e6, zero, zero)
    sites = tuple(
        StudySite(
            key=bus,
            name=bus,
            bus=bus,
            forecast=Profile(zero, zero),
            import_before=free,
            import_after=free,
            export_before=free,
            export_after=free,
            studied=True,
            worst_export_power_factor=1.0,
        )
        for bus in chosen
    )
    study = Study(
        network=text,
        half_hours=tuple(
            datetime(2021, 11, 15, tzinfo=UTC) + timedelta(minutes=30 * at) for at in range(PERIODS)
        ),
        background={
            bus: Profile(np.maximum(0.0, -kw[:, at]), np.maximum(0.0, kw[:, at]))
            for at, bus in enumerate(network.injected)
        },
        sites=sites,
        direction="EXPORT",
        studied_kw=0.0,
    )
    return study, [
        Wish(site.key, direction, zero + MOST_KW)
        for direction in ("IMPORT", "EXPORT")
        for site in sites
    ]


def timed(study: Study, wishes: list[Wish]) -> tuple[Headrooms, Spent]:
    """Find all headrooms three times: the answer, and the quickest run's seconds."""
    spent = []
    for _ in range(3):
        clock, cpu = time.perf_counter(), time.process_time()
        found = headrooms(study, wishes, step_kw=STEP_KW)
        spent.append(Spent(time.perf_counter() - clock, time.process_time() - cpu))
    return found, min(spent, key=lambda one: one.clock)


def by_runpp(
    study: Study, wishes: list[Wish], found: Headrooms, sample: list[tuple[int, int]]
) -> tuple[Spent, float]:
    """Bisect the sample by ``runpp``: seconds, and the largest difference in kW."""
    network = networks.load(study.network)
    watched = watch(network, study.options)
    solver = PandapowerSolver(network, watched)
    buses = list(study.background)
    rows = np.array([network.position(bus) for bus in buses])
    kw = np.array([p.import_kw - p.export_kw for p in study.background.values()]).T
    tangent = np.tan(np.arccos(0.95))
    kvar = np.array([p.import_kw * tangent for p in study.background.values()]).T
    solver.solve(rows, kw[:1], kvar[:1])  # warms up
    differ = 0.0
    clock, cpu = time.perf_counter(), time.process_time()
    for number, at in sample:
        wish = wishes[number]
        place = buses.index(wish.site)
        sign, factor = (1.0, tangent) if wish.direction == "IMPORT" else (-1.0, 0.0)

        def passes(
            more: float,
            at: int = at,
            place: int = place,
            sign: float = sign,
            factor: float = factor,
        ) -> bool:
            p, q = kw[[at]].copy(), kvar[[at]].copy()
            p[0, place] += sign * more
            q[0, place] += more * factor
            solved = solver.solve(rows, p, q)
            values = solved.values[0]
            return bool(solved.ok[0] and ((values >= watched.low) & (values <= watched.high)).all())

        low, high = 0, round(MOST_KW / STEP_KW)
        if passes(MOST_KW):
            low = high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if passes(middle * STEP_KW) else (low, middle)
        differ = max(differ, abs(low * STEP_KW - float(found.kw[number, at])))
    return Spent(time.perf_counter() - clock, time.process_time() - cpu), differ


if __name__ == "__main__":
    main()
