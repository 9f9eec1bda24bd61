"""Who signs for a site: named by its organisation, verified by the network operator, ended."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connections.models import Signatory, Site
from connections.permissions import MAY_REVIEW, check_may_act_for
from core import journal
from core.errors import Refusal, RefusedError
from participants.models import Membership
from participants.permissions import check_may, has_role
from participants.states import Role


@transaction.atomic
def name_signatory(
    *, site_id: int, user_id: int, verified: bool, actor: journal.Actor, at: datetime
) -> Signatory:
    """Say that a person signs for a site; ``verified`` if the DSO has seen the proof.

    Once verified a person stays so, whoever names them again.

    :raises NotPermittedError: if the actor does not trade for the site, or, to verify, review for
        the DSO
    :raises RefusedError: if the person is no member of the organisation that holds the site
    """
    site = Site.objects.select_related("organisation").get(pk=site_id)
    if verified:
        check_may(actor, MAY_REVIEW)
    else:
        check_may_act_for(site=site, actor=actor)
    members = Membership.objects.filter(organisation=site.organisation_id, user__is_active=True)
    if not members.filter(user_id=user_id).exists():
        message = f"Who signs is a member of {site.organisation}."
        raise RefusedError([Refusal("signatory_elsewhere", message, "signatory")])
    signatory, is_new = Signatory.objects.select_for_update().get_or_create(
        site_id=site_id, user_id=user_id
    )
    becomes_verified = verified and signatory.verified_at is None
    if becomes_verified:
        signatory.verified_at = at
        signatory.save(update_fields=["verified_at"])
    if is_new or becomes_verified:
        _journal(signatory, "named", actor=actor, at=at)
    return signatory


@transaction.atomic
def end_signatory(*, signatory_id: int, actor: journal.Actor, at: datetime) -> None:
    """Say that a person signs for a site no longer: as the site's trader, or for the DSO.

    What they have signed stands.

    :raises NotPermittedError: if the actor is neither
    """
    signatory = Signatory.objects.select_for_update(of=("self",)).get(pk=signatory_id)
    organisation_id = signatory.site.organisation_id
    if not has_role(user_id=actor.user_id, organisation_id=organisation_id, role=Role.TRADER):
        check_may(actor, MAY_REVIEW)
    _journal(signatory, "ended", actor=actor, at=at)
    signatory.delete()


def _journal(signatory: Signatory, verb: str, *, actor: journal.Actor, at: datetime) -> None:
    journal.record(
        verb=f"connections.signatory.{verb}",
        subject=signatory,
        actor=actor,
        at=at,
        data={
            "site_id": signatory.site_id,
            "user_id": signatory.user_id,
            "verified": signatory.verified_at is not None,
        },
    )
