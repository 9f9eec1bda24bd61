"""A study's elements over its half-hours, and a feeder's voltages along its length.

Numbers for SVG templates, from the picture that a worker made. How near a value is to its limit is
counted alike for all: 0 % at nominal (a loading of nothing), 100 % at the limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from core.periods import LONDON
from psa.models import Study
from psa.questions import Question
from psa.seen.charts import BAD, WARN, Line, LineChart, Tick, chart_of
from psa.seen.looking import (
    CASE_WORDS,
    clock_words,
    half_hours_shown,
    layout_of,
    picture_of,
    view_of,
)
from psa.seen.pictures import CASES, Element, Picture
from psa.seen.wording import element_words, value_words

MOST_ROWS = 30
LABEL_PX, ROW_PX, WIDTH_PX, TOP_PX = 230, 18, 720, 24
PROFILE_HEIGHT, PROFILE_MARGIN = 260, 56
# Up to how many per cent of the way to the limit, fill, words. Light to dark, so that it is read
# without colours too.
BANDS = (
    (50.0, "#e8f1fa", "less than half way to the limit"),
    (80.0, "#b5d4ea", "half way or more"),
    (95.0, "#f7c873", "80 % of the way or more"),
    (100.0, "#e07b39", "95 % of the way or more"),
    (float("inf"), "#8e1b1b", "past the limit"),
)
NO_NUMBER = ("#111111", "no supply, or no solution")
HEADER = (
    "starts_at",
    "element_type",
    "element",
    "quantity",
    "unit",
    "limit_low",
    "limit_high",
    "reference",
    "without",
    "with",
)


@dataclass(frozen=True, slots=True)
class Run:
    """Half-hours in a row in one band."""

    x: float
    width: float
    colour: str
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    y: int
    runs: list[Run]
    worst: str
    when: str
    limit: str
    past: int  # half-hours past the limit
    key: str


@dataclass(frozen=True, slots=True)
class Profile:
    """Voltage against the distance from the busbar, at one half-hour."""

    feeder: str
    moment: str
    width: int
    height: int
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    rows: list[tuple[str, str, str, str]]  # bus, km, without, with


@dataclass(frozen=True, slots=True)
class Gallery:
    """What is drawn of a study's picture beside its diagram."""

    study_id: int
    case: str
    width: int
    height: int
    rows: list[Row]
    ticks: list[Tick]
    bands: list[tuple[str, str]]
    chosen: str  # key of the element whose chart is drawn
    chart: LineChart | None
    profile: Profile | None
    left_out: int


