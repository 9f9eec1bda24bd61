"""A P2P-specific agreement on the pages of its site and of the operator, and over REST."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar
from pypdf import PdfReader

from connections import filing, services
from connections.models import NoticePdf, P2pAgreement
from connections.notifications import registration_decided
from core import clock
from core.journal import Actor
from core.periods import local_midnight
from participants.models import Notice, User
from tests.connections.offers import agreed, executed, offered
from tests.nmf.world import AT, WINDOW, World

pytestmark = pytest.mark.django_db
STARTS = local_midnight(WINDOW.first_date)


@pytest.fixture(autouse=True)
def frozen_in_time(settings: Any) -> Iterator[None]:
    settings.DEMO = True  # no second factor where it is not the subject
    with clock.frozen(AT):
        yield


def signed_in(user_id: int | None) -> Client:
    client = Client()
    user = User.objects.get(pk=user_id or 0)
    user.is_staff = user.email == "manager@example.org"
    user.save()
    client.force_login(user, backend="participants.auth.RoleBackend")
    return client


def text_of(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_a_signatory_is_led_from_the_site_to_the_offer_reads_it_and_signs(
    world: World, dso: Actor
) -> None:
    row = offered(world.rival, dso)
    peer = signed_in(world.rival.user.pk)

    site = text_of(peer, f"/sites/{world.rival.site.pk}/")
    page = text_of(peer, f"/agreements/{row.pk}/")
    done = peer.post(
        f"/agreements/{row.pk}/execute/",
        {"typed_name": "A Signatory", "document_hash": row.document_hash},
        follow=True,
    )

    assert "Read it, then sign or decline" in site
    assert "With you since today: a signatory reads and signs the agreement" in page
    assert "Maximum installed capacity: 120 kVA" in page
    assert "it takes force once the operator has countersigned" in done.content.decode().lower()
    row.refresh_from_db()
    assert (row.state, row.executed_name) == ("EXECUTED", "A Signatory")


def test_what_is_typed_wrong_is_said_beside_its_field_and_nothing_is_lost(
    world: World, dso: Actor
) -> None:
    row = agreed(world.rival, dso)
    peer = signed_in(world.rival.user.pk)

    page = peer.post(
        f"/agreements/{row.pk}/end/", {"from_at": "2026-03-20", "reason": "We move away."}
    )

    words = page.content.decode()
    assert page.status_code == 422
    assert "It takes 20 business days&#x27; notice: end it from 31 March 2026 or later." in words
    assert 'value="2026-03-20"' in words
    assert "We move away." in words


@pytest.mark.parametrize("move", ["execute", "decline", "end"])
def test_an_empty_form_is_refused_with_a_sentence(world: World, dso: Actor, move: str) -> None:
    row = agreed(world.rival, dso) if move == "end" else offered(world.rival, dso)

    page = signed_in(world.rival.user.pk).post(f"/agreements/{row.pk}/{move}/", {})

    assert page.status_code == 422
    assert "This field is required." in page.content.decode()


def test_while_it_is_in_force_the_site_asks_for_no_tcvn_and_reads_all_its_versions(
    world: World, dso: Actor
) -> None:
    row = agreed(world.rival, dso)
    peer, path = signed_in(world.rival.user.pk), f"/sites/{world.rival.site.pk}/"

    with clock.frozen(AT):
        before = text_of(peer, path)
    with clock.frozen(STARTS + timedelta(hours=1)):
        during = text_of(peer, path)
        services.end_p2p_agreement(
            p2p_agreement_id=row.pk,
            from_at=STARTS + timedelta(days=2),
            reason="A fault.",
            actor=dso,
            at=clock.now(),
        )
        ended = text_of(peer, path)

    asks = "Ask for more capacity (TCVN)"
    assert [asks in each for each in (before, during, ended)] == [True, False, True]
    assert "In force from 16 March 2026 00:00 GMT" in before
    assert "In force since 16 March 2026 00:00 GMT" in during
    assert "p2p-specific: capacity follows contracts by itself" in during
    assert "the network operator has given notice to end it" in ended
    assert "All its versions" in during


def test_the_calendar_has_its_start_and_once_it_is_ended_its_end(world: World, dso: Actor) -> None:
    row = agreed(world.rival, dso)
    peer, path = signed_in(world.rival.user.pk), f"/agreements/{row.pk}/calendar.ics"

    def starts() -> list[Any]:
        events = Calendar.from_ical(text_of(peer, path)).walk("VEVENT")
        return [each.decoded("dtstart") for each in events]

    found = starts()
    ends = STARTS + timedelta(days=2)
    services.end_p2p_agreement(
        p2p_agreement_id=row.pk, from_at=ends, reason="Over.", actor=dso, at=AT
    )

    assert found == [STARTS]
    assert starts() == [STARTS, ends - timedelta(minutes=30)]


@pytest.mark.needs_pango
def test_the_pdf_carries_the_text_and_once_agreed_who_signed(world: World, dso: Actor) -> None:
    row = executed(world.rival, dso, conditions="The controller's log is kept.")
    filing.file_p2p(p2p_agreement_id=row.pk)
    services.countersign_p2p_agreement(p2p_agreement_id=row.pk, actor=dso, at=AT)
    filing.file_p2p(p2p_agreement_id=row.pk)

    first, last = (
        PdfReader(BytesIO(bytes(each.content or b""))) for each in NoticePdf.objects.order_by("pk")
    )
    words = " ".join(page.extract_text() for page in last.pages)
    assert "Not signed yet" in " ".join(page.extract_text() for page in first.pages)
    assert "A Signatory" in words
    assert "The controller's log is kept." in words
    notice = row.notices.get()
    [attached] = last.attachments[f"{row.number}.txt"]
    assert attached.decode() == notice.text
    assert last.metadata is not None
    assert last.metadata.title == "P2P-specific connection agreement"


def test_an_engineer_offers_from_the_site_with_what_its_agreement_says(
    world: World, dso: Actor
) -> None:
    offered(world.rival, dso)
    P2pAgreement.objects.all().update(state="DECLINED")
    portal, site = signed_in(dso.user_id), world.rival.site.pk
    add = "/dso/connections/p2pagreement/add/"

    form = text_of(portal, f"{add}?site={site}")
    told = portal.post(
        add,
        {
            "site": site,
            "mic_kva": "50",
            "mec_kva": "60",
            "max_installed_kva": "300",
            "starts_at": "2026-03-16T00:00",
            "reason": "Studied automatically.",
            "execute_by": "2026-03-09",
        },
        follow=True,
    )

    assert f'href="{add}?site={site}"' in text_of(
        portal, f"/dso/connections/site/{site}/change/"
    ).replace("&amp;", "&")
    assert 'value="300"' in form
    assert "is offered: its site is told" in told.content.decode()
    made = P2pAgreement.objects.latest("pk")
    assert (made.starts_at, made.notices.get().execute_by) == (STARTS, date(2026, 3, 9))
    board = text_of(portal, "/dso/applications/?step=0")
    assert "Signature of a P2P-specific agreement" in board
    assert str(made) in board


def test_issued_anew_from_the_portal_the_form_begins_with_what_was_offered(
    world: World, dso: Actor
) -> None:
    row = offered(world.rival, dso, conditions="The log is kept.")
    portal = signed_in(dso.user_id)

    form = text_of(portal, f"/dso/connections/p2pagreement/{row.pk}/reissue/step/")

    assert "The log is kept." in form
    assert 'value="2026-03-16T00:00"' in form
    assert 'value="120"' in form


def test_over_rest_each_side_reads_what_it_may_do(world: World, dso: Actor) -> None:
    row = offered(world.rival, dso)
    peer, operator = signed_in(world.rival.user.pk), signed_in(dso.user_id)
    path = f"/api/v1/p2p-agreements/{row.pk}/"

    def may(client: Client) -> list[str]:
        found: list[str] = client.get(path).json()["allowed_actions"]
        return found

    first = (may(peer), may(operator))
    signed = peer.post(
        f"{path}execute/",
        {"typed_name": "A Signatory", "document_hash": row.document_hash},
        content_type="application/json",
    ).json()
    agreed_now = operator.post(f"{path}countersign/", content_type="application/json").json()

    assert first == (["execute", "decline"], ["reissue", "withdraw"])
    assert (signed["state"], signed["clock"]["owner"]) == ("EXECUTED", "DSO")
    assert (agreed_now["state"], agreed_now["allowed_actions"]) == ("AGREED", ["end"])
    assert peer.get(f"{path}document/").content.decode() == row.notices.get().text
    short = peer.post(
        f"{path}end/",
        {"from_at": STARTS.isoformat(), "reason": "Over."},
        content_type="application/json",
    )
    codes = [each["code"] for each in short.json()["errors"]]
    assert (short.status_code, codes) == (422, ["notice_too_short", "not_in_force_yet"])


def test_who_needs_no_tcvn_is_told_to_trade_once_approved(world: World, dso: Actor) -> None:
    agreed(world.rival, dso, starts_at=AT + timedelta(minutes=30))
    registration = world.rival.site.registrations.get()
    peer = signed_in(world.rival.user.pk)

    with clock.frozen(AT + timedelta(hours=1)):
        page = text_of(peer, f"/applications/registrations/{registration.pk}/")
        registration.decided_at = clock.now()
        registration_decided(registration, at=clock.now())

    assert "Ask for more capacity (TCVN)" not in page
    assert f'href="/requests/new/?site={world.rival.site.pk}"' in page
    told = Notice.objects.filter(kind="connections.registration").latest("pk")
    assert dict(told.facts)["Next"] == (
        "Publish a request to buy or to sell: your agreement needs no TCVN"
    )


@pytest.mark.parametrize(
    "path", ["/api/v1/p2p-agreements/", "/applications/", "/dso/connections/p2pagreement/"]
)
def test_a_list_takes_as_many_queries_for_two_as_for_one(
    world: World, dso: Actor, path: str
) -> None:
    operator, counts = signed_in(dso.user_id), []

    for peer in (world.rival, world.seller):
        executed(peer, dso)
        operator.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert operator.get(path).status_code == 200
        counts.append(len(queries))

    assert counts[1] == counts[0]
