"""A network file from outside, as far as it can be taken: read, checked, laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psa.engine import catalogue, diagram, findings, formats, installed
from psa.engine.errors import EngineInputError, FileFaultsError
from psa.engine.findings import Finding, error
from psa.engine.validate import SitePlace
from psa.engine.validate import findings as check

EXPORT_AGAIN = "Export the network again, and import the file."


@dataclass(frozen=True, slots=True)
class Job:
    """What to read and where the area's sites shall hang. ``kind``: see ``formats.convert``."""

    content: bytes
    kind: str
    sites: tuple[SitePlace, ...]
    converted: bool = False  # the content is a network that was read before
    remarks: tuple[Finding, ...] = ()  # from when it was


def outcome(job: Job) -> dict[str, Any]:
    """Do a job. Returns plain JSON values: kind, network (None: cannot be read), findings, diagram.

    Whatever a file holds is told in findings.
    """
    kind, network, remarks = job.kind, None, list(job.remarks)
    try:
        if job.converted:
            network = job.content.decode()
        else:
            kind, network, remarks = formats.convert(job.content, job.kind)
    except FileFaultsError as fault:
        return _refused(kind, fault.faults)
    except EngineInputError as fault:
        return _refused(kind, [error("unreadable", str(fault), EXPORT_AGAIN)])
    found = [*check(network, job.sites), *remarks]
    return {
        "kind": kind,
        "network": network,
        "findings": findings.as_json(findings.errors_first(found)),
        "remarks": findings.as_json(remarks),
        "diagram": _diagram(network),
    }


def _refused(kind: str, found: Sequence[Finding]) -> dict[str, Any]:
    return {
        "kind": kind,
        "network": None,
        "findings": findings.as_json(found),
        "remarks": [],
        "diagram": None,
    }


def _diagram(network: str) -> dict[str, Any] | None:
    try:
        return diagram.layout(network) | {
            "installed": installed.installed(network),
            "elements": catalogue.elements(network),
        }
    except Exception:  # noqa: BLE001  # a faulty model has no diagram; its findings say why
        return None
