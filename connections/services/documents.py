"""Documents of applications: checked by content, kept with their hash."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from django.db import transaction

from connections import content as contents
from connections.models import Document, Registration
from connections.permissions import check_may_prepare
from connections.states import REGISTRATION_MACHINE
from core import journal
from core.errors import Refusal, RefusedError

MOST_DOCUMENTS = 20
DECIDED = REGISTRATION_MACHINE.final


@transaction.atomic
def attach_document(
    *, registration_id: int, name: str, content: bytes, actor: journal.Actor, at: datetime
) -> Document:
    """Attach a file to an application that is not decided. The same file twice is kept once.

    :raises RefusedError: if it is empty, too large, of a kind that is not taken, or one too many
    """
    registration = Registration.objects.select_for_update(of=("self",)).get(pk=registration_id)
    check_may_prepare(registration=registration, actor=actor)
    refusals = contents.refusals_of_file(content)
    if registration.state in DECIDED:
        message = "It is decided: nothing is attached any more."
        refusals.append(Refusal("application_decided", message, "file"))
    if registration.documents.count() >= MOST_DOCUMENTS:
        message = f"An application has at most {MOST_DOCUMENTS} documents."
        refusals.append(Refusal("too_many_documents", message, "file"))
    if refusals:
        raise RefusedError(refusals)
    digest = sha256(content).hexdigest()
    known = registration.documents.filter(sha256=digest).first()
    if known is not None:
        return known
    media_type = contents.media_type_of(content) or ""
    document = Document.objects.create(
        registration=registration,
        name=contents.safe_name(name, media_type),
        media_type=media_type,
        size=len(content),
        sha256=digest,
        content=content,
        uploaded_at=at,
        uploaded_by_id=actor.person(),
    )
    _journal(document, "attached", actor=actor, at=at)
    return document


@transaction.atomic
def remove_document(*, document_id: int, actor: journal.Actor, at: datetime) -> None:
    """Take a document off an application that was never handed in.

    :raises RefusedError: if the operator has seen it
    """
    document = Document.objects.select_related("registration").get(pk=document_id)
    registration = Registration.objects.select_for_update(of=("self",)).get(
        pk=document.registration_id or 0
    )
    check_may_prepare(registration=registration, actor=actor)
    if registration.submitted_at is not None:
        message = "The operator has it on record: attach a better one beside it."
        raise RefusedError([Refusal("document_on_record", message)])
    _journal(document, "removed", actor=actor, at=at)
    document.delete()


def _journal(document: Document, verb: str, *, actor: journal.Actor, at: datetime) -> None:
    journal.record(
        verb=f"connections.document.{verb}",
        subject=document,
        actor=actor,
        at=at,
        data={
            "registration": document.registration_id,
            "sha256": document.sha256,
            "size": document.size,
        },
    )
