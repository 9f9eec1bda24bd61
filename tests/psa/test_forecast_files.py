"""CSV files of forecasts: what is read, and how each fault is named."""

from __future__ import annotations

import csv
import io
from collections.abc import Hashable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.periods import half_hours_of_day
from psa import forecast_files
from psa.forecast_files import Parsed, Reading, UnknownPointError, faults_as_csv, parse, template
from psa.forecast_files import reading as reading_of_files

HEADER = "point,starts_at,export_kw,import_kw"
AT = datetime(2026, 12, 7, tzinfo=UTC)


def resolve(name: str) -> Hashable:
    if name not in {"Mill", "Farm", "Mill weir", "bus:Lane 1", "feeder:Line 1"}:
        raise UnknownPointError("No such site.")
    return name


def read(*lines: str, header: str = HEADER) -> Parsed:
    return parse("\n".join([header, *lines]).encode(), resolve)


def only(found: Parsed) -> Reading:
    assert found.faults == []
    [series] = found.readings.values()
    [reading] = series.values()
    return reading


def faults(found: Parsed) -> list[tuple[int, str, str, str]]:
    return [(each.row, each.column, each.rule, each.value) for each in found.faults]


def test_a_row_is_a_half_hour_at_a_point() -> None:
    found = read("Mill,2026-12-07T00:00Z,12.5,0", "Farm,2026-12-07T00:30Z,0,1e1")

    assert found.faults == []
    assert found.readings == {
        "Mill": {AT: Reading(2, 12.5, 0.0)},
        "Farm": {AT + timedelta(minutes=30): Reading(3, 0.0, 10.0)},
    }


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("point,starts_at,net_kw", "Mill,2026-07-06T01:00+01:00,-8"),
        ("Point, STARTS_AT ,net_kwh", "Mill,2026-07-06T00:00Z,-4"),
        ("point,ends_at,import_kw,export_kw", "Mill,2026-07-06T00:30:00+00:00,8,0"),
        ("point,settlement_date,settlement_period,export_kwh,import_kwh", "Mill,2026-07-06,3,0,4"),
    ],
)
def test_one_half_hour_is_said_in_many_ways(header: str, row: str) -> None:
    found = read(row, header=header)

    assert found.faults == []
    assert found.readings == {"Mill": {datetime(2026, 7, 6, tzinfo=UTC): Reading(2, 0.0, 8.0)}}


