"""The trial's tables: they fit one another, the report and the register's rules."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

import pytest

from core.money import agreed_kw
from data.trial.tables import HERE, rows, trade_window, weekdays, window

MPAN_WEIGHTS = (3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43)
SITES = {row["site"]: row for row in rows("sites.csv")}
AGREEMENTS = {row["site"]: row for row in rows("agreements.csv")}


def capacity(site: str, direction: str, column: str = "") -> Decimal:
    row = AGREEMENTS[site]
    column = column or {"IMPORT": "mic_kva", "EXPORT": "mec_kva"}[direction]
    factor = Decimal(row[f"{direction.lower()}_power_factor"])
    return agreed_kw(kva=Decimal(row[column]), power_factor=factor)


def ceiling(site: str, direction: str, laid: str) -> Decimal:
    if AGREEMENTS[site]["kind"] == "P2P_SPECIFIC":
        return capacity(site, direction, "max_installed_kva")
    return max(
        (
            Decimal(row["capacity_kw"])
            for row in rows("tcvns.csv")
            if (row["site"], row["direction"], row["laid"]) == (site, direction, laid)
        ),
        default=capacity(site, direction),
    )


def test_there_are_four_sites_of_the_report_and_eight_others() -> None:
    assert len(SITES) == 12
    assert [name for name, row in SITES.items() if row["report_says"]] == [
        "Site 1",
        "Site 2",
        "Site 3",
        "Site 4",
    ]


def test_every_mpan_has_thirteen_digits_and_its_check_digit_and_is_used_once() -> None:
    mpans = [
        row[column]
        for row in SITES.values()
        for column in ("import_mpan", "export_mpan")
        if row[column]
    ]
    assert len(mpans) == len(set(mpans)) > 12
    for mpan in mpans:
        assert len(mpan) == 13
        total = sum(
            int(digit) * weight for digit, weight in zip(mpan[:12], MPAN_WEIGHTS, strict=True)
        )
        assert total % 11 % 10 == int(mpan[12])


def test_a_right_a_meter_point_and_a_forecast_limit_go_together() -> None:
    for name, site in SITES.items():
        for direction, kva in (("import", "mic_kva"), ("export", "mec_kva")):
            right = AGREEMENTS[name][kva]
            assert bool(right) == bool(site[f"{direction}_mpan"])
            assert bool(right) == bool(site[f"forecast_{direction}_limit_kw"])
            if right:
                limit = Decimal(site[f"forecast_{direction}_limit_kw"])
                assert limit <= capacity(name, direction.upper())


def test_every_name_in_a_table_is_found_in_the_table_it_means() -> None:
    organisations = {row["organisation"] for row in rows("organisations.csv")}
    areas = {row["area"] for row in rows("areas.csv")}
    assert {row["organisation"] for row in SITES.values()} == organisations
    assert {row["area"] for row in SITES.values()} <= areas
    assert {row["parent"] for row in rows("areas.csv")} <= areas | {""}
    assert set(AGREEMENTS) == set(SITES) == {row["site"] for row in rows("assets.csv")}
    for table in ("tp1_trades.csv", "scenarios.csv", "live_pairs.csv"):
        assert {row["buyer"] for row in rows(table)} <= set(SITES)
        assert {row["seller"] for row in rows(table)} <= set(SITES) | {""}


def test_no_one_trades_with_themselves_and_who_only_sells_never_buys() -> None:
    only_sells = {
        row["organisation"] for row in rows("organisations.csv") if row["initiates_buying"] == "no"
    }
    for table in ("tp1_trades.csv", "scenarios.csv", "live_pairs.csv"):
        for row in rows(table):
            buyer = SITES[row["buyer"]]["organisation"]
            assert buyer not in only_sells
            assert not row["seller"] or SITES[row["seller"]]["organisation"] != buyer


@pytest.mark.parametrize(
    ("days", "expected"),
    [("Mon-Sun", range(1, 8)), ("Sun-Sat", range(1, 8)), ("Mon-Sat", range(1, 7)), ("Sat", [6])],
)
def test_a_range_of_weekdays_may_wrap(days: str, expected: Iterable[int]) -> None:
    assert weekdays(days) == tuple(expected)


def test_the_trades_take_the_days_and_hours_printed_but_for_the_two_misprints() -> None:
    found = [
        (str(trade_window(row).first_date), float(trade_window(row).hours()))
        for row in rows("tp1_trades.csv")
    ]
    assert found == [
        ("2021-12-13", 168),
        ("2021-12-20", 49),
        ("2021-12-20", 119),
        ("2022-01-17", 168),
        ("2022-02-13", 49),
        ("2022-02-20", 49),
        ("2022-02-27", 49),
        ("2022-02-27", 63),
        ("2022-02-28", 48),  # printed 56
        ("2022-03-14", 168),  # printed 49
    ]


def test_the_register_has_room_for_the_ten_trades_together() -> None:
    sold: dict[tuple[str, str, datetime], Decimal] = defaultdict(Decimal)
    bought: dict[tuple[str, str, datetime], Decimal] = defaultdict(Decimal)
    for row in rows("tp1_trades.csv"):
        direction = row["direction"].upper()
        for at in trade_window(row).half_hours():
            sold[row["seller"], direction, at] += Decimal(row["kw"])
            bought[row["buyer"], direction, at] += Decimal(row["kw"])
    assert all(kw <= capacity(site, direction) for (site, direction, _), kw in sold.items())
    assert all(
        capacity(site, direction) + kw <= ceiling(site, direction, "trial")
        for (site, direction, _), kw in bought.items()
    )
    assert not {(site, direction) for site, direction, _ in sold} & {
        (site, direction) for site, direction, _ in bought
    }


@pytest.mark.parametrize("table", ["scenarios.csv", "live_pairs.csv"])
def test_the_register_has_room_for_each_further_contract(table: str) -> None:
    laid = "live" if table == "live_pairs.csv" else "trial"
    for row in rows(table):
        if row.get("kind") == "tcvn":
            continue
        kw, direction = Decimal(row["kw"]), row["direction"]
        assert kw <= capacity(row["seller"], direction)
        assert capacity(row["buyer"], direction) + kw <= ceiling(row["buyer"], direction, laid)


def test_no_notice_exceeds_what_the_connection_can_carry() -> None:
    for row in rows("tcvns.csv"):
        most = capacity(row["site"], row["direction"], "max_installed_kva")
        assert capacity(row["site"], row["direction"]) < Decimal(row["capacity_kw"]) <= most
    for row in rows("scenarios.csv"):
        asked = capacity(row["buyer"], row["direction"]) + Decimal(row["kw"])
        assert asked <= capacity(row["buyer"], row["direction"], "max_installed_kva")


def test_every_window_of_a_table_is_a_window() -> None:
    for row in [*rows("scenarios.csv"), *rows("live_pairs.csv"), *rows("tcvns.csv")]:
        first = date.fromisoformat(row.get("first_date") or "2026-11-23")
        last = date.fromisoformat(row.get("last_date") or "2026-11-29")
        assert window(row, first=first, last=last).refusals() == []


def test_the_network_has_the_promised_size_and_unique_names() -> None:
    net = json.loads((HERE / "network.json").read_text(encoding="utf-8"))["_object"]
    tables = {name: json.loads(net[name]["_object"]) for name in ("bus", "line", "trafo", "load")}
    names = {}
    for name, table in tables.items():
        column = table["columns"].index("name")
        names[name] = [line[column] for line in table["data"]]
        assert len(names[name]) == len(set(names[name]))
        assert all(names[name])
    assert 40 <= len(names["bus"]) <= 70
    assert {row["network_bus"] for row in SITES.values()} <= set(names["bus"])
    assert {row["bus"] for row in rows("background.csv")} <= set(names["bus"])
    assert {name.removesuffix(" demand") for name in names["load"]} == {
        row["bus"] for row in rows("background.csv")
    }
