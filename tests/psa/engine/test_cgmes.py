"""A 33/11 kV feeder as CGMES 2.4.15, held to the same network made by hand in pandapower."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psa.engine.errors import EngineInputError
from psa.engine.findings import Finding
from psa.engine.formats import convert
from psa.engine.importing import Job, outcome
from psa.engine.network import read
from psa.engine.quiet import DiscreteTapControl, pp, quietly
from tests.psa.engine import files

SET = Path(__file__).parent / "cgmes"
PROFILES = {path.name: path.read_text() for path in sorted(SET.glob("*.xml"))}
BUSES = {
    "Grid Supply 33 kV": 33.0,
    "Mill Road 33 kV": 33.0,
    "Mill Road 11 kV": 11.0,
    "Mill Road feeder 1": 11.0,
    "Bridge Street 11 kV": 11.0,
    "Hill Farm 11 kV": 11.0,
}
FUSE = """<cim:Fuse rdf:ID="_f1"><cim:IdentifiedObject.name>Farm fuse</cim:IdentifiedObject.name>
</cim:Fuse><cim:Terminal rdf:ID="_f1_a"><cim:Terminal.ConductingEquipment rdf:resource="#_f1"/>
<cim:Terminal.ConnectivityNode rdf:resource="#_n_farm"/></cim:Terminal>"""
LIMIT = """<cim:OperationalLimitSet rdf:ID="_tl">
<cim:OperationalLimitSet.Terminal rdf:resource="#_t1_hv"/></cim:OperationalLimitSet>
<cim:CurrentLimit rdf:ID="_tl1"><cim:CurrentLimit.value>335.9</cim:CurrentLimit.value>
<cim:OperationalLimit.OperationalLimitSet rdf:resource="#_tl"/>
<cim:OperationalLimit.OperationalLimitType rdf:resource="#_patl"/></cim:CurrentLimit>"""
END = "</rdf:RDF>"
CIM3 = "http://iec.ch/TC57/ns/CIM"
RENAMED_IN_3 = {
    "http://iec.ch/TC57/2013/CIM-schema-cim16#": "http://iec.ch/TC57/CIM100#",
    "OperationalLimitType.limitType": "OperationalLimitType.kind",
    "http://entsoe.eu/CIM/EquipmentCore/3/1": f"{CIM3}/CoreEquipment-EU/3.0",
    "http://entsoe.eu/CIM/EquipmentOperation/3/1": f"{CIM3}/Operation-EU/3.0",
    "http://entsoe.eu/CIM/EquipmentShortCircuit/3/1": f"{CIM3}/ShortCircuit-EU/3.0",
    "http://entsoe.eu/CIM/SteadyStateHypothesis/1/1": f"{CIM3}/SteadyStateHypothesis-EU/3.0",
    "http://entsoe.eu/CIM/Topology/4/1": f"{CIM3}/Topology-EU/3.0",
    "http://entsoe.eu/CIM/GeographicalLocation/2/1": f"{CIM3}/GeographicalLocation-EU/3.0",
}


def changed(**replaced: tuple[str, str]) -> bytes:
    """The set as a zip, in each named profile one text replaced."""
    profiles = dict(PROFILES)
    for profile, (old, new) in replaced.items():
        assert old in profiles[f"{profile}.xml"]
        profiles[f"{profile}.xml"] = profiles[f"{profile}.xml"].replace(old, new)
    return files.zipped(dict(profiles))


def bus_branch() -> bytes:
    """The set as a planning tool writes it: no connectivity nodes, and so no breaker."""
    objects = r'  <cim:{0} rdf:(?:ID|about)="[^"]*{1}[^"]*">.*?</cim:{0}>\n'
    gone = [
        re.compile(objects.format(kind, own), re.DOTALL)
        for kind, own in (("ConnectivityNode", ""), ("Breaker", ""), ("Terminal", "_cb1_"))
    ]
    gone.append(re.compile(r" *<cim:Terminal.ConnectivityNode [^>]*/>\n"))
    return files.zipped({name: _without(gone, text) for name, text in PROFILES.items()})


def _without(patterns: list[re.Pattern[str]], text: str) -> str:
    for each in patterns:
        text = each.sub("", text)
    return text


def of_version_3(*, out: str = "") -> bytes:
    """The set as CGMES 3.0: other names of the same, ratings and service in SSH. ``out``: an
    element that is out of service."""
    found = dict(PROFILES)
    equipment = re.findall(
        r"<cim:(ExternalNetworkInjection|ACLineSegment|PowerTransformer|Breaker|EnergyConsumer|"
        r'SynchronousMachine) rdf:ID="_([^"]*)"',
        found["EQ.xml"],
    )
    ssh = found["SSH.xml"]
    for kind, own in equipment:
        start = f'<cim:{kind} rdf:about="#_{own}">'
        state = f"<cim:Equipment.inService>{str(own != out).lower()}</cim:Equipment.inService>"
        if start in ssh:
            ssh = ssh.replace(start, start + state)
        else:
            ssh = ssh.replace(
                END, f'<cim:Equipment rdf:about="#_{own}">{state}</cim:Equipment>{END}'
            )
    limits = r'CurrentLimit rdf:ID="(_[^"]*)">.*?CurrentLimit.value>(\d+)'
    for own, amperes in re.findall(limits, found["EQ.xml"], re.DOTALL):
        value = f"<cim:CurrentLimit.value>{amperes}</cim:CurrentLimit.value>"
        ssh = ssh.replace(
            END, f'<cim:CurrentLimit rdf:about="#{own}">{value}</cim:CurrentLimit>{END}'
        )
    found["SSH.xml"] = ssh
    return files.zipped({name: _renamed(text) for name, text in found.items()})


def _renamed(text: str) -> str:
    for old, new in RENAMED_IN_3.items():
        text = text.replace(old, new)
    return text


def by_hand() -> Any:
    net = pp.create_empty_network()
    at = {name: pp.create_bus(net, kv, name=name) for name, kv in BUSES.items()}
    grid, mill33, mill11, feeder, bridge, farm = at.values()
    pp.create_ext_grid(net, grid, vm_pu=1.02)
    for name, start, end, km, r, x, bch, ka in (
        ("Grid Supply - Mill Road", grid, mill33, 8.0, 1.6, 3.04, 2.5e-5, 0.4),
        ("Mill Road - Bridge Street", feeder, bridge, 2.0, 0.41, 0.24, 1.5e-4, 0.28),
        ("Bridge Street - Hill Farm", bridge, farm, 3.5, 1.12, 1.19, 1e-5, 0.23),
    ):
        nf = bch / (2 * np.pi * 50) * 1e9
        pp.create_line_from_parameters(net, start, end, km, r / km, x / km, nf / km, ka, name=name)
    pp.create_transformer_from_parameters(
        net,
        mill33,
        mill11,
        sn_mva=24,
        vn_hv_kv=33,
        vn_lv_kv=11.5,
        vk_percent=13.0,
        vkr_percent=0.6,
        pfe_kw=15,
        i0_percent=100 * 33**2 / 24 * (2.2e-5**2 + (0.015 / 33**2) ** 2) ** 0.5,
        shift_degree=330,
        tap_side="hv",
        tap_neutral=0,
        tap_min=-12,
        tap_max=4,
        tap_step_percent=1.25,
        tap_pos=2,
        tap_changer_type="Ratio",
        name="Mill Road T1",
    )
    pp.create_switch(net, mill11, feeder, et="b", type="CB")
    pp.create_load(net, bridge, 2.4, 0.6)
    pp.create_load(net, farm, 1.1, 0.3)
    pp.create_sgen(net, farm, 1.5, -0.1)
    return net


def solved(net: Any, *, control: bool = False) -> tuple[dict[str, float], dict[str, float]]:
    with quietly():
        pp.runpp(net, calculate_voltage_angles=True, numba=False, run_control=control)
    loadings = {
        name: value
        for table in ("line", "trafo")
        for name, value in zip(net[table].name, net[f"res_{table}"].loading_percent, strict=True)
    }
    return dict(zip(net.bus.name, net.res_bus.vm_pu, strict=True)), loadings


def told(content: bytes) -> list[Finding]:
    return convert(content)[2]


def test_a_set_of_profiles_is_the_network_it_describes() -> None:
    kind, text, remarks = convert(files.zipped(dict(PROFILES)))

    net = read(text)
    assert (kind, remarks) == ("CGMES", [])
    assert dict(zip(net.bus.name, net.bus.vn_kv, strict=True)) == BUSES
    assert dict(zip(net.line.name, net.line.max_i_ka, strict=True)) == {
        "Mill Road - Bridge Street": 0.28,
        "Bridge Street - Hill Farm": 0.23,
        "Grid Supply - Mill Road": 0.4,
    }
    volts, loadings = solved(net)
    expected_volts, expected_loadings = solved(by_hand())
    assert volts == pytest.approx(expected_volts, abs=1e-6)
    assert loadings == pytest.approx(expected_loadings, abs=1e-4)


def test_a_set_without_connectivity_nodes_is_the_same_network() -> None:
    kind, text, remarks = convert(bus_branch())

    net = read(text)
    assert (kind, remarks, len(net.bus), len(net.switch)) == ("CGMES", [], 5, 0)
    volts, _ = solved(net)
    expected, _ = solved(by_hand())
    assert volts == pytest.approx({name: expected[name] for name in volts}, abs=1e-6)


def test_a_set_of_version_3_is_the_same_network() -> None:
    kind, text, remarks = convert(of_version_3())

    net = read(text)
    assert (kind, remarks, len(net.controller)) == ("CGMES", [], 1)
    volts, loadings = solved(net)
    expected_volts, expected_loadings = solved(by_hand())
    assert volts == pytest.approx(expected_volts, abs=1e-6)
    assert loadings == pytest.approx(expected_loadings, abs=1e-4)


@pytest.mark.parametrize(("out", "table"), [("line2", "line"), ("t1", "trafo"), ("load1", "load")])
def test_what_a_set_of_version_3_has_out_of_service_is_out(out: str, table: str) -> None:
    net = read(convert(of_version_3(out=out))[1])

    off = {
        str(own)
        for kind in ("line", "trafo", "load", "sgen", "ext_grid")
        for own, works in zip(net[kind].origin_id, net[kind].in_service, strict=True)
        if not works
    }
    assert off == {f"_{out}"}
    assert not net[table].in_service.all()


@pytest.mark.parametrize("content", [changed(), bus_branch()], ids=["nodes", "bus branch"])
def test_automatic_voltage_control_comes_along(content: bytes) -> None:
    net = read(convert(content)[1])
    expected = by_hand()
    with quietly():
        DiscreteTapControl(expected, element_index=0, vm_lower_pu=1.0, vm_upper_pu=1.02)

    volts, _ = solved(net, control=True)
    expected_volts, _ = solved(expected, control=True)

    [control] = net.controller["object"]
    assert (control.vm_lower_pu, control.vm_upper_pu) == pytest.approx((1.0, 1.02))
    assert net.trafo.tap_pos.iloc[0] == expected.trafo.tap_pos.iloc[0] != 2
    assert volts == pytest.approx({name: expected_volts[name] for name in volts}, abs=1e-6)


def test_the_check_finds_nothing_and_the_places_are_the_sets() -> None:
    answer = outcome(Job(changed(), "", ()))

    assert answer["findings"] == []
    geo = read(answer["network"]).bus.set_index("name").geo
    assert json.loads(geo["Hill Farm 11 kV"])["coordinates"] == [-1.42, 53.56]


def test_an_open_breaker_leaves_the_feeder_without_supply() -> None:
    answer = outcome(Job(changed(SSH=("open>false", "open>true")), "", ()))

    assert [each["code"] for each in answer["findings"]] == ["bus_unsupplied"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (changed(EQ=(END, FUSE + END)), "1 of the class Fuse stand in the profiles"),
        (changed(EQ=(END, LIMIT + END)), "Mill Road T1 has a current limit of 80.0%"),
        (
            changed(EQ=("Mill Road feeder 1<", "Mill Road 11 kV<")),
            "2 nodes shared a name with another: Mill Road Mill Road 11 kV",
        ),
        (changed(SSH=("Deadband>0.22<", "Deadband>0.02<")), "0.625% either side is taken"),
        (changed(SSH=("Value>11.11<", "Value>11110<")), "shall hold 11110.0 kV at a bus of 11 kV"),
        (
            changed(
                EQ=(
                    'Terminal rdf:resource="#_t1_lv"/>\n  </cim:TapChangerControl',
                    'Terminal rdf:resource="#_load2_t"/>\n  </cim:TapChangerControl',
                )
            ),
            "holds a voltage elsewhere than at its own two windings",
        ),
    ],
)
def test_what_the_converter_leaves_out_or_takes_otherwise_is_a_warning(
    content: bytes, says: str
) -> None:
    [remark] = told(content)

    assert says in remark.message
    assert remark.severity == "warning"


def test_a_line_that_the_converter_drops_is_told_by_name() -> None:
    start = PROFILES["EQ.xml"].index('  <cim:Terminal rdf:ID="_line2_b">')
    end = PROFILES["EQ.xml"].index("</cim:Terminal>\n", start)
    cut = PROFILES["EQ.xml"][start : end + len("</cim:Terminal>\n")]

    codes = {each.code: each.message for each in told(changed(EQ=(cut, "")))}

    assert "ACLineSegment stand in the profiles" in codes["cgmes_left_out"]
    assert "Bridge Street - Hill Farm" in codes["cgmes_left_out"]
    assert "pandapower's converter says" in codes["cgmes_converter"]


def test_a_current_limit_of_a_winding_is_what_its_loading_is_judged_by() -> None:
    _, plain = solved(read(convert(changed())[1]))
    _, limited = solved(read(convert(changed(EQ=(END, LIMIT + END)))[1]))

    assert limited["Mill Road T1"] == pytest.approx(plain["Mill Road T1"] / 0.8, rel=1e-4)


def test_without_lxml_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "lxml" else found(name)
    )

    with pytest.raises(EngineInputError, match=r'extra "cgmes".*requirements/cgmes\.txt'):
        convert(changed())
