"""What a site may send to its electricity supplier about a TCVN. The product sends nothing."""

from __future__ import annotations

from connections.models import Tcvn
from connections.states import TcvnRole


def words_for_supplier(tcvn: Tcvn) -> str:
    """Return a text to be sent, with the meter points, the window, and the capacity in it."""
    mpans = tcvn.site.mpans.filter(direction=tcvn.direction).order_by("pk")
    kw, direction = f"{tcvn.capacity_kw.normalize():f} kW", tcvn.get_direction_display().lower()
    says = (
        f"may {direction} up to {kw}, as far as the site has bought capacity for it"
        if tcvn.role == TcvnRole.BUYER
        else f"may sell up to {kw} of its {direction} capacity, and use as much less"
    )
    numbers = ", ".join(each.mpan for each in mpans) or "none on record"
    return (
        f"Temporary Capacity Variation Notice {tcvn}\n"
        f"Site: {tcvn.site.name}\n"
        f"MPAN ({direction}): {numbers}\n"
        f"In this window (local time): {tcvn.window}\n\n"
        f"By agreement with our network operator this connection {says}. "
        "The connection agreement is otherwise unchanged. Please tell us if this concerns our "
        "contract with you."
    )
