"""What every page shows: for whom one acts, what is unread, the market's time."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from core import clock
from core.periods import settlement_period


def shell(request: HttpRequest) -> dict[str, Any]:
    now = clock.now()
    return {
        "SITE_NAME": settings.SITE_NAME,
        "DEMO": settings.DEMO,
        "now_utc": now,
        "settlement_period": settlement_period(now)[1],
        "unread_notices": SimpleLazyObject(lambda: _unread(request)),
    }


def _unread(request: HttpRequest) -> int:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return 0
    return int(user.notices.filter(read_at=None).count())
