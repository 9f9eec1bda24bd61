"""Whether the network operator knows a connection, asked by its MPAN; never whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from connections import rules
from connections.models import Area, Registration, Site, SiteMpan
from connections.permissions import check_may_act_for_organisation, check_may_prepare
from core import journal
from core.errors import Refusal, RefusedError
from core.models import Event
from participants.models import Organisation

LOOKED_UP = "connections.connection.looked_up"
MOST = 20  # look-ups by an organisation; whoever has its bills needs a few
WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Connection:
    """What somebody who knows an MPAN may read of its connection."""

    mpan: str
    known: bool
    site: Site | None = None  # if it is one's own
    area: Area | None = None
    direction: str = ""


@transaction.atomic
def find_connection(
    *,
    mpan: str,
    organisation_id: int,
    registration_id: int | None = None,
    actor: journal.Actor,
    at: datetime,
) -> Connection:
    """Say whether a connection is on record, by its exact MPAN, as a trader or preparer.

    Of another's: its area and the meter's direction alone. Every look-up counts against the
    organisation's number of a day, so that nobody goes through numbers.

    :raises NotPermittedError: if the actor neither trades for the organisation nor prepares its
        registration
    :raises RefusedError: if it is no MPAN, or too many were looked up
    """
    organisation = Organisation.objects.select_for_update(of=("self",)).get(pk=organisation_id)
    if registration_id is None:
        check_may_act_for_organisation(organisation_id=organisation_id, actor=actor)
    else:
        registration = Registration.objects.get(pk=registration_id, organisation=organisation)
        check_may_prepare(registration=registration, actor=actor)
    if not rules.mpan_is_valid(mpan):
        message = "This is no MPAN: 13 digits, of which the last must fit the others."
        raise RefusedError([Refusal("mpan_invalid", message, "mpan")])
    if _looked_up(organisation, since=at - WITHIN) >= MOST:
        message = f"{MOST} MPANs were looked up within a day: type the site in, or come tomorrow."
        raise RefusedError([Refusal("too_many_look_ups", message, "mpan")])
    row = SiteMpan.objects.select_related("site__area").filter(mpan=mpan).first()
    journal.record(
        verb=LOOKED_UP, subject=organisation, actor=actor, at=at, data={"known": row is not None}
    )
    if row is None:
        return Connection(mpan, known=False)
    own = row.site if row.site.organisation_id == organisation_id else None
    return Connection(mpan, known=True, site=own, area=row.site.area, direction=row.direction)


def _looked_up(organisation: Organisation, *, since: datetime) -> int:
    return Event.objects.filter(
        subject_type=organisation._meta.label_lower,
        subject_id=str(organisation.pk),
        verb=LOOKED_UP,
        happened_at__gt=since,
    ).count()
