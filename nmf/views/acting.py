"""For whom a page is asked, and what that member may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from core import clock
from core.journal import Actor
from participants.middleware import membership_of
from participants.models import Membership, Organisation
from participants.states import HOLDS, OrganisationKind, Role


@dataclass(frozen=True, slots=True)
class Me:
    """The acting member, at the moment of the request."""

    user_id: int
    organisation: Organisation
    role: Role
    at: datetime

    @classmethod
    def of(cls, membership: Membership) -> Me:
        return cls(
            user_id=membership.user_id,
            organisation=membership.organisation,
            role=Role(membership.role),
            at=clock.now(),
        )

    @property
    def actor(self) -> Actor:
        return Actor(self.user_id)

    @property
    def may_trade(self) -> bool:
        return Role.TRADER in HOLDS[self.role]

    @property
    def is_dso(self) -> bool:
        return self.organisation.kind == OrganisationKind.DSO


def for_members(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Give a page the acting member; whoever is in no organisation yet is sent to that page."""

    @login_required
    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        membership = membership_of(request)
        if membership is None:
            return redirect("/organisation/")
        return view(request, Me.of(membership), *args, **kwargs)

    return page
