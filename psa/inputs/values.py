"""What a study is computed from, in plain values, and its hash."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from core.journal import canonical
from core.periods import HALF_HOUR
from psa.questions import Question
from psa.states import EventField, ForecastCase

UNSAID = {"export_kvar", "import_kvar"}  # no part of a hash where there are none


@dataclass(frozen=True, slots=True)
class SeriesInput:
    """The forecast at a point: kW in each half-hour, export and import apart."""

    export_kw: Sequence[float]
    import_kw: Sequence[float]
    export_power_factor: float
    import_power_factor: float
    # Where a forecast says so; else the power factors give them.
    export_kvar: Sequence[float] | None = None
    import_kvar: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class RightsInput:
    """A site's register in one direction: kW in each half-hour."""

    agreed: Sequence[float]
    ceiling: Sequence[float]
    bought: Sequence[float]
    sold: Sequence[float]


@dataclass(frozen=True, slots=True)
class SiteInput:
    """A site as the study sees it. No rights: it may not use the network in that direction."""

    site_id: int
    name: str
    bus: str
    forecast: SeriesInput
    before: dict[str, RightsInput | None]  # by direction, with all that is approved
    after: dict[str, RightsInput | None]  # and with what is studied
    studied: bool
    worst_power_factor: dict[str, float]
    has_forecast: bool = True  # else 0 kW stands, beside the model's own power (what-ifs only)


@dataclass(frozen=True, slots=True)
class EventInput:
    """A dated change of the running arrangement, as a study reads it."""

    table: str
    element: str
    field: str
    value: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that decides a study's answer, but the engine's version.

    In the half-hours of one version of the network: where the question's window spans several,
    those on the next ones are ``later``.
    """

    question: Question
    network: str
    network_model_id: int
    network_sha256: str
    half_hours: tuple[datetime, ...]
    background: dict[str, SeriesInput]
    sites: tuple[SiteInput, ...]
    forecast_versions: tuple[int, ...]
    on_planning_profiles: bool
    case: str = ForecastCase.CENTRAL
    # The same question on other cases of the forecasts, where it asks for them.
    other_cases: tuple[Inputs, ...] = ()
    events: tuple[EventInput, ...] = ()
    version: int = 0
    valid_from: datetime | None = None
    # Buses with a forecast that another version of the network has, and this one has not.
    left_out: tuple[str, ...] = ()
    later: tuple[Inputs, ...] = ()

    def with_others(self, others: Iterable[Inputs]) -> Inputs:
        """Return these inputs with those on other cases beside them, and all their versions."""
        every = (self, *others)
        return replace(
            self,
            other_cases=every[1:],
            forecast_versions=tuple(sorted({n for each in every for n in each.forecast_versions})),
            on_planning_profiles=any(each.on_planning_profiles for each in every),
        )

    def followed_by(self, later: Iterable[Inputs]) -> Inputs:
        """Return these inputs with those on the next versions behind them, and all issues read."""
        every = (self, *later)
        return replace(
            self,
            later=every[1:],
            forecast_versions=tuple(sorted({n for each in every for n in each.forecast_versions})),
            on_planning_profiles=any(each.on_planning_profiles for each in every),
        )

    @property
    def on_each_version(self) -> tuple[Inputs, ...]:
        """The inputs on each version of the network in the window, in order of time."""
        return (self, *self.later)

    def stretches(self) -> list[dict[str, Any]]:
        """Return which version applies when, as JSON; nothing where one applies throughout."""
        return [
            {
                "network_model": each.network_model_id,
                "version": each.version,
                "valid_from": _text(each.valid_from or each.half_hours[0]),
                "starts_at": _text(each.half_hours[0]),
                "ends_at": _text(each.half_hours[-1] + HALF_HOUR),
                "half_hours": len(each.half_hours),
            }
            for each in (self.on_each_version if self.later else ())
        ]

    @property
    def in_planned_outage(self) -> bool:
        """Say whether something is planned to be out of service in the window."""
        return any(
            event.field == EventField.IN_SERVICE and not event.value
            for each in self.on_each_version
            for event in each.events
        )

    def digest(self, versions: dict[str, str]) -> str:
        """Return the hash under which the same answer must come out."""
        hashed = sha256()
        hashed.update(
            canonical(
                {
                    "question": self.question.as_json(),
                    "network": self.network_sha256,
                    "versions": versions,
                    "forecasts": self.forecast_versions,
                }
                | ({"events": [asdict(event) for event in self.events]} if self.events else {})
            ).encode()
        )
        for bus in sorted(self.background):
            hashed.update(bus.encode())
            _hash_numbers(hashed, asdict(self.background[bus]))
        for site in self.sites:
            hashed.update(canonical([site.site_id, site.bus, site.studied]).encode())
            _hash_numbers(hashed, asdict(site))
        for other in self.other_cases:
            hashed.update(f"{other.case} {other.digest(versions)}".encode())
        for each in self.later:
            hashed.update(f"{_text(each.half_hours[0])} {each.digest(versions)}".encode())
        return hashed.hexdigest()


@dataclass(frozen=True, slots=True)
class Gap:
    """Why a study can't be computed. It goes to the engineers: a gap is never a pass."""

    reason: str
    network_model_id: int | None = None


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _hash_numbers(hashed: Any, value: Any) -> None:
    if isinstance(value, dict):
        for key in sorted(value):
            if key in UNSAID and value[key] is None:
                continue
            hashed.update(key.encode())
            _hash_numbers(hashed, value[key])
    elif isinstance(value, list | tuple):
        hashed.update(array("d", value).tobytes())
    elif isinstance(value, float):
        hashed.update(array("d", [value]).tobytes())
