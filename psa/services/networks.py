"""Versions of network models: taken in, checked, published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import Max

from connections import services as connections
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may
from psa.models import NetworkModel, NetworkUpload
from psa.queries import places_of_sites, warnings_digest
from psa.states import MODEL_MACHINE, ModelState, NetworkFormat

LARGEST_FILE = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """What a worker has made of a draft. ``network``: None to leave it as it is."""

    findings: list[dict[str, str]]
    mapping: dict[str, str]  # with which it was checked
    network: str | None = None
    format: str = ""
    remarks: list[dict[str, str]] = field(default_factory=list)
    diagram: dict[str, Any] | None = None
    changes: dict[str, Any] | None = None


@transaction.atomic
def import_network_model(
    *, area_id: int, name: str, network: str, actor: journal.Actor, at: datetime
) -> NetworkModel:
    """Keep a network that our own code made (pandapower JSON) as a draft. A worker checks it.

    :raises RefusedError: if the text is no JSON object, or the area owns no network model
    """
    check_may(actor, "psa.add_networkmodel")
    refusals = []
    if not _is_json_object(network):
        refusals.append(Refusal("network_not_json", "This is not pandapower's JSON.", "network"))
    return _draft(
        area_id=area_id,
        name=name,
        refusals=refusals,
        verb="psa.network_model.imported",
        actor=actor,
        at=at,
        network=network,
        sha256=sha256(network.encode()).hexdigest(),
        format=NetworkFormat.PANDAPOWER_JSON,
    )


@transaction.atomic
def upload_network_model(
    *,
    area_id: int,
    name: str,
    content: bytes,
    file_name: str,
    actor: journal.Actor,
    at: datetime,
    format: str = "",  # noqa: A002  # the field's name
) -> NetworkModel:
    """Keep a file as a draft. A worker reads it, apart and under limits, and checks it.

    ``format``: one of ``NetworkFormat``; empty: as the file shows.

    :raises RefusedError: if the file is empty or too large, or the area owns no network model
    """
    check_may(actor, "psa.add_networkmodel")
    refusals = []
    if not content:
        refusals.append(Refusal("file_empty", "This file is empty.", "file"))
    if len(content) > LARGEST_FILE:
        message = f"This file is larger than {LARGEST_FILE // 1024**2} MB."
        refusals.append(Refusal("file_too_large", message, "file"))
    if format and format not in NetworkFormat.values:
        message = f"The formats are {', '.join(NetworkFormat.values)}."
        refusals.append(Refusal("format_unknown", message, "format"))
    model = _draft(
        area_id=area_id,
        name=name,
        refusals=refusals,
        verb="psa.network_model.uploaded",
        actor=actor,
        at=at,
        format=format,
        file_name=file_name[-200:],
        file_sha256=sha256(content).hexdigest(),
    )
    NetworkUpload.objects.create(model=model, content=content)
    return model


def _draft(
    *,
    area_id: int,
    name: str,
    refusals: list[Refusal],
    verb: str,
    actor: journal.Actor,
    at: datetime,
    **fields: str,
) -> NetworkModel:
    [area] = connections.lock_areas([area_id])
    if not area.studied:
        message = f"{area} is no study area: it owns no network model."
        refusals = [Refusal("network_area", message, "area"), *refusals]
    if refusals:
        raise RefusedError(refusals)
    latest = NetworkModel.objects.filter(area_id=area_id).aggregate(Max("version"))["version__max"]
    model = NetworkModel.objects.create(
        area_id=area_id, version=(latest or 0) + 1, name=name, created_at=at, **fields
    )
    journal.record(
        verb=verb,
        subject=model,
        actor=actor,
        at=at,
        to_state=model.state,
        data={
            "area": area_id,
            "version": model.version,
            "sha256": model.file_sha256 or model.sha256,
        },
    )
    return model


@transaction.atomic
def record_model_check(
    *, model_id: int, check: ModelCheck, actor: journal.Actor, at: datetime
) -> NetworkModel:
    """Write down what a worker found in a draft, its one-line diagram, and what is new in it.

    If sites were mapped meanwhile, the findings wait for the next check.
    """
    model = NetworkModel.objects.select_for_update(of=("self",)).get(pk=model_id)
    if model.state != ModelState.DRAFT:
        return model
    if check.network is not None:
        model.network = check.network
        model.sha256 = sha256(check.network.encode()).hexdigest()
        model.remarks = check.remarks
    model.format = check.format or model.format
    model.diagram, model.changes = check.diagram, check.changes
    if model.mapping == check.mapping:
        model.findings = check.findings
    model.save(
        update_fields=[
            *("network", "sha256", "format", "remarks"),
            *("findings", "diagram", "changes"),
        ]
    )
    NetworkUpload.objects.filter(model=model).delete()
    journal.record(
        verb="psa.network_model.checked",
        subject=model,
        actor=actor,
        at=at,
        data={
            severity: sum(each["severity"] == severity for each in check.findings)
            for severity in ("error", "warning")
        },
    )
    return model


@transaction.atomic
def map_sites(
    *, model_id: int, places: dict[int, str], actor: journal.Actor, at: datetime
) -> NetworkModel:
    """Say at which buses of a draft sites shall hang once it is published. It is checked anew.

    ``places``: the bus by the site's id; an empty one takes the site back to where it hangs now.

    :raises WrongStateError: if it is no draft
    :raises RefusedError: if a site is not of the area, or the draft has no such bus
    """
    check_may(actor, "connections.change_site")
    check_may(actor, "psa.add_networkmodel")
    model = NetworkModel.objects.select_for_update(of=("self",)).get(pk=model_id)
    MODEL_MACHINE.target("map", state=model.state)
    if refusals := _refusals_of_mapping(model, places):
        raise RefusedError(refusals)
    mapping = model.mapping | {str(site): bus for site, bus in places.items()}
    now = {str(place.site_id): place.now for place in places_of_sites(model)}
    model.mapping = {site: bus for site, bus in mapping.items() if bus and bus != now.get(site, "")}
    model.findings = None
    model.save(update_fields=["mapping", "findings"])
    journal.record(
        verb="psa.network_model.mapped",
        subject=model,
        actor=actor,
        at=at,
        data={"mapping": model.mapping},
    )
    return model


def _refusals_of_mapping(model: NetworkModel, places: dict[int, str]) -> list[Refusal]:
    names = {place.site_id: place.name for place in places_of_sites(model)}
    buses = bus_names(model)
    if not buses:
        message = "This draft has no buses: its file is not read yet, or could not be."
        return [Refusal("mapping_no_buses", message)]
    refusals = []
    for site, bus in places.items():
        if site not in names:
            message = "This site is not of the model's study area."
            refusals.append(Refusal("mapping_site", message, f"site_{site}"))
        elif bus and bus not in buses:
            message = f"Site {names[site]}: this draft has no bus called {bus!r}."
            refusals.append(Refusal("mapping_bus", message, f"site_{site}"))
    return refusals


def bus_names(model: NetworkModel) -> Sequence[str]:
    """Return the buses of a draft that has been read, in its own order."""
    return [bus["name"] for bus in (model.diagram or {}).get("buses", [])]


@transaction.atomic
def accept_warnings(
    *, model_id: int, digest: str, reason: str, actor: journal.Actor, at: datetime
) -> NetworkModel:
    """Take a draft's warnings on one's own name. A later check with others needs it anew.

    ``digest``: of the warnings that were read (``warnings_digest``).

    :raises WrongStateError: if it is no draft
    :raises RefusedError: if there is no reason, no warning, or they are others by now
    """
    check_may(actor, "psa.publish_networkmodel")
    model = NetworkModel.objects.select_for_update(of=("self",)).get(pk=model_id)
    MODEL_MACHINE.target("accept", state=model.state)
    refusals = []
    if not reason.strip():
        refusals.append(Refusal("reason_missing", "Say why these warnings may stand.", "reason"))
    if not model.found("warning"):
        refusals.append(Refusal("no_warnings", "There is no warning to accept."))
    elif digest != warnings_digest(model):
        message = "The model has been checked since: read its warnings again."
        refusals.append(Refusal("warnings_changed", message))
    if refusals:
        raise RefusedError(refusals)
    model.accepted_digest, model.accepted_at, model.accepted_by_id = digest, at, actor.user_id
    model.accepted_reason = reason.strip()[:500]
    model.save(update_fields=["accepted_digest", "accepted_at", "accepted_by", "accepted_reason"])
    journal.record(
        verb="psa.network_model.warnings_accepted",
        subject=model,
        actor=actor,
        at=at,
        reason=model.accepted_reason,
        data={"digest": digest, "warnings": len(model.found("warning"))},
    )
    return model


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
