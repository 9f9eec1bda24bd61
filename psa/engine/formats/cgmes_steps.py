"""Steps of pandapower's converter of CGMES that are ours.

It sets a tap controller's band by the limits of the voltage, not by what the controller is set to,
and finds its bus only where there are ConnectivityNodes. Target and dead band are in the set:
RegulatingControl.targetValue in kV, and targetDeadband, the whole band's width in kV.

Of CGMES 3.0 it looks for ``inService`` where no profile has it (lines; it then breaks), or not at
all (transformers).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from psa.engine.findings import Finding, warning
from psa.engine.quiet import DiscreteTapControl

LEAST_PU, MOST_PU = 0.8, 1.2


def ours(remarks: list[Finding]) -> dict[str, Callable[..., Any]]:
    """Give what stands in for classes of the converter; what it finds goes to ``remarks``."""
    return {
        "acLineSegmentsCim16": Lines,
        "tapController": lambda cimConverter: LastStep(cimConverter, remarks),  # noqa: N803  # its word
    }


@dataclass(frozen=True, slots=True)
class Lines:
    """The converter's own lines, each in service until the last step."""

    cimConverter: Any  # noqa: N815  # its word

    def convert_ac_line_segments_cim16(self, *options: Any) -> None:
        from pandapower.converter.cim.cim2pp.converter_classes.lines import acLineSegmentsCim16

        converter = self.cimConverter
        lines = converter.cim["eq"]["ACLineSegment"]
        if converter.cim_version == "3.0" and "inService" not in lines:
            lines["inService"] = True
        acLineSegmentsCim16.AcLineSegmentsCim16(converter).convert_ac_line_segments_cim16(*options)


@dataclass(frozen=True, slots=True)
class LastStep:
    """What is out of service, and tap controllers."""

    converter: Any
    remarks: list[Finding]

    def create_tap_controller_for_power_transformers(self) -> None:
        net = self.converter.net
        self._out_of_service()
        controls = _rows(self.converter.merge_eq_ssh_profile("TapChangerControl"))
        changers = _rows(self.converter.merge_eq_ssh_profile("RatioTapChanger"))
        for table in ("trafo", "trafo3w"):
            for index, row in net[table].iterrows():
                changer = changers.get(row["tapchanger_id"], {})
                control = controls.get(changer.get("TapChangerControl"), {})
                if _works(changer, control) and control.get("mode") == "voltage":
                    self._control(table, index, row, control)

    def _out_of_service(self) -> None:
        off = {
            own
            for table in self.converter.cim["ssh"].values()
            if "inService" in table
            for own, works in zip(table["rdfId"], table["inService"], strict=True)
            if not pd.isna(works) and not works
        }
        for table in self.converter.net.values() if off else ():
            if {"origin_id", "in_service"} <= set(getattr(table, "columns", ())):
                table.loc[table["origin_id"].isin(off), "in_service"] = False

    def _control(self, table: str, index: Any, row: Any, control: dict[str, Any]) -> None:
        bus = self._bus_of(control["Terminal"])
        side = "" if bus is None else self._side(row, bus)
        if table != "trafo" or not side:
            self._say(
                row,
                table,
                "holds a voltage elsewhere than at its own two windings by "
                "itself. This is not taken over: its tap stays where it stands",
            )
            return
        kv = float(self.converter.net.bus.at[bus, "vn_kv"])
        target = float(control["targetValue"]) / kv
        if not LEAST_PU <= target <= MOST_PU:
            self._say(
                row,
                table,
                f"shall hold {control['targetValue']} kV at a bus of {kv:g} kV. "
                "This is not taken over: its tap stays where it stands",
            )
            return
        step = float(row["tap_step_percent"]) / 100
        half = float(control["targetDeadband"]) / kv / 2
        if not half >= step / 2:
            half = step / 2
            self._say(
                row,
                table,
                f"holds {target:.4g} pu on its {side} side by itself, within a "
                f"dead band narrower than a tap step. {half:.3%} either side is taken",
            )
        DiscreteTapControl(
            self.converter.net,
            element_index=index,
            vm_lower_pu=target - half,
            vm_upper_pu=target + half,
            side=side,
        )

    def _say(self, row: Any, table: str, what: str) -> None:
        self.remarks.append(
            warning(
                "tap_control",
                f"Transformer {row['name']} {what}.",
                "Mend its TapChangerControl, or accept this.",
                table=table,
                element=str(row["name"]),
            )
        )

    def _bus_of(self, terminal: str) -> Any:
        found = self.converter.bus_merge
        buses = found.loc[found["rdfId_Terminal"] == terminal, "index_bus"].dropna()
        return None if buses.empty else int(buses.iloc[0])

    def _side(self, row: Any, bus: int) -> str:
        """Say at which winding a bus is, be it through closed switches; empty if at neither."""
        of_bus = self.converter.net.bus["cim_topnode"]
        for side in ("lv", "hv"):
            own = row.get(f"{side}_bus")
            if own == bus or (isinstance(of_bus[own], str) and of_bus[own] == of_bus[bus]):
                return side
        return ""


def _works(changer: dict[str, Any], control: dict[str, Any]) -> bool:
    return all(each is True for each in (changer.get("controlEnabled"), control.get("enabled")))


def _rows(frame: Any) -> dict[Any, dict[str, Any]]:
    return {row["rdfId"]: row for row in frame.to_dict("records")}
