from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from core import clock
from participants.models import ApiToken, Invitation, Membership, Notice, Organisation, User
from participants.services import notices, organisations
from participants.states import Role, TokenScope
from tests.make import AT, actor_of, make_manager, make_member, make_organisation, make_user

pytestmark = pytest.mark.django_db
ORGANISATION, TOKENS = "/organisation/", "/organisation/tokens/"


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    with clock.frozen(AT):
        yield


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="participants.auth.RoleBackend")
    return client


def token_of(member: Membership, scope: str = TokenScope.READ) -> APIClient:
    _, text = organisations.issue_token(
        organisation_id=member.organisation_id,
        name="Mine",
        scope=scope,
        lasts=timedelta(days=3650),
        actor=actor_of(member),
        at=AT,
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    return client


def notice_for(member: Membership, **changes: Any) -> Notice:
    (notice,) = notices.notify(
        kind="nmf.request", recipients=[member.user], title="Hear", at=AT, **changes
    )
    return notice


@pytest.mark.parametrize(
    "path",
    [ORGANISATION, TOKENS, "/notices/", "/notices/preferences/", "/terms/"],
)
def test_a_member_sees_each_page(path: str) -> None:
    member = make_member()
    notice_for(member)

    assert browser_of(member.user).get(path).status_code == 200


@pytest.mark.parametrize("path", [ORGANISATION, TOKENS, "/notices/", "/notices/preferences/"])
def test_a_stranger_is_sent_to_log_in(path: str, client: Client) -> None:
    assert client.get(path)["Location"] == f"/accounts/login/?next={path}"


def test_an_administrator_invites_and_the_guest_accepts() -> None:
    boss, guest = make_member(), make_user("guest@example.org")
    values = {"email": "guest@example.org", "role": Role.TRADER}

    assert browser_of(boss.user).post("/organisation/invitations/", values).status_code == 302
    invitation = Invitation.objects.get()
    client = browser_of(guest)
    assert boss.organisation.name in client.get(ORGANISATION).content.decode()
    client.post(f"/organisation/invitations/{invitation.pk}/accept/")

    assert Membership.objects.get(user=guest).role == Role.TRADER


def test_a_wrong_invitation_keeps_what_was_typed() -> None:
    boss = make_member(email="boss@example.org")
    values = {"email": "boss@example.org", "role": Role.TRADER}

    answer = browser_of(boss.user).post("/organisation/invitations/", values)

    assert answer.status_code == 422
    text = answer.content.decode()
    assert "This person is a member already." in text
    assert 'value="boss@example.org"' in text


def test_what_belongs_to_another_organisation_is_not_there() -> None:
    boss, foreign = make_member(), make_member()
    invitation = organisations.invite(
        organisation_id=foreign.organisation_id,
        email="x@example.org",
        role=Role.VIEWER,
        actor=actor_of(foreign),
        at=AT,
    )
    token_of(foreign)
    client = browser_of(boss.user)
    notice = notice_for(foreign)
    paths = [
        f"/organisation/members/{foreign.pk}/role/",
        f"/organisation/members/{foreign.pk}/remove/",
        f"/organisation/invitations/{invitation.pk}/accept/",
        f"/organisation/invitations/{invitation.pk}/withdraw/",
        f"/organisation/tokens/{ApiToken.objects.get().token_key}/revoke/",
    ]

    assert {client.post(path, {"role": "VIEWER"}).status_code for path in paths} == {404}
    assert client.get(f"/notices/{notice.pk}/").status_code == 404
    for chosen in (foreign.organisation_id, "x", ""):
        answer = client.post("/organisation/switch/", {"organisation": chosen})
        assert answer.status_code == 404
    assert (Membership.objects.count(), ApiToken.objects.count()) == (2, 1)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/organisation/invitations/", {"email": "x@example.org", "role": "VIEWER"}),
        ("/organisation/members/{boss}/remove/", {}),
        ("/organisation/members/{boss}/role/", {"role": "VIEWER"}),
        ("/organisation/settings/", {}),
    ],
)
def test_a_viewer_changes_nothing(path: str, values: dict[str, str]) -> None:
    boss = make_member()
    viewer = make_member(boss.organisation, Role.VIEWER)

    answer = browser_of(viewer.user).post(path.format(boss=boss.pk), values)

    assert answer.status_code == 403
    assert Invitation.objects.count() == 0
    assert Membership.objects.get(pk=boss.pk).role == Role.ADMINISTRATOR
    assert Organisation.objects.get(pk=boss.organisation_id).may_buy


def test_the_last_administrator_is_told_why_they_stay() -> None:
    boss = make_member()

    answer = browser_of(boss.user).post(f"/organisation/members/{boss.pk}/remove/")

    assert answer.status_code == 422
    assert "keeps at least one administrator" in answer.content.decode()


def test_one_acts_for_the_organisation_one_chose() -> None:
    first, second = make_member(make_organisation("Alpha")), make_organisation("Beta")
    organisations.add_member(
        organisation_id=second.pk,
        user_id=first.user_id,
        role=Role.VIEWER,
        actor=actor_of(first),
        at=AT,
    )
    client = browser_of(first.user)
    assert client.get("/api/v1/me/").json()["organisation"] == "Alpha"

    client.post("/organisation/switch/", {"organisation": second.pk})

    me = client.get("/api/v1/me/").json()
    assert (me["organisation"], me["role"], me["opted_in"]) == ("Beta", "VIEWER", False)


