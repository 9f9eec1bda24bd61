"""Lay two peers who trade in a small studied area, decided by policy, and print their tokens.

Run in the environment of a production set-up, as an operator runs a command.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, time, timedelta
from typing import Any

import django


def lay() -> dict[str, Any]:
    from connections.models import Registration
    from connections.states import RegistrationState
    from core import clock
    from core.journal import SYSTEM
    from nmf.models import MarketParameters
    from participants.models import TermsAcceptance, TermsDocument, User
    from participants.services import organisations
    from participants.states import Role, TermsKind, TokenScope
    from psa import services as psa
    from psa.states import ForecastKind
    from tests.make import actor_of, make_member
    from tests.psa.world import make_world
    from wsc.services import publish_policy
    from wsc.states import Mode

    now = clock.now()
    world = make_world(with_forecasts=False)
    MarketParameters.objects.create(version=1, published_at=now)
    terms = [
        TermsDocument.objects.create(kind=kind, version=1, text="Terms", published_at=now)
        for kind in TermsKind.values
    ]
    midnight = datetime.combine(now.date(), time(), UTC)
    sites = (world.mill, world.farm, world.school)
    psa.publish_forecast(
        area_id=world.area.pk,
        kind=ForecastKind.OPERATIONAL,
        source="test",
        rows=[
            psa.ForecastRow(
                starts_at=midnight + timedelta(days=n),
                site_id=site.pk,
                export_kw=[250.0] * 48,
                import_kw=[5.0] * 48,
            )
            for n in range(60)
            for site in sites
        ],
        actor=SYSTEM,
        at=now,
    )
    publish_policy(area_id=world.area.pk, mode=Mode.AUTOMATIC, actor=SYSTEM, at=now)
    found: dict[str, Any] = {}
    for site in (world.mill, world.farm):
        email = f"{site.name.lower()}@example.org"
        member = make_member(site.organisation, Role.TRADER, email=email)
        user = User.objects.get(pk=member.user_id)
        Registration.objects.create(
            site=site,
            organisation=site.organisation,
            state=RegistrationState.APPROVED,
            created_by=user,
            created_at=now,
            decided_at=now,
            max_buy_export_kw=500,
            max_sell_export_kw=500,
        )
        for document in terms:
            TermsAcceptance.objects.create(
                document=document, organisation=site.organisation, user=user, accepted_at=now
            )
        _, token = organisations.issue_token(
            organisation_id=site.organisation_id,
            name="A program of the peer's",
            scope=TokenScope.TRADE,
            lasts=timedelta(days=1),
            actor=actor_of(member),
            at=now,
        )
        found[site.name] = {"site": site.pk, "email": email, "token": token}
    return found


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    json.dump(lay(), sys.stdout)
