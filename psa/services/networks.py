"""Versions of network models: imported, checked, published."""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import Max

from connections import services as connections
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may
from psa.models import NetworkModel
from psa.states import MODEL_MACHINE, ModelState


@transaction.atomic
def import_network_model(
    *, area_id: int, name: str, network: str, actor: journal.Actor, at: datetime
) -> NetworkModel:
    """Keep a network (pandapower JSON) as a draft. A worker checks it and lays out its diagram.

    :raises RefusedError: if the text is no JSON object, or the area owns no network model
    """
    check_may(actor, "psa.add_networkmodel")
    [area] = connections.lock_areas([area_id])
    refusals = []
    if not area.studied:
        refusals.append(
            Refusal("network_area", f"{area} is no study area: it owns no network model.", "area")
        )
    if not _is_json_object(network):
        refusals.append(Refusal("network_not_json", "This is not pandapower's JSON.", "network"))
    if refusals:
        raise RefusedError(refusals)
    latest = NetworkModel.objects.filter(area_id=area_id).aggregate(Max("version"))["version__max"]
    model = NetworkModel.objects.create(
        area_id=area_id,
        version=(latest or 0) + 1,
        name=name,
        network=network,
        sha256=sha256(network.encode()).hexdigest(),
        created_at=at,
    )
    journal.record(
        verb="psa.network_model.imported",
        subject=model,
        actor=actor,
        at=at,
        to_state=model.state,
        data={"area": area_id, "version": model.version, "sha256": model.sha256},
    )
    return model


@transaction.atomic
def record_model_check(
    *,
    model_id: int,
    problems: list[str],
    diagram: dict[str, Any] | None,
    actor: journal.Actor,
    at: datetime,
    changes: dict[str, Any] | None = None,
) -> NetworkModel:
    """Write down what a worker found in a draft, its one-line diagram, and what is new in it."""
    model = NetworkModel.objects.select_for_update(of=("self",)).get(pk=model_id)
    if model.state != ModelState.DRAFT:
        return model
    model.problems, model.diagram, model.changes = problems, diagram, changes
    model.save(update_fields=["problems", "diagram", "changes"])
    journal.record(
        verb="psa.network_model.checked",
        subject=model,
        actor=actor,
        at=at,
        data={"problems": len(problems)},
    )
    return model


@transaction.atomic
def publish_network_model(*, model_id: int, actor: journal.Actor, at: datetime) -> NetworkModel:
    """Let a checked draft take the place of the model in use. Raises the area's revision.

    :raises WrongStateError: if it is no draft
    :raises RefusedError: if it has not been checked, or the check found something
    """
    check_may(actor, "psa.publish_networkmodel")
    model = NetworkModel.objects.select_for_update(of=("self",)).get(pk=model_id)
    target = MODEL_MACHINE.target("publish", state=model.state)
    if model.problems is None:
        raise RefusedError(
            [Refusal("network_unchecked", "This model is still being checked. Try again soon.")]
        )
    if model.problems:
        raise RefusedError([Refusal("network_problem", text) for text in model.problems])
    connections.lock_areas([model.area_id])
    for former in NetworkModel.objects.select_for_update(of=("self",)).filter(
        area_id=model.area_id, state=ModelState.PUBLISHED
    ):
        former.state = MODEL_MACHINE.target("supersede", state=former.state)
        former.save(update_fields=["state"])
        journal.record(
            verb="psa.network_model.superseded",
            subject=former,
            actor=actor,
            at=at,
            from_state=ModelState.PUBLISHED,
            to_state=former.state,
        )
    model.state, model.published_at, model.published_by_id = target, at, actor.user_id
    model.save(update_fields=["state", "published_at", "published_by"])
    connections.raise_revision([model.area_id])
    journal.record(
        verb="psa.network_model.published",
        subject=model,
        actor=actor,
        at=at,
        from_state=ModelState.DRAFT,
        to_state=model.state,
        data={"area": model.area_id, "version": model.version, "sha256": model.sha256},
    )
    return model


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