def test_terms_are_read_by_anybody_and_accepted_by_an_administrator(client: Client) -> None:
    document = organisations.publish_terms(
        kind="PLATFORM", text="The platform's words", actor=actor_of(make_manager()), at=AT
    )
    boss = make_member()

    assert "The platform&#x27;s words" in client.get("/terms/").content.decode()
    answer = browser_of(boss.user).post(f"/organisation/terms/{document.pk}/accept/")

    assert answer.status_code == 302
    assert document.acceptances.get().user == boss.user


def test_a_token_is_shown_once_and_can_be_revoked() -> None:
    member = make_member()
    client = browser_of(member.user)

    shown = client.post(TOKENS, {"name": "Bot", "scope": "READ", "days": 30}).context["text"]
    later = client.get(TOKENS).content.decode()

    assert shown
    assert shown not in later
    assert "Bot" in later
    client.post(f"/organisation/tokens/{ApiToken.objects.get().token_key}/revoke/")
    assert ApiToken.objects.count() == 0


def test_a_token_that_reads_does_not_write() -> None:
    member = make_member()
    notice = notice_for(member)
    reads, trades = token_of(member), token_of(member, TokenScope.TRADE)

    assert reads.get("/api/v1/notices/").json()["results"][0]["allowed_actions"] == ["read"]
    assert reads.post(f"/api/v1/notices/{notice.pk}/read/").status_code == 403
    notice.refresh_from_db()
    assert notice.read_at is None
    assert trades.post(f"/api/v1/notices/{notice.pk}/read/").json()["allowed_actions"] == []
    notice.refresh_from_db()
    assert notice.read_at == AT


def test_a_token_acts_for_its_own_organisation_only() -> None:
    member, other = make_member(), make_organisation()
    organisations.add_member(
        organisation_id=other.pk,
        user_id=member.user_id,
        role=Role.TRADER,
        actor=actor_of(member),
        at=AT,
    )
    client = token_of(member)
    shown = {
        notice_for(member).pk,
        notice_for(member, organisation_id=member.organisation_id).pk,
    }
    notice_for(member, organisation_id=other.pk)

    assert client.get("/api/v1/me/").json()["organisation_id"] == member.organisation_id
    found = client.get("/api/v1/notices/").json()["results"]
    assert {each["id"] for each in found} == shown


def test_somebody_elses_notice_is_not_there_in_the_api() -> None:
    notice = notice_for(make_member())
    client = token_of(make_member(), TokenScope.TRADE)

    assert client.get(f"/api/v1/notices/{notice.pk}/").status_code == 404
    assert client.post(f"/api/v1/notices/{notice.pk}/read/").status_code == 404


def test_a_person_without_an_organisation_is_told_so_by_the_api() -> None:
    answer = browser_of(make_user()).get("/api/v1/me/")

    assert (answer.status_code, answer.json()["code"]) == (403, "no_organisation")


def test_notices_are_marked_read_and_lead_on() -> None:
    member = make_member()
    notice = notice_for(member, link="/terms/")
    client = browser_of(member.user)

    assert client.post("/notices/read/", {"notice": notice.pk})["Location"] == "/terms/"
    assert client.get("/notices/?unread=1").status_code == 200
    notice.refresh_from_db()
    assert notice.read_at == AT


def test_notices_take_the_same_queries_for_one_and_for_three() -> None:
    member = make_member()
    client = browser_of(member.user)
    client.get("/notices/")  # the first visit writes the session's own row
    counts = []

    for rows in (1, 2):
        for _ in range(rows):
            notice_for(member)
        with CaptureQueriesContext(connection) as queries:
            client.get("/notices/")
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_signing_up_confirms_the_address_and_founds_the_organisation(
    client: Client, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    values = {
        "email": "ada@example.org",
        "password1": "a-long-passw0rd!",
        "password2": "a-long-passw0rd!",
        "first_name": "Ada",
        "last_name": "Example",
        "organisation": "Mill",
    }

    answer = client.post("/accounts/signup/", values)

    assert answer.status_code == 302, answer.context["form"].errors
    assert "confirm-email" in answer["Location"]
    member = Membership.objects.get()
    assert (member.user.get_full_name(), member.role) == ("Ada Example", Role.ADMINISTRATOR)
    assert mail.outbox[0].to == ["ada@example.org"]
    again = Client().post("/accounts/signup/", {**values, "email": "eve@example.org"})
    assert again.status_code == 200
    assert "organisation" in again.context["form"].errors
    assert Organisation.objects.count() == 1


def test_the_demo_shows_the_mail_it_kept(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.DEMO, settings.EMAIL_FILE_PATH = True, str(tmp_path)
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    mail = EmailMessage("Subject <i>", "The words", to=["one@example.org"])
    mail.attach("calendar.ics", "BEGIN:VCALENDAR\r\nSUMMARY:It sta\r\n rts", "text/calendar")
    mail.attach("notice.pdf", b"%PDF", "application/pdf")
    mail.send()
    (name,) = [path.name for path in tmp_path.iterdir()]

    assert "Subject &lt;i&gt;" in client.get("/demo/mail/").content.decode()
    assert "Subject &lt;i&gt;" not in client.get("/demo/mail/?to=two@").content.decode()
    page = client.get(f"/demo/mail/{name}/").content.decode()
    assert "The words" in page
    assert "Attached: calendar.ics" in page
    assert "SUMMARY:It starts" in page
    assert "application/pdf" in page
    assert client.get("/demo/mail/nothing.log/").status_code == 404


def test_mail_is_shown_in_the_demo_only(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.DEMO, settings.EMAIL_FILE_PATH = False, str(tmp_path)

    assert client.get("/demo/mail/").status_code == 404
    assert client.get("/demo/mail/x.log/").status_code == 404
