"""What the records say of a registration's checklist: a proposal that an engineer confirms."""

from __future__ import annotations

from datetime import datetime

from connections.models import ProposedSite, Registration, Signatory, SiteMpan
from connections.queries import trading_area
from connections.services.registrations import agreement_of
from connections.states import CheckItem


def checks_proposed(registration: Registration, *, at: datetime) -> dict[str, tuple[bool, str]]:
    """Return, by item, whether the records say it is met, and why."""
    area = trading_area(registration.area)
    verified = registration.site_id and Signatory.objects.filter(
        site_id=registration.site_id, verified_at__isnull=False
    )
    names = ", ".join(str(each.user) for each in verified) if verified else ""
    return {
        CheckItem.TRIAL_AREA: (
            area is not None,
            f"{registration.area} trades in {area}" if area else f"{registration.area} does not",
        ),
        CheckItem.AGREEMENT: _agreement(registration, at=at),
        CheckItem.SIGNATORY: (bool(names), names or "no signatory is verified"),
    }


def claims_of(registration: Registration) -> list[str]:
    """Return which of the MPANs typed are on record of others' sites, for the DSO to read."""
    typed: ProposedSite | None = getattr(registration, "proposal", None)
    if typed is None or registration.site_id is not None:
        return []
    mpans = [mpan for mpan in (typed.import_mpan, typed.export_mpan) if mpan]
    others = SiteMpan.objects.filter(mpan__in=mpans).exclude(
        site__organisation_id=registration.organisation_id
    )
    return [
        f"the {each.direction.lower()} MPAN is on record of {each.site}, {each.site.organisation}"
        for each in others.select_related("site__organisation").order_by("direction")
    ]


def _agreement(registration: Registration, *, at: datetime) -> tuple[bool, str]:
    if claimed := claims_of(registration):
        return False, f"{'; '.join(claimed)}: settle first whose it is"
    agreement = agreement_of(registration, at=at)
    if agreement is None:
        return False, "no agreement is on record"
    typed: ProposedSite | None = getattr(registration, "proposal", None)
    if typed is None:
        return True, f"{agreement.reference}, on record"
    differ = [
        name
        for name, said, known in (
            ("reference", typed.agreement, agreement.reference),
            ("MIC", typed.mic_kva, agreement.mic_kva),
            ("MEC", typed.mec_kva, agreement.mec_kva),
        )
        if said not in {None, ""} and said != known
    ]
    if differ:
        return False, f"{agreement.reference}: {', '.join(differ)} differ from what was typed"
    return True, f"{agreement.reference}, as typed"
