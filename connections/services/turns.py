"""Whose turn it is with an application, its days, reminders, and the targets that set them."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from connections import clocks, notifications
from connections.clock_queries import current_targets
from connections.models import P2pAgreement, Registration, StepTargets, Tcvn, Turn
from connections.permissions import MAY_PUBLISH_TARGETS
from connections.states import RegistrationState, TurnKind
from core import journal
from core.business_days import business_days_between
from core.errors import Refusal, RefusedError
from participants.permissions import check_may


def pass_on(
    row: Registration | Tcvn | P2pAgreement, *, due: date | None = None, at: datetime
) -> Turn | None:
    """End the turn of an application and begin the one that its state calls for, if any.

    The caller holds the application's row. A turn that a question had stopped goes on with the
    days that it had left. ``due``: the day by which it is due, whatever the targets say.
    """
    kind = _waits_for(row)
    last = _ended(row, at=at)
    return _begun(row, kind, last, due=due, at=at) if kind else None


def follow_sellers(buyer: Tcvn | None, *, at: datetime) -> None:
    """Pass a conditional request on if its sellers no longer owe what it waited for, or do now.

    The caller holds its row and has moved a seller's; None: what was moved is no seller's. A
    question stays open.
    """
    if buyer is None:
        return
    turn = buyer.turns.filter(ends_at=None).first()
    if turn is not None and turn.kind not in {TurnKind.ANSWER, _waits_for(buyer)}:
        pass_on(buyer, at=at)


def _waits_for(row: Registration | Tcvn | P2pAgreement) -> TurnKind | None:
    sellers: list[str] = []
    if isinstance(row, Tcvn) and row.state in clocks.TURN_OF_SELLERS:
        conditions = row.conditions.filter(ended_at=None)
        sellers = list(conditions.values_list("seller_tcvn__state", flat=True))
    return clocks.turn_of(str(row._meta.model_name), row.state, sellers)


def asked(row: Registration | Tcvn, *, to: str, at: datetime) -> Turn:
    """Stop the clock of the side that asks: it is the other's turn to answer."""
    last = _ended(row, at=at)
    return _begun(row, TurnKind.ANSWER, last, owner=to, at=at)


def answered(row: Registration | Tcvn, turn: Turn, *, at: datetime) -> None:
    """Give the turn back to who asked. What was returned goes back when it is handed in again."""
    returned = row.state == RegistrationState.RETURNED
    if turn.kind == TurnKind.ANSWER and not returned:
        pass_on(row, at=at)


def _ended(row: Registration | Tcvn | P2pAgreement, *, at: datetime) -> Turn | None:
    last = row.turns.filter(ends_at=None).first()
    if last is not None:
        last.ends_at = max(at, last.starts_at)
        last.save(update_fields=["ends_at"])
    return last


def _begun(
    row: Registration | Tcvn | P2pAgreement,
    kind: TurnKind,
    last: Turn | None,
    *,
    owner: str = "",
    due: date | None = None,
    at: datetime,
) -> Turn:
    nation = row.area.nation
    allowed = current_targets().allowed(kind)
    if due is not None:
        allowed = business_days_between(clocks.local_date(at), due, nation)
    used = _used_before(row, kind, last)
    turn = Turn(
        kind=kind,
        owner=owner or clocks.OWNER_OF[kind],
        nation=nation,
        starts_at=at,
        allowed_days=allowed,
        used_before=used,
        **{str(row._meta.model_name): row},
    )
    if allowed is not None:
        turn.due_date = due or clocks.due_date(at, allowed=allowed, used=used, nation=nation)
        turn.reminded, turn.remind_at = clocks.next_reminder(_moments(turn), at=at)
    turn.save(force_insert=True)
    return turn


def _used_before(row: Registration | Tcvn | P2pAgreement, kind: str, last: Turn | None) -> int:
    """Return the days that a turn had used when a question stopped it; 0 for a new one."""
    if last is None or last.kind != TurnKind.ANSWER:
        return 0
    stopped = row.turns.filter(kind=kind).order_by("-starts_at", "-pk").first()
    if stopped is None or stopped.ends_at is None:
        return 0
    return stopped.used_before + clocks.days_used(
        stopped.starts_at, stopped.ends_at, stopped.nation
    )


def _moments(turn: Turn) -> list[datetime]:
    assert turn.allowed_days is not None  # noqa: S101  # only of turns that are due
    return clocks.reminders(
        turn.starts_at, allowed=turn.allowed_days, used=turn.used_before, nation=turn.nation
    )


@transaction.atomic
def remind(*, turn_id: int, at: datetime) -> bool:
    """Remind whoever has an application, once for each reminder that is due; the last is told."""
    turn = Turn.objects.select_for_update(of=("self",)).get(pk=turn_id)
    if turn.ends_at is not None or turn.remind_at is None or turn.remind_at > at:
        return False
    turn.reminded, turn.remind_at = clocks.next_reminder(_moments(turn), at=at)
    turn.save(update_fields=["reminded", "remind_at"])
    notifications.turn_reminded(turn, at=at)
    return True


def watch_turns(*, at: datetime) -> int:
    """Send the reminders that are due, each in a transaction of its own; return how many."""
    due = Turn.objects.filter(ends_at=None, remind_at__lte=at).order_by("remind_at", "pk")
    return sum(remind(turn_id=pk, at=at) for pk in due.values_list("pk", flat=True))


@transaction.atomic
def publish_targets(*, actor: journal.Actor, at: datetime, **days: int) -> StepTargets:
    """Publish a version of the days that turns may take. Turns that run keep theirs.

    :raises NotPermittedError: if the actor's role in the DSO does not set them
    :raises RefusedError: if a turn gets no day, or the target of the whole is past its outer limit
    """
    check_may(actor, MAY_PUBLISH_TARGETS)
    latest = StepTargets.objects.select_for_update().order_by("-version").first()
    targets = StepTargets(
        version=latest.version + 1 if latest else 1,
        published_at=at,
        published_by_id=actor.user_id,
        **days,
    )
    if refusals := _refusals_of_targets(targets):
        raise RefusedError(refusals)
    targets.save()
    journal.record(
        verb="connections.targets.published",
        subject=targets,
        actor=actor,
        at=at,
        data={"version": targets.version},
    )
    return targets


def _refusals_of_targets(targets: StepTargets) -> list[Refusal]:
    names = [f.name for f in StepTargets._meta.get_fields() if f.name.endswith("_days")]
    refusals = [
        Refusal("target_no_day", "Give it at least one business day.", name)
        for name in names
        if getattr(targets, name) < 1
    ]
    if targets.whole_days > targets.outer_days:
        message = "The target of the whole is within its outer limit."
        refusals.append(Refusal("target_past_limit", message, "whole_days"))
    return refusals
