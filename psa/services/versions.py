"""Versions of network models: published, brought into force, withdrawn before they are."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connections import services as connections
from core import journal
from core.errors import Refusal, RefusedError
from core.periods import half_hour_of
from participants.permissions import check_may
from psa.models import NetworkModel
from psa.queries import places_of_sites, warnings_digest
from psa.states import MODEL_MACHINE, ModelState
from psa.versions import no_longer_used, refusals_to_begin, versions_of


@transaction.atomic
def publish_network_model(
    *, model_id: int, actor: journal.Actor, at: datetime, valid_from: datetime | None = None
) -> NetworkModel:
    """Publish a checked draft: it applies from ``valid_from`` (the current half-hour, if not
    given) until the next published version does, and its sites move to its buses then.

    One that was to come into force at the same instant is superseded. Raises the area's revision.

    :raises WrongStateError: if it is no draft
    :raises RefusedError: if it has not been checked, the check found errors, its warnings are not
        accepted, a site would hang on no supplied bus, or ``valid_from`` is in the past or within
        a half-hour
    """
    check_may(actor, "psa.publish_networkmodel")
    model = _locked(model_id)
    target = MODEL_MACHINE.target("publish", state=model.state)
    begins = half_hour_of(at) if valid_from is None else valid_from
    if refusals := [
        *refusals_to_begin(begins, at),
        *refusals_to_publish(model, valid_from=begins),
    ]:
        raise RefusedError(refusals)
    for other in NetworkModel.objects.filter(
        area_id=model.area_id, state=ModelState.PUBLISHED, valid_from=begins
    ):
        _supersede(other, actor=actor, at=at)
    model.state, model.valid_from = target, begins
    model.published_at, model.published_by_id = at, actor.user_id
    model.save(update_fields=["state", "valid_from", "published_at", "published_by"])
    connections.raise_revision([model.area_id])
    journal.record(
        verb="psa.network_model.published",
        subject=model,
        actor=actor,
        at=at,
        from_state=ModelState.DRAFT,
        to_state=model.state,
        data={
            "area": model.area_id,
            "version": model.version,
            "sha256": model.sha256,
            "valid_from": begins,
        },
    )
    _bring_into_force(model.area_id, actor=actor, at=at)
    model.refresh_from_db(fields=["state", "placed_at"])
    return model


@transaction.atomic
def withdraw_network_model(*, model_id: int, actor: journal.Actor, at: datetime) -> NetworkModel:
    """Make a published version that is not in force yet a draft again. Raises the area's revision.

    :raises WrongStateError: if it is not published
    :raises RefusedError: if it is in force
    """
    check_may(actor, "psa.publish_networkmodel")
    model = _locked(model_id)
    target = MODEL_MACHINE.target("withdraw", state=model.state)
    if model.valid_from is None or model.valid_from <= at:
        message = "This version is in force. Publish another one in its place."
        raise RefusedError([Refusal("network_in_force", message)])
    was = model.valid_from
    model.state = target
    model.valid_from = model.published_at = model.published_by = None
    model.save(update_fields=["state", "valid_from", "published_at", "published_by"])
    connections.raise_revision([model.area_id])
    journal.record(
        verb="psa.network_model.withdrawn",
        subject=model,
        actor=actor,
        at=at,
        from_state=ModelState.PUBLISHED,
        to_state=model.state,
        data={"area": model.area_id, "version": model.version, "valid_from": was},
    )
    return model


@transaction.atomic
def bring_into_force(*, area_id: int, at: datetime) -> None:
    """Put sites on the buses of versions whose time has come, and supersede those before them.

    Studies don't wait for it: they go by ``valid_from``, and know where sites will hang.
    """
    connections.lock_areas([area_id])
    _bring_into_force(area_id, actor=journal.SYSTEM, at=at)


def _bring_into_force(area_id: int, *, actor: journal.Actor, at: datetime) -> None:
    published = NetworkModel.objects.select_for_update(of=("self",)).filter(
        area_id=area_id, state=ModelState.PUBLISHED
    )
    due = published.filter(placed_at=None, valid_from__lte=at).defer("network", "diagram")
    for model in due.order_by("valid_from"):
        if model.mapping:
            places = {int(site): bus for site, bus in model.mapping.items()}
            connections.place_sites(places=places, actor=actor, at=at)
        model.placed_at = at
        model.save(update_fields=["placed_at"])
        journal.record(
            verb="psa.network_model.in_force",
            subject=model,
            actor=actor,
            at=at,
            data={"area": area_id, "version": model.version, "valid_from": model.valid_from},
        )
    over = {each.id for each in no_longer_used(versions_of(area_id), at)}
    for former in published.filter(pk__in=over).defer("network", "diagram").order_by("pk"):
        _supersede(former, actor=actor, at=at)


def _supersede(model: NetworkModel, *, actor: journal.Actor, at: datetime) -> None:
    was = model.state
    model.state = MODEL_MACHINE.target("supersede", state=was)
    model.save(update_fields=["state"])
    journal.record(
        verb="psa.network_model.superseded",
        subject=model,
        actor=actor,
        at=at,
        from_state=was,
        to_state=model.state,
    )


def _locked(model_id: int) -> NetworkModel:
    """Lock a model's area, then the model: whoever brings versions into force does so too."""
    area_id = NetworkModel.objects.values_list("area_id", flat=True).get(pk=model_id)
    connections.lock_areas([area_id])
    return NetworkModel.objects.select_for_update(of=("self",)).get(pk=model_id)


def refusals_to_publish(
    model: NetworkModel, *, valid_from: datetime | None = None
) -> list[Refusal]:
    """Return every reason why a draft cannot be published, to come into force at an instant."""
    if model.findings is None:
        return [Refusal("network_unchecked", "This model is still being checked. Try again soon.")]
    refusals = [
        Refusal("network_problem", f"{each['message']} {each['remedy']}".strip())
        for each in model.found("error")
    ]
    if not refusals:
        refusals = _refusals_of_places(model, valid_from)
    warnings = model.found("warning")
    if warnings and model.accepted_digest != warnings_digest(model):
        message = (
            f"Warnings: {len(warnings)}. Put right what they say, or accept them by name, with a "
            "reason."
        )
        refusals.append(Refusal("network_warnings", message))
    return refusals


def _refusals_of_places(model: NetworkModel, valid_from: datetime | None) -> list[Refusal]:
    """Ask again where sites hang: one may have been put elsewhere since the check."""
    supplied = {bus["name"] for bus in (model.diagram or {}).get("buses", []) if bus["supplied"]}
    return [
        Refusal(
            "network_site_bus",
            f"Site {place.name} would be at bus {place.bus}, which this model does not supply. Put "
            "it on another bus.",
            "mapping",
        )
        for place in places_of_sites(model, valid_from=valid_from)
        if place.bus and place.bus not in supplied
    ]
