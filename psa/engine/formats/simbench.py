"""SimBench's CSV folders, from a zip. Only the tables that a power flow reads; no profiles.

The format: Meinecke et al., "SimBench - A Benchmark Dataset of Electric Power Systems", Energies
2020, and simbench.de. The package that its authors publish reads the same files, but brings 380 MB
of networks along; the tests hold this reader to it.
"""

from __future__ import annotations

import math
from typing import Any

from psa.engine.findings import Finding, warning
from psa.engine.formats.container import Container
from psa.engine.formats.simbench_tables import Tables, tables_of
from psa.engine.quiet import DiscreteTapControl, pp, quietly

REACTIVE = 1e3 / (2 * math.pi * 50)  # of a line: microsiemens to nanofarad
CALC = {"slack": "vavm", "sl": "vavm", "vmva": "vavm", "pv": "pvm", "vmp": "pvm"}
LINE_KIND = {"ohl": "ol", "cable": "cs"}


def read_folder(container: Container) -> tuple[Any, list[Finding]]:
    """Read a zipped folder into a pandapower net, and say what was added to it.

    :raises EngineInputError: if a file or column is missing, or cells are wrong: all are named
    """
    tables = tables_of(container)
    with quietly():
        return _Builder(tables).built()


class _Builder:
    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.rows = tables.rows
        self.net = pp.create_empty_network()
        self.remarks: list[Finding] = []
        self.nodes = tables.ids("Node")
        self.at: dict[tuple[str, str], list[int]] = {}  # the node of each row, by table and column

    def built(self) -> tuple[Any, list[Finding]]:
        tables = self.tables
        for table, columns in (
            ("Line", ("nodeA", "nodeB")),
            ("Transformer", ("nodeHV", "nodeLV")),
            ("Switch", ("nodeA", "nodeB")),
            *((each, ("node",)) for each in ("ExternalNet", "Load", "RES", "PowerPlant")),
            *((each, ("node",)) for each in ("Storage", "Shunt")),
        ):
            for column in columns:
                self.at[table, column] = tables.refer(table, column, self.nodes, "Node")
        tables.raise_if_faulty()
        joined = self._branch_switches()
        self._buses({node for _, node, _ in joined.values()})
        self._lines()
        self._transformers()
        self._switches(joined)
        self._injections()
        tables.raise_if_faulty()
        return self.net, self.remarks

    def _branch_switches(self) -> dict[int, tuple[str, int, int]]:
        """Find the switches between a node and the auxiliary node at the end of one branch.

        The branch's end moves to the node, and the auxiliary node goes. Returns, by the switch's
        row: "l" or "t", the auxiliary node, and the branch's row.
        """
        auxiliary = {at for at, row in enumerate(self.rows["Node"]) if row["type"] == "auxiliary"}
        ends: dict[int, list[tuple[str, str, int]]] = {}
        busy: dict[int, int] = {}
        for (table, column), nodes in self.at.items():
            for row, node in enumerate(nodes):
                if table in {"Line", "Transformer"}:
                    ends.setdefault(node, []).append((table, column, row))
                else:
                    busy[node] = busy.get(node, 0) + 1
        loose = {node for node in auxiliary if len(ends.get(node, ())) == 1 and busy.get(node) == 1}
        found: dict[int, tuple[str, int, int]] = {}
        for row, (a, b) in enumerate(
            zip(self.at["Switch", "nodeA"], self.at["Switch", "nodeB"], strict=True)
        ):
            aux, node = (b, a) if b in loose else (a, b)
            if aux not in loose or node in loose:
                continue
            [(table, column, branch)] = ends[aux]
            self.at[table, column][branch] = node
            self.at["Switch", "nodeA"][row] = node
            found[row] = ("l" if table == "Line" else "t", aux, branch)
        return found

    def _buses(self, gone: set[int]) -> None:
        tables, rows = self.tables, self.rows["Node"]
        places = tables.ids("Coordinates")
        kept = [at for at in range(len(rows)) if at not in gone]
        self.bus_of = {at: bus for bus, at in enumerate(kept)}
        geo: list[Any] = []
        for at in kept:
            place = places.get(rows[at].get("coordID", ""))
            geo.append(
                None
                if place is None
                else (
                    tables.number("Coordinates", place, "x"),
                    tables.number("Coordinates", place, "y"),
                )
            )
        pp.create_buses(
            self.net,
            len(kept),
            vn_kv=[tables.number("Node", at, "vmR") for at in kept],
            name=[rows[at]["id"] for at in kept],
            type=["b" if "busbar" in rows[at]["type"] else "n" for at in kept],
            min_vm_pu=[tables.number("Node", at, "vmMin", math.nan) for at in kept],
            max_vm_pu=[tables.number("Node", at, "vmMax", math.nan) for at in kept],
        )
        self.net.bus["geo"] = [
            None if place is None else f'{{"type":"Point","coordinates":[{place[0]},{place[1]}]}}'
            for place in geo
        ]

    def _bus(self, table: str, column: str = "node") -> list[int]:
        return [self.bus_of[node] for node in self.at[table, column]]

    def _lines(self) -> None:
        tables, rows = self.tables, self.rows["Line"]
        kinds = tables.refer("Line", "type", tables.ids("LineType"), "LineType")
        if not rows or not self.rows["LineType"]:
            return
        of = {each: tables.numbers("LineType", each) for each in ("r", "x", "b", "iMax")}
        pp.create_lines_from_parameters(
            self.net,
            self._bus("Line", "nodeA"),
            self._bus("Line", "nodeB"),
            length_km=tables.numbers("Line", "length"),
            r_ohm_per_km=[of["r"][kind] for kind in kinds],
            x_ohm_per_km=[of["x"][kind] for kind in kinds],
            c_nf_per_km=[of["b"][kind] * REACTIVE for kind in kinds],
            max_i_ka=[of["iMax"][kind] / 1000 for kind in kinds],
            type=[
                LINE_KIND.get(self.rows["LineType"][kind].get("type", ""), "cs") for kind in kinds
            ],
            name=[row["id"] for row in rows],
            max_loading_percent=tables.numbers("Line", "loadingMax", 100.0),
        )

    def _transformers(self) -> None:
        tables, rows = self.tables, self.rows["Transformer"]
        known = tables.ids("TransformerType")
        kinds = tables.refer("Transformer", "type", known, "TransformerType")
        if not self.rows["TransformerType"]:
            return
        for at, kind in enumerate(kinds):
            row = self.rows["TransformerType"][kind]

            def value(column: str, default: float | None = None, kind: int = kind) -> float:
                return tables.number("TransformerType", kind, column, default)

            rated = value("sR")
            taps: dict[str, Any] = {}
            step = value("dVm", 0.0)
            if value("tapable", 0.0) and row["tapside"].lower() in {"hv", "lv"}:
                taps = {
                    "tap_side": row["tapside"].lower(),
                    "tap_neutral": value("tapNeutr", 0.0),
                    "tap_min": value("tapMin", 0.0),
                    "tap_max": value("tapMax", 0.0),
                    "tap_step_percent": step,
                    "tap_step_degree": value("dVa", 0.0),
                    "tap_pos": tables.number("Transformer", at, "tappos", 0.0),
                    "tap_changer_type": "Ratio",
                }
            index = pp.create_transformer_from_parameters(
                self.net,
                self._bus("Transformer", "nodeHV")[at],
                self._bus("Transformer", "nodeLV")[at],
                sn_mva=rated,
                vn_hv_kv=value("vmHV"),
                vn_lv_kv=value("vmLV"),
                vk_percent=value("vmImp"),
                vkr_percent=value("pCu") / (rated * 10) if rated else 0.0,
                pfe_kw=value("pFe"),
                i0_percent=value("iNoLoad"),
                shift_degree=value("va0", 0.0),
                name=rows[at]["id"],
                max_loading_percent=tables.number("Transformer", at, "loadingMax", 100.0),
                **taps,
            )
            if taps and step and tables.number("Transformer", at, "autoTap", 0.0):
                self._tap_control(at, index, step)

    def _tap_control(self, at: int, index: Any, step: float) -> None:
        row = self.rows["Transformer"][at]
        side = "hv" if row.get("autoTapSide", "").upper() == "HV" else "lv"
        node = self.at["Transformer", f"node{side.upper()}"][at]
        target = self.tables.number("Node", node, "vmSetp", 0.0)
        if not target:
            return
        half = step / 200
        DiscreteTapControl(
            self.net,
            element_index=index,
            vm_lower_pu=target - half,
            vm_upper_pu=target + half,
            side=side,
        )
        self.remarks.append(
            warning(
                "tap_control_band",
                f"Transformer {row['id']} holds {target:g} pu on its {side} side by itself "
                f"(autoTap). SimBench gives no dead band: {half:.3%} either side is taken.",
                "Accept this, or set the controller's band in pandapower and import its JSON.",
                table="trafo",
                element=row["id"],
            )
        )

    def _switches(self, joined: dict[int, tuple[str, int, int]]) -> None:
        for at, row in enumerate(self.rows["Switch"]):
            kind, _, branch = joined.get(at, ("b", 0, 0))
            element = branch if kind != "b" else self.bus_of[self.at["Switch", "nodeB"][at]]
            pp.create_switch(
                self.net,
                self.bus_of[self.at["Switch", "nodeA"][at]],
                element,
                et=kind,
                closed=bool(self.tables.number("Switch", at, "cond")),
                type=row["type"],
                name=row["id"],
            )

    def _injections(self) -> None:
        tables, net = self.tables, self.net
        for table, p, q in (("Load", "pLoad", "qLoad"), ("Storage", "pStor", "qStor")):
            if self.rows[table]:
                common: dict[str, Any] = {
                    "p_mw": tables.numbers(table, p),
                    "q_mvar": tables.numbers(table, q, 0.0),
                    "name": [row["id"] for row in self.rows[table]],
                }
                if table == "Load":
                    pp.create_loads(net, self._bus(table), **common)
                else:
                    pp.create_storages(
                        net,
                        self._bus(table),
                        max_e_mwh=tables.numbers(table, "eStore", math.nan),
                        **common,
                    )
        for table, short in (("ExternalNet", "ExtNet"), ("RES", "RES"), ("PowerPlant", "PP")):
            for at, bus in enumerate(self._bus(table)):
                self._source(table, at, bus, short)
        for at, bus in enumerate(self._bus("Shunt")):
            pp.create_shunt(
                net,
                bus,
                p_mw=tables.number("Shunt", at, "p0", 0.0),
                q_mvar=tables.number("Shunt", at, "q0"),
                vn_kv=tables.number("Shunt", at, "vmR"),
                step=int(tables.number("Shunt", at, "step", 1.0)),
                name=self.rows["Shunt"][at]["id"],
            )

    def _source(self, table: str, at: int, bus: int, short: str) -> None:
        tables, row = self.tables, self.rows[table][at]
        name = row["id"]
        kind = CALC.get(row["calc_type"].lower(), row["calc_type"].lower())
        node = self.at[table, "node"][at]
        if kind == "vavm":
            pp.create_ext_grid(
                self.net,
                bus,
                vm_pu=tables.number("Node", node, "vmSetp", 1.0),
                va_degree=tables.number("Node", node, "vaSetp", 0.0),
                name=name,
            )
        elif kind == "pvm":
            pp.create_gen(
                self.net,
                bus,
                p_mw=tables.number(table, at, f"p{short}", 0.0),
                vm_pu=tables.number("Node", node, "vmSetp", 1.0),
                name=name,
            )
        elif kind == "pq":
            pp.create_sgen(
                self.net,
                bus,
                p_mw=tables.number(table, at, f"p{short}", 0.0),
                q_mvar=tables.number(table, at, f"q{short}", 0.0),
                name=name,
            )
        else:
            tables.fault(table, at, f"calc_type {row['calc_type'][:40]!r} is not read.")
