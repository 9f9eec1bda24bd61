"""The text of a Temporary Capacity Variation Notice: what is signed, to the letter."""

from __future__ import annotations

from connections.models import Tcvn
from connections.states import TcvnRole
from core.periods import LONDON


def notice_text(tcvn: Tcvn) -> str:
    """Return the notice as plain text. Its SHA-256 is on the record."""
    kw = f"{tcvn.capacity_kw.normalize():f} kW"
    direction = tcvn.get_direction_display().lower()
    if tcvn.role == TcvnRole.BUYER:
        what = (
            f"In the half-hours of the window below, the {direction} capacity of the site may be "
            f"raised to {kw}. The site may use capacity above its connection agreement only as far "
            "as it has bought it by a contract that the network operator has approved."
        )
    else:
        buyer = tcvn.earmark_of.tcvn.site
        what = (
            f"In the half-hours of the window below, {kw} of the site's {direction} capacity is "
            f"earmarked for {buyer.name} and may be sold to no one else. The site keeps the use of "
            "it until a contract sells it."
        )
    lines = [
        "TEMPORARY CAPACITY VARIATION NOTICE",
        "",
        f"Number: {tcvn.number}",
        f"Site: {tcvn.site.name}",
        f"Organisation: {tcvn.site.organisation.name}",
        f"Window: {tcvn.window} (local time)",
        f"Half-hours: {len(tcvn.window.half_hours())}",
        "",
        f"1. {what}",
    ]
    lines += [
        f"   It counts only capacity bought from {condition.seller_site.name}, "
        f"up to {condition.kw.normalize():f} kW."
        for condition in tcvn.conditions.select_related("seller_site").order_by("pk")
    ]
    lines += [
        "2. The connection agreement is otherwise unchanged.",
        "3. The notice takes force when the network operator has countersigned it.",
    ]
    if tcvn.issued_at:
        lines += ["", f"Issued: {tcvn.issued_at.astimezone(LONDON):%-d %B %Y}"]
    return "\n".join(lines) + "\n"
