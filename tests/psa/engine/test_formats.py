"""Each format in which a network comes, held to pandapower's and SimBench's own readers."""

from __future__ import annotations

import json
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psa.engine.apart import Limits, read_apart
from psa.engine.diagram import layout
from psa.engine.formats import convert
from psa.engine.network import read
from psa.engine.quiet import pp, quietly
from tests.psa.engine import files, nets


def solved(net: Any) -> tuple[dict[str, float], dict[str, float]]:
    with quietly():
        pp.runpp(net, calculate_voltage_angles=True, numba=False)
    return (
        dict(zip(net.bus["name"], net.res_bus["vm_pu"], strict=True)),
        dict(zip(net.line["name"], net.res_line["loading_percent"], strict=True)),
    )


def of_the_package(content: bytes) -> Any:
    import simbench

    with tempfile.TemporaryDirectory() as folder, quietly():
        with zipfile.ZipFile(BytesIO(content)) as archive:
            archive.extractall(folder)  # our own
        return simbench.csv2pp(str(Path(folder) / "grid"))


def same(one: dict[str, float], other: dict[str, float]) -> None:
    common = [name for name in other if name in one]
    assert len(common) >= len(one) - 1
    np.testing.assert_allclose(
        [one[name] for name in common], [other[name] for name in common], rtol=0, atol=1e-9
    )


def test_a_simbench_folder_solves_as_it_does_in_the_package_of_its_authors() -> None:
    kind, text, remarks = convert(files.simbench())
    net = read(text)

    volts, loadings = solved(net)
    expected_volts, expected_loadings = solved(of_the_package(files.simbench()))

    assert kind == "SIMBENCH"
    same(volts, expected_volts)
    same(loadings, expected_loadings)
    assert list(net.bus["name"]) == ["HV", "MV", "Mill", "Farm"]
    assert list(net.switch["et"]) == ["t", "t", "l", "l"]
    assert [(each.code, each.element) for each in remarks] == [("tap_control_band", "T1")]
    [control] = net.controller["object"]
    assert (control.vm_lower_pu, control.vm_upper_pu) == pytest.approx((1.0125, 1.0275))


def test_a_tap_of_a_simbench_transformer_counts() -> None:
    neutral, _ = solved(read(convert(files.simbench())[1]))
    stepped, _ = solved(
        read(
            convert(
                files.simbench(
                    Transformer=files.SIMBENCH["Transformer"].replace("MVA;0;", "MVA;2;")
                )
            )[1]
        )
    )

    assert stepped["MV"] == pytest.approx(neutral["MV"] / 1.03, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "1-MV-rural--0-sw",
        pytest.param("1-LV-rural1--0-sw", marks=pytest.mark.exhaustive),
        pytest.param("1-HV-mixed--0-sw", marks=pytest.mark.exhaustive),
    ],
)
def test_simbench_grids_solve_as_they_do_in_the_package_of_their_authors(code: str) -> None:
    import simbench

    path = simbench.complete_data_path(0)
    with tempfile.TemporaryDirectory() as folder, quietly():
        wanted = simbench.get_relevant_subnets(code, path)
        tables = simbench.get_extracted_csv_data(wanted, path)
        simbench.converter.write2csv(folder, tables)
        expected = simbench.csv2pp(folder)
        content = files.zipped({path.name: path.read_bytes() for path in Path(folder).iterdir()})
    _, text, _ = convert(content)

    volts, loadings = solved(read(text))

    expected_volts, expected_loadings = solved(expected)
    same(volts, expected_volts)
    same(loadings, expected_loadings)


def test_every_wrong_cell_of_a_simbench_folder_is_told_at_once() -> None:
    content = files.simbench(
        Line=files.SIMBENCH["Line"].replace("2.5", "long").replace("1.5", ""),
        Load=files.SIMBENCH["Load"].replace("2;0.6", "inf;0.6"),
    )

    answer = outcome_of(content)

    assert [each["message"] for each in answer["findings"]] == [
        "Line.csv, row 2: length is no number: 'long'.",
        "Line.csv, row 3: length is empty.",
        "Load.csv, row 2: pLoad is no number: 'inf'.",
    ]


def outcome_of(content: bytes) -> dict[str, Any]:
    from psa.engine.importing import Job, outcome

    return outcome(Job(content, "", ()))


@pytest.mark.parametrize("name", ["feeder", "primary"])
def test_a_workbook_holds_the_same_network_as_the_json(name: str) -> None:
    net = getattr(nets, name)()

    kind, text, remarks = convert(files.workbook(net))

    assert (kind, remarks) == ("PANDAPOWER_EXCEL", [])
    volts, loadings = solved(read(text))
    expected_volts, expected_loadings = solved(net)
    assert volts == pytest.approx(expected_volts, abs=1e-12)
    assert loadings == pytest.approx(expected_loadings, abs=1e-9)
    assert len(read(text).controller) == len(net.controller)


def test_what_is_stored_is_what_we_wrote_and_not_what_came() -> None:
    net = nets.feeder()
    with quietly():
        pp.runpp(net, numba=False)
    text = json.dumps(json.loads(nets.as_text(net)), indent=3)

    kind, stored, _ = convert(b"\xef\xbb\xbf" + text.encode())

    assert kind == "PANDAPOWER_JSON"
    assert stored != text
    assert len(read(stored).res_bus) == 0
    assert convert(stored.encode())[1] == stored


def test_coordinates_that_come_along_are_kept() -> None:
    _, text, _ = convert(files.simbench())

    drawn = {bus["name"]: bus["geo"] for bus in layout(text)["buses"]}

    assert drawn["Mill"] == [-1.51, 53.51]
    assert layout(nets.as_text(nets.feeder()))["buses"][0]["geo"] is None


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(wall_s=0.2), "too_slow"),
        (Limits(cpu_s=1), "too_slow"),
        (Limits(memory_bytes=150 * 1024**2), "too_large"),
    ],
    ids=["the clock", "computing", "memory"],
)
def test_a_reader_over_its_limits_is_stopped_and_that_is_a_finding(
    limits: Limits, code: str
) -> None:
    answer = read_apart(
        nets.as_text(nets.feeder()).encode(), kind="", sites=[("Mill", "End 1")], limits=limits
    )

    assert answer["network"] is None
    assert [(each["severity"], each["code"]) for each in answer["findings"]] == [("error", code)]
