"""A site's headroom over time, as numbers for the chart's SVG template."""

from __future__ import annotations

from collections.abc import Sequence

from core.periods import LONDON
from psa.headroom_queries import HalfHourRoom
from psa.seen.charts import Line, LineChart, Tick

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 260, 48, 48, 8
STYLES = {"IMPORT": ("Import", "#1f5fa8", "none"), "EXPORT": ("Export", "#b3541e", "7 4")}
DAY = 48


def chart_of(rows: Sequence[HalfHourRoom]) -> LineChart | None:
    """Return the chart; None if no value is told."""
    series = {
        "IMPORT": [row.IMPORT.kw for row in rows],
        "EXPORT": [row.EXPORT.kw for row in rows],
    }
    known = [kw for values in series.values() for kw in values if kw is not None]
    if not known:
        return None
    high = max(*known, 1)

    def x_of(n: float) -> float:
        return round(LEFT + n * (WIDTH - LEFT) / max(1, len(rows) - 1), 1)

    def y_of(kw: float) -> float:
        return round(TOP + (high - kw) / high * (HEIGHT - BOTTOM - TOP), 1)

    lines = []
    for name, (label, colour, dashes) in STYLES.items():
        parts: list[list[str]] = [[]]
        for n, kw in enumerate(series[name]):
            if kw is None:
                parts.append([])
            else:
                # A half-hour is a step: its value holds until the next.
                parts[-1] += [
                    f"{x_of(n)},{y_of(kw)}",
                    f"{x_of(min(n + 1, len(rows) - 1))},{y_of(kw)}",
                ]
        if drawn := [" ".join(part) for part in parts if part]:
            lines.append(Line(label, colour, dashes, drawn))
    return LineChart(
        title="Headroom",
        unit="kW",
        width=WIDTH,
        height=HEIGHT,
        lines=lines,
        x_ticks=[
            Tick(x_of(n), f"{rows[n].starts_at.astimezone(LONDON):%-d %b}")
            for n in range(0, len(rows), 2 * DAY)
        ],
        y_ticks=[Tick(y_of(n * high / 4), f"{n * high / 4:,.0f}") for n in range(5)],
        rows=[],
    )
