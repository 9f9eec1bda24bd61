"""What a what-if may ask: values in, refusals out."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from connections.register.sweep import Stretch
from connections.states import Role
from core.errors import Period, Refusal
from psa.questions import BASES, OwnPower, StudyOptions

LARGEST_KW = 1_000_000.0
LARGEST_PERCENT = 1_000.0


@dataclass(frozen=True, slots=True)
class AskedSite:
    """A site of a what-if as it stands: what it is asked to do, and what it has."""

    name: str
    in_area: bool
    bus: str
    role: str  # connections.states.Role
    kw: float
    stretches: Sequence[Stretch]  # of the register in the studied direction; none outside the area


def refusals_of_sites(
    sites: Sequence[AskedSite],
    *,
    area: str,
    direction: str,
    periods: Sequence[Period],
    buses: Collection[str] | None,
) -> list[Refusal]:
    """Return what stands against the sites of a what-if, each with its place: ``changes.0.kw``.

    ``buses`` are those of the network model; None: not known.
    """
    found: list[Refusal] = []
    if not sites:
        found.append(Refusal("what_if_no_site", "Name at least one site.", "changes"))
    seen: set[str] = set()
    for n, site in enumerate(sites):
        found += _of_site(site, n, area=area, buses=buses)
        if site.name in seen:
            message = f"{site.name} is named twice: give it one change."
            found.append(Refusal("what_if_site_twice", message, f"changes.{n}.site"))
        seen.add(site.name)
        if site.role == Role.SOLD and math.isfinite(site.kw):
            found += _given_up(site, n, direction=direction, periods=periods)
    return found


def refusals_of_options(options: StudyOptions, own_power: OwnPower | None) -> Iterator[Refusal]:
    """Yield what is wrong with how a what-if is to be judged, or with what stands for the rest."""
    bases = options.required_bases
    if not bases or not set(bases) <= set(BASES):
        message = "Choose at least one basis that decides."
        yield Refusal("what_if_no_basis", message, "required_bases")
    limits = (options.loading_warn_percent, options.loading_fail_percent)
    if not all(math.isfinite(each) and 0 < each <= LARGEST_PERCENT for each in limits):
        message = f"A threshold lies above 0 and up to {LARGEST_PERCENT:.0f} %."
        yield Refusal("what_if_threshold", message, "loading_fail_percent")
    elif limits[0] > limits[1]:
        message = "It is not above the threshold that fails."
        yield Refusal("what_if_warn_above_fail", message, "loading_warn_percent")
    if not (math.isfinite(options.step_kw) and 0 < options.step_kw <= LARGEST_KW):
        message = f"The step lies above 0 and up to {LARGEST_KW:.0f} kW."
        yield Refusal("what_if_step", message, "step_kw")
    if own_power is not None:
        for name in ("demand_percent", "generation_percent"):
            percent = getattr(own_power, name)
            if not (math.isfinite(percent) and 0 <= percent <= LARGEST_PERCENT):
                message = f"A share lies between 0 and {LARGEST_PERCENT:.0f} %."
                yield Refusal("what_if_share", message, name)


def refusals_of_failure_case(*, asked: bool, gives_up: bool) -> Iterator[Refusal]:
    """Yield that no offset can go where nobody gives one."""
    if asked and not gives_up:
        message = "Nobody gives up capacity here, so no offset can go: name a site that does."
        yield Refusal("what_if_no_offset", message, "failure_case")


def _of_site(
    site: AskedSite, n: int, *, area: str, buses: Collection[str] | None
) -> Iterator[Refusal]:
    if not (math.isfinite(site.kw) and 0 < site.kw <= LARGEST_KW):
        message = f"A change lies above 0 and up to {LARGEST_KW:.0f} kW."
        yield Refusal("what_if_kw", message, f"changes.{n}.kw")
    place = f"changes.{n}.site"
    if not site.in_area:
        message = f"{site.name} is not in {area}, the study area of this network model."
        yield Refusal("what_if_other_area", message, place)
    elif not site.bus:
        message = f"{site.name} is not connected to a bus yet: name its bus on the site's page."
        yield Refusal("what_if_no_bus", message, place)
    elif buses is not None and site.bus not in buses:
        message = f"This network model has no bus {site.bus}, where {site.name} is connected."
        yield Refusal("what_if_bus_unknown", message, place)


def _given_up(
    site: AskedSite, n: int, *, direction: str, periods: Sequence[Period]
) -> Iterator[Refusal]:
    within = [
        stretch
        for stretch in site.stretches
        if any(
            stretch.starts_at < ends_at and starts_at < stretch.ends_at
            for starts_at, ends_at in periods
        )
    ]
    if not within:
        return
    least = min(
        stretch.permitted if stretch.agreed is not None else Decimal(0) for stretch in within
    )
    if Decimal(str(site.kw)) > least:
        message = (
            f"{site.name} can give up {least.normalize():f} kW of {direction.lower()} at most: "
            "no more is permitted in every half-hour."
        )
        yield Refusal("what_if_gives_too_much", message, f"changes.{n}.kw")
