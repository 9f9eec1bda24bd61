"""Forecast and register to kW: what each site does in each half-hour, per basis and case.

Pure NumPy: no network, no solver. A site's permitted capacity in one direction is::

    permitted = max(0, min(ceiling, agreed + bought - sold))

and its series in that direction is, half-hour by half-hour:

* nothing bought or sold: the forecast, unchanged (every basis but full capacity);
* *rights used*: bought > 0: ``min(permitted, forecast + bought)``;
  sold > 0: ``min(forecast, permitted)``;
* *forecast ratio*: ``forecast * permitted / agreed``; where nothing is agreed the ratio is
  undefined, rights used stands in and the site is listed;
* *full capacity*: a studied site runs at the whole permitted capacity in the studied direction,
  the other direction 0, at its worst power factor; every other site as in rights used.

Each basis has its own reference (no market contracts: bought = sold = 0), its own case without
what is studied (the register before) and its own with it (after).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from psa.engine.case import Basis, FloatArray, Profile, Rights, StudySite
from psa.engine.errors import EngineInputError, NotFiniteError

SMALLEST_KW = 1e-3  # capacities have three decimals (domain 2): less is none


class State(StrEnum):
    """Which market the register is read in."""

    REFERENCE = "reference"  # no market contracts at all
    WITHOUT = "without"  # approved contracts, without what is studied
    WITH = "with"


@dataclass(frozen=True, slots=True)
class Case:
    """One series of power flows: a basis, a state of the market and a share of what is studied."""

    basis: Basis
    state: State
    share: float = 1.0  # of the capacity asked for; below 1 on the ladder only
    tripped: str = ""  # key of a site that draws and feeds nothing
    fallen: tuple[str, ...] = ()  # keys of sites that are back at what they did without


def permitted(rights: Rights) -> FloatArray:
    """Give permitted kW per half-hour, shape (T,)."""
    open_kw = np.minimum(rights.ceiling, rights.agreed + rights.bought - rights.sold)
    return np.maximum(0.0, open_kw)


def rights_in(before: Rights | None, after: Rights | None, case: Case) -> Rights | None:
    """Give a site's rights of one direction in a case; None if it has none in that direction.

    A share of what is studied lies on the straight line from before to after, so the seller's
    side shrinks alike.
    """
    if after is None:
        return _reference(before) if before and case.state is State.REFERENCE else before
    if before is None:
        before = _no_rights(after)
    if case.state is State.REFERENCE:
        return _reference(before)
    if case.state is State.WITHOUT:
        return before
    if case.share == 1.0:
        return after
    return Rights(
        agreed=before.agreed + case.share * (after.agreed - before.agreed),
        ceiling=before.ceiling + case.share * (after.ceiling - before.ceiling),
        bought=before.bought + case.share * (after.bought - before.bought),
        sold=before.sold + case.share * (after.sold - before.sold),
    )


def rights_used(forecast: FloatArray, rights: Rights) -> FloatArray:
    """Give kW if what is bought is used in full and what is sold is kept to, shape (T,)."""
    limit = permitted(rights)
    moved = np.where(rights.sold > 0, np.minimum(forecast, limit), forecast)
    return np.where(rights.bought > 0, np.minimum(limit, forecast + rights.bought), moved)


def forecast_ratio(forecast: FloatArray, rights: Rights) -> tuple[FloatArray, bool]:
    """Give kW scaled by new over previous capacity, and whether the ratio was ever undefined."""
    traded = (rights.bought > 0) | (rights.sold > 0)
    some = rights.agreed >= SMALLEST_KW
    undefined = traded & ~some
    base = np.where(some, rights.agreed, 1.0)
    scaled = forecast * permitted(rights) / base
    stood_in = np.where(undefined, rights_used(forecast, rights), scaled)
    return np.where(traded, stood_in, forecast), bool(undefined.any())


@dataclass(frozen=True, slots=True)
class SiteSeries:
    """What a site draws from its bus: kW and kVAr, positive as load, shape (T,)."""

    load_kw: FloatArray
    load_kvar: FloatArray
    ratio_undefined: bool


def site_series(site: StudySite, direction: str, case: Case) -> SiteSeries:
    """Turn a site's forecast and register into its draw in a case."""
    if case.tripped == site.key:
        zero = np.zeros_like(site.forecast.export_kw)
        return SiteSeries(zero, zero, ratio_undefined=False)
    if site.key in case.fallen:
        case = Case(case.basis, State.WITHOUT)
    export_rights = rights_in(site.export_before, site.export_after, case)
    import_rights = rights_in(site.import_before, site.import_after, case)
    if case.basis is Basis.FULL_CAPACITY and site.studied:
        return _at_full_capacity(site, direction, import_rights, export_rights)
    export_kw, no_export_ratio = _moved(site.forecast.export_kw, export_rights, case.basis)
    import_kw, no_import_ratio = _moved(site.forecast.import_kw, import_rights, case.basis)
    kw, kvar = drawn(site.forecast, export_kw, import_kw)
    return SiteSeries(kw, kvar, no_export_ratio or no_import_ratio)


