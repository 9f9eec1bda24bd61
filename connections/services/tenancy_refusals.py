"""Why a site can't pass to another organisation as it is recorded."""

from __future__ import annotations

from datetime import date, datetime

from connections.clocks import local_date
from connections.models import (
    AllocationSpan,
    Site,
)
from core.errors import Conflict, Refusal
from core.periods import half_hour_of, half_hours_between, in_words, merged
from participants.models import Membership, Organisation
from participants.states import OrganisationKind


def refusals_of_parties(site: Site, comes_id: int, signatory_id: int) -> list[Refusal]:
    refusals = []
    comes = Organisation.objects.get(pk=comes_id)
    if comes.pk == site.organisation_id:
        message = f"{comes} holds {site} already."
        refusals.append(Refusal("holds_it_already", message, "comes"))
    if comes.kind != OrganisationKind.PEER:
        message = "A site is held by a peer."
        refusals.append(Refusal("no_peer", message, "comes"))
    of_who_comes = Membership.objects.filter(
        organisation=comes, user_id=signatory_id, user__is_active=True
    )
    if not of_who_comes.exists():
        message = f"Who signs is a member of {comes}."
        refusals.append(Refusal("signatory_elsewhere", message, "signatory"))
    return refusals


def refusals_of_moment(from_at: datetime, *, at: datetime) -> list[Refusal]:
    refusals = []
    if from_at != half_hour_of(from_at):
        message = "A site changes hands at the start of a half-hour."
        refusals.append(Refusal("not_on_half_hour", message, "from_at"))
    if from_at < at:
        message = "It changes hands from the next full half-hour, or later."
        refusals.append(Refusal("half_hour_begun", message, "from_at"))
    return refusals


def refusals_of_supplier(supplier: str, told_on: date | None, *, at: datetime) -> list[Refusal]:
    if bool(supplier) != (told_on is not None):
        message = "Name the supplier and the day on which it was told, or neither."
        return [Refusal("supplier_half", message, "supplier")]
    if told_on is not None and told_on > local_date(at):
        message = "Record it once the supplier has been told."
        return [Refusal("day_to_come", message, "supplier_told_on")]
    return []


def refusals_of_contracts(site: Site, from_at: datetime) -> list[Refusal]:
    """Refuse while anything is sold or bought, firm or held, from the change on."""
    spans = AllocationSpan.objects.filter(site=site, ends_at__gt=from_at)
    found = list(spans.select_related("allocation").order_by("starts_at", "pk"))
    if not found:
        return []
    cut = [(max(each.starts_at, from_at), each.ends_at, each.allocation) for each in found]
    periods = merged(
        each for starts_at, ends_at, _ in cut for each in half_hours_between(starts_at, ends_at)
    )
    message = f"{site} has contracts beyond the change, {in_words(periods[0])}"
    message += f" and in {len(periods) - 1} more periods." if len(periods) > 1 else "."
    conflicts = tuple(
        Conflict(row.reference, (starts_at, ends_at), row.kw, row.kw)
        for starts_at, ends_at, row in cut
    )
    return [Refusal("traded_beyond", message, "from_at", periods=periods, conflicts=conflicts)]
