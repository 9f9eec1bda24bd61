"""What the engine is asked, and what it answers: plain values, no Django, no solver.

Arrays are of shape (T,), one value a half-hour, T = len(half_hours). kW at the connection point.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Basis(StrEnum):
    """How forecast and register become kW (domain 6)."""

    FORECAST_RATIO = "forecast_ratio"
    RIGHTS_USED = "rights_used"
    FULL_CAPACITY = "full_capacity"


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105  (an outcome)
    FAIL = "fail"
    NOT_CONVERGED = "not_converged"  # in a base case: never a pass, never an automatic rejection
    NO_FORECAST = "no_forecast"
    ENGINE_ERROR = "engine_error"


class Kind(StrEnum):
    """What a binding cell is compared with the reference case."""

    EXISTING = "existing"
    WORSENED = "worsened"
    CREATED = "created"


@dataclass(frozen=True, slots=True)
class Profile:
    """Two non-negative series at a point. Power factors give Q: import absorbs vars, export goes
    by the factor's sign (positive injects them, negative absorbs). Where the forecast gives Q
    itself, in those signs, the factors count for what is moved on top of it.
    """

    export_kw: FloatArray
    import_kw: FloatArray
    export_power_factor: float = 1.0
    import_power_factor: float = 0.95
    export_kvar: FloatArray | None = None
    import_kvar: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Rights:
    """A site's register in one direction, kW in each half-hour, for one state of the market.

    Permitted is ``max(0, min(ceiling, agreed + bought - sold))``.
    """

    agreed: FloatArray  # without any market contract
    ceiling: FloatArray
    bought: FloatArray
    sold: FloatArray


@dataclass(frozen=True, slots=True)
class StudySite:
    key: str  # opaque, e.g. "site-12"
    name: str  # as shown in results
    bus: str  # bus name in the model
    forecast: Profile
    # Register in both directions: with no market contracts `agreed`/`ceiling` alone.
    # Before: approved contracts, without the one(s) studied. After: with it.
    import_before: Rights | None  # None: the site has no right in this direction
    import_after: Rights | None
    export_before: Rights | None
    export_after: Rights | None
    studied: bool  # a party to what is studied (full capacity applies to it)
    worst_import_power_factor: float = 0.95
    worst_export_power_factor: float = 0.95


@dataclass(frozen=True, slots=True)
class Options:
    bases: tuple[Basis, ...] = (Basis.FORECAST_RATIO, Basis.RIGHTS_USED, Basis.FULL_CAPACITY)
    required: tuple[Basis, ...] = (Basis.RIGHTS_USED, Basis.FULL_CAPACITY)  # decide the outcome
    loading_fail_percent: float = 100.0
    loading_warn_percent: float = 95.0
    loading_tolerance_percent: float = 0.1
    voltage_tolerance_pu: float = 0.0005
    ladder_steps: int = 10  # for the largest passing capacity
    step_kw: float = 1.0  # market's capacity step
    find_largest: bool = True
    # Further checks of the policy; each is left off unless it is named here (``checks``).
    outages: tuple[str, ...] = ()  # "line Bridge Street", "line #12": each lost alone (N-1)
    emergency_percent: float = 100.0  # of rating, while an element is lost or an offset is gone
    outages_decide: bool = False  # else they are reported
    step_voltage_percent: float | None = None  # of declared voltage (EREC P28: 3)
    step_voltage_decides: bool = False
    failure_case: bool = False  # offsetting: the seller's change is gone, the buyer runs on
    reverse_limits_kw: tuple[tuple[str, float], ...] = ()  # transformer, kW towards HV


@dataclass(frozen=True, slots=True)
class NetworkEvent:
    """A change of the model's running arrangement for a time, half-open.

    ``field`` is ``in_service`` (line, trafo, trafo3w, impedance, shunt), ``closed`` (switch) or
    ``tap_pos`` (trafo, trafo3w). Switches are named as ``diff`` names them: "Bus - Line 4".
    """

    table: str
    element: str
    field: str
    value: bool | int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Shift:
    """What one part of a study changes at one site in one direction, kW in each half-hour."""

    site: str  # the key of a StudySite
    direction: str
    bought: FloatArray
    sold: FloatArray


@dataclass(frozen=True, slots=True)
class Part:
    """Changes that hold together or not at all; some of a study's parts may pass without others.

    A part's capacity is the kW that it buys; its energy right is that over its half-hours, in kWh.
    """

    key: str  # opaque, the caller's
    shifts: tuple[Shift, ...]


@dataclass(frozen=True, slots=True)
class Study:
    """One contract study (or a group's, or a TCVN's: more than one change at once)."""

    network: str  # pandapower JSON text
    half_hours: tuple[datetime, ...]  # UTC starts, ascending
    # Bus name -> everything else at that bus. It replaces the model's own loads and sgens there.
    background: dict[str, Profile]
    sites: tuple[StudySite, ...]
    direction: str  # "IMPORT" | "EXPORT": the direction that is studied
    studied_kw: float  # bought kW asked for (the ladder's top)
    options: Options = field(default_factory=Options)
    # First agreed first: what may be chosen from (``subset``). Empty: all of it is one.
    parts: tuple[Part, ...] = ()
    # Who may lower theirs, by how much at the most, if it does not pass alone (``relief``).
    sellers: tuple[Part, ...] = ()
    events: tuple[NetworkEvent, ...] = ()  # a later one stands before an earlier one


@dataclass(frozen=True, slots=True)
class Constraint:
    """One element's breach over the studied half-hours."""

    element_type: str  # "bus" | "line" | "trafo" | "trafo3w"
    element: str  # its name in the model (index if it has none)
    # "vm_pu_high" | "vm_pu_low" | "loading_percent" | "reverse_power_kw" | "supply"
    quantity: str
    kind: Kind
    limit: float | None
    worst_value: float | None  # None: no supply
    worst_without: float | None
    worst_reference: float | None
    worst_at: datetime
    half_hours: tuple[datetime, ...]  # in which it is of this kind
    unit: str  # "pu", "%", "kW"
    row: int  # of its table in the model: names may be equal
    during: str = ""  # of a further check: "line Bridge Street" lost, "Farm trips"