def drawn(
    profile: Profile, export_kw: FloatArray | None = None, import_kw: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Turn the two series of a profile, or what they are moved to, into load kW and kVAr.

    Import absorbs vars. Export injects them with a positive power factor, absorbs them with a
    negative one. Where the profile says its kVAr, they shrink with the kW that are taken away, and
    what comes on top has the power factor.
    """
    export_kw = profile.export_kw if export_kw is None else export_kw
    import_kw = profile.import_kw if import_kw is None else import_kw
    kvar = _kvar(profile.import_kw, profile.import_kvar, import_kw, profile.import_power_factor)
    sign = np.sign(profile.export_power_factor)
    kvar = kvar - _kvar(
        profile.export_kw, profile.export_kvar, export_kw, profile.export_power_factor, sign
    )
    return import_kw - export_kw, kvar


def _kvar(
    forecast_kw: FloatArray,
    forecast_kvar: FloatArray | None,
    moved_kw: FloatArray,
    power_factor: float,
    sign: float = 1.0,
) -> FloatArray:
    if forecast_kvar is None:
        return sign * moved_kw * _tangent(power_factor)
    some = forecast_kw >= SMALLEST_KW
    kept = np.where(some, np.minimum(1.0, moved_kw / np.where(some, forecast_kw, 1.0)), 1.0)
    on_top = np.maximum(0.0, moved_kw - forecast_kw)
    return forecast_kvar * kept + sign * on_top * _tangent(power_factor)


def check(sites: Sequence[StudySite], background: dict[str, Profile], length: int) -> None:
    """Check every number that will become an injection, before any solver sees one.

    :raises NotFiniteError: if one is not finite.
    :raises EngineInputError: if one is negative, a series has another length than the study, or
        a power factor is none.
    """
    for bus, profile in background.items():
        _check_profile(f"the forecast at bus {bus!r}", profile, length)
    for site in sites:
        _check_profile(f"the forecast of {site.name}", site.forecast, length)
        for factor in (site.worst_import_power_factor, site.worst_export_power_factor):
            _check_factor(f"{site.name}", factor)
        for rights in (
            site.import_before,
            site.import_after,
            site.export_before,
            site.export_after,
        ):
            if rights is not None:
                for values in (rights.agreed, rights.ceiling, rights.bought, rights.sold):
                    _check_series(f"the register of {site.name}", values, length)


def _no_rights(like: Rights) -> Rights:
    zero = np.zeros_like(like.agreed)
    return Rights(agreed=zero, ceiling=zero, bought=zero, sold=zero)


def _reference(rights: Rights) -> Rights:
    zero = np.zeros_like(rights.agreed)
    return Rights(agreed=rights.agreed, ceiling=rights.ceiling, bought=zero, sold=zero)


def _at_full_capacity(
    site: StudySite, direction: str, import_rights: Rights | None, export_rights: Rights | None
) -> SiteSeries:
    rights = export_rights if direction == "EXPORT" else import_rights
    zero = np.zeros_like(site.forecast.export_kw)
    kw = zero if rights is None else permitted(rights)
    if direction == "EXPORT":
        kvar = -kw * _tangent(site.worst_export_power_factor)
        return SiteSeries(-kw, kvar, ratio_undefined=False)
    return SiteSeries(kw, kw * _tangent(site.worst_import_power_factor), ratio_undefined=False)


def _moved(forecast: FloatArray, rights: Rights | None, basis: Basis) -> tuple[FloatArray, bool]:
    if rights is None:
        return forecast, False
    if basis is Basis.FORECAST_RATIO:
        return forecast_ratio(forecast, rights)
    return rights_used(forecast, rights), False


def _tangent(power_factor: float) -> float:
    return float(np.tan(np.arccos(min(1.0, abs(power_factor)))))


def _check_profile(what: str, profile: Profile, length: int) -> None:
    _check_series(what, profile.export_kw, length)
    _check_series(what, profile.import_kw, length)
    for kvar in (profile.export_kvar, profile.import_kvar):
        if kvar is not None:
            _check_series(what, np.abs(kvar), length)  # of either sign
    _check_factor(what, profile.export_power_factor)
    _check_factor(what, profile.import_power_factor)


def _check_series(what: str, values: FloatArray, length: int) -> None:
    if np.shape(values) != (length,):
        raise EngineInputError(f"In {what} there are not {length} half-hours.")
    if not np.isfinite(values).all():
        raise NotFiniteError(f"In {what} a value is not a finite number.")
    if (values < 0).any():
        raise EngineInputError(f"In {what} a value is negative.")


def _check_factor(what: str, factor: float) -> None:
    if not np.isfinite(factor):
        raise NotFiniteError(f"For {what} a power factor is not a finite number.")
    if not 0 < abs(factor) <= 1:
        raise EngineInputError(f"For {what} {factor} is no power factor.")
