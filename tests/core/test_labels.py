from __future__ import annotations

import pytest
from django.db.models import Model

from connections.models import Agreement, Tcvn
from core.labels import label_of
from nmf.models import Contract


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("capacity_kw", "capacity (kW)"),
        ("mic_kva", "MIC (kVA)"),
        ("voltage_kv", "voltage (kV)"),
        ("price_gbp_per_kwh", "price (£/kW/h)"),
        ("loading_warn_percent", "loading warn (%)"),
        ("kw", "kW"),
        ("starts_at", "starts at"),
    ],
)
def test_a_name_reads_with_its_unit(name: str, label: str) -> None:
    assert label_of(name) == label


@pytest.mark.parametrize(
    ("model", "name", "label"),
    [
        (Tcvn, "capacity_kw", "capacity (kW)"),
        (Agreement, "mec_kva", "MEC (kVA)"),
        (Contract, "price_gbp_per_kwh", "price (£/kW/h)"),
    ],
)
def test_the_stock_pages_show_units(model: type[Model], name: str, label: str) -> None:
    assert {each.name: each.verbose_name for each in model._meta.fields}[name] == label
