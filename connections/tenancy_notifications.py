"""Who is told that a site changes hands: both organisations. Everything goes into the outbox."""

from __future__ import annotations

from datetime import datetime

from connections.models import TenancyChange
from core.periods import LONDON
from participants.services import notices

KIND = "connections.tcvn"


def tenancy_recorded(change: TenancyChange, *, at: datetime) -> None:
    """Tell each side what follows for it."""
    when = _when(change)
    _tell(
        change,
        change.leaves_id,
        title=f"{change.site.name} passes to {change.comes} on {when}",
        body="Its notices end then, what you have under way for it is withdrawn, and nothing can "
        "be agreed beyond it. You keep your own past: register, statements and contracts.",
        link=f"/sites/{change.site_id}/capacity-register/",
        at=at,
    )
    offers = change.offers.count()
    body = "Its connection agreement comes with it. Register it then to trade."
    if offers:
        body += (
            f" {offers} notice{'s are' if offers > 1 else ' is'} offered to you: "
            f"{change.signatory} signs before {when}, or they lapse."
        )
    _tell(
        change,
        change.comes_id,
        title=f"{change.site.name} passes to you on {when}",
        body=body,
        link="/applications/",
        at=at,
    )


def tenancy_cancelled(change: TenancyChange, *, reason: str, at: datetime) -> None:
    for organisation_id in (change.leaves_id, change.comes_id):
        _tell(
            change,
            organisation_id,
            title=f"{change.site.name} does not change hands",
            body=reason,
            link="/sites/",
            at=at,
        )


def tenancy_applied(change: TenancyChange, *, at: datetime) -> None:
    _tell(
        change,
        change.leaves_id,
        title=f"{change.site.name} has passed to {change.comes}",
        body="Your signatories and preparers of the site have ended.",
        link=f"/sites/{change.site_id}/capacity-register/",
        at=at,
    )
    _tell(
        change,
        change.comes_id,
        title=f"{change.site.name} is yours now",
        body=f"{change.signatory} signs for it. Register it to trade.",
        link=f"/sites/{change.site_id}/",
        at=at,
    )


def _tell(
    change: TenancyChange, organisation_id: int, *, title: str, body: str, link: str, at: datetime
) -> None:
    told = change.supplier_told_on
    supplier = [("Supplier", f"{change.supplier}, told on {told:%-d %B %Y}")] if told else []
    notices.notify(
        kind=KIND,
        recipients=notices.traders_of(organisation_id),
        organisation_id=organisation_id,
        title=title,
        body=body,
        facts=[
            ("Site", change.site.name),
            ("Leaves", str(change.leaves)),
            ("Comes", str(change.comes)),
            ("From", _when(change)),
            ("Reason", change.reason),
            *supplier,
        ],
        link=link,
        at=at,
    )


def _when(change: TenancyChange) -> str:
    return f"{change.from_at.astimezone(LONDON):%-d %B %Y, %H:%M}"
