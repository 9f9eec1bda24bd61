"""What every step of a TCVN does: its lock, its move, its event and its turn."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connections import notifications
from connections.models import Tcvn
from connections.services.turns import pass_on
from connections.states import TCVN_MACHINE
from core import journal


def locked_tcvn(tcvn_id: int) -> Tcvn:
    rows = Tcvn.objects.select_for_update(of=("self",))
    return rows.select_related("site__organisation", "site__area").get(pk=tcvn_id)


def lock_earmarks(tcvn: Tcvn) -> list[Tcvn]:
    """Lock the sellers' notices on which a buyer's depends."""
    rows = Tcvn.objects.select_for_update(of=("self",)).filter(earmark_of__tcvn=tcvn)
    return list(rows.select_related("site__organisation").order_by("pk"))


def move(tcvn: Tcvn, move: str, verb: str, **event: Any) -> Tcvn:
    return moved(tcvn, TCVN_MACHINE.target(move, state=tcvn.state), verb, **event)


def moved(
    tcvn: Tcvn, becomes: str, verb: str, *, actor: journal.Actor, at: datetime, reason: str = ""
) -> Tcvn:
    was, tcvn.state = tcvn.state, becomes
    tcvn.save()
    journalled(tcvn, verb, was=was, actor=actor, at=at, reason=reason)
    notifications.tcvn_moved(tcvn, verb=verb, at=at)
    return tcvn


def journalled(
    tcvn: Tcvn, verb: str, *, was: str, actor: journal.Actor, at: datetime, reason: str = ""
) -> None:
    journal.record(
        verb=f"connections.tcvn.{verb}",
        subject=tcvn,
        actor=actor,
        at=at,
        from_state=was,
        to_state=tcvn.state,
        reason=reason,
        data={"kw": tcvn.capacity_kw, "direction": tcvn.direction},
    )
    pass_on(tcvn, at=at)
