"""Headroom of a study area's sites: gathered, put to the engine, and as it is kept.

The engine is imported when it is first used; all else here is plain values.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from connections.models import Agreement
from connections.states import Direction
from core.periods import HALF_HOUR, merged
from psa.inputs import Gap, Inputs, SiteInput, forecast_throughout, gather
from psa.questions import Change, FurtherChecks, Question, StudyOptions
from psa.seen.asked import policy_options_of
from psa.solving import as_engine_study
from psa.states import ForecastCase

if TYPE_CHECKING:
    from psa.engine.headroom import Wish

DAYS = 14
HALF_HOURS = DAYS * 48
STEP_KW = 1.0
OWN_CAPACITY = -1  # nothing binds but what is installed


@dataclass(frozen=True, slots=True)
class SiteFound:
    """One site and direction of what was found, in the half-hours of ``Found``."""

    site_id: int
    direction: str
    kw: list[float | None]
    binding: list[int]
    toward: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What is kept: half-hours without a forecast are there, and not known.

    ``constraints``: element_type, element, quantity, unit, low and high of what may bind or is
    near. ``near``: by entry "when" (place of the half-hour), "constraint", "value", "upper"; and
    "cut", half-hours in which more is near than was kept.
    """

    inputs: Inputs
    engine: str
    inputs_hash: str
    constraints: list[dict[str, Any]]
    near: dict[str, list[Any]]
    sites: list[SiteFound]


def horizon(starts_at: datetime) -> tuple[datetime, ...]:
    """Return the half-hours that headroom is told of."""
    return tuple(starts_at + n * HALF_HOUR for n in range(HALF_HOURS))


def gather_headroom(*, area_id: int, starts_at: datetime, at: datetime) -> Inputs | Gap:
    """Read what headroom is computed from, in the half-hours in which all has a forecast.

    It is what a study reads of a question that changes nothing, under the area's policy.
    """
    options = judged_by(area_id)
    covered, sites, missing = forecast_throughout(area_id, horizon(starts_at), at)
    for case in options.forecast_cases[1:]:
        also, _, lacking = forecast_throughout(area_id, horizon(starts_at), at, case=case)
        covered = tuple(start for start in covered if start in set(also))
        missing = missing or f"{ForecastCase(case).label} case: {lacking}"
    if not sites:
        return Gap("No site of this area has both a bus of the network model and a forecast.")
    if not covered:
        return Gap(missing)
    nothing = Change(sites[0], "BOUGHT", Direction.EXPORT, 0.0, merged(covered))
    question = Question(Direction.EXPORT.value, (nothing,), options=options)
    return gather(area_id=area_id, question=question, at=at)


def judged_by(area_id: int) -> StudyOptions:
    """Return what headroom takes of the policy that counts: its thresholds, its limits of reverse
    power, and its cases of the forecasts, of which the least headroom counts.
    """
    policy = policy_options_of(area_id)
    limits = FurtherChecks(reverse_limits_kw=policy.further.reverse_limits_kw)
    return replace(policy, find_largest=False, further=limits)


def find(inputs: Inputs, installed: dict[int, list[Agreement]], starts_at: datetime) -> Found:
    """Put it to the engine. Takes seconds; no transaction may be open."""
    from psa.engine import study as engine

    found = [_find(each, installed, starts_at) for each in inputs.on_each_version]
    versions = engine.versions()
    return replace(_joined(found), inputs=inputs, inputs_hash=inputs.digest(versions))


