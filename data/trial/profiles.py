"""Forecast profiles of the trial, constructed: no measured data stands behind them.

Pure Python on purpose: the command that loads the trial imports no numerical library. Every
function is deterministic, and what varies from day to day (cloud, wind, river) is computed from
the date alone, so that the same half-hour has the same value whatever period is asked for. The
constructions are written down in README.md beside this file.

A profile is per unit: 1.0 is the rated power of a generator, or the scale of a demand, which is
about its winter peak.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
HALF_HOUR = timedelta(minutes=30)
LATITUDE, LONGITUDE = 51.75, -1.25  # degrees, of the middle of the area

WINTER = (date(2021, 11, 1), date(2022, 4, 1))  # forecasts of the trial, end excluded
SUMMER = (date(2022, 5, 1), date(2022, 9, 1))

Series = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """A half-hour as profiles see it."""

    hour: float  # local, of the middle of the half-hour, 0-24
    weekday: int  # ISO, local
    day: date  # local
    winter: float  # 1 in mid January, 0 in mid July
    sun: float  # sine of the sun's elevation, 0 at night
    hours_on: float  # hours since 2020-01-01 00:00 UTC, for slow weather


def series(kind: str, start_utc: datetime, n_half_hours: int) -> tuple[Series, Series]:
    """Return (export, import) per unit of a profile, from the half-hour that starts at start_utc.

    :raises KeyError: if there is no such kind.
    """
    values = per_unit(kind, start_utc.astimezone(UTC), n_half_hours)
    zero = (0.0,) * n_half_hours
    return (values, zero) if kind in GENERATION else (zero, values)


def site_forecast(
    row: Mapping[str, str], start_utc: datetime, n_half_hours: int
) -> tuple[list[float], list[float]]:
    """Return (export kW, import kW) at the connection point of a site, a row of sites.csv.

    Generation first serves the site's own demand. What is left over is kept within the site's
    agreement (an export limit is set in the inverter or governor), so that a forecast never
    exceeds a right: columns ``forecast_export_limit_kw`` and ``forecast_import_limit_kw``.
    """
    return _netted(
        _scaled(row["generation_profile"], row["generation_kw"], start_utc, n_half_hours),
        _scaled(row["demand_profile"], row["demand_kw"], start_utc, n_half_hours),
        _limit(row["forecast_export_limit_kw"]),
        _limit(row["forecast_import_limit_kw"]),
    )


def background_forecast(
    row: Mapping[str, str], start_utc: datetime, n_half_hours: int
) -> tuple[list[float], list[float]]:
    """Return (export kW, import kW) of everything else at a bus, a row of background.csv."""
    return _netted(
        _scaled("solar", row["solar_kw"], start_utc, n_half_hours),
        _scaled(row["profile"], row["scale_kw"], start_utc, n_half_hours),
        math.inf,
        math.inf,
    )


@lru_cache(maxsize=128)
def per_unit(kind: str, start_utc: datetime, n_half_hours: int) -> Series:
    """Return one profile's values, per unit, each at least 0."""
    shape = GENERATION[kind] if kind in GENERATION else DEMAND[kind]
    return tuple(max(0.0, round(shape(at), 6)) for at in _moments(start_utc, n_half_hours))


@lru_cache(maxsize=4)
def _moments(start_utc: datetime, n_half_hours: int) -> tuple[Moment, ...]:
    first = start_utc.astimezone(UTC)
    epoch = datetime(2020, 1, 1, tzinfo=UTC)
    found = []
    for n in range(n_half_hours):
        middle = first + n * HALF_HOUR + HALF_HOUR / 2
        local = middle.astimezone(LONDON)
        year_day = local.timetuple().tm_yday
        found.append(
            Moment(
                hour=local.hour + local.minute / 60,
                weekday=local.isoweekday(),
                day=local.date(),
                winter=0.5 + 0.5 * math.cos(2 * math.pi * (year_day - 15) / 365.25),
                sun=_sine_of_elevation(middle),
                hours_on=(middle - epoch) / timedelta(hours=1),
            )
        )
    return tuple(found)


