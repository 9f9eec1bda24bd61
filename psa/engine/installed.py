"""What a model has installed at each bus, as plain values: by it a feeder's forecast is shared."""

from __future__ import annotations

from typing import Any

from psa.engine.network import names_of, read

DRAWING = ("load", "asymmetric_load", "motor")


def installed(network_json: str) -> dict[str, Any]:
    """Return ``load_kw``, the kW of the loads in service by the name of their bus (none left out
    that is above 0), and ``sources``, the names of the buses that an external grid feeds.

    :raises EngineInputError: if the text is not a network model.
    """
    net = read(network_json)
    names = dict(zip(net.bus.index, names_of(net.bus), strict=True))
    load_kw: dict[str, float] = {}
    for table in DRAWING:
        rows = net[table]
        for _, row in rows[rows["in_service"]].iterrows():
            kw = _kw(row) if table != "motor" else _motor_kw(row)
            if kw > 0:
                name = names[row["bus"]]
                load_kw[name] = round(load_kw.get(name, 0.0) + kw, 6)
    grids = net.ext_grid[net.ext_grid["in_service"]]
    return {"load_kw": load_kw, "sources": sorted({names[bus] for bus in grids["bus"]})}


def _kw(row: Any) -> float:
    mw = row["p_mw"] if "p_mw" in row else sum(row[f"p_{phase}_mw"] for phase in "abc")
    return float(mw) * float(row["scaling"]) * 1000


def _motor_kw(row: Any) -> float:
    efficiency = float(row["efficiency_percent"]) / 100
    loading = float(row["loading_percent"]) / 100
    return float(row["pn_mech_mw"]) * loading / efficiency * float(row["scaling"]) * 1000