@pytest.mark.parametrize(
    ("day", "count"),
    [(date(2026, 3, 29), 46), (date(2026, 10, 25), 50), (date(2026, 12, 7), 48)],
)
def test_settlement_periods_are_exact_on_the_days_on_which_the_clocks_change(
    day: date, count: int
) -> None:
    rows = [f"Mill,{day},{n},{n}" for n in range(1, count + 1)]

    found = read(*rows, header="point,settlement_date,settlement_period,net_kw")
    beyond = read(
        f"Mill,{day},{count + 1},1", header="point,settlement_date,settlement_period,net_kw"
    )

    assert found.faults == []
    assert {at: each.export_kw for at, each in found.readings["Mill"].items()} == {
        at: float(n) for n, at in enumerate(half_hours_of_day(day), 1)
    }
    assert faults(beyond) == [(2, "settlement_period", "settlement_period", str(count + 1))]
    assert beyond.faults[0].message == f"{day} has the settlement periods 1 to {count}."


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("export_kw,import_kw,export_kvar,import_kvar", "10,0,-3,1", (10, 0, -3, 1, None, None)),
        ("export_kw,import_kw,export_kvar,import_kvar", "0,0,,0", (0, 0, None, 0, None, None)),
        ("net_kw,net_kvar", "10,-3", (10, 0, -3, None, None, None)),
        ("net_kw,net_kvar", "-10,-3", (0, 10, None, 3, None, None)),
        ("net_kwh,net_kvarh", "5,1.5", (10, 0, 3, None, None, None)),
        ("net_kw,power_factor", "-10,0.9", (0, 10, None, None, 0.9, 0.9)),
        (
            "export_kw,import_kw,export_power_factor,import_power_factor",
            "10,1,-0.95,0.9",
            (10, 1, None, None, -0.95, 0.9),
        ),
    ],
)
def test_reactive_power_is_kvar_or_a_power_factor(
    header: str, cells: str, expected: tuple[float | None, ...]
) -> None:
    found = read(f"Mill,2026-12-07T00:00Z,{cells}", header=f"point,starts_at,{header}")

    assert only(found) == Reading(2, *expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", forecast_files.TEMPLATES)
def test_each_template_is_read_as_it_is(name: str) -> None:
    found = parse(template(name).encode(), resolve)

    assert found.faults == []
    assert sum(len(series) for series in found.readings.values()) == 4


def test_an_empty_power_is_a_gap_and_half_of_one_is_a_fault() -> None:
    found = read("Mill,2026-12-07T00:00Z,,", "Mill,2026-12-07T00:30Z,1,")

    assert found.empty_count == 1
    assert faults(found) == [(3, "import_kw", "half", "")]


def test_a_byte_order_mark_comments_and_empty_lines_are_left_out_of_the_count_of_nothing() -> None:
    text = "\ufeff# made by hand\r\n\r\n" + HEADER + "\r\n,,,\r\nMill,2026-12-07T00:00Z,1,0\r\n"

    found = parse(text.encode(), resolve)

    assert only(found).row == 5


ROWS = {
    "a comma in a number": ('Mill,2026-12-07T00:00Z,"1,5",0', "export_kw", "decimal_comma", "1,5"),
    "NaN": ("Mill,2026-12-07T00:00Z,NaN,0", "export_kw", "not_finite", "NaN"),
    "infinity": ("Mill,2026-12-07T00:00Z,0,-inf", "import_kw", "not_finite", "-inf"),
    "overflow": ("Mill,2026-12-07T00:00Z,1e999,0", "export_kw", "too_much", "1e999"),
    "gigawatts": ("Mill,2026-12-07T00:00Z,2e7,0", "export_kw", "too_much", "2e7"),
    "below 0": ("Mill,2026-12-07T00:00Z,0,-1", "import_kw", "negative", "-1"),
    "a formula": ("Mill,2026-12-07T00:00Z,=1+1,0", "export_kw", "formula", "=1+1"),
    "a command": ("=cmd|' /C calc'!A0,2026-12-07T00:00Z,1,0", "point", "formula",
                  "=cmd|' /C calc'!A0"),
    "words": ("Mill,2026-12-07T00:00Z,none,0", "export_kw", "number", "none"),
    "other digits": ("Mill,2026-12-07T00:00Z,\u0661,0", "export_kw", "number", "\u0661"),
    "underscores": ("Mill,2026-12-07T00:00Z,1_0,0", "export_kw", "number", "1_0"),
    "a stranger": ("Mole,2026-12-07T00:00Z,1,0", "point", "point", "Mole"),
    "no name": (",2026-12-07T00:00Z,1,0", "point", "point", ""),
    "no offset": ("Mill,2026-10-25T01:30,1,0", "starts_at", "time_offset", "2026-10-25T01:30"),
    "a date alone": ("Mill,2026-12-07,1,0", "starts_at", "time_offset", "2026-12-07"),
    "a British date": ("Mill,07/12/2026 00:00,1,0", "starts_at", "time", "07/12/2026 00:00"),
    "a quarter": ("Mill,2026-12-07T00:15Z,1,0", "starts_at", "time_half_hour",
                  "2026-12-07T00:15Z"),
    "year 1": ("Mill,0001-01-01T00:00+23:00,1,0", "starts_at", "year",
               "0001-01-01T00:00+23:00"),
    "year 9999": ("Mill,9999-12-31T23:30-12:00,1,0", "starts_at", "year",
                  "9999-12-31T23:30-12:00"),
    "too few cells": ("Mill,2026-12-07T00:00Z,1", "", "cells", "3"),
    "too many cells": ("Mill,2026-12-07T00:00Z,1,0,0", "", "cells", "5"),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
def test_a_wrong_cell_is_named_by_row_column_rule_and_value(case: str) -> None:
    row, column, rule, value = ROWS[case]

    found = read("Farm,2026-12-07T00:00Z,1,0", row)

    assert faults(found) == [(3, column, rule, value)]
    assert found.faults[0].message


FILES = {
    "empty": (b"", (0, "", "empty", "")),
    "blank": (b"\n \n,,\n", (0, "", "empty", "")),
    "a header alone": (HEADER.encode(), (0, "", "empty", "")),
    "semicolons": (HEADER.replace(",", ";").encode(), (1, "", "separator",
                   "point;starts_at;export_kw;import_kw")),
    "UTF-16": (HEADER.encode("utf-16"), (0, "", "encoding", "UTF-16")),
    "Latin-1": (f"{HEADER}\nCaf\u00e9,".encode("latin-1"), (2, "", "encoding", "\\xe9")),
    "a workbook": (b"PK\x03\x04rest", (0, "", "encoding", "PK")),
    "a zero byte": (f"{HEADER}\nMill,\0".encode(), (2, "", "encoding", "\\0")),
    "an open quote": (f'{HEADER}\nMill,2026-12-07T00:00Z,"1,0'.encode(), (2, "", "quoting", "")),
    "a cell without end": (HEADER.encode() + b"\n" + b"9" * 200_000, (2, "", "quoting", "")),
    "units mixed": (b"point,starts_at,export_kw,import_kwh",
                    (1, "", "units_mixed", "export_kw, import_kwh")),
    "net and gross": (b"point,starts_at,export_kw,import_kw,net_kw",
                      (1, "export_kw", "column_power", "export, import, net")),
    "export alone": (b"point,starts_at,export_kw", (1, "export_kw", "column_power", "export")),
    "no power": (b"point,starts_at", (1, "export_kw", "column_power", "")),
    "no point": (b"starts_at,net_kw", (1, "point", "column_missing", "")),
    "no time": (b"point,net_kw", (1, "starts_at", "column_time", "")),
    "half a time": (b"point,settlement_date,net_kw", (1, "starts_at", "column_time", "")),
    "two times": (b"point,starts_at,ends_at,net_kw", (1, "starts_at", "column_time", "")),
    "a column twice": (b"point,starts_at,net_kw,net_kw", (1, "net_kw", "column_twice", "net_kw")),
    "a column unknown": (b"point,starts_at,net_kw,note", (1, "note", "column_unknown", "note")),
    "kvarh with kw": (b"point,starts_at,net_kw,net_kvarh",
                      (1, "net_kvarh", "units_mixed", "net_kvarh")),
    "gross kvar with net": (b"point,starts_at,net_kw,export_kvar",
                            (1, "export_kvar", "column_power", "export_kvar")),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_none_says_why(case: str) -> None:
    data, expected = FILES[case]

    found = parse(data, resolve)

    assert faults(found) == [expected]
    assert found.readings == {}


@pytest.mark.parametrize(
    ("cells", "column", "rule"),
    [
        ("10,1,0.9,,", "power_factor", "reactive_twice"),
        ("10,,0,,", "power_factor", "power_factor"),
        ("10,,-0.9,,", "power_factor", "power_factor"),
        ("10,,1.1,,", "power_factor", "power_factor"),
        ("10,,,0.9,-0.9", "import_power_factor", "power_factor"),
    ],
)
def test_a_power_factor_that_is_none_or_one_too_many_is_named(
    cells: str, column: str, rule: str
) -> None:
    found = read(
        f"Mill,2026-12-07T00:00Z,{cells}",
        header="point,starts_at,net_kw,net_kvar,power_factor,"
        "export_power_factor,import_power_factor",
    )

    assert [each[:3] for each in faults(found)] == [(2, column, rule)]


def test_a_half_hour_given_twice_names_the_row_that_has_it() -> None:
    found = read("Mill,2026-07-06T00:00Z,1,0", "Mill,2026-07-06T01:00+01:00,1,0")

    assert faults(found) == [(3, "starts_at", "twice", "2026-07-06T01:00+01:00")]
    assert "row 2" in found.faults[0].message


def test_all_faults_of_a_row_are_named_and_of_a_file_the_first_and_the_count() -> None:
    found = read(*["Mole,2026-12-07,x,y"] * 300)

    assert found.fault_count == 300 * 4
    assert len(found.faults) == forecast_files.MOST_FAULTS
    assert faults(found)[:4] == [
        (2, "point", "point", "Mole"),
        (2, "starts_at", "time_offset", "2026-12-07"),
        (2, "export_kw", "number", "x"),
        (2, "import_kw", "number", "y"),
    ]


def test_files_too_large_and_too_long_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_of_files, "MOST_BYTES", 100)
    monkeypatch.setattr(reading_of_files, "MOST_ROWS", 1)

    large = parse(b"x" * 101, resolve)
    long = read("Mill,2026-12-07T00:00Z,1,0", "Mill,2026-12-07T00:30Z,1,0")

    assert faults(large) == [(0, "", "too_large", "101 bytes")]
    assert faults(long) == [(3, "", "too_long", "")]


def test_the_list_of_faults_holds_no_formula() -> None:
    found = read("=1+1,2026-12-07T00:00Z,-1,@x")

    lines = faults_as_csv(found.faults, found.fault_count + 7).splitlines()

    assert lines[0] == "row,column,rule,value,message"
    assert lines[1].startswith("2,point,formula,'=1+1,")
    assert lines[2].startswith("2,export_kw,negative,'-1,")
    assert lines[3].startswith("2,import_kw,formula,'@x,")
    assert lines[4] == ",,,,and 7 more"


@given(st.binary(max_size=300))
def test_no_bytes_stop_the_reader(data: bytes) -> None:
    for text in (data, HEADER.encode() + b"\n" + data):
        found = parse(text, resolve)

        assert found.fault_count >= len(found.faults)
        assert found.fault_count or found.readings


@given(st.lists(st.lists(st.text(max_size=12), min_size=4, max_size=4), min_size=1, max_size=5))
def test_no_cells_stop_the_reader_and_none_of_them_is_taken_for_a_formula(
    rows: list[list[str]],
) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([HEADER.split(","), *rows])

    found = parse(file.getvalue().encode(errors="replace"), resolve)

    listed = list(csv.reader(io.StringIO(faults_as_csv(found.faults, found.fault_count))))
    assert len(listed) == len(found.faults) + 1
    assert not any(cell[:1] in "=+-@" for row in listed for cell in row[1:4] if cell)
