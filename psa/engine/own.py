"""What a network model itself holds of load and generation, by bus.

A study brings forecasts in their place (``network.load`` takes them out). Where there is none, a
planner may let them stand: scaled, the same in every half-hour.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from psa.engine.case import FloatArray, Profile

if TYPE_CHECKING:
    from psa.engine.network import Network

KW_PER_MW = 1000.0


@dataclass(frozen=True, slots=True)
class OwnPower:
    """What the model's own elements in service draw at a bus: kW and kVAr, positive as load."""

    demand_kw: float = 0.0
    demand_kvar: float = 0.0
    generation_kw: float = 0.0  # as load, so not above 0
    generation_kvar: float = 0.0


def own_power(net: Any, name_of: Mapping[Any, str]) -> dict[str, OwnPower]:
    """Add up the loads, motors, generators and storages of an untouched net, by bus name.

    At nominal voltage: a load that depends on voltage counts as constant power. A storage is
    demand while it charges and generation while it feeds in. ``gen`` and external grids are not
    here: they hold a voltage, and stay in the model.
    """
    sums: dict[str, list[float]] = {}
    for bus, kw, kvar, feeds in _elements(net):
        found = sums.setdefault(name_of[bus], [0.0] * 4)
        place = 2 if feeds else 0
        found[place] += kw
        found[place + 1] += kvar
    return {bus: OwnPower(*found) for bus, found in sums.items()}


def as_background(
    network: Network,
    *,
    half_hours: int,
    without: Collection[str],
    demand_percent: float,
    generation_percent: float,
) -> dict[str, Profile]:
    """Give the model's own power as profiles, but for the buses ``without``, shape (half_hours,).

    P and Q are scaled alike.
    """
    return {
        bus: _profile(
            kw=(own.demand_kw * demand_percent + own.generation_kw * generation_percent) / 100,
            kvar=(own.demand_kvar * demand_percent + own.generation_kvar * generation_percent)
            / 100,
            half_hours=half_hours,
        )
        for bus, own in network.own.items()
        if bus not in without
    }


def _profile(*, kw: float, kvar: float, half_hours: int) -> Profile:
    return Profile(
        export_kw=_constant(max(0.0, -kw), half_hours),
        import_kw=_constant(max(0.0, kw), half_hours),
        import_kvar=_constant(kvar, half_hours),
    )


def _constant(value: float, length: int) -> FloatArray:
    return np.full(length, value, np.float64)


def _elements(net: Any) -> Iterator[tuple[Any, float, float, bool]]:
    """Yield (bus, kW, kVAr, whether it feeds in), positive as load, of each in service."""
    for table, feeds in (("load", False), ("sgen", True), ("storage", None)):
        sign = -KW_PER_MW if feeds else KW_PER_MW
        for row in _in_service(net[table]):
            kw = sign * float(row["p_mw"]) * float(row["scaling"])
            kvar = sign * float(row["q_mvar"]) * float(row["scaling"])
            yield row["bus"], kw, kvar, kw < 0 if feeds is None else feeds
    for table, feeds in (("asymmetric_load", False), ("asymmetric_sgen", True)):
        sign = -KW_PER_MW if feeds else KW_PER_MW
        for row in _in_service(net[table]):
            scale = sign * float(row["scaling"])
            kw = scale * sum(float(row[f"p_{phase}_mw"]) for phase in "abc")
            kvar = scale * sum(float(row[f"q_{phase}_mvar"]) for phase in "abc")
            yield row["bus"], kw, kvar, feeds
    for row in _in_service(net["motor"]):
        kw = (
            KW_PER_MW
            * float(row["pn_mech_mw"])
            / (float(row["efficiency_percent"]) / 100)
            * float(row["loading_percent"])
            / 100
            * float(row["scaling"])
        )
        yield row["bus"], kw, kw * float(np.tan(np.arccos(float(row["cos_phi"])))), False


def _in_service(table: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.loc[table["in_service"].astype(bool)].to_dict("records")
    return rows
