"""What notices and P2P-specific agreements share: issued with a hash, signed by it, withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from django.db.models import QuerySet

from connections.clocks import local_date
from connections.documents import current_policy, notice_of
from connections.models import NoticeDocument, P2pAgreement, Tcvn
from connections.wording import notice_text
from core import journal
from core.business_days import business_days_after
from core.errors import Refusal, RefusedError
from core.periods import LONDON
from participants.second_factor import has_second_factor

Paper = Tcvn | P2pAgreement


def last_day_to_sign(row: Paper, wanted: date | None, *, at: datetime) -> date:
    """Return the day that is wanted, or the last of the business days of the policy.

    :raises RefusedError: if that day is past
    """
    today = local_date(at)
    if wanted is None:
        days = current_policy().sign_within_days
        return business_days_after(today, days, row.area.nation)
    if wanted < today:
        message = "The last day to sign is today or later."
        raise RefusedError([Refusal("execute_by_past", message, "execute_by")])
    return wanted


def write_paper(
    row: Paper,
    *,
    kind: str,
    template_version: int,
    facts_of: Callable[[str], dict[str, Any]],
    execute_by: date,
    actor: journal.Actor,
    at: datetime,
) -> NoticeDocument:
    """Number a document and fix its text by a hash. The caller saves the row.

    ``facts_of`` returns, for its number, all that it says; ``kind`` begins the number.
    """
    before = row.notices.count()
    number = f"{kind}-{at.astimezone(LONDON):%Y}-{row.pk:05d}"
    number += f"-{before + 1}" if before else ""
    facts = facts_of(number)
    text = notice_text(facts)
    row.number, row.issued_at = number, at
    row.document_hash = sha256(text.encode()).hexdigest()
    return row.notices.create(
        number=number,
        template_version=template_version,
        facts=facts,
        text=text,
        sha256=row.document_hash,
        execute_by=execute_by,
        issued_at=at,
        issued_by_id=actor.user_id,
    )


def void_paper(row: Paper, *, reason: str, at: datetime) -> None:
    """Withdraw the document that was issued, if any, and what was signed of it."""
    row.notices.filter(withdrawn_at=None).update(withdrawn_at=at, withdrawn_reason=reason)
    row.number, row.document_hash, row.issued_at = None, "", None
    row.executed_at, row.executed_by_id, row.executed_name = None, None, ""


def put_name(
    row: Paper,
    *,
    typed_name: str,
    document_hash: str,
    second_factor: bool,
    actor: journal.Actor,
    at: datetime,
) -> None:
    """Put a signatory's name to a document, by the hash of what was read. The caller saves the row.

    :raises RefusedError: if no name is typed, another text was read, its day is past, or the
        second factor is missing
    """
    notice = notice_of(row)
    refusals = []
    if not typed_name.strip():
        refusals.append(Refusal("name_missing", "Type your name to sign.", "typed_name"))
    if document_hash != row.document_hash:
        message = "It has changed since you read it. Read it again."
        refusals.append(Refusal("other_document", message, "document_hash"))
    if notice is not None and notice.execute_by < local_date(at):
        message = f"It was to be signed by {notice.execute_by:%-d %B %Y}: ask for a new one."
        refusals.append(Refusal("notice_lapsed", message))
    refusals += _refusals_of_second_factor(actor.person(), proven=second_factor)
    if refusals:
        raise RefusedError(refusals)
    row.executed_at, row.executed_by_id = at, actor.person()
    row.executed_name = typed_name.strip()


def _refusals_of_second_factor(user_id: int, *, proven: bool) -> list[Refusal]:
    if proven:
        return []
    if has_second_factor(user_id):
        message = "Type the code of your second factor."
        return [Refusal("second_factor_needed", message, "code")]
    if current_policy().second_factor:
        message = "The network operator asks every signatory for a second factor: set one up first."
        return [Refusal("second_factor_missing", message, "code")]
    return []


def refusals_of_second_person(
    issued: QuerySet[NoticeDocument], actor: journal.Actor
) -> list[Refusal]:
    """Return why a person may not countersign: the policy asks for two, and this one issued it."""
    if not current_policy().two_persons:
        return []
    own = issued.filter(withdrawn_at=None, issued_by_id=actor.person())
    numbers = ", ".join(own.order_by("pk").values_list("number", flat=True))
    if not numbers:
        return []
    message = f"You issued {numbers}: another person of the network operator countersigns."
    return [Refusal("second_person_needed", message)]
