"""What every step of a TCVN does: its lock, its move, its event and its turn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connections import notifications
from connections.lines import to_come
from connections.models import Tcvn
from connections.services.turns import pass_on
from connections.states import TCVN_MACHINE
from core import journal


def locked_tcvn(tcvn_id: int) -> Tcvn:
    rows = Tcvn.objects.select_for_update(of=("self",))
    return rows.select_related("site__organisation", "site__area").get(pk=tcvn_id)


def lock_earmarks(tcvn: Tcvn) -> list[Tcvn]:
    """Lock the sellers' notices on which a buyer's depends."""
    rows = Tcvn.objects.select_for_update(of=("self",)).filter(
        earmark_of__tcvn=tcvn, earmark_of__ended_at=None
    )
    return list(rows.select_related("site__organisation", "site__area").order_by("pk"))


def lock_to_come(tcvn: Tcvn, *, at: datetime) -> list[Tcvn]:
    """Lock those that are agreed to take a notice's place, with their sellers'."""
    ids = to_come(tcvn, at=at)
    ids += Tcvn.objects.filter(earmark_of__tcvn__in=ids).values_list("pk", flat=True)
    rows = Tcvn.objects.select_for_update(of=("self",)).filter(pk__in=ids)
    return list(rows.select_related("site__organisation", "site__area").order_by("pk"))


def lock_with_buyer(tcvn_id: int) -> tuple[Tcvn, Tcvn | None]:
    """Lock a notice, and before it the buyer's whose condition it is.

    The buyer's comes first, as wherever both are locked.
    """
    rows = Tcvn.objects.filter(conditions__seller_tcvn=tcvn_id, conditions__ended_at=None)
    buyer_id = rows.values_list("pk", flat=True).first()
    buyer = locked_tcvn(buyer_id) if buyer_id is not None else None
    return locked_tcvn(tcvn_id), buyer


def move(tcvn: Tcvn, move: str, verb: str, **event: Any) -> Tcvn:
    return moved(tcvn, TCVN_MACHINE.target(move, state=tcvn.state), verb, **event)


def moved(
    tcvn: Tcvn,
    becomes: str,
    verb: str,
    *,
    actor: journal.Actor,
    at: datetime,
    reason: str = "",
    data: Mapping[str, Any] | None = None,
) -> Tcvn:
    was, tcvn.state = tcvn.state, becomes
    tcvn.save()
    journalled(tcvn, verb, was=was, actor=actor, at=at, reason=reason, data=data)
    notifications.tcvn_moved(tcvn, verb=verb, at=at, reason=reason)
    return tcvn


def journalled(
    tcvn: Tcvn,
    verb: str,
    *,
    was: str,
    actor: journal.Actor,
    at: datetime,
    reason: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    journal.record(
        verb=f"connections.tcvn.{verb}",
        subject=tcvn,
        actor=actor,
        at=at,
        from_state=was,
        to_state=tcvn.state,
        reason=reason,
        data={
            "kw": tcvn.capacity_kw,
            "direction": tcvn.direction,
            "sha256": tcvn.document_hash,
            **(data or {}),
        },
    )
    pass_on(tcvn, at=at)