def gallery_of(study: Study, asked: Mapping[str, str]) -> Gallery | None:
    """Return the heat map, an element's chart and a feeder's profile; None: no picture yet."""
    picture = picture_of(study)
    if picture is None:
        return None
    question = Question.from_json(study.question)
    half_hours = half_hours_shown(study, question)
    view = view_of(study, question, half_hours, asked)
    shown = [at for at in picture.nearest(MOST_ROWS) if picture.has_series(at)]
    by_key = {_key(picture.elements[at]): at for at in shown}
    chosen = asked.get("element", "")
    if chosen not in by_key:
        chosen = next(iter(by_key), "")
    step = max(1, len(half_hours) // 6)
    return Gallery(
        study_id=study.pk,
        case=CASE_WORDS[view.case],
        width=LABEL_PX + WIDTH_PX + 10,
        height=TOP_PX + ROW_PX * len(shown) + 8,
        rows=[_row(picture, at, n, view.case, half_hours) for n, at in enumerate(shown)],
        ticks=[
            Tick(_x(n, len(half_hours)), f"{half_hours[n].astimezone(LONDON):%-d %b %H:%M}")
            for n in range(0, len(half_hours), step)
        ],
        bands=[(colour, words) for _, colour, words in BANDS] + [NO_NUMBER],
        chosen=chosen,
        chart=_chart(picture, by_key[chosen], half_hours) if chosen else None,
        profile=_profile(study, picture, view.at, view.feeder, half_hours),
        left_out=picture.left_out,
    )


def values_of(study: Study, *, every: bool) -> Iterator[Sequence[Any]] | None:
    """Yield the rows of a study's values as CSV has them; None: there is no picture.

    ``every`` element that is kept, else those nearest to their limits.
    """
    picture = picture_of(study)
    if picture is None:
        return None
    half_hours = half_hours_shown(study, Question.from_json(study.question))
    chosen = list(picture.place) if every else picture.nearest(MOST_ROWS)
    return _values(picture, [at for at in chosen if picture.has_series(at)], half_hours)


def _values(
    picture: Picture, chosen: Sequence[int], half_hours: Sequence[datetime]
) -> Iterator[Sequence[Any]]:
    yield HEADER
    for at in chosen:
        element = picture.elements[at]
        series = [picture.series(at, case) for case in CASES]
        about = (element.type, _tame(element.name), element.quantity, element.unit)
        for n, start in enumerate(half_hours):
            text = start.astimezone(UTC).isoformat().replace("+00:00", "Z")
            yield (text, *about, element.low, element.high, *(each[n] for each in series))


def _row(picture: Picture, at: int, n: int, case: str, half_hours: Sequence[datetime]) -> Row:
    element = picture.elements[at]
    values = picture.series(at, case)
    peak_at = picture.peak_at[at]
    worst = values[peak_at]
    runs, start = [], 0
    for band, several in groupby(_band(element, value) for value in values):
        length = len(list(several))
        colour, words = (BANDS[band][1], BANDS[band][2]) if band >= 0 else NO_NUMBER
        first = clock_words(half_hours[start])
        left, right = _x(start, len(values)), _x(start + length, len(values))
        runs.append(Run(left, round(right - left, 2), colour, f"{words}, from {first}"))
        start += length
    limits = [limit for limit in (element.low, element.high) if limit is not None]
    return Row(
        label=_label(element),
        y=TOP_PX + ROW_PX * n,
        runs=runs,
        worst=value_words(worst, element.unit),
        when=clock_words(half_hours[peak_at]),
        limit=" to ".join(value_words(limit, element.unit) for limit in limits),
        past=sum(_band(element, value) in {-1, len(BANDS) - 1} for value in values),
        key=_key(element),
    )


def _band(element: Element, value: float | None) -> int:
    if value is None:
        return -1
    way = (1 - element.room(value)) * 100
    return next(n for n, (most, _, _) in enumerate(BANDS) if way <= most)


def _chart(picture: Picture, at: int, half_hours: Sequence[datetime]) -> LineChart:
    element = picture.elements[at]
    return chart_of(
        {
            "element": element_words({"element_type": element.type, "element": element.name}),
            "quantity": element.quantity,
            "unit": element.unit,
            "limit_low": element.low,
            "limit_high": element.high,
            **{case: picture.series(at, case) for case in CASES},
        },
        half_hours,
    )


def _profile(
    study: Study, picture: Picture, at: int, feeder: str, half_hours: Sequence[datetime]
) -> Profile | None:
    layout = layout_of(study)
    if layout is None or not layout["feeders"]:
        return None
    feeders, buses = layout["feeders"], layout["buses"]
    number = int(feeder) if feeder.isdecimal() and int(feeder) < len(feeders) else None
    if number is None:
        nearest = picture.nearest(len(picture.elements), "voltage")
        found = (buses[picture.elements[each].row]["feeder"] for each in nearest)
        number = next((each for each in found if each is not None), 0)
    rows = sorted(
        (row for row, bus in enumerate(buses) if bus["feeder"] == number),
        key=lambda row: (buses[row]["km"], buses[row]["name"]),
    )
    volts = {
        row: {case: picture.value(picture.index[key], case, at) for case in ("without", "with")}
        for row in rows
        if (key := ("bus", row, "voltage")) in picture.index
    }
    limits = {
        limit
        for row in volts
        for element in [picture.elements[picture.index["bus", row, "voltage"]]]
        for limit in (element.low, element.high)
        if limit is not None
    }
    known = [value for each in volts.values() for value in each.values() if value is not None]
    if not known:
        return None
    return _drawn(str(feeders[number]["name"]), clock_words(half_hours[at]), layout, volts, limits)


def _drawn(
    feeder: str,
    moment: str,
    layout: dict[str, Any],
    volts: dict[int, dict[str, float | None]],
    limits: set[float],
) -> Profile:
    known = [value for each in volts.values() for value in each.values() if value is not None]
    low, high = min([*known, *limits]) - 0.005, max([*known, *limits]) + 0.005
    buses = layout["buses"]
    far: float = max([buses[row]["km"] for row in volts] + [0.001])
    right = PROFILE_MARGIN + WIDTH_PX

    def x_of(km: float) -> float:
        return round(PROFILE_MARGIN + km / far * WIDTH_PX, 1)

    def y_of(value: float) -> float:
        return round(8 + (high - value) / (high - low) * (PROFILE_HEIGHT - PROFILE_MARGIN), 1)

    def joined(case: str) -> list[str]:
        parts = []
        for branch in layout["branches"]:
            ends = branch["ends"]
            values = [volts.get(end, {}).get(case) for end in ends]
            if branch["open"] or None in values:
                continue
            parts.append(
                " ".join(
                    f"{x_of(buses[end]['km'])},{y_of(value)}"
                    for end, value in zip(ends, values, strict=True)
                    if value is not None
                )
            )
        return parts

    lines = [
        Line("Without", WARN, "7 4", joined("without")),
        Line("With", "#1f5fa8", "none", joined("with")),
        *(
            Line(
                f"Limit {limit:g}",
                BAD,
                "none",
                [f"{PROFILE_MARGIN},{y_of(limit)} {right},{y_of(limit)}"],
            )
            for limit in sorted(limits)
        ),
    ]
    steps = range(5)
    return Profile(
        feeder=feeder,
        moment=moment,
        width=right + 34,
        height=PROFILE_HEIGHT,
        lines=lines,
        x_ticks=[Tick(x_of(far * n / 4), f"{far * n / 4:.2f} km") for n in steps],
        y_ticks=[
            Tick(y_of(low + (high - low) * n / 4), f"{low + (high - low) * n / 4:.3f}")
            for n in steps
        ],
        rows=[
            (
                buses[row]["name"],
                f"{buses[row]['km']:.3f}",
                value_words(values["without"], "pu"),
                value_words(values["with"], "pu"),
            )
            for row, values in volts.items()
        ],
    )


def _tame(name: str) -> str:
    """Keep a spreadsheet from reading a name as a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name


def _label(element: Element) -> str:
    words = element_words({"element_type": element.type, "element": element.name})
    what = {"voltage": "voltage", "loading_percent": "loading"}.get(element.quantity)
    return f"{words}, {what or 'reverse power'}"


def _key(element: Element) -> str:
    return "|".join(map(str, element.key))


def _x(n: int, count: int) -> float:
    return round(LABEL_PX + n * WIDTH_PX / max(1, count), 2)
