"""Lay beside the replayed trial what its trades need in the coming weeks, and print it as JSON.

Run in the set-up's environment, as an operator runs a command: the forecasts of the historical
weeks for the coming ones, the buyers' TCVNs, decisions by hand, a token of the API for every
trader, and a log-in with a second factor for the engineer.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import django

HALF_HOURS = 48
SPAN = timedelta(days=8)  # a week, and the morning on which its last night ends
Weeks = dict[date, date]
"""The first day of a historical week, and the one it moves to."""


def coming_weeks(today: date) -> Weeks:
    """Move the trades' weeks, one after the other, to the first ones that are open for requests.

    By whole weeks, and never over a clock change: the hours would be others.
    """
    from core.periods import local_midnight
    from data.trial import tables

    found: Weeks = {}
    earliest = today + timedelta(days=8)
    trades = tables.rows("tp1_trades.csv")
    for first in sorted({tables.trade_window(row).first_date for row in trades}):
        moved = earliest + timedelta(days=(first - earliest).days % 7)
        while local_midnight(moved + SPAN) - local_midnight(moved) != SPAN:
            moved += timedelta(weeks=1)
        found[first] = moved
        earliest = moved + SPAN + timedelta(days=2)
    return found


def forecasts(weeks: Weeks) -> Iterator[Any]:
    """Yield rows that give the coming weeks what was forecast at the same local times."""
    from connections.models import Site
    from core.periods import local_midnight
    from data.trial import profiles, tables
    from psa.services import ForecastRow

    sites = dict(Site.objects.values_list("name", "pk"))
    for first, moved in weeks.items():
        for n in range(-1, SPAN.days):  # in summer a local day begins on the UTC day before
            day = datetime.combine(moved + timedelta(days=n), time(), UTC)
            then = day - local_midnight(moved) + local_midnight(first)
            for row in tables.rows("sites.csv"):
                exported, imported = profiles.site_forecast(row, then, HALF_HOURS)
                yield ForecastRow(
                    starts_at=day,
                    export_kw=exported,
                    import_kw=imported,
                    site_id=sites[row["site"]],
                    export_power_factor=float(row["export_power_factor"]),
                    import_power_factor=float(row["import_power_factor"]),
                )
            for row in tables.rows("background.csv"):
                exported, imported = profiles.background_forecast(row, then, HALF_HOURS)
                yield ForecastRow(
                    starts_at=day,
                    export_kw=exported,
                    import_kw=imported,
                    bus=row["bus"],
                    import_power_factor=float(row["power_factor"]),
                )


def lay(password: str, secret: str) -> dict[str, Any]:
    from connections.models import Site
    from core import clock
    from core.periods import LONDON
    from core.windows import ServiceWindow
    from data.trial import tables
    from psa import services as psa
    from psa.states import ForecastKind
    from trial import people
    from trial.loading import study_area
    from trial.replay import lay_tcvn_in_force
    from wsc.services import publish_policy
    from wsc.states import Mode

    now = clock.now()
    weeks = coming_weeks(now.astimezone(LONDON).date())
    area, manager = study_area(), people.actor_of(people.MANAGER)
    psa.publish_forecast(
        area_id=area.pk,
        kind=ForecastKind.OPERATIONAL,
        source="The trial's winter, moved",
        rows=list(forecasts(weeks)),
        actor=manager,
        at=now,
    )
    publish_policy(area_id=area.pk, mode=Mode.MANUAL, actor=manager, at=now)
    for row in tables.rows("tcvns.csv"):
        if row["laid"] == "trial":
            lay_tcvn_in_force(
                site=Site.objects.select_related("organisation").get(name=row["site"]),
                direction=row["direction"],
                capacity_kw=Decimal(row["capacity_kw"]),
                window=ServiceWindow(min(weeks.values()), max(weeks.values()) + SPAN),
                reason=row["reason"],
                at=now,
            )
    _open_log_in(people.ENGINEER, password, secret)
    return {
        "weeks": {f"{first}": f"{moved}" for first, moved in weeks.items()},
        "traders": {
            site.name: {
                "site": site.pk,
                "email": people.email_of(site.organisation.name),
                "token": _token(people.trader_of(site.organisation), site.organisation_id, now),
            }
            for site in Site.objects.select_related("organisation")
        },
    }


def _token(actor: Any, organisation_id: int, at: datetime) -> str:
    from participants.services import organisations
    from participants.states import TokenScope

    _, text = organisations.issue_token(
        organisation_id=organisation_id,
        name="A program of the peer's",
        scope=TokenScope.TRADE,
        lasts=timedelta(days=1),
        actor=actor,
        at=at,
    )
    return text


def _open_log_in(email: str, password: str, secret: str) -> None:
    """Give a person what enrolment gives: a password, a confirmed address, a second factor."""
    from allauth.account.models import EmailAddress
    from allauth.mfa.totp.internal.auth import TOTP

    from participants.models import User

    user = User.objects.get(email=email)
    user.set_password(password)
    user.save()
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    TOTP.activate(user, secret)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    json.dump(lay(*sys.argv[1:]), sys.stdout)
