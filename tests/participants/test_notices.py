from __future__ import annotations

from collections.abc import Iterator
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives

from core.models import OutboxMessage
from participants.models import Notice, User
from participants.services import notices
from tests.mail import MailSink, mail_sink
from tests.make import AT, make_user

pytestmark = pytest.mark.django_db


def tell(*people: User, kind: str = "nmf.request", **changes: Any) -> list[Notice]:
    return notices.notify(
        kind=kind,
        recipients=people,
        at=AT,
        **{
            "title": "Request R-1 received",
            "facts": [("Capacity", "40 kW <b>")],
            "link": "/requests/1/",
            **changes,
        },
    )


def test_a_notice_is_in_the_product_and_goes_out_by_mail_once(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.SITE_URL = "https://market.example.org"
    (notice,) = tell(make_user("one@example.org"))

    for _ in range(2):
        notices.mail_notice(notice_id=notice.pk, at=AT)

    assert OutboxMessage.objects.get().kwargs == {"notice_id": notice.pk}
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["one@example.org"], "Request R-1 received")
    assert "https://market.example.org/requests/1/" in sent.body
    assert "40 kW <b>" in sent.body
    assert isinstance(sent, EmailMultiAlternatives)
    html = str(sent.alternatives[0][0])
    assert "40 kW &lt;b&gt;" in html
    assert sent.message()["Message-ID"] == f"<notice-{notice.pk}@market.example.org>"


@pytest.fixture
def sink(settings: Any) -> Iterator[MailSink]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with mail_sink() as found:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.port
        yield found


def test_a_mail_server_that_accepts_and_hangs_up_gets_it_once(sink: MailSink) -> None:
    sink.hangs_up = lambda _number: "after"
    (notice,) = tell(make_user("one@example.org"))

    for _ in range(2):
        notices.mail_notice(notice_id=notice.pk, at=AT)

    assert len(sink.messages) == 1


def test_what_may_come_twice_bears_one_message_id(sink: MailSink) -> None:
    """Kept, but the acceptance never told: no sender can know. The reader's server drops one."""
    sink.hangs_up = lambda number: "before" if number == 0 else ""
    (notice,) = tell(make_user("one@example.org"))

    with pytest.raises(SMTPServerDisconnected):
        notices.mail_notice(notice_id=notice.pk, at=AT)
    for _ in range(2):
        notices.mail_notice(notice_id=notice.pk, at=AT)

    first, second = sink.messages
    assert first["Message-ID"] == second["Message-ID"]


def test_a_kind_that_is_switched_off_stays_in_the_product_only() -> None:
    quiet, loud = make_user(), make_user()
    notices.choose_kinds(user_id=quiet.pk, by_email=[])

    first, second = tell(quiet, loud)

    assert (first.recipient, second.recipient) == (quiet, loud)
    assert [message.kwargs for message in OutboxMessage.objects.all()] == [{"notice_id": second.pk}]


@pytest.mark.parametrize("kind", ["nmf.contract", "connections.tcvn"])
def test_contracts_and_variations_cannot_be_switched_off(kind: str) -> None:
    quiet = make_user()
    notices.choose_kinds(user_id=quiet.pk, by_email=[])

    tell(quiet, kind=kind)

    assert OutboxMessage.objects.count() == 1


def test_an_unknown_kind_is_a_defect() -> None:
    with pytest.raises(ValueError, match="no kind of notice"):
        tell(make_user(), kind="nmf.nonsense")

    assert Notice.objects.count() == 0


def test_one_who_was_switched_off_gets_no_mail(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    user = make_user()
    (notice,) = tell(user)
    User.objects.update(is_active=False)

    notices.mail_notice(notice_id=notice.pk, at=AT)

    assert mail.outbox == []


def test_a_line_break_in_a_title_stays_out_of_the_header(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    (notice,) = tell(make_user(), title="One\nBcc: x@example.org")

    notices.mail_notice(notice_id=notice.pk, at=AT)

    assert mail.outbox[0].subject == "One Bcc: x@example.org"
    assert mail.outbox[0].recipients() == [notice.recipient.email]


def test_reading_marks_ones_own_notices_only() -> None:
    one, other = make_user(), make_user()
    mine, theirs = tell(one, other)

    assert notices.mark_read(user_id=one.pk, notice_ids=[mine.pk, theirs.pk], at=AT) == 1
    assert notices.mark_read(user_id=other.pk, notice_ids=None, at=AT) == 1