@dataclass(frozen=True, slots=True)
class Worst:
    """The element nearest to (or furthest past) its limit, with the contract."""

    element_type: str
    element: str
    quantity: str
    value: float
    limit: float
    at: datetime
    unit: str
    row: int  # of its table in the model


@dataclass(frozen=True, slots=True)
class BasisResult:
    basis: Basis
    outcome: Outcome
    worst: Worst | None
    constraints: tuple[Constraint, ...]  # existing ones too, marked so
    # Loaded past the threshold that warns and never past the one that fails; the fullest first.
    near: tuple[Worst, ...]
    # Half-hours that converge without and not with: fail.
    collapsed: tuple[datetime, ...]
    # Site keys where ratio had no previous capacity (rights used stood in)
    ratio_undefined: tuple[str, ...]
    engine: str  # "scipy 1.17, power-grid-model 1.12" | "pandapower 3.5"
    fallback_reason: str = ""


class CheckName(StrEnum):
    """A further check that a policy may ask for."""

    OUTAGE = "outage"  # N-1
    STEP_VOLTAGE = "step_voltage"  # EREC P28
    FAILURE_CASE = "failure_case"  # of offsetting


@dataclass(frozen=True, slots=True)
class Check:
    """One further check, on the required bases."""

    name: CheckName
    decides: bool
    outcome: Outcome
    considered: tuple[str, ...]  # what was lost, one after the other
    worst: Worst | None  # the nearest to its limit, or the furthest past it
    worst_during: str
    constraints: tuple[Constraint, ...]  # created or worsened, the furthest out first
    failing: tuple[datetime, ...]
    collapsed: tuple[str, ...]  # of what is considered: no solution with the contract alone
    unsolved: tuple[str, ...]  # no solution even without it


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What differs from the model's own running arrangement, and in which half-hours."""

    changes: tuple[str, ...]  # in words; none: as in the model
    half_hours: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One element's values over the study, for drawing."""

    element: str
    quantity: str
    limit_low: float | None
    limit_high: float | None
    unit: str
    reference: tuple[float | None, ...]
    without: tuple[float | None, ...]
    with_: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    outcome: Outcome
    reason: str  # plain sentence for a no or a gap; "" for a pass
    bases: tuple[BasisResult, ...]
    failing: tuple[datetime, ...]  # half-hours that fail on a required basis
    largest_kw: float | None  # largest capacity tested that passes; None if none or not sought
    ladder: tuple[tuple[float, bool], ...]  # capacities tested, and whether each passed
    charts: tuple[Chart, ...]  # of the binding (or worst) elements, at most 6, basis that binds
    # Controlled transformer -> lowest, highest position used
    tap_positions: dict[str, tuple[int, int]]
    versions: dict[str, str]
    checks: tuple[Check, ...] = ()
    arrangements: tuple[Arrangement, ...] = ()  # empty: the model's own throughout
