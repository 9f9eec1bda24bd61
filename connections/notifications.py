"""Who is told of registrations and capacity variations. Everything goes into the outbox."""

from __future__ import annotations

from datetime import datetime

from connections import clocks
from connections.models import Registration, Tcvn, Turn
from connections.states import Owner
from participants.services import notices

TCVN_TITLES = {
    "submitted": "TCVN request submitted",
    "assessment_started": "Technical assessment started",
    "supported": "Your capacity request is supported",
    "conditional": "Your capacity request is supported on a condition",
    "refused": "Your capacity request is refused",
    "issued": "Your TCVN is ready to sign",
    "executed": "TCVN signed by the participant",
    "in_force": "Your TCVN is in force",
    "withdrawn": "TCVN request withdrawn",
    "ended": "Your TCVN has ended",
}
FOR_THE_DSO = {"submitted", "executed", "withdrawn"}


def registration_submitted(registration: Registration, *, at: datetime) -> None:
    notices.notify(
        kind="connections.registration",
        recipients=notices.dso_engineers(),
        title=f"{registration.site.name} asks for outline approval",
        facts=_registration_facts(registration),
        link=_dso_link(registration),
        at=at,
    )


def registration_decided(registration: Registration, *, at: datetime) -> None:
    notices.notify(
        kind="connections.registration",
        recipients=notices.traders_of(registration.site.organisation_id),
        organisation_id=registration.site.organisation_id,
        title=f"{registration.site.name}: {registration.get_state_display().lower()}",
        body=registration.answer,
        facts=_registration_facts(registration),
        link=_peer_link(registration),
        at=at,
    )


def _registration_facts(registration: Registration) -> list[tuple[str, str]]:
    wanted = (
        ("Import to buy", registration.buy_import_kw),
        ("Export to buy", registration.buy_export_kw),
        ("Import to sell", registration.sell_import_kw),
        ("Export to sell", registration.sell_export_kw),
    )
    return [
        ("Site", registration.site.name),
        *((label, f"{kw.normalize():f} kW") for label, kw in wanted if kw),
    ]


def tcvn_moved(tcvn: Tcvn, *, verb: str, at: datetime) -> None:
    title = TCVN_TITLES[verb]
    to_dso = verb in FOR_THE_DSO
    notices.notify(
        kind="connections.tcvn",
        recipients=notices.dso_engineers()
        if to_dso
        else notices.traders_of(tcvn.site.organisation_id),
        organisation_id=None if to_dso else tcvn.site.organisation_id,
        title=f"{tcvn.site.name}: {title}" if to_dso else title,
        body=tcvn.answer if verb in {"supported", "conditional", "refused", "ended"} else "",
        facts=_tcvn_facts(tcvn),
        link=_dso_link(tcvn) if to_dso else _peer_link(tcvn),
        at=at,
    )


def earmark_asked(earmark: Tcvn, *, buyer: Tcvn, at: datetime) -> None:
    notices.notify(
        kind="connections.tcvn",
        recipients=notices.traders_of(earmark.site.organisation_id),
        organisation_id=earmark.site.organisation_id,
        title=f"{buyer.site.name} needs {earmark.site.name} to lower its capacity",
        facts=_tcvn_facts(earmark),
        link=_peer_link(earmark),
        at=at,
    )


def _tcvn_facts(tcvn: Tcvn) -> list[tuple[str, str]]:
    return [
        ("Site", tcvn.site.name),
        ("Direction", tcvn.get_direction_display()),
        ("Capacity", f"{tcvn.capacity_kw.normalize():f} kW"),
        ("Window", str(tcvn.window)),
        ("State", tcvn.get_state_display()),
    ]


def turn_reminded(turn: Turn, *, at: datetime) -> None:
    """Remind the side that has an application: half of its days, four fifths, or all are gone."""
    row = turn.registration or turn.tcvn
    assert row is not None and turn.due_date is not None  # noqa: PT018, S101  # by constraint, rule
    by_dso = turn.owner == Owner.DSO
    late = turn.reminded == clocks.OVERDUE
    due = f"{turn.due_date:%A %-d %B %Y}"
    organisation_id = row.site.organisation_id
    notices.notify(
        kind=f"connections.{row._meta.model_name}",
        recipients=notices.dso_engineers() if by_dso else notices.traders_of(organisation_id),
        organisation_id=None if by_dso else organisation_id,
        title=f"{row.site.name}: {turn.get_kind_display().lower()} "
        + (f"was due by {due}" if late else f"is due by {due}"),
        body="It is late."
        if late
        else f"{clocks.SHARES[turn.reminded - 1]} % of its business days are used.",
        facts=[("Site", row.site.name), ("What is waited for", turn.get_kind_display())],
        link=_dso_link(row) if by_dso else _peer_link(row),
        at=at,
    )


def _dso_link(row: Registration | Tcvn) -> str:
    return f"/dso/connections/{row._meta.model_name}/{row.pk}/change/"


def _peer_link(row: Registration | Tcvn) -> str:
    return f"/applications/{row._meta.model_name}s/{row.pk}/"