def _scaled(kind: str, scale: str, start_utc: datetime, n_half_hours: int) -> list[float]:
    kw = float(scale or 0)
    if not kind or kw == 0:
        return [0.0] * n_half_hours
    return [kw * value for value in per_unit(kind, start_utc.astimezone(UTC), n_half_hours)]


def _limit(text: str) -> float:
    return float(text) if text else 0.0


def _netted(
    made: list[float], used: list[float], most_out: float, most_in: float
) -> tuple[list[float], list[float]]:
    net = [made_kw - used_kw for made_kw, used_kw in zip(made, used, strict=True)]
    return (
        [round(min(most_out, max(0.0, kw)), 3) for kw in net],
        [round(min(most_in, max(0.0, -kw)), 3) for kw in net],
    )


def _sine_of_elevation(at: datetime) -> float:
    """Return the sine of the sun's elevation (declination and equation of time, simple form)."""
    angle = 2 * math.pi * (at.timetuple().tm_yday - 81) / 365
    declination = math.radians(23.45) * math.sin(angle)
    minutes = 9.87 * math.sin(2 * angle) - 7.53 * math.cos(angle) - 1.5 * math.sin(angle)
    solar_hour = at.hour + at.minute / 60 + LONGITUDE / 15 + minutes / 60
    hour_angle = math.radians(15 * (solar_hour - 12))
    latitude = math.radians(LATITUDE)
    sine = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
        declination
    ) * math.cos(hour_angle)
    return max(0.0, sine)


def _of_the_day(day: date, salt: int) -> float:
    """Return a number in [0, 1) that belongs to a day: the same in every run, on every machine."""
    mixed = (day.toordinal() * 2654435761 + salt * 40503) & 0xFFFFFFFF
    mixed ^= mixed >> 15
    mixed = (mixed * 2246822519) & 0xFFFFFFFF
    mixed ^= mixed >> 13
    return mixed / 2**32


def _bump(hour: float, middle: float, width: float) -> float:
    """Return a bell of height 1 at an hour of the day, which wraps at midnight."""
    away = min(abs(hour - middle), 24 - abs(hour - middle))
    return math.exp(-0.5 * (away / width) ** 2)


def _between(hour: float, first: float, last: float, ramp: float = 1.0) -> float:
    """Return 1 from one hour to another, with straight ramps outside."""
    rising = (hour - first + ramp) / ramp
    falling = (last + ramp - hour) / ramp
    return max(0.0, min(1.0, rising, falling))


# --- generation -------------------------------------------------------------------------------


def _solar(at: Moment) -> float:
    clearness = 0.30 + 0.65 * _of_the_day(at.day, 1)
    return float(0.95 * at.sun**1.15 * clearness)


def _hydro(at: Moment) -> float:
    spate = 0.5 * math.sin(at.hours_on / 71.0) + 0.5 * math.sin(at.hours_on / 163.0 + 1.0)
    return 0.20 + 0.62 * at.winter + 0.12 * spate


def _wind(at: Moment) -> float:
    weather = (
        math.sin(at.hours_on / 11.3)
        + math.sin(at.hours_on / 29.7 + 0.7)
        + math.sin(at.hours_on / 67.1 + 1.9)
    ) / 3
    return min(1.0, 0.22 + 0.16 * at.winter + 0.45 * weather)


def _chp_by_day(at: Moment) -> float:
    return 0.14 + (0.35 + 0.35 * at.winter) * _between(at.hour, 7.5, 20.5, 1.0)


def _battery_out(at: Moment) -> float:
    return 0.8 * _between(at.hour, 17.0, 19.5, 0.5)


# --- demand -----------------------------------------------------------------------------------


