"""A connection looked up by MPAN on the page of a registration's site: found, and filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict

from connections import services
from connections.registration_forms import PlaceForm
from core import clock
from core.web.actors import actor_of
from core.web.forms import attempt

KNOWN = (
    "We know this connection. Its area is filled in below; say the rest, and hand it in. The "
    "network operator checks that it is yours, and links it."
)
OWN = "This is {site}, one of your sites on record. It is chosen below."
UNKNOWN = "No connection on record has this MPAN. Type the site in below."


@dataclass(frozen=True, slots=True)
class Looked:
    """The page's form with what was found, its status, and the finding in words."""

    form: PlaceForm
    status: int
    words: str = ""


def is_looking(data: QueryDict) -> bool:
    """Tell whether an MPAN is to be looked up: by its button, or for want of any site."""
    mpan = data.get("mpan", "").strip()
    nothing_else = not data.get("site") and not data.get("name", "").strip()
    return bool(mpan) and ("find" in data or nothing_else)


def look_up(request: HttpRequest, form: PlaceForm, sites: Any, **about: Any) -> Looked:
    """Look an MPAN up; nothing that was typed is lost."""
    mpan = "".join(request.POST.get("mpan", "").split())
    form.is_valid()
    if "mpan" in form.errors:
        return Looked(form, 422)
    form.errors.clear()  # the rest is judged once it is handed in
    acts: dict[str, Any] = {"actor": actor_of(request.user), "at": clock.now()}
    found, status = attempt(form, services.find_connection, mpan=mpan, **about, **acts)
    if found is None:
        return Looked(form, status)
    initial: dict[str, Any] = {name: request.POST.get(name, "") for name in form.fields}
    words = UNKNOWN
    if found.site is not None:
        initial["site"], words = found.site.pk, OWN.format(site=found.site)
    elif found.known and found.area is not None:
        initial["area"], words = found.area.pk, KNOWN
        initial[f"{found.direction.lower()}_mpan"] = mpan
    return Looked(PlaceForm(sites=sites, initial=initial), 200, words)
