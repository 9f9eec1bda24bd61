"""What a model has installed at each bus."""

from __future__ import annotations

from psa.engine.installed import installed
from psa.engine.quiet import pp, quietly
from tests.psa.engine.nets import as_text, feeder


def test_loads_in_service_are_summed_by_bus_and_sources_are_named() -> None:
    net = feeder(buses=4)
    with quietly():
        pp.create_load(net, 1, p_mw=0.2, scaling=0.5)
        pp.create_load(net, 1, p_mw=0.05)
        pp.create_load(net, 2, p_mw=0.3, in_service=False)
        pp.create_load(net, 2, p_mw=-0.1)
        pp.create_asymmetric_load(net, 3, p_a_mw=0.01, p_b_mw=0.02, p_c_mw=0.03)
        pp.create_motor(net, 3, pn_mech_mw=0.09, cos_phi=0.9, efficiency_percent=90)

    found = installed(as_text(net))

    assert found == {"load_kw": {"End 1": 150.0, "End 3": 160.0}, "sources": ["Source"]}
