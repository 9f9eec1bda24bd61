"""What a site does for its TCVN: the limitation scheme's setting, the notice to its supplier."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django.db import transaction

from connections import content as contents
from connections import notifications
from connections.clocks import local_date
from connections.models import Document, LimitationSetting, SupplierNotice, Tcvn
from connections.permissions import check_may_act_for
from connections.services.tcvns.moving import locked_tcvn
from connections.states import CLOSED_TCVN, NOTICE_IN_USE, TcvnRole, TcvnState
from core import journal
from core.errors import Refusal, RefusedError, WrongStateError

OVER = CLOSED_TCVN | {TcvnState.SUSPENDED}


@transaction.atomic
def record_limitation(
    *,
    tcvn_id: int,
    before_kw: Decimal,
    after_kw: Decimal,
    changed_by: str,
    changed_on: date,
    tested_by: str,
    tested_on: date,
    file_name: str,
    file_content: bytes,
    actor: journal.Actor,
    at: datetime,
) -> LimitationSetting:
    """Record how a limitation scheme (EREC G100) is set for a notice, with the test's evidence.

    :raises WrongStateError: if no notice is issued, or it is over
    :raises RefusedError: if it is on record already, its days are in the wrong order, its setting
        is above the notice's ceiling, or the file is not taken
    """
    tcvn = _of_peer(tcvn_id, actor)
    refusals = contents.refusals_of_file(file_content)
    if LimitationSetting.objects.filter(tcvn=tcvn).exists():
        refusals.append(Refusal("limitation_recorded", "It is on record already."))
    if tcvn.role == TcvnRole.BUYER and after_kw > tcvn.capacity_kw:
        message = f"The notice gives {tcvn.capacity_kw.normalize():f} kW at the most."
        by_kw = after_kw - tcvn.capacity_kw
        refusals.append(Refusal("above_notice", message, "after_kw", by_kw=by_kw))
    refusals += _refusals_of_days(changed_on, tested_on, at=at)
    if refusals:
        raise RefusedError(refusals)
    setting = LimitationSetting.objects.create(
        tcvn=tcvn,
        before_kw=before_kw,
        after_kw=after_kw,
        changed_by=changed_by,
        changed_on=changed_on,
        tested_by=tested_by,
        tested_on=tested_on,
        evidence=_kept(tcvn, file_name, file_content, actor=actor, at=at),
        recorded_at=at,
        recorded_by_id=actor.person(),
    )
    data = {"before_kw": before_kw, "after_kw": after_kw}
    _journal(tcvn, "limitation_set", data, actor=actor, at=at)
    return setting


def _refusals_of_days(changed_on: date, tested_on: date, *, at: datetime) -> list[Refusal]:
    refusals = []
    if tested_on < changed_on:
        message = "It is tested on the day it was changed, or later."
        refusals.append(Refusal("tested_before_changed", message, "tested_on"))
    if max(changed_on, tested_on) > local_date(at):
        message = "Record it once it is changed and tested."
        refusals.append(Refusal("day_to_come", message, "tested_on"))
    return refusals


def _kept(tcvn: Tcvn, name: str, content: bytes, *, actor: journal.Actor, at: datetime) -> Document:
    media_type = contents.media_type_of(content) or ""
    return Document.objects.create(
        tcvn=tcvn,
        name=contents.safe_name(name, media_type),
        media_type=media_type,
        size=len(content),
        sha256=sha256(content).hexdigest(),
        content=content,
        uploaded_at=at,
        uploaded_by_id=actor.person(),
    )


@transaction.atomic
def record_set_back(
    *, tcvn_id: int, set_back_by: str, set_back_on: date, actor: journal.Actor, at: datetime
) -> LimitationSetting:
    """Record that a limitation scheme has its setting of before again.

    :raises WrongStateError: if none was changed, or it is set back already
    :raises RefusedError: if the day is to come, or before the change
    """
    tcvn = locked_tcvn(tcvn_id)
    check_may_act_for(site=tcvn.site, actor=actor)
    setting = LimitationSetting.objects.filter(tcvn=tcvn, set_back_on=None).first()
    if setting is None:
        raise WrongStateError("connections.tcvn.nothing_to_set_back", "Nothing is to be set back.")
    if not setting.changed_on <= set_back_on <= local_date(at):
        message = "It was set back after it was changed, and today at the latest."
        raise RefusedError([Refusal("set_back_day", message, "set_back_on")])
    setting.set_back_by, setting.set_back_on = set_back_by, set_back_on
    setting.save(update_fields=["set_back_by", "set_back_on"])
    _journal(tcvn, "limitation_set_back", {"kw": setting.before_kw}, actor=actor, at=at)
    return setting


@transaction.atomic
def record_supplier_notice(
    *, tcvn_id: int, supplier: str, told_on: date, actor: journal.Actor, at: datetime
) -> SupplierNotice:
    """Record that a site's supplier was told of a notice.

    :raises WrongStateError: if no notice is issued, or it is over
    :raises RefusedError: if the day is to come
    """
    tcvn = _of_peer(tcvn_id, actor)
    if told_on > local_date(at):
        message = "Record it once the supplier has been told."
        raise RefusedError([Refusal("day_to_come", message, "told_on")])
    made = SupplierNotice.objects.create(
        tcvn=tcvn,
        supplier=supplier,
        told_on=told_on,
        recorded_at=at,
        recorded_by_id=actor.person(),
    )
    _journal(tcvn, "supplier_told", {"told_on": told_on}, actor=actor, at=at)
    return made


def _of_peer(tcvn_id: int, actor: journal.Actor) -> Tcvn:
    tcvn = locked_tcvn(tcvn_id)
    check_may_act_for(site=tcvn.site, actor=actor)
    if tcvn.state not in NOTICE_IN_USE:
        raise WrongStateError(
            "connections.tcvn.no_notice_in_use", "This goes with a notice that is issued."
        )
    return tcvn


@transaction.atomic
def remind_to_set_back(*, tcvn_id: int, at: datetime) -> bool:
    """Remind a site once, when its notice is over, to set its limitation scheme back."""
    tcvn = locked_tcvn(tcvn_id)
    setting = LimitationSetting.objects.filter(
        tcvn=tcvn, set_back_on=None, reminded_at=None
    ).first()
    if setting is None or not is_over(tcvn, at=at):
        return False
    setting.reminded_at = at
    setting.save(update_fields=["reminded_at"])
    notifications.set_back_asked(setting, at=at)
    return True


def is_over(tcvn: Tcvn, *, at: datetime) -> bool:
    """Tell whether a notice gives nothing any more: ended, suspended, or its window over."""
    last = tcvn.spans.order_by("-ends_at").first()
    return tcvn.state in OVER or (
        tcvn.state == TcvnState.IN_FORCE and last is not None and last.ends_at <= at
    )


def remind_all_to_set_back(*, at: datetime) -> int:
    """Remind those that are due, each in a transaction of its own; return how many."""
    waiting = LimitationSetting.objects.filter(set_back_on=None, reminded_at=None)
    ids = waiting.order_by("pk").values_list("tcvn_id", flat=True)
    return sum(remind_to_set_back(tcvn_id=pk, at=at) for pk in ids)


def _journal(
    tcvn: Tcvn, verb: str, data: dict[str, Any], *, actor: journal.Actor, at: datetime
) -> None:
    journal.record(verb=f"connections.tcvn.{verb}", subject=tcvn, actor=actor, at=at, data=data)
