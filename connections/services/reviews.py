"""The DSO's checklist of a registration (step 2), and the dialogue on any application."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from connections import notifications
from connections.models import Message, Note, Registration, ReviewCheck, Tcvn
from connections.permissions import (
    MAY_ASSESS,
    MAY_REVIEW,
    check_may_act_for_organisation,
    prepares,
)
from connections.services.registrations import locked
from connections.services.turns import answered, asked
from connections.states import (
    CLOSED_REGISTRATION,
    CLOSED_TCVN,
    REGISTRATION_MACHINE,
    CheckItem,
    Owner,
)
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may, role_of

CLOSED = CLOSED_TCVN | CLOSED_REGISTRATION
LONGEST_TEXT = 4000


@transaction.atomic
def record_checks(
    *,
    registration_id: int,
    found: Mapping[str, tuple[bool, str]],
    actor: journal.Actor,
    at: datetime,
) -> Registration:
    """Record what an engineer found of items of the checklist: met or not, and a note.

    An item that is found as before keeps who found it and when.

    :raises WrongStateError: if the registration is not with the DSO
    """
    registration = locked(registration_id)
    check_may(actor, MAY_REVIEW)
    REGISTRATION_MACHINE.target("approve", state=registration.state)
    known = {each.item: each for each in registration.checks.all()}
    for item, (met, note) in found.items():
        was = known.get(item)
        if was is not None and (was.met, was.note) == (met, note):
            continue
        check, _ = ReviewCheck.objects.update_or_create(
            registration=registration,
            item=CheckItem(item),
            defaults={
                "met": met,
                "note": note,
                "checked_at": at,
                "checked_by_id": actor.user_id,
            },
        )
        journal.record(
            verb="connections.check.recorded",
            subject=check,
            actor=actor,
            at=at,
            data={"registration": registration.pk, "item": item, "met": met},
        )
    return registration


@transaction.atomic
def write_message(
    *,
    registration_id: int | None = None,
    tcvn_id: int | None = None,
    text: str,
    asks: bool = False,
    actor: journal.Actor,
    at: datetime,
) -> Message:
    """Write to the other side on an application, on the record.

    A question of the side that has the application stops its clock and is the other's turn; the
    answer gives it back. A registration that was returned goes back when it is handed in again.

    :raises NotPermittedError: if the actor is of neither side
    :raises RefusedError: if there is no text, it is over, or a question is not this side's to ask
    """
    row: Registration | Tcvn
    if registration_id is not None:
        row = locked(registration_id)
    else:
        tcvns = Tcvn.objects.select_for_update(of=("self",))
        row = tcvns.select_related("site__organisation", "site__area").get(pk=tcvn_id or 0)
    side = _side_of(row, actor)
    open_turn = row.turns.filter(ends_at=None).first()
    refusals = []
    if not text.strip() or len(text) > LONGEST_TEXT:
        message = f"Write something, in {LONGEST_TEXT} characters at the most."
        refusals.append(Refusal("no_text", message, "text"))
    if row.state in CLOSED:
        message = "It is over: there is nobody to write to."
        refusals.append(Refusal("application_over", message, "text"))
    if asks and (open_turn is None or open_turn.owner != side):
        message = "A question that stops the clock is for the side whose turn it is."
        refusals.append(Refusal("not_your_turn", message, "asks"))
    if refusals:
        raise RefusedError(refusals)
    message_row = Message.objects.create(
        registration=row if isinstance(row, Registration) else None,
        tcvn=row if isinstance(row, Tcvn) else None,
        side=side,
        text=text.strip(),
        asks=asks,
        written_at=at,
        written_by_id=actor.user_id,
    )
    if asks:
        asked(row, to=Owner.PARTICIPANT if side == Owner.DSO else Owner.DSO, at=at)
    elif open_turn is not None and open_turn.owner == side:
        answered(row, open_turn, at=at)
    journal.record(
        verb=f"connections.{row._meta.model_name}.{'asked' if asks else 'written_to'}",
        subject=row,
        actor=actor,
        at=at,
        data={"message": message_row.pk, "side": side},
    )
    notifications.message_written(message_row, row, at=at)
    return message_row


@transaction.atomic
def add_note(
    *,
    registration_id: int | None = None,
    tcvn_id: int | None = None,
    text: str,
    actor: journal.Actor,
    at: datetime,
) -> Note:
    """Note something on an application, for the operator's own people (DSO). Also once it is over.

    :raises RefusedError: if there is no text, or too much
    """
    row: Registration | Tcvn
    if registration_id is not None:
        row = locked(registration_id)
    else:
        row = Tcvn.objects.select_for_update(of=("self",)).get(pk=tcvn_id or 0)
    check_may(actor, MAY_REVIEW if isinstance(row, Registration) else MAY_ASSESS)
    if not text.strip() or len(text) > LONGEST_TEXT:
        message = f"Write something, in {LONGEST_TEXT} characters at the most."
        raise RefusedError([Refusal("no_text", message, "text")])
    note = Note.objects.create(
        registration=row if isinstance(row, Registration) else None,
        tcvn=row if isinstance(row, Tcvn) else None,
        text=text.strip(),
        written_at=at,
        written_by_id=actor.person(),
    )
    data = {f"{row._meta.model_name}_id": row.pk}
    journal.record(verb="connections.note.written", subject=note, actor=actor, at=at, data=data)
    return note


def _side_of(row: Registration | Tcvn, actor: journal.Actor) -> Owner:
    registration_id = row.pk if isinstance(row, Registration) else row.registration_id
    organisation_id = row.organisation.pk
    if prepares(registration_id=registration_id, user_id=actor.user_id):
        return Owner.PARTICIPANT
    if role_of(user_id=actor.user_id, organisation_id=organisation_id) is not None:
        check_may_act_for_organisation(organisation_id=organisation_id, actor=actor)
        return Owner.PARTICIPANT
    check_may(actor, MAY_REVIEW if isinstance(row, Registration) else MAY_ASSESS)
    return Owner.DSO
