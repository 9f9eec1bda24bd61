"""What a study is asked, in plain values, and its JSON. Nothing here knows what is traded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from core.errors import Period
from core.periods import half_hours_between, merged
from psa.states import ForecastCase

BASES = ("forecast_ratio", "rights_used", "full_capacity")
SAFE_BASES = ("rights_used", "full_capacity")
CENTRAL_ONLY = (str(ForecastCase.CENTRAL),)
BASIS_WORDS = {
    "forecast_ratio": "Forecast ratio",
    "rights_used": "Rights used",
    "full_capacity": "Full capacity",
}


@dataclass(frozen=True, slots=True)
class Change:
    """That a site gains (BOUGHT) or gives up (SOLD) so many kW in some periods.

    What is bought counts whole: the site's ceiling is taken to be raised as far as it needs.
    """

    site_id: int
    role: str  # connections.states.Role
    direction: str  # connections.states.Direction
    kw: float
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Changes (by position in the question) that hold together or not at all.

    A question with parts asks which of them fit together; ``key`` is the caller's.
    """

    key: str
    changes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FurtherChecks:
    """What a policy may ask for beyond the bases (``psa.engine.checks``). All off by default."""

    outages: tuple[str, ...] = ()  # "line Bridge Street", "trafo T1"
    outages_decide: bool = False
    emergency_percent: float = 100.0
    step_voltage_percent: float | None = None
    step_voltage_decides: bool = False
    failure_case: bool = False
    reverse_limits_kw: tuple[tuple[str, float], ...] = ()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> FurtherChecks:
        return cls(
            **{
                **value,
                "outages": tuple(value["outages"]),
                "reverse_limits_kw": tuple((name, kw) for name, kw in value["reverse_limits_kw"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Seller:
    """A site that may lower what it has in the studied direction, by so many kW at the most."""

    site_id: int
    kw: float


@dataclass(frozen=True, slots=True)
class Season:
    """Half-hours that stand for more than themselves, named: "Winter"."""

    name: str
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """How a study is judged: what the area's policy sets."""

    required_bases: tuple[str, ...] = SAFE_BASES
    loading_fail_percent: float = 100.0
    loading_warn_percent: float = 95.0
    step_kw: float = 1.0
    find_largest: bool = True
    # Of the forecasts (psa.states.ForecastCase): each is answered, and the worst counts.
    forecast_cases: tuple[str, ...] = CENTRAL_ONLY
    further: FurtherChecks = field(default_factory=FurtherChecks)


@dataclass(frozen=True, slots=True)
class OwnPower:
    """What stands where there is no forecast: the model's own loads and generators, scaled."""

    demand_percent: float = 100.0
    generation_percent: float = 100.0


@dataclass(frozen=True, slots=True)
class Question:
    """Changes to the register of a study area, judged in the half-hours in which they change it.

    ``exclude_references`` are allocations left out of the register first: a contract that is
    approved already is studied by leaving its own out and putting it in ``changes``.

    ``network_model_id`` is the version studied on (the published one if not given), ``own_power``
    what a what-if lets stand where there is no forecast. A question ``over`` some periods asks of
    all that is approved, against no market contract at all; it has no changes.
    """

    direction: str  # whose full capacity is tested
    changes: tuple[Change, ...]
    exclude_references: tuple[UUID, ...] = ()
    options: StudyOptions = field(default_factory=StudyOptions)
    network_model_id: int | None = None
    own_power: OwnPower | None = None
    over: tuple[Period, ...] = ()
    parts: tuple[Part, ...] = ()  # the first agreed first
    sellers: tuple[Seller, ...] = ()  # asked what they lower, if it fails without
    seasons: tuple[Season, ...] = ()  # of which its half-hours are; empty: they stand for no more

    def periods(self) -> tuple[Period, ...]:
        """Return the half-hours studied, merged."""
        asked = [*self.over, *(period for change in self.changes for period in change.periods)]
        return merged(at for period in asked for at in half_hours_between(*period))

    def half_hours(self) -> tuple[datetime, ...]:
        return tuple(at for period in self.periods() for at in half_hours_between(*period))

    def site_ids(self) -> tuple[int, ...]:
        return tuple(sorted({change.site_id for change in self.changes}))

    def bought_kw(self) -> float:
        """Return what is asked for: the sum of what is bought in the studied direction."""
        return sum(
            change.kw
            for change in self.changes
            if change.role == "BOUGHT" and change.direction == self.direction
        )

    def as_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = {
            "direction": self.direction,
            "changes": [
                {
                    "site_id": change.site_id,
                    "role": change.role,
                    "direction": change.direction,
                    "kw": change.kw,
                    "periods": [[_text(start), _text(end)] for start, end in change.periods],
                }
                for change in self.changes
            ],
            "exclude_references": [str(reference) for reference in self.exclude_references],
            "options": {
                "required_bases": list(self.options.required_bases),
                "loading_fail_percent": self.options.loading_fail_percent,
                "loading_warn_percent": self.options.loading_warn_percent,
                "step_kw": self.options.step_kw,
                "find_largest": self.options.find_largest,
            },
        }
        # Left out where not asked for: the hashes of studies from before they were keep counting.
        if self.options.forecast_cases != CENTRAL_ONLY:
            plain["options"]["forecast_cases"] = list(self.options.forecast_cases)
        if self.options.further != FurtherChecks():
            plain["further_checks"] = asdict(self.options.further)
        if self.network_model_id is not None:
            plain["network_model_id"] = self.network_model_id
        if self.own_power is not None:
            plain["own_power"] = asdict(self.own_power)
        if self.over:
            plain["over"] = [[_text(start), _text(end)] for start, end in self.over]
        if self.parts:
            plain["parts"] = [
                {"key": part.key, "changes": list(part.changes)} for part in self.parts
            ]
        if self.sellers:
            plain["sellers"] = [asdict(seller) for seller in self.sellers]
        if self.seasons:
            plain["seasons"] = [
                {
                    "name": season.name,
                    "periods": [[_text(start), _text(end)] for start, end in season.periods],
                }
                for season in self.seasons
            ]
        return plain

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Question:
        options: dict[str, Any] = {
            name: tuple(each) if isinstance(each, list) else each
            for name, each in value["options"].items()
        }
        own_power, further = value.get("own_power"), value.get("further_checks")
        return cls(
            direction=value["direction"],
            changes=tuple(
                Change(
                    site_id=change["site_id"],
                    role=change["role"],
                    direction=change["direction"],
                    kw=change["kw"],
                    periods=tuple(
                        (_instant(start), _instant(end)) for start, end in change["periods"]
                    ),
                )
                for change in value["changes"]
            ),
            exclude_references=tuple(UUID(text) for text in value["exclude_references"]),
            options=StudyOptions(
                **options,
                further=FurtherChecks.from_json(further) if further else FurtherChecks(),
            ),
            network_model_id=value.get("network_model_id"),
            own_power=OwnPower(**own_power) if own_power else None,
            over=tuple((_instant(start), _instant(end)) for start, end in value.get("over", ())),
            parts=tuple(
                Part(part["key"], tuple(part["changes"])) for part in value.get("parts", ())
            ),
            sellers=tuple(Seller(**each) for each in value.get("sellers", ())),
            seasons=tuple(
                Season(
                    each["name"],
                    tuple((_instant(start), _instant(end)) for start, end in each["periods"]),
                )
                for each in value.get("seasons", ())
            ),
        )


def trade(
    *,
    seller_site_id: int,
    buyer_site_id: int,
    direction: str,
    sold_kw: float,
    bought_kw: float,
    half_hours: Iterable[datetime],
) -> tuple[Change, Change]:
    """Return the two changes of capacity that moves from one site to another."""
    periods = merged(half_hours)
    return (
        Change(seller_site_id, "SOLD", direction, sold_kw, periods),
        Change(buyer_site_id, "BOUGHT", direction, bought_kw, periods),
    )


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