def _domestic(at: Moment) -> float:
    weekend = at.weekday >= 6
    morning = 0.24 * _bump(at.hour, 9.5 if weekend else 7.6, 1.4)
    midday = (0.16 if weekend else 0.10) * _bump(at.hour, 13.0, 2.5)
    evening = (0.54 if weekend else 0.60) * _bump(at.hour, 18.4, 1.9)
    return (0.22 + morning + midday + evening) * (0.66 + 0.34 * at.winter) * 1.2


def _heat_pump(at: Moment) -> float:
    day = 0.55 + 0.30 * _bump(at.hour, 7.0, 1.8) + 0.30 * _bump(at.hour, 18.0, 2.4)
    return day * (0.12 + 0.88 * at.winter) * (0.85 + 0.15 * _of_the_day(at.day, 2))


def _school(at: Moment) -> float:
    open_today = at.weekday <= 5 and not _school_holiday(at.day)
    lessons = _between(at.hour, 8.0, 15.5) if open_today else 0.0
    return (0.18 + 0.72 * lessons) * (0.80 + 0.20 * at.winter)


def _school_holiday(day: date) -> bool:
    """Return whether a day lies in the (invented, yearly alike) school holidays."""
    when = (day.month, day.day)
    return (
        when >= (12, 20)
        or when <= (1, 3)
        or (2, 14) <= when <= (2, 20)
        or (4, 4) <= when <= (4, 18)
        or (5, 28) <= when <= (6, 3)
        or (7, 22) <= when <= (9, 1)
        or (10, 23) <= when <= (10, 30)
    )


def _hall(at: Moment) -> float:
    day = 0.40 * _between(at.hour, 9.0, 17.0)
    evening = 0.55 * _between(at.hour, 18.5, 21.5)
    return 0.15 + max(day, evening) * (0.8 if at.weekday >= 6 else 1.0)


def _leisure(at: Moment) -> float:
    swim = 0.45 * _between(at.hour, 6.5, 21.5)
    return 0.35 + swim + 0.20 * at.winter * _bump(at.hour, 18.0, 2.5)


def _shops(at: Moment) -> float:
    trading = 0.6 if at.weekday == 7 else 1.0
    return 0.18 + 0.72 * trading * _between(at.hour, 9.0, 17.5)


def _works(at: Moment) -> float:
    if at.weekday >= 6:
        return 0.25
    return 0.25 + 0.70 * _between(at.hour, 6.5, 17.5)


def _cold_store(at: Moment) -> float:
    return 0.60 + 0.20 * (1 - at.winter) + 0.15 * _bump(at.hour, 15.0, 4.0)


def _farm(at: Moment) -> float:
    return 0.25 + 0.65 * _bump(at.hour, 6.0, 1.0) + 0.60 * _bump(at.hour, 16.5, 1.1)


def _ev_hub(at: Moment) -> float:
    return 0.12 + 0.35 * _between(at.hour, 8.0, 21.0, 2.0) + 0.35 * _bump(at.hour, 18.0, 2.0)


def _water(at: Moment) -> float:
    return 0.60 + 0.18 * _bump(at.hour, 9.5, 2.0) + 0.15 * _bump(at.hour, 20.0, 2.5)


def _battery_in(at: Moment) -> float:
    return 0.8 * _between(at.hour, 1.5, 4.5, 0.5)


def _standby(_at: Moment) -> float:
    return 1.0


GENERATION: dict[str, Callable[[Moment], float]] = {
    "solar": _solar,
    "hydro": _hydro,
    "wind": _wind,
    "chp_by_day": _chp_by_day,
    "battery_out": _battery_out,
}
DEMAND: dict[str, Callable[[Moment], float]] = {
    "domestic": _domestic,
    "heat_pump": _heat_pump,
    "school": _school,
    "hall": _hall,
    "leisure": _leisure,
    "shops": _shops,
    "works": _works,
    "cold_store": _cold_store,
    "farm": _farm,
    "ev_hub": _ev_hub,
    "water": _water,
    "battery_in": _battery_in,
    "standby": _standby,
}
KINDS = (*GENERATION, *DEMAND)
