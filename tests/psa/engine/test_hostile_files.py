"""Files of every format that are no network, or worse: a clear refusal each, nothing run."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from psa.engine.errors import EngineInputError
from psa.engine.formats import container, convert
from tests.psa.engine import files, nets

CSV = files.SIMBENCH
XML = (
    '<?xml version="1.0" encoding="UTF-8"?>{doctype}<rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:cim="http://iec.ch/TC57/2013/CIM-schema-cim16#">{body}</rdf:RDF>'
)
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
EVIL = json.dumps({"_module": "os", "_class": "system", "_object": "touch evil"})


def linked() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("Node.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    return buffer.getvalue()


def many() -> bytes:
    return files.zipped({f"{n}.csv": "" for n in range(container.MOST_MEMBERS + 1)})


def bomb(name: str) -> bytes:
    return files.with_member(files.simbench(Line=None), f"grid/{name}", b"0;" * 20_000_000)


def encrypted() -> bytes:
    content = bytearray(files.simbench())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := content.find(mark, start)) >= 0:
            content[start + at] |= 1
            start += 4
    return bytes(content)


def sheet(**cells: object) -> bytes:
    return files.workbook(nets.feeder(), **cells)


def table(name: str, old: str, new: str) -> bytes:
    assert old in CSV[name]
    return files.simbench(**{name: CSV[name].replace(old, new)})


def cgmes(body: str = "", doctype: str = "", name: str = "EQ.xml") -> bytes:
    return files.zipped({name: XML.format(doctype=doctype, body=body)})


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    # no file of a network at all
    "nothing": (lambda: b"", "cannot be read"),
    "bytes": (lambda: bytes(range(256)), "no UTF-8"),
    "UTF-16 JSON": (lambda: "{}".encode("utf-16"), "no UTF-8"),
    "Latin-1 JSON": (lambda: '{"name": "Müller"}'.encode("latin-1"), "no UTF-8"),
    "a PDF": (lambda: b"%PDF-1.7\n", "cannot be read"),
    "an old workbook": (lambda: b"\xd0\xcf\x11\xe0" + bytes(600), ".xlsx"),
    "deep JSON": (lambda: b"[" * 200_000, "nested too deeply"),
    "JSON with NaN names": (lambda: b'{"NaN": NaN, "bus": Infinity}', "no buses"),
    # zips
    "half a zip": (lambda: files.simbench()[:400], "no sound zip"),
    "a zip of nothing": (lambda: files.zipped({}), "neither SimBench"),
    "a zip of a picture": (lambda: files.zipped({"a.png": b"\x89PNG"}), "neither SimBench"),
    "a name that climbs": (lambda: files.zipped({"../../Node.csv": ""}), "leads elsewhere"),
    "a name from the root": (lambda: files.zipped({"/etc/Node.csv": ""}), "leads elsewhere"),
    "a name with a drive": (lambda: files.zipped({"C:\\Node.csv": ""}), "leads elsewhere"),
    "a name that climbs backwards": (
        lambda: files.zipped({"..\\Node.csv": ""}),
        "leads elsewhere",
    ),
    "a long name": (lambda: files.zipped({"a" * 300 + "/Node.csv": ""}), "leads elsewhere"),
    "a link": (linked, "a link"),
    "too many files": (many, "are the most"),
    "a zip in a zip": (
        lambda: files.zipped({"Node.csv": "", "more.zip": files.simbench()}),
        "another archive",
    ),
    "a bomb of a table": (lambda: bomb("Line.csv"), "times its size"),
    "a bomb in a file of three windings": (lambda: bomb("Transformer3W.csv"), "times its size"),
    "a zip with a password": (encrypted, "encrypted"),
    "broken packing": (
        lambda: files.simbench().replace(b"\x78", b"\x79", 3)[:-30] + bytes(30),
        "no sound zip",
    ),
    # SimBench
    "no nodes": (lambda: files.simbench(Node=None, Line=None), "neither SimBench"),
    "no source": (lambda: files.simbench(ExternalNet=None), "lacks ExternalNet.csv"),
    "two grids": (
        lambda: files.with_member(files.simbench(), "other/Node.csv", CSV["Node"]),
        "two networks",
    ),
    "commas": (lambda: files.simbench(Node=CSV["Node"].replace(";", ",")), "semicolons"),
    "a column too few": (lambda: table("Line", ";length", ";long"), "lacks the columns length"),
    "a column twice": (lambda: table("Line", ";subnet", ";length"), "two columns"),
    "too many columns": (
        lambda: files.simbench(Line=";".join(f"c{n}" for n in range(99)) + "\n"),
        "more than 60 columns",
    ),
    "a row too long": (lambda: table("Load", "Mill load;", "Mill load;;"), "cells"),
    "a table in Latin-1": (
        lambda: files.simbench(Node=CSV["Node"].replace("Mill", "Mühle").encode("latin-1")),
        "no UTF-8",
    ),
    "a table in UTF-16": (lambda: files.simbench(Node=CSV["Node"].encode("utf-16")), "no UTF-8"),
    "a NUL": (lambda: table("Node", "Mill", "Mi\x00ll"), "value 0"),
    "a huge cell": (lambda: table("Node", "Mill", "M" * 600), "too long"),
    "a length of nan": (lambda: table("Line", ";2.5;", ";NaN;"), "length is empty"),
    "a length of infinity": (lambda: table("Line", ";2.5;", ";1e999;"), "no number"),
    "a formula": (lambda: table("Line", ";2.5;", ";=1+1;"), "no number"),
    "a node that is not there": (lambda: table("Line", ";MV_2;", ";MV_9;"), "is not in Node.csv"),
    "a type that is not there": (
        lambda: table("Transformer", "25 MVA", "99 MVA"),
        "is not in TransformerType.csv",
    ),
    "an id twice": (lambda: table("Node", "Farm;node", "Mill;node"), "stands twice"),
    "an id of nothing": (lambda: table("Node", "Farm;node", ";node"), "id is empty"),
    "a source of no kind": (lambda: table("ExternalNet", "vavm", "magic"), "is not read"),
    "a transformer of 0 MVA tells its rating": (
        lambda: files.simbench(
            TransformerType=CSV["TransformerType"].replace("25 MVA;25;", "25 MVA;none;")
        ),
        "sR is no number",
    ),
    "a three-winding transformer": (
        lambda: files.with_member(files.simbench(), "grid/Transformer3W.csv", "id;nodeHV\nT3;HV\n"),
        "Transformer3W.csv is not read",
    ),
    # workbooks
    "no sheet bus": (
        lambda: files.rewritten(sheet(), "xl/workbook.xml", b'name="bus"', b'name="bos"'),
        "no sheet bus",
    ),
    "a formula in a workbook": (lambda: sheet(line_E2="=1+1"), "is a formula"),
    "a formula that calls out": (
        lambda: sheet(line_E2='=WEBSERVICE("http://127.0.0.1/")'),
        "is a formula",
    ),
    "a command by DDE": (lambda: sheet(line_E2="=cmd|'/C touch evil'!A0"), "is a formula"),
    "macros": (
        lambda: files.with_member(sheet(), "xl/vbaProject.bin", b"\xd0\xcf\x11\xe0"),
        "macros, links",
    ),
    "links to other workbooks": (
        lambda: files.with_member(sheet(), "xl/externalLinks/externalLink1.xml", "<a/>"),
        "macros, links",
    ),
    "an embedded file": (
        lambda: files.with_member(sheet(), "xl/embeddings/a.bin", b"a"),
        "macros, links",
    ),
    "a data connection": (
        lambda: files.with_member(sheet(), "xl/connections.xml", "<a/>"),
        "macros, links",
    ),
    "a workbook with entities": (
        lambda: files.with_member(sheet(), "xl/more.xml", LAUGHS + "<a/>"),
        "entities",
    ),
    "a program in a cell": (
        lambda: sheet(extra_A1="i", extra_B1="object", extra_A2=0, extra_B2=EVIL),
        "foreign class",
    ),
    "a program in coordinates": (lambda: sheet(bus_B2=EVIL), "foreign class"),
    "half a JSON in a cell": (lambda: sheet(bus_B2='{"a": '), "no JSON"),
    "a far cell": (lambda: sheet(bus_XFD2=1), "columns"),
    "a last row": (lambda: sheet(bus_A1048576=1), "more cells"),
    "a sheet with a strange name": (lambda: sheet(**{"<x>_A1": 1}), "like the sheet"),
    "a column that is hidden": (lambda: sheet(bus_B1="_ppc"), "without a name"),
    "two columns of a name": (
        lambda: sheet(bus_B1="in_service", bus_C1="in_service"),
        "two columns",
    ),
    "an index twice": (lambda: sheet(bus_A2=1), "two rows"),
    "an error of Excel's": (
        lambda: files.rewritten(sheet(bus_C2="#N/A"), "[Content_Types].xml", b"<", b"<"),
        "error of Excel",
    ),
    "broken sheets": (
        lambda: files.rewritten(sheet(), "xl/worksheets/sheet1.xml", b"<sheetData>", b"<sheet"),
        "cannot be read",
    ),
    # CGMES
    "a billion laughs": (lambda: cgmes("&c;", LAUGHS), "entities"),
    "an outside entity": (lambda: cgmes("&a;", OUTSIDE), "entities"),
    "a lower-case document type": (lambda: cgmes("", "<!doctype x>"), "entities"),
    "profiles in UTF-16": (
        lambda: files.zipped({"EQ.xml": XML.format(doctype=LAUGHS, body="").encode("utf-16")}),
        "not UTF-8",
    ),
    "profiles in a strange encoding": (
        lambda: files.zipped({"EQ.xml": XML.format(doctype="", body="").replace("UTF-8", "UTF-7")}),
        "not UTF-8",
    ),
    "XML of something else": (lambda: files.zipped({"a.xml": "<html/>"}), "no CGMES profiles"),
    "profiles of two versions": (
        lambda: files.zipped(
            {
                "EQ.xml": XML.format(doctype="", body=""),
                "TP.xml": XML.format(doctype="", body="").replace(
                    "http://iec.ch/TC57/2013/CIM-schema-cim16#", "http://iec.ch/TC57/CIM100#"
                ),
            }
        ),
        "are of both",
    ),
    "profiles of nothing": (cgmes, "cannot convert|no buses"),
    "half a profile": (
        lambda: files.zipped({"EQ.xml": XML.format(doctype="", body="")[:-9]}),
        "cannot convert|no buses",
    ),
    "a path as a reference": (
        lambda: cgmes('<cim:Terminal rdf:ID="../../etc/passwd"/>'),
        "cannot convert|no buses",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_clear_words_and_nothing_of_it_is_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, said = BAD[name]
    content = make()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(EngineInputError, match=f"(?i){said}"):
        convert(content)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_no_power_flow_needs_is_not_unpacked() -> None:
    kind, _, _ = convert(
        files.with_member(files.simbench(), "grid/LoadProfile.csv", b"0;" * 20_000_000)
    )

    assert kind == "SIMBENCH"


def test_a_format_that_the_file_is_not_is_refused() -> None:
    for kind in ("PANDAPOWER_EXCEL", "SIMBENCH", "CGMES"):
        with pytest.raises(EngineInputError, match="no sound zip file"):
            convert(b"{}", kind)
    with pytest.raises(EngineInputError, match=r"no UTF-8 text|cannot be read"):
        convert(files.simbench(), "PANDAPOWER_JSON")
