"""Who is told of registrations and capacity variations. Everything goes into the outbox."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from connections import clocks
from connections.calendars import calendar_of
from connections.lines import successor_of
from connections.models import (
    LimitationSetting,
    Message,
    P2pAgreement,
    Preparer,
    Registration,
    Tcvn,
    Turn,
)
from connections.p2p_notifications import peer_link, people_of_site
from connections.p2p_queries import needs_tcvn
from connections.states import Owner, RegistrationState, TcvnRole, TcvnState, TurnKind
from core.periods import LONDON
from participants.models import User
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
    "reissued": "Your TCVN was issued anew: read and sign it again",
    "withdrawn": "TCVN request withdrawn",
    "declined": "A seller declines to lower its capacity",
    "reassessed": "Your capacity request is assessed again",
    "lapsed": "Your TCVN lapsed: it was not signed in time",
    "suspended": "Your TCVN is suspended",
    "resumed": "Your TCVN is in force again",
    "ended": "Your TCVN has ended",
}
FOR_THE_DSO = {"submitted", "executed", "withdrawn", "declined"}
WITH_CALENDAR = {"in_force", "resumed", "suspended", "ended"}
WITH_ANSWER = {"supported", "conditional", "refused", "ended", "suspended", "resumed"}


def registration_submitted(registration: Registration, *, at: datetime) -> None:
    notices.notify(
        kind="connections.registration",
        recipients=notices.dso_engineers(),
        title=f"{registration.place} asks for outline approval",
        facts=[*_registration_facts(registration), *_next(registration)],
        link=_dso_link(registration),
        at=at,
    )


def registration_decided(registration: Registration, *, at: datetime) -> None:
    notices.notify(
        kind="connections.registration",
        recipients=people_of(registration),
        organisation_id=registration.organisation_id,
        title=f"{registration.place}: {registration.get_state_display().lower()}",
        body=registration.answer,
        facts=[*_registration_facts(registration), *_next(registration)],
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
        ("Site", registration.place),
        *((label, f"{kw.normalize():f} kW") for label, kw in wanted if kw),
    ]


def tcvn_moved(tcvn: Tcvn, *, verb: str, at: datetime, reason: str = "") -> None:
    title = TCVN_TITLES[verb]
    by_operator = tcvn.role == TcvnRole.SELLER and verb == "withdrawn" and reason
    to_dso = verb in FOR_THE_DSO and not by_operator
    notices.notify(
        kind="connections.tcvn",
        recipients=notices.dso_engineers() if to_dso else people_of(tcvn),
        organisation_id=None if to_dso else tcvn.organisation.pk,
        title=f"{tcvn.site.name}: {title}" if to_dso else title,
        body=tcvn.answer if verb in WITH_ANSWER else reason,
        facts=[*_tcvn_facts(tcvn), *_next(tcvn), *_last_day(tcvn, verb)],
        link=_dso_link(tcvn) if to_dso else _peer_link(tcvn),
        calendar=calendar_of(tcvn, at=at) if verb in WITH_CALENDAR else "",
        at=at,
    )


def _last_day(tcvn: Tcvn, verb: str) -> list[tuple[str, str]]:
    """Return, with a notice to sign, the day after which it lapses."""
    if verb not in {"issued", "reissued"}:
        return []
    found = tcvn.notices.filter(withdrawn_at=None).first()
    return [("Lapses unless signed by", f"{found.execute_by:%A %-d %B %Y}")] if found else []


def tcvn_superseded(tcvn: Tcvn, *, by: Tcvn, at: datetime) -> None:
    """Tell a site from when on its notice gives nothing any more: another takes its place."""
    assert tcvn.superseded_from is not None  # noqa: S101  # only of those whose place is taken
    until = f"{tcvn.superseded_from.astimezone(LONDON):%A %-d %B %Y, %H:%M}"
    own = tcvn.site_id == by.site_id
    notices.notify(
        kind="connections.tcvn",
        recipients=people_of(tcvn),
        organisation_id=tcvn.organisation.pk,
        title=f"{tcvn} counts until {until}",
        body=f"{by} takes its place then."
        if own
        else f"The notice of {by.site.name} that it belongs to is varied then.",
        facts=[*_tcvn_facts(tcvn), ("Counts until", until)],
        link=_peer_link(by if own else tcvn),
        calendar=calendar_of(tcvn, at=at),
        at=at,
    )


def earmark_asked(earmark: Tcvn, *, buyer: Tcvn, at: datetime) -> None:
    notices.notify(
        kind="connections.tcvn",
        recipients=notices.traders_of(earmark.organisation.pk),
        organisation_id=earmark.organisation.pk,
        title=f"{buyer.site.name} needs {earmark.site.name} to lower its capacity",
        facts=[
            *_tcvn_facts(earmark),
            ("Next", "A signatory of the site accepts, or a trader declines"),
            *_by(buyer),
        ],
        link=_peer_link(earmark),
        at=at,
    )


def set_back_asked(setting: LimitationSetting, *, at: datetime) -> None:
    """Remind a site that its limitation scheme still has the setting of a notice that is over."""
    tcvn = setting.tcvn
    notices.notify(
        kind="connections.tcvn",
        recipients=people_of(tcvn),
        organisation_id=tcvn.organisation.pk,
        title=f"{tcvn.site.name}: set the limitation scheme back",
        body=_why_set_back(tcvn),
        facts=[
            ("Site", tcvn.site.name),
            ("Set it back to", f"{setting.before_kw.normalize():f} kW"),
            ("Next", "Have it set back and tested, then record by whom and when"),
        ],
        link=f"{_peer_link(tcvn)}at-the-site/",
        at=at,
    )


def _why_set_back(tcvn: Tcvn) -> str:
    if tcvn.state == TcvnState.VARIED:
        return (
            f"{successor_of(tcvn)} has taken the place of {tcvn}. Set the scheme to what that one "
            "gives, and record the setting with it; here, record that the old one is gone."
        )
    return f"{tcvn} gives nothing any more. The scheme was changed for it."


def _tcvn_facts(tcvn: Tcvn) -> list[tuple[str, str]]:
    return [
        ("Site", tcvn.site.name),
        ("Direction", tcvn.get_direction_display()),
        ("Capacity", f"{tcvn.capacity_kw.normalize():f} kW"),
        ("Window", str(tcvn.window)),
        ("State", tcvn.state_label),
        *([("Takes the place of", str(tcvn.varies))] if tcvn.varies is not None else []),
    ]


WHAT_NEXT = {
    TurnKind.REVIEW: "The network operator reviews the registration",
    TurnKind.ANSWER: "Answer the question, mend the registration and hand it in again",
    TurnKind.REQUEST: "A signatory of the site reads and submits the request",
    TurnKind.TAKE_UP: "The network operator takes the request up",
    TurnKind.ASSESS: "The network operator studies the network and answers",
    TurnKind.AGREE_CONDITION: "The named sellers lower theirs",
    TurnKind.SIGN_BY_SELLERS: "The named sellers sign theirs",
    TurnKind.ISSUE: "The network operator issues the notice",
    TurnKind.SIGN: "A signatory of the site reads and signs the notice",
    TurnKind.COUNTERSIGN: "The network operator countersigns",
}
WITHOUT_TCVN = "Publish a request to buy or to sell: your agreement needs no TCVN"
AFTER = {
    "APPROVED": "Ask for a capacity variation (TCVN) to buy, or publish a request to sell",
    "IN_FORCE": "Buy capacity on the market, up to the notice",
    "REFUSED": "Read why, and ask again for what would be supported",
    "LAPSED": "Ask again if you still need it",
    "SUSPENDED": "Wait: the network operator resumes or ends it, and says so",
}


def _next(row: Registration | Tcvn) -> list[tuple[str, str]]:
    """Return what comes next, and by which day."""
    turn = row.turns.filter(ends_at=None).first()
    if turn is None:
        after = _after(row)
        return [("Next", after)] if after else []
    return [("Next", WHAT_NEXT[TurnKind(turn.kind)]), *_by(row)]


def _by(row: Registration | Tcvn) -> list[tuple[str, str]]:
    turn = row.turns.filter(ends_at=None).first()
    if turn is None or turn.due_date is None:
        return []
    return [("By", f"{turn.due_date:%A %-d %B %Y}")]


def _after(row: Registration | Tcvn) -> str:
    """Return what the peer may do once nobody is waited for."""
    found = AFTER.get(row.state, "")
    if isinstance(row, Tcvn) or row.state != RegistrationState.APPROVED:
        return found
    if row.site and row.decided_at and not needs_tcvn(row.site.pk, at=row.decided_at):
        return WITHOUT_TCVN
    return found


def turn_reminded(turn: Turn, *, at: datetime) -> None:
    """Remind the side that has an application: half of its days, four fifths, or all are gone.

    Of a conditional request these are its sellers, and once they are late the operator too.
    """
    row = turn.registration or turn.tcvn or turn.p2pagreement
    assert row is not None  # noqa: S101  # by a constraint
    if turn.kind not in clocks.OWING:
        _remind(turn, row, by_dso=turn.owner == Owner.DSO, at=at)
        return
    owing = Tcvn.objects.filter(
        earmark_of__tcvn=turn.tcvn_id,
        earmark_of__ended_at=None,
        state=clocks.OWING[TurnKind(turn.kind)],
    )
    for seller in owing.select_related("site__organisation").order_by("pk"):
        _remind(turn, seller, by_dso=False, at=at)
    if turn.reminded == clocks.OVERDUE:
        _remind(turn, row, by_dso=True, at=at)


def _remind(
    turn: Turn, row: Registration | Tcvn | P2pAgreement, *, by_dso: bool, at: datetime
) -> None:
    assert turn.due_date is not None  # noqa: S101  # by the rule of reminders
    late = turn.reminded == clocks.OVERDUE
    due = f"{turn.due_date:%A %-d %B %Y}"
    organisation_id = row.organisation.pk
    notices.notify(
        kind=f"connections.{row._meta.model_name}",
        recipients=notices.dso_engineers() if by_dso else _people_of(row),
        organisation_id=None if by_dso else organisation_id,
        title=f"{row.place}: {turn.get_kind_display().lower()} "
        + (f"was due by {due}" if late else f"is due by {due}"),
        body="It is late."
        if late
        else f"{clocks.SHARES[turn.reminded - 1]} % of its business days are used.",
        facts=[("Site", row.place), ("What is waited for", turn.get_kind_display())],
        link=_dso_link(row) if by_dso else _peer_link(row),
        at=at,
    )


def _people_of(row: Registration | Tcvn | P2pAgreement) -> list[User]:
    return people_of_site(row) if isinstance(row, P2pAgreement) else people_of(row)


def _dso_link(row: Registration | Tcvn | P2pAgreement) -> str:
    return f"/dso/connections/{row._meta.model_name}/{row.pk}/change/"


def _peer_link(row: Registration | Tcvn | P2pAgreement) -> str:
    if isinstance(row, P2pAgreement):
        return peer_link(row)
    return f"/applications/{row._meta.model_name}s/{row.pk}/"


def message_written(message: Message, row: Registration | Tcvn, *, at: datetime) -> None:
    """Tell the other side what was written, and by when an answer is due."""
    to_dso = message.side == Owner.PARTICIPANT
    turn = row.turns.filter(ends_at=None).first() if message.asks else None
    facts = [("Site", row.place)]
    if turn is not None and turn.due_date is not None:
        facts.append(("Answer by", f"{turn.due_date:%A %-d %B %Y}"))
    sender = row.organisation.name if to_dso else "The network operator"
    notices.notify(
        kind=f"connections.{row._meta.model_name}",
        recipients=notices.dso_engineers() if to_dso else people_of(row),
        organisation_id=None if to_dso else row.organisation.pk,
        title=f"{sender} {'asks' if message.asks else 'writes'} about {row.place}",
        body=message.text,
        facts=facts,
        link=_dso_link(row) if to_dso else _peer_link(row),
        at=at,
    )


def people_of(row: Registration | Tcvn) -> list[User]:
    """Return whom an application concerns on the participant's side: traders and preparers."""
    registration_id = row.pk if isinstance(row, Registration) else row.registration_id
    preparing = User.objects.filter(
        is_active=True,
        prepares__registration_id=registration_id or 0,
        prepares__ended_at=None,
    ).distinct()
    traders = notices.traders_of(row.organisation.pk)
    return [*traders, *(each for each in preparing.order_by("pk") if each not in traders)]


def preparing_accepted(preparer: Preparer, *, at: datetime) -> None:
    registration = preparer.registration
    notices.notify(
        kind="connections.registration",
        recipients=notices.traders_of(registration.organisation_id),
        organisation_id=registration.organisation_id,
        title=f"{registration.place}: your preparer has accepted",
        facts=[("Site", registration.place), ("Preparer", preparer.email)],
        link=_peer_link(registration),
        at=at,
    )


def mail_preparer(*, preparer_id: int) -> None:
    """Send an invitation to an address that may not belong to a user yet."""
    preparer = Preparer.objects.select_related(
        "registration__organisation", "registration__site", "registration__proposal"
    ).get(pk=preparer_id)
    context = {"preparer": preparer, "url": f"{settings.SITE_URL}/applications/"}
    host = settings.SITE_URL.split("//")[-1]
    EmailMultiAlternatives(
        subject=f"{preparer.registration.organisation.name} asks you to prepare an application",
        body=render_to_string("mail/preparer.txt", context),
        to=[preparer.email],
        headers={"Message-ID": f"<preparer-{preparer.pk}@{host}>"},
    ).send()
