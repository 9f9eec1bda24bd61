"""Who may act for a site or an application."""

from __future__ import annotations

from connections.models import Preparer, Registration, Signatory, Site, Tcvn
from connections.tenancies import signs_offer
from core.errors import NotPermittedError
from core.journal import Actor
from participants import permissions as participants
from participants.states import Role

MAY_REVIEW = "connections.review_registration"
MAY_ASSESS = "connections.assess_tcvn"
MAY_COUNTERSIGN = "connections.countersign_tcvn"
MAY_ADD_SITE = "connections.add_site"
MAY_PLACE_SITE = "connections.change_site"
MAY_PUBLISH_TARGETS = "connections.publish_steptargets"
MAY_PUBLISH_NOTICE_TEMPLATE = "connections.publish_noticetemplate"
MAY_PUBLISH_NOTICE_POLICY = "connections.publish_noticepolicy"
MAY_OFFER_P2P = "connections.offer_p2pagreement"
MAY_COUNTERSIGN_P2P = "connections.countersign_p2pagreement"
MAY_PUBLISH_P2P_TEMPLATE = "connections.publish_p2ptemplate"
MAY_ADD_AGREEMENT = "connections.add_agreement"
MAY_RECORD_TENANCY = "connections.record_tenancychange"
MAY_PUBLISH_TENANCY_POLICY = "connections.publish_tenancypolicy"
MAY_RERUN_STATEMENTS = "connections.rerun_capacitystatement"
MAY_ADD_HOOK = "connections.add_registerhook"


def check_may_act_for(*, site: Site, actor: Actor) -> None:
    """Let the site's traders pass.

    :raises NotPermittedError: if the actor is anybody else
    """
    check_may_act_for_organisation(organisation_id=site.organisation_id, actor=actor)


def check_may_act_for_organisation(*, organisation_id: int, actor: Actor) -> None:
    """Let an organisation's traders pass.

    :raises NotPermittedError: if the actor is anybody else
    """
    participants.check_role(
        user_id=actor.person(), organisation_id=organisation_id, role=Role.TRADER
    )


def prepares(*, registration_id: int | None, user_id: int | None) -> bool:
    """Tell whether a person has accepted to prepare an application, and still does."""
    if registration_id is None or user_id is None:
        return False
    return Preparer.objects.filter(
        registration_id=registration_id, user_id=user_id, ended_at=None, user__is_active=True
    ).exists()


def check_may_prepare(*, registration: Registration, actor: Actor) -> None:
    """Let the organisation's traders and the application's preparers pass.

    :raises NotPermittedError: if the actor is anybody else
    """
    if not prepares(registration_id=registration.pk, user_id=actor.user_id):
        check_may_act_for_organisation(organisation_id=registration.organisation_id, actor=actor)


def check_may_vary(*, tcvn: Tcvn, actor: Actor) -> None:
    """Let the site's traders and the preparers of the notice's registration pass.

    :raises NotPermittedError: if the actor is anybody else
    """
    if tcvn.registration is None:
        check_may_act_for(site=tcvn.site, actor=actor)
    else:
        check_may_prepare(registration=tcvn.registration, actor=actor)


def is_signatory(*, site_id: int, user_id: int) -> bool:
    return Signatory.objects.filter(
        site_id=site_id, user_id=user_id, verified_at__isnull=False
    ).exists()


def signs_notice(*, tcvn: Tcvn, user_id: int) -> bool:
    """Tell whether a person signs a notice: for its site, or for who comes there."""
    offered = signs_offer(tcvn, user_id)
    return is_signatory(site_id=tcvn.site_id, user_id=user_id) if offered is None else offered


def check_signs_notice(*, tcvn: Tcvn, actor: Actor) -> None:
    """Let those pass who sign a notice.

    :raises NotPermittedError: if the actor is anybody else
    """
    if not signs_notice(tcvn=tcvn, user_id=actor.person()):
        raise NotPermittedError(
            "not_signatory", f"Only a signatory of {tcvn.organisation} for {tcvn.site.name} may."
        )


def check_signs_for(*, site: Site, actor: Actor) -> None:
    """Let the verified signatories of the site's agreement pass.

    :raises NotPermittedError: if the actor is anybody else
    """
    if not is_signatory(site_id=site.pk, user_id=actor.person()):
        raise NotPermittedError(
            "not_signatory", f"Only a signatory of {site.name}'s agreement may do this."
        )
