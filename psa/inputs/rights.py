"""A site's register in a study: as it stands, and with what is studied in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from connections import queries as connections
from connections.models import Agreement, Site
from connections.register.sweep import Stretch
from connections.states import Direction
from core.errors import Period
from core.periods import HALF_HOUR
from psa.inputs.forecasts import Forecasts, nothing_in, series_of
from psa.inputs.values import RightsInput, SiteInput
from psa.questions import Question

# What a conditional notice does not count is no right, whatever was bought.
FIELDS = {"agreed": "agreed", "ceiling": "ceiling", "bought": "counted", "sold": "sold"}


@dataclass(frozen=True, slots=True)
class Place:
    """What a study takes of a site besides its forecast and register."""

    site_id: int
    name: str
    bus: str
    worst_power_factor: dict[str, float]


def place_of(site: Site, agreements: list[Agreement]) -> Place:
    return Place(
        site_id=site.pk,
        name=site.name,
        bus=site.network_bus,
        worst_power_factor={
            direction: min(
                (float(agreement.power_factor(direction)) for agreement in agreements),
                default=0.95,
            )
            for direction in Direction.values
        },
    )


def site_input(
    place: Place,
    forecasts: Forecasts,
    register: dict[str, RightsInput | None],
    question: Question,
    half_hours: tuple[datetime, ...],
) -> SiteInput:
    """Return a site as the question has it: ``register`` is as it stands, before any change."""
    days = forecasts.of_site.get(place.site_id)
    return SiteInput(
        site_id=place.site_id,
        name=place.name,
        bus=place.bus,
        forecast=nothing_in(half_hours) if days is None else series_of(days, half_hours),
        has_forecast=days is not None,
        before={
            direction: _untraded(rights) if question.over else rights
            for direction, rights in register.items()
        },
        after={
            direction: _changed(rights, place.site_id, direction, question, half_hours)
            for direction, rights in register.items()
        },
        studied=any(
            change.site_id == place.site_id and change.direction == question.direction
            for change in question.changes
        ),
        worst_power_factor=place.worst_power_factor,
    )


def rights_of(
    sites: list[Site], half_hours: tuple[datetime, ...], question: Question
) -> dict[int, dict[str, RightsInput | None]]:
    found: dict[int, dict[str, RightsInput | None]] = {site.pk: {} for site in sites}
    for direction in Direction.values:
        registers = connections.register(
            [site.pk for site in sites],
            direction,
            half_hours[0],
            half_hours[-1] + HALF_HOUR,
            without_references=question.exclude_references,
        )
        for site in sites:
            found[site.pk][direction] = spread(registers.get(site.pk, []), half_hours)
    return found


def spread(stretches: list[Stretch], half_hours: tuple[datetime, ...]) -> RightsInput | None:
    """Return the register in each half-hour, or None where there is no such right throughout."""
    if all(stretch.agreed is None for stretch in stretches):
        return None
    values: dict[str, list[float]] = {name: [] for name in FIELDS}
    position = 0
    for start in half_hours:
        while position + 1 < len(stretches) and stretches[position].ends_at <= start:
            position += 1
        stretch = stretches[position]
        for name, field_name in FIELDS.items():
            values[name].append(float(getattr(stretch, field_name) or 0))
    return RightsInput(**values)


def _untraded(rights: RightsInput | None) -> RightsInput | None:
    if rights is None:
        return None
    nothing = [0.0] * len(rights.agreed)
    return replace(rights, bought=nothing, sold=nothing)


def _changed(
    rights: RightsInput | None,
    site_id: int,
    direction: str,
    question: Question,
    half_hours: tuple[datetime, ...],
) -> RightsInput | None:
    """Return the register with what is studied in it."""
    changes = [
        change
        for change in question.changes
        if change.site_id == site_id and change.direction == direction
    ]
    if not changes:
        return rights
    if rights is None:
        nothing = [0.0] * len(half_hours)
        rights = RightsInput(nothing, nothing, nothing, nothing)
    bought, sold, ceiling = list(rights.bought), list(rights.sold), list(rights.ceiling)
    for change in changes:
        inside = positions_in(change.periods, half_hours)
        for n in inside:
            if change.role == "SOLD":
                sold[n] += change.kw
            else:
                bought[n] += change.kw
                # Whoever asks has made sure that what is bought is covered, by a notice in force
                # or by the one that is studied.
                ceiling[n] = max(ceiling[n], rights.agreed[n] + bought[n])
    return replace(rights, bought=bought, sold=sold, ceiling=ceiling)


def positions_in(periods: tuple[Period, ...], half_hours: tuple[datetime, ...]) -> list[int]:
    found, position = [], 0
    for n, start in enumerate(half_hours):
        while position < len(periods) and periods[position][1] <= start:
            position += 1
        if position < len(periods) and periods[position][0] <= start:
            found.append(n)
    return found
