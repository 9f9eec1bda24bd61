"""A notice as a document, signed by its hash, and what becomes of it before and in force."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core import mail as mailbox
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from icalendar import Calendar
from pypdf import PdfReader

from connections import filing, queries, services
from connections.documents import notice_of, notice_text
from connections.models import (
    NoticeDocument,
    NoticePdf,
    RegisterChange,
    Signatory,
    Tcvn,
    TcvnSpan,
)
from core import clock, pdf
from core.errors import RefusedError
from core.journal import Actor
from core.models import Event
from core.pdf import MISSING, NoPdfError
from core.periods import HALF_HOUR
from participants.models import Membership, Notice, Organisation, User
from participants.services.notices import mail_notice
from tests.connections.making import (
    assessing,
    in_force,
    pair,
    pair_in_force,
    signed,
    signed_pair,
    submitted,
)
from tests.machine.observed import fingerprint
from tests.nmf.world import AT, WINDOW, World

pytestmark = pytest.mark.django_db
BEGINS, ENDS = WINDOW.periods()[0][0], WINDOW.periods()[-1][1]
LATE = AT + timedelta(days=60)


def issued(world: World, dso: Actor) -> Tcvn:
    tcvn = assessing(world.rival, dso)
    services.record_support(tcvn_id=tcvn.pk, answer="Yes", actor=dso, at=AT)
    return services.issue_tcvn(tcvn_id=tcvn.pk, actor=dso, at=AT)


def codes(error: pytest.ExceptionInfo[RefusedError]) -> list[str]:
    return [each.code for each in error.value.refusals]


def policy(dso: Actor, *, second_factor: bool = False, two_persons: bool = False) -> None:
    services.publish_notice_policy(
        sign_within_days=5,
        second_factor=second_factor,
        two_persons=two_persons,
        fast_margin_percent=None,
        actor=dso,
        at=AT,
    )


def test_the_text_says_what_is_granted_and_its_hash_is_on_the_record(
    world: World, dso: Actor
) -> None:
    services.publish_notice_template(
        buyer_clauses="{site} may take {kw}\ninstead of {agreed_kw}.\n\nAs agreed in {agreement}.",
        seller_clauses="Kept for {buyer}.",
        actor=dso,
        at=AT,
    )

    tcvn = issued(world, dso)

    notice = NoticeDocument.objects.get()
    assert notice.text.splitlines()[-2:] == [
        f"1. {tcvn.site.name} may take 60 kW instead of 50 kW.",
        f"2. As agreed in {tcvn.site.agreements.get().reference}.",
    ]
    assert f"60 kW, in {len(WINDOW.half_hours())} half-hours" in notice.text
    assert (tcvn.number, tcvn.document_hash) == (notice.number, notice.sha256)
    assert notice.sha256 == sha256(notice.text.encode()).hexdigest()
    assert notice.template_version == 1


def test_a_notice_issued_keeps_its_text_whatever_is_published_later(
    world: World, dso: Actor
) -> None:
    tcvn = issued(world, dso)
    before = notice_text(tcvn)

    services.publish_notice_template(
        buyer_clauses="Other.", seller_clauses="Other.", actor=dso, at=AT
    )
    type(tcvn.site).objects.filter(pk=tcvn.site_id).update(name="Renamed")

    tcvn.refresh_from_db()
    assert notice_text(tcvn) == before


def test_the_database_refuses_a_text_that_is_not_of_its_hash(world: World, dso: Actor) -> None:
    notice = notice_of(issued(world, dso))
    assert notice is not None

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE connections_noticedocument SET text = text || 'x' WHERE id = %s", [notice.pk]
        )


@pytest.mark.parametrize(
    ("wording", "code"), [("Up to {power}.", "unknown_name"), (" \n ", "no_clause")]
)
def test_a_wording_has_clauses_and_names_that_are_known(
    dso: Actor, wording: str, code: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        services.publish_notice_template(
            buyer_clauses=wording, seller_clauses="Kept.", actor=dso, at=AT
        )

    assert codes(caught) == [code]


@pytest.mark.needs_pango
def test_the_pdf_carries_the_text_and_in_force_its_signatures(world: World, dso: Actor) -> None:
    tcvn = in_force(world.rival, dso)
    with clock.frozen(AT):
        filing.file(tcvn_id=tcvn.pk)

    row = NoticePdf.objects.get()
    assert row.content is not None
    assert (row.stage, row.sha256) == ("IN_FORCE", sha256(bytes(row.content)).hexdigest())
    file = PdfReader(BytesIO(bytes(row.content)))
    text = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in file.pages))
    for words in (str(tcvn.number), "Raised to 60 kW", "A Signatory", "Schedule of capacities"):
        assert words in text
    assert tcvn.document_hash in text.replace(" ", "")
    assert file.attachments[f"{tcvn.number}.txt"][0].decode() == notice_text(tcvn)
    assert Event.objects.filter(verb="connections.notice_pdf.made").count() == 1


def test_without_pango_the_page_says_so_and_the_text_serves(
    world: World, dso: Actor, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise NoPdfError(MISSING)

    monkeypatch.setattr(pdf, "_weasyprint", missing)
    tcvn = issued(world, dso)
    filing.file(tcvn_id=tcvn.pk)
    client.force_login(world.rival.user, backend="participants.auth.RoleBackend")

    page = client.get(reverse("connections:tcvn", args=[tcvn.pk])).content.decode()
    file = client.get(reverse("connections:notice-pdf", args=[tcvn.pk]))
    text = client.get(reverse("connections:notice", args=[tcvn.pk]))

    assert "Pango is missing" in page
    assert file.status_code == 409
    assert "Pango is missing" in file.content.decode()
    assert text.content.decode() == notice_text(tcvn)


def test_a_notice_issued_anew_has_another_number_and_hash_and_its_signature_is_void(
    world: World, dso: Actor
) -> None:
    tcvn = assessing(world.rival, dso)
    services.record_support(tcvn_id=tcvn.pk, answer="Yes", actor=dso, at=AT)
    old = signed(tcvn, world.rival, dso)

    new = services.reissue_tcvn(tcvn_id=tcvn.pk, reason="A new day.", actor=dso, at=AT)

    assert (new.state, new.number, new.executed_at) == ("ISSUED", f"{old.number}-2", None)
    assert new.document_hash != old.document_hash
    first, second = NoticeDocument.objects.order_by("pk")
    assert (first.withdrawn_at, first.withdrawn_reason) == (AT, "A new day.")
    assert second.withdrawn_at is None


def test_a_signature_of_another_text_or_after_its_day_is_refused(world: World, dso: Actor) -> None:
    tcvn = issued(world, dso)
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.execute_tcvn(
            tcvn_id=tcvn.pk,
            typed_name="A Signatory",
            document_hash="0" * 64,
            actor=world.rival.actor,
            at=LATE,
        )

    assert codes(caught) == ["other_document", "notice_lapsed"]
    assert fingerprint() == before


@pytest.mark.parametrize(
    ("set_up", "demanded", "code"),
    [(True, False, "second_factor_needed"), (False, True, "second_factor_missing")],
)
def test_a_second_factor_is_asked_for(
    world: World, dso: Actor, set_up: bool, demanded: bool, code: str
) -> None:
    tcvn = issued(world, dso)
    policy(dso, second_factor=demanded)
    if set_up:
        Authenticator.objects.create(user=world.rival.user, type="totp", data={"secret": "none"})
    sign: dict[str, Any] = {
        "tcvn_id": tcvn.pk,
        "typed_name": "A Signatory",
        "document_hash": tcvn.document_hash,
        "actor": world.rival.actor,
        "at": AT,
    }

    with pytest.raises(RefusedError) as caught:
        services.execute_tcvn(**sign)

    assert codes(caught) == [code]
    assert services.execute_tcvn(**sign, second_factor=True).state == "EXECUTED"


def test_a_wrong_code_signs_nothing_and_the_right_one_does(
    world: World, dso: Actor, client: Client
) -> None:
    from allauth.mfa.totp.internal import auth

    tcvn = issued(world, dso)
    secret = auth.generate_totp_secret()
    auth.TOTP.activate(world.rival.user, secret)
    client.force_login(world.rival.user, backend="participants.auth.RoleBackend")
    address = reverse("connections:execute-tcvn", args=[tcvn.pk])
    body = {"typed_name": "A Signatory", "document_hash": tcvn.document_hash}

    with clock.frozen(AT), time_machine.travel(AT, tick=False):  # a code lives for 30 s
        right = auth.format_hotp_value(
            auth.hotp_value(secret, next(iter(auth.yield_hotp_counters_from_time())))
        )
        wrong = client.post(address, body | {"code": "000000" if right != "000000" else "1"})
        tcvn.refresh_from_db()
        state = tcvn.state
        done = client.post(address, body | {"code": right})

    assert (wrong.status_code, state, done.status_code) == (422, "ISSUED", 302)
    tcvn.refresh_from_db()
    assert tcvn.state == "EXECUTED"


def test_with_two_persons_who_issued_does_not_countersign(world: World, dso: Actor) -> None:
    policy(dso, two_persons=True)
    tcvn, _ = signed_pair(world, dso)
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.countersign_tcvn(tcvn_id=tcvn.pk, actor=dso, at=AT)

    assert codes(caught) == ["second_person_needed"]
    assert fingerprint() == before
    other = User.objects.create_user("second@example.org", is_staff=True)
    Membership.objects.create(
        organisation=Organisation.objects.get(kind="DSO"), user=other, role="MANAGER", created_at=AT
    )
    done = services.countersign_tcvn(tcvn_id=tcvn.pk, actor=Actor(other.pk), at=AT)
    assert done.state == "IN_FORCE"


def test_a_notice_not_signed_by_its_day_lapses_once(world: World, dso: Actor) -> None:
    tcvn = issued(world, dso)
    notice = notice_of(tcvn)
    assert notice is not None

    on_the_day = AT.replace(year=notice.execute_by.year, month=notice.execute_by.month)
    on_the_day = on_the_day.replace(day=notice.execute_by.day)
    found = [services.lapse_notices(at=each) for each in (on_the_day, LATE, LATE)]

    assert found == [0, 1, 0]
    tcvn.refresh_from_db()
    assert (tcvn.state, tcvn.number) == ("LAPSED", None)


def test_a_sellers_that_lapses_sends_the_buyers_back_to_assessment(
    world: World, dso: Actor
) -> None:
    tcvn, earmark = pair(world, dso)
    Signatory.objects.create(site=world.seller.site, user=world.seller.user, verified_at=AT)
    submitted(earmark, world.seller.actor)
    services.issue_tcvn(tcvn_id=earmark.pk, actor=dso, at=AT)
    signed(tcvn, world.rival, dso)

    services.lapse_notices(at=LATE)

    tcvn.refresh_from_db()
    earmark.refresh_from_db()
    assert (tcvn.state, earmark.state) == ("ASSESSING", "LAPSED")
    assert list(tcvn.conditions.filter(ended_at=None)) == []


def test_a_seller_that_declines_sends_the_request_back_and_another_may_be_asked(
    world: World, dso: Actor
) -> None:
    tcvn, earmark = pair(world, dso)

    services.decline_tcvn(tcvn_id=earmark.pk, reason="We need it.", actor=world.seller.actor, at=AT)

    tcvn.refresh_from_db()
    earmark.refresh_from_db()
    assert (tcvn.state, earmark.state) == ("ASSESSING", "DECLINED")
    told = Notice.objects.filter(title__contains="declines").values_list("body", flat=True)
    assert set(told) == {"We need it."}
    again = services.record_conditional(
        tcvn_id=tcvn.pk,
        sellers=[(world.seller.site.pk, Decimal(10))],
        answer="With less.",
        actor=dso,
        at=AT,
    )
    assert again.state == "CONDITIONAL"
    assert [int(each.kw) for each in tcvn.conditions.filter(ended_at=None)] == [10]


def test_only_a_seller_declines(world: World, dso: Actor) -> None:
    tcvn = assessing(world.rival, dso)

    with pytest.raises(RefusedError) as caught:
        services.decline_tcvn(tcvn_id=tcvn.pk, reason="No.", actor=world.rival.actor, at=AT)

    assert codes(caught) == ["not_asked"]


def ceilings(world: World) -> list[Decimal]:
    site = world.rival.site.pk
    found = queries.register([site], "IMPORT", BEGINS, BEGINS + 4 * HALF_HOUR)[site]
    return [each.ceiling for each in found]


def test_a_suspended_pair_gives_nothing_until_it_is_resumed(world: World, dso: Actor) -> None:
    tcvn, earmark = pair_in_force(world, dso)
    at = BEGINS + timedelta(minutes=10)

    services.suspend_tcvn(
        tcvn_id=tcvn.pk, from_at=BEGINS + HALF_HOUR, reason="A fault.", actor=dso, at=at
    )
    suspended = ceilings(world)
    services.resume_tcvn(tcvn_id=tcvn.pk, reason="Mended.", actor=dso, at=at + 2 * HALF_HOUR)

    assert suspended == [Decimal(60), Decimal(50)]
    assert ceilings(world) == [Decimal(60), Decimal(50), Decimal(60)]
    earmark.refresh_from_db()
    assert earmark.state == "IN_FORCE"
    changes = RegisterChange.objects.filter(source="NOTICE").order_by("pk")
    found = list(changes.values_list("change", flat=True).distinct().order_by("change"))
    assert found == ["IN_FORCE", "RESUMED", "SUSPENDED"]
    assert set(
        Event.objects.filter(subject_id=str(tcvn.pk), verb__endswith="ed")
        .exclude(reason="")
        .values_list("verb", "reason")
    ) == {
        ("connections.tcvn.suspended", "A fault."),
        ("connections.tcvn.resumed", "Mended."),
    }


def test_a_notice_is_not_suspended_under_capacity_that_was_bought(world: World, dso: Actor) -> None:
    tcvn, _ = pair_in_force(world, dso)
    services.hold_allocations(
        reference=uuid4(),
        direction="IMPORT",
        seller_site_id=world.seller.site.pk,
        buyer_site_id=world.rival.site.pk,
        sold_kw=Decimal(8),
        bought_kw=Decimal(8),
        periods=WINDOW.periods(),
        actor=dso,
        at=AT,
    )
    before = fingerprint()

    with pytest.raises(RefusedError) as caught:
        services.suspend_tcvn(
            tcvn_id=tcvn.pk, from_at=ENDS - HALF_HOUR, reason="A fault.", actor=dso, at=AT
        )

    assert codes(caught) == ["no_tcvn"]
    assert fingerprint() == before


def test_a_suspended_notice_may_be_ended(world: World, dso: Actor) -> None:
    tcvn = in_force(world.rival, dso)
    services.suspend_tcvn(tcvn_id=tcvn.pk, from_at=BEGINS, reason="A fault.", actor=dso, at=AT)

    ended = services.end_tcvn(tcvn_id=tcvn.pk, from_at=BEGINS, reason="For good.", actor=dso, at=AT)

    assert ended.state == "ENDED"
    assert TcvnSpan.objects.count() == 0


def test_a_refusal_says_what_would_be_supported_and_the_form_is_filled_with_it(
    world: World, dso: Actor, client: Client
) -> None:
    tcvn = assessing(world.rival, dso)
    refuse: dict[str, Any] = {"tcvn_id": tcvn.pk, "reason": "Line 2 binds.", "actor": dso, "at": AT}

    with pytest.raises(RefusedError) as caught:
        services.record_refusal(**refuse, largest_kw=Decimal(60))
    services.record_refusal(**refuse, largest_kw=Decimal(56))
    client.force_login(world.rival.user, backend="participants.auth.RoleBackend")
    page = client.get(reverse("connections:tcvn", args=[tcvn.pk])).content.decode()
    form = client.get(
        reverse("connections:new-tcvn"), {"site": tcvn.site_id, "again": tcvn.pk}
    ).content.decode()

    assert codes(caught) == ["not_below_asked"]
    assert '<div class="stat-number">56 kW</div>' in page
    assert 'value="56"' in form


def test_the_mail_of_a_notice_in_force_brings_its_start_and_end_as_a_calendar(
    world: World, dso: Actor, client: Client
) -> None:
    tcvn = in_force(world.rival, dso)
    notice = Notice.objects.filter(recipient=world.rival.user).latest("pk")
    mail_notice(notice_id=notice.pk, at=AT)
    client.force_login(world.rival.user, backend="participants.auth.RoleBackend")

    file = client.get(reverse("connections:tcvn-calendar", args=[tcvn.pk])).content.decode()

    [mail] = mailbox.outbox
    [(name, content, kind)] = mail.attachments
    assert (name, kind) == ("calendar.ics", "text/calendar")
    for text in (content, file):
        events = Calendar.from_ical(text).walk("VEVENT")
        assert [each.decoded("dtstart") for each in events] == [BEGINS, ENDS - HALF_HOUR]
        assert [str(each["summary"]).split(":")[0] for each in events] == [
            f"{tcvn.number} starts",
            f"{tcvn.number} ends",
        ]


def test_mails_move_the_end_in_the_calendar_or_cancel_both_where_it_counts_no_more(
    world: World, dso: Actor
) -> None:
    tcvn, ends = in_force(world.rival, dso), WINDOW.periods()[1][1]

    def told() -> list[Any]:
        notice = Notice.objects.filter(recipient=world.rival.user).latest("pk")
        return list(Calendar.from_ical(notice.calendar).walk("VEVENT"))

    first = told()
    services.suspend_tcvn(
        tcvn_id=tcvn.pk, from_at=ends, reason="A fault.", actor=dso, at=AT + HALF_HOUR
    )
    moved = told()
    services.end_tcvn(
        tcvn_id=tcvn.pk, from_at=BEGINS, reason="Sold.", actor=dso, at=AT + 2 * HALF_HOUR
    )
    gone = told()

    assert [each.decoded("dtstart") for each in moved] == [BEGINS, ends - HALF_HOUR]
    assert [each["uid"] for each in moved] == [each["uid"] for each in first]
    sequences = [int(each[-1]["sequence"]) for each in (first, moved, gone)]
    assert sequences == sorted(set(sequences))
    assert [each.get("status") for each in (*first, *moved)] == [None] * 4
    assert [each["status"] for each in gone] == ["CANCELLED"] * 2


def test_a_notice_to_sign_says_by_mail_when_it_lapses(world: World, dso: Actor) -> None:
    issued(world, dso)

    facts = dict(Notice.objects.filter(recipient=world.rival.user).latest("pk").facts)

    document = NoticeDocument.objects.get()
    assert facts["Lapses unless signed by"] == f"{document.execute_by:%A %-d %B %Y}"
    assert facts["Next"] == "A signatory of the site reads and signs the notice"


def test_a_named_seller_reads_what_is_asked_and_declines_on_its_page(
    world: World, dso: Actor, client: Client
) -> None:
    _, earmark = pair(world, dso)
    client.force_login(world.seller.user, backend="participants.auth.RoleBackend")
    address = reverse("connections:tcvn", args=[earmark.pk])
    decline = reverse("connections:decline-tcvn", args=[earmark.pk])

    page = client.get(address).content.decode()
    with clock.frozen(AT):
        without_reason = client.post(decline, {"reason": ""})
        client.post(decline, {"reason": "We need it."})

    assert f"{world.rival.site.name} would get more capacity" in page
    assert "Decline to lower it" in page
    assert without_reason.status_code == 422
    earmark.refresh_from_db()
    assert earmark.state == "DECLINED"
