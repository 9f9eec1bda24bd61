"""A site of the live market alone, which has changed hands: the demo's change of tenancy.

It stands at the substation of the leisure centre, so that what one lowers is room for the other.
"""

from __future__ import annotations

from datetime import datetime

from connections import services
from connections.models import Area, Site
from core import clock
from data.trial import tables
from participants.models import Organisation
from participants.states import OrganisationKind
from trial import people
from trial.loading import add_site, opt_in, register

ROWS = tables.rows("live_sites.csv")
OWNER = "Local authority estates"  # held it until its tenants took it over
READINGS = "Read by,Day,Register,kWh\nBoth,{:%Y-%m-%d},Import,418230\n"


def lay_site_and_change(*, from_at: datetime) -> Site:
    """Make the site as its owner's, and record that it passes to its tenants at a half-hour."""
    [row], [agreement] = ROWS, tables.rows("live_agreements.csv")
    at = clock.now()
    comes = people.ensure_peer(row["organisation"], at=at)
    opt_in([comes], at=at)
    site = add_site(
        row,
        organisation=Organisation.objects.get(name=OWNER, kind=OrganisationKind.PEER),
        area=Area.objects.get(name=row["area"]),
        assets=[{"technology": "DEMAND", "rated_kw": row["demand_kw"]}],
        agreement=agreement,
        at=at,
    )
    services.record_tenancy_change(
        site_id=site.pk,
        comes_id=comes.pk,
        signatory_id=people.administrator_of(comes).person(),
        from_at=from_at,
        reason="The shops have leased the arcade from its owner.",
        file_name="meter-readings-at-handover.csv",
        file_content=READINGS.format(from_at).encode(),
        supplier="Thames Vale Energy",
        supplier_told_on=at.date(),
        actor=people.actor_of(people.ENGINEER),
        at=at,
    )
    return site


def lay_arrival(site: Site) -> None:
    """Let the change come, and the tenants register what they hold now."""
    services.apply_tenancy_changes(at=clock.now())
    site.refresh_from_db()
    register(site, at=clock.now())
