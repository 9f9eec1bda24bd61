"""Line charts of a study, as numbers for SVG templates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.periods import LONDON
from psa.seen.wording import QUANTITY_WORDS

CHART_WIDTH, CHART_HEIGHT, CHART_MARGIN = 720, 220, 48
NEUTRAL, WARN, BAD = "#7a869a", "#b7791f", "#c0392b"


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    colour: str
    dashes: str
    parts: list[str]  # points of each unbroken part


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """A chart and, for those who can't see it, its data."""

    title: str
    unit: str
    width: int
    height: int
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    rows: list[tuple[str, str, str, str]]  # local time, reference, without, with


def charts_of(result: dict[str, Any] | None, half_hours: Sequence[datetime]) -> list[LineChart]:
    """Return a chart for each element that the study kept values of."""
    return [chart_of(chart, half_hours) for chart in (result or {}).get("charts", [])]


def chart_of(chart: dict[str, Any], half_hours: Sequence[datetime]) -> LineChart:
    """Return one element's chart: its limits, and its three series of half-hours."""
    series = [
        ("Reference", NEUTRAL, "2 4", chart["reference"]),
        ("Without", WARN, "7 4", chart["without"]),
        ("With", "#1f5fa8", "none", chart["with"]),
    ]
    limits = [
        limit
        for limit in (chart["limit_low"], chart["limit_high"])
        if limit is not None and _near(limit, chart)
    ]
    known = [v for _, _, _, values in series for v in values if v is not None] + limits
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if high - low < 1e-9:  # noqa: PLR2004  # a flat line still needs a scale
        low, high = low - 1, high + 1
    count = len(half_hours)

    def x_of(n: float) -> float:
        return round(CHART_MARGIN + n * (CHART_WIDTH - CHART_MARGIN) / max(1, count - 1), 1)

    def y_of(value: float) -> float:
        inner = CHART_HEIGHT - CHART_MARGIN
        return round(8 + (high - value) / (high - low) * (inner - 16), 1)

    lines = [
        Line(name, colour, dashes, _parts(values, x_of, y_of))
        for name, colour, dashes, values in series
    ]
    lines += [
        Line(
            f"Limit {limit:g}",
            BAD,
            "none",
            [f"{x_of(0)},{y_of(limit)} {x_of(count - 1)},{y_of(limit)}"],
        )
        for limit in limits
    ]
    places = 4 if chart["unit"] == "pu" else 1
    step = max(1, count // 6)
    return LineChart(
        title=f"{chart['element']}, {QUANTITY_WORDS[chart['quantity']]}",
        unit=chart["unit"],
        width=CHART_WIDTH + CHART_MARGIN,
        height=CHART_HEIGHT,
        lines=lines,
        x_ticks=[
            Tick(x_of(n), f"{half_hours[n].astimezone(LONDON):%-d %b %H:%M}")
            for n in range(0, count, step)
        ],
        y_ticks=[
            Tick(y_of(low + n * (high - low) / 4), f"{low + n * (high - low) / 4:.{places}f}")
            for n in range(5)
        ],
        rows=[_row(chart, n, start, places) for n, start in enumerate(half_hours)],
    )


def _row(chart: dict[str, Any], n: int, start: datetime, places: int) -> tuple[str, str, str, str]:
    reference, without, with_ = (
        "" if value is None else f"{value:.{places}f}"
        for value in (chart["reference"][n], chart["without"][n], chart["with"][n])
    )
    return f"{start.astimezone(LONDON):%a %-d %b %Y %H:%M %Z}", reference, without, with_


def _near(limit: float, chart: dict[str, Any]) -> bool:
    """Say whether a limit is near enough to the values to be drawn with them."""
    values = [v for key in ("reference", "without", "with") for v in chart[key] if v is not None]
    if not values:
        return True
    span = max(max(values) - min(values), abs(limit) * 0.02)
    return bool(min(values) - 2 * span <= limit <= max(values) + 2 * span)


def _parts(values: Iterable[float | None], x_of: Any, y_of: Any) -> list[str]:
    parts: list[list[str]] = [[]]
    for n, value in enumerate(values):
        if value is None:
            parts.append([])
        else:
            parts[-1].append(f"{x_of(n)},{y_of(value)}")
    return [" ".join(points) for points in parts if points]
