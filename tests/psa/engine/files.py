"""Files of networks as engineers bring them, small and made here. Each may be spoilt by a test."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

SIMBENCH = {
    "Node": """id;type;vmSetp;vaSetp;vmR;vmMin;vmMax;substation;coordID;subnet;voltLvl
HV;busbar;1.025;0;110;0.965;1.055;S;c0;HV1;3
HV_1;auxiliary;NULL;NULL;110;0.965;1.055;S;c0;HV1;3
MV;busbar;1.02;NULL;20;0.965;1.055;S;c1;MV1;5
MV_1;auxiliary;NULL;NULL;20;0.965;1.055;S;c1;MV1;5
MV_2;auxiliary;NULL;NULL;20;0.965;1.055;S;c1;MV1;5
Mill;node;NULL;NULL;20;0.965;1.055;NULL;c2;MV1;5
Farm;node;NULL;NULL;20;0.965;1.055;NULL;c3;MV1;5
Farm_1;auxiliary;NULL;NULL;20;0.965;1.055;NULL;c3;MV1;5
""",
    "Coordinates": """id;x;y;subnet;voltLvl
c0;-1.5;53.5;HV1;3
c1;-1.5;53.5;MV1;5
c2;-1.51;53.51;MV1;5
c3;-1.52;53.52;MV1;5
""",
    "ExternalNet": (
        "id;node;calc_type;dspf;pExtNet;qExtNet;pWardShunt;qWardShunt;rXWard;xXWard;vmXWard;"
        "subnet;voltLvl\n"
        "Grid;HV;vavm;1;NULL;NULL;NULL;NULL;NULL;NULL;NULL;HV1;3\n"
    ),
    "Transformer": (
        "id;nodeHV;nodeLV;type;tappos;autoTap;autoTapSide;loadingMax;substation;subnet;voltLvl\n"
        "T1;HV_1;MV_1;25 MVA;0;1;LV;100;S;MV1;4\n"
    ),
    "TransformerType": (
        "id;sR;vmHV;vmLV;va0;vmImp;pCu;pFe;iNoLoad;tapable;tapside;dVm;dVa;tapNeutr;tapMin;tapMax\n"
        "25 MVA;25;110;20;150;11.2;101;14;0.06;1;HV;1.5;0;0;-9;9\n"
    ),
    "Line": """id;nodeA;nodeB;type;length;loadingMax;subnet;voltLvl
Mill Lane;MV_2;Mill;cable;2.5;100;MV1;5
Farm Road;Mill;Farm_1;cable;1.5;100;MV1;5
""",
    "LineType": """id;r;x;b;iMax;type
cable;0.2;0.12;80;300;cable
""",
    "Switch": """id;nodeA;nodeB;type;cond;substation;subnet;voltLvl
CB1;HV;HV_1;CB;1;S;HV1;3
CB2;MV;MV_1;CB;1;S;MV1;5
CB3;MV;MV_2;CB;1;S;MV1;5
LBS1;Farm_1;Farm;LBS;1;NULL;MV1;5
""",
    "Load": """id;node;profile;pLoad;qLoad;sR;subnet;voltLvl
Mill load;Mill;H0-A;2;0.6;2.1;MV1;5
Farm load;Farm;H0-A;1;0.3;1.05;MV1;5
""",
    "RES": """id;node;type;profile;calc_type;pRES;qRES;sR;subnet;voltLvl
Farm sun;Farm;PV;PV1;pq;3;0;3;MV1;5
""",
}


def zipped(files: dict[str, bytes | str], folder: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(folder + name, content)
    return buffer.getvalue()


def simbench(**tables: str | bytes | None) -> bytes:
    """The folder as a zip; ``tables`` replace or (None) leave out a table."""
    changed: dict[str, Any] = SIMBENCH | tables
    return zipped(
        {f"{name}.csv": text for name, text in changed.items() if text is not None}, "grid/"
    )


def simbench_grid(code: str) -> bytes:
    """A published grid's folder as a zip, without the profiles of a year, which no import reads."""
    import simbench as package

    from psa.engine.quiet import quietly

    with tempfile.TemporaryDirectory() as folder, quietly():
        whole, own = Path(package.complete_data_path(0)), Path(folder) / "whole"
        own.mkdir()
        for table in whole.glob("*.csv"):
            if not table.stem.endswith("Profile"):
                (own / table.name).symlink_to(table)
        wanted = package.get_relevant_subnets(code, whole)
        tables = package.get_extracted_csv_data(wanted, str(own))
        package.converter.write2csv(folder, tables)
        return zipped({path.name: path.read_bytes() for path in Path(folder).glob("*.csv")})


def without(text: str, start: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith(start)) + "\n"


def workbook(net: Any, **cells: Any) -> bytes:
    """A net as ``to_excel`` writes it; ``cells`` ("bus_B2") are then set."""
    import openpyxl
    import pandas as pd
    from pandapower.io_utils import to_dict_of_dfs

    from psa.engine.quiet import quietly

    buffer = io.BytesIO()
    with quietly(), pd.ExcelWriter(buffer, engine="openpyxl") as writer:
        for name, table in to_dict_of_dfs(net, include_results=False).items():
            table.to_excel(writer, sheet_name=name)
    if not cells:
        return buffer.getvalue()
    book = openpyxl.load_workbook(buffer)
    for where, value in cells.items():
        sheet, cell = where.rsplit("_", 1)
        if sheet not in book.sheetnames:
            book.create_sheet(sheet)
        book[sheet][cell] = value
    spoilt = io.BytesIO()
    book.save(spoilt)
    return spoilt.getvalue()


def with_member(content: bytes, name: str, data: bytes | str) -> bytes:
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def rewritten(content: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """A zip in one file of which something is replaced."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files: dict[str, bytes | str] = {each: archive.read(each) for each in archive.namelist()}
    data = files[name]
    assert isinstance(data, bytes)
    assert old in data
    files[name] = data.replace(old, new, 1)
    return zipped(files)