def _find(inputs: Inputs, installed: dict[int, list[Agreement]], starts_at: datetime) -> Found:
    """Find the headroom in the half-hours of one version of the network."""
    from psa.engine.headroom import headrooms, least

    wished = _wished(inputs)
    cases = (inputs, *inputs.other_cases)
    found = least(
        [
            headrooms(as_engine_study(each), _wishes(each, installed), step_kw=STEP_KW)
            for each in cases
        ]
    )
    place = [(start - starts_at) // HALF_HOUR for start in inputs.half_hours]
    columns = sorted({*found.binding[found.binding >= 0].tolist(), *found.near.column.tolist()})
    number = {column: n for n, column in enumerate(columns)}
    watched = found.watched
    sites = []
    for n, (site, direction) in enumerate(wished):
        kw: list[float | None] = [None] * HALF_HOURS
        binding = [OWN_CAPACITY] * HALF_HOURS
        for at, value, column in zip(
            place, found.kw[n].tolist(), found.binding[n].tolist(), strict=True
        ):
            kw[at] = value if value == value else None  # noqa: PLR0124  (not a number)
            binding[at] = number.get(column, OWN_CAPACITY)
        toward = array("f", found.near.toward[n].tolist())
        sites.append(SiteFound(site.site_id, direction, kw, binding, toward.tobytes()))
    return Found(
        inputs=inputs,
        engine=found.engine,
        inputs_hash="",
        constraints=[
            {
                "element_type": watched.element_type[column],
                "element": watched.element[column],
                "quantity": watched.quantity[column],
                "unit": watched.unit[column],
                "low": _finite(float(watched.low[column])),
                "high": _finite(float(watched.high[column])),
            }
            for column in columns
        ],
        near={
            "when": [place[at] for at in found.near.when.tolist()],
            "constraint": [number[column] for column in found.near.column.tolist()],
            "value": [round(value, 5) for value in found.near.value.tolist()],
            "upper": found.near.upper.tolist(),
            "cut": [place[at] for at in found.near.cut.tolist()],
        },
        sites=sites,
    )


def _joined(found: Sequence[Found]) -> Found:
    """Return what was found on each version of the network as one: each has its own half-hours."""
    first, *more = found
    if not more:
        return first
    constraints: list[dict[str, Any]] = []
    near: dict[str, list[Any]] = {name: [] for name in first.near}
    sites: dict[tuple[int, str], SiteFound] = {}
    for each in found:
        number = []  # of its constraints, among those of all
        for constraint in each.constraints:
            if constraint not in constraints:
                constraints.append(constraint)
            number.append(constraints.index(constraint))
        known = len(near["when"])
        for name, values in each.near.items():
            near[name] += [number[at] for at in values] if name == "constraint" else values
        own = {(site.site_id, site.direction): site for site in each.sites}
        for key in sites.keys() | own.keys():
            sites[key] = _with(
                sites.get(key), own.get(key), number, known, len(near["when"]) - known
            )
    return replace(
        first,
        engine=", ".join(sorted({each.engine for each in found})),
        constraints=constraints,
        near=near,
        sites=[sites[key] for key in sorted(sites)],
    )


def _with(
    one: SiteFound | None, two: SiteFound | None, number: list[int], before: int, new: int
) -> SiteFound:
    """Return a site's headroom with that on the next version; nothing is known where it is not."""
    unknown = array("f", [float("nan")])
    if one is None:
        one = SiteFound(
            cast("SiteFound", two).site_id,
            cast("SiteFound", two).direction,
            [None] * HALF_HOURS,
            [OWN_CAPACITY] * HALF_HOURS,
            (unknown * before).tobytes(),
        )
    if two is None:
        return replace(one, toward=one.toward + (unknown * new).tobytes())
    kw, binding = list(one.kw), list(one.binding)
    for at, value in enumerate(two.kw):
        if value is not None:
            kw[at], column = value, two.binding[at]
            binding[at] = column if column == OWN_CAPACITY else number[column]
    return replace(one, kw=kw, binding=binding, toward=one.toward + two.toward)


def _wished(inputs: Inputs) -> list[tuple[SiteInput, str]]:
    return [
        (site, direction)
        for site in inputs.sites
        for direction in Direction.values
        if site.before[direction] is not None
    ]


def _wishes(inputs: Inputs, installed: dict[int, list[Agreement]]) -> list[Wish]:
    import numpy as np

    from psa.engine.headroom import Wish

    return [
        Wish(
            f"site-{site.site_id}",
            direction,
            np.array(_most(site, direction, installed.get(site.site_id, []), inputs.half_hours)),
        )
        for site, direction in _wished(inputs)
    ]


def _most(
    site: SiteInput,
    direction: str,
    agreements: Sequence[Agreement],
    half_hours: Sequence[datetime],
) -> list[float]:
    """Return what the connection can carry beyond the base case: nothing without an agreement."""
    series = site.forecast.export_kw if direction == Direction.EXPORT else site.forecast.import_kw
    rights = site.before[direction]
    most = []
    for n, start in enumerate(half_hours):
        capacity = next(
            (
                float(one.max_installed_kva * one.power_factor(direction))
                for one in agreements
                if one.starts_at <= start and (one.ends_at is None or start < one.ends_at)
            ),
            0.0,
        )
        used = series[n] + (rights.bought[n] if rights else 0.0)
        most.append(max(0.0, capacity - used))
    return most


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None
