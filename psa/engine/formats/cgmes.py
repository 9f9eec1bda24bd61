"""CGMES: a zip of profiles (EQ, SSH, TP and others), read by pandapower's converter, which needs
lxml. That is installed only where CGMES is wanted.
"""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

from psa.engine.errors import EngineInputError
from psa.engine.formats.container import Container, refuse_declarations
from psa.engine.quiet import pp, quietly

VERSIONS = {
    b"http://iec.ch/TC57/2013/CIM-schema-cim16#": "2.4.15",
    b"http://iec.ch/TC57/CIM100#": "3.0",
}


def read_profiles(container: Container) -> Any:
    """Read a zip of profiles into a pandapower net.

    :raises EngineInputError: if lxml is missing, a profile declares entities, or it is no network
    """
    if importlib.util.find_spec("lxml") is None:
        raise EngineInputError(
            "Reading CGMES needs the package lxml, which is not installed here. Install it with "
            "pip install lxml, and start the workers again."
        )
    from pandapower.converter.cim.cim2pp.from_cim import from_cim

    profiles = {
        name: container.read(name) for name in container.names if name.lower().endswith(".xml")
    }
    for name, data in profiles.items():
        refuse_declarations(name, data)
    version = _version(profiles)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, data in enumerate(profiles.values()):
            path = Path(folder) / f"profile-{number}.xml"  # never the name that the zip gives
            path.write_bytes(data)
            paths.append(str(path))
        try:
            with quietly():
                net = from_cim(file_list=paths, cgmes_version=version, create_tap_controller=False)
        except Exception as error:  # a file from outside: whatever its reader raises is its fault
            raise EngineInputError(
                f"pandapower cannot convert these profiles: {type(error).__name__}, {error}."
            ) from error
    if not isinstance(net, pp.pandapowerNet) or len(net.bus) == 0:
        raise EngineInputError(
            "The profiles hold no buses: a set has EQ, SSH and TP, of one model and one version."
        )
    return net


def _version(profiles: dict[str, bytes]) -> str:
    found = {
        version
        for data in profiles.values()
        for namespace, version in VERSIONS.items()
        if namespace in data[:10_000]
    }
    if len(found) != 1:
        raise EngineInputError(
            "These are no CGMES profiles of version 2.4.15 or 3.0, or are of both."
        )
    return found.pop()
