"""Gather what the rules must know of an organisation and its site. Reads only."""

from __future__ import annotations

from datetime import datetime

from connections import queries as connections
from connections.models import Site
from core.errors import Period, Refusal, RefusedError
from nmf.models import Commitment, MarketParameters
from nmf.rules import Limits, Party
from nmf.states import Side
from participants import queries as participants


def party_of(site: Site, direction: str) -> Party:
    outline = connections.outline_approval(site.pk, direction)
    trading = connections.trading_area(site.area)
    organisation = site.organisation
    return Party(
        organisation_id=organisation.pk,
        organisation=organisation.name,
        site_id=site.pk,
        site=site.name,
        trading_area_id=trading.pk if trading else None,
        opted_in=participants.is_opted_in(organisation.pk),
        may_initiate=organisation.may_initiate,
        may_buy=organisation.may_buy,
        outline_buy_kw=outline.buy_kw,
        outline_sell_kw=outline.sell_kw,
    )


def site_with_owner(site_id: int) -> Site:
    return Site.objects.select_related("organisation", "area__parent__parent").get(pk=site_id)


def current_parameters() -> MarketParameters:
    """Return the market's parameters in force.

    :raises RefusedError: if the DSO has published none yet
    """
    found = MarketParameters.objects.order_by("-version").first()
    if found is None:
        message = "The market is not open: the DSO has published no market parameters yet."
        raise RefusedError([Refusal("market_closed", message)])
    return found


def limits_of(parameters: MarketParameters) -> Limits:
    names = Limits.__dataclass_fields__
    return Limits(**{name: getattr(parameters, name) for name in names})


def commitments_of(
    site_id: int, starts_at: datetime, ends_at: datetime
) -> list[tuple[str, Period]]:
    rows = Commitment.objects.filter(site_id=site_id, starts_at__lt=ends_at, ends_at__gt=starts_at)
    return [(row.service, (row.starts_at, row.ends_at)) for row in rows.order_by("starts_at")]


def other_side(side: str) -> str:
    return Side.SELL if side == Side.BUY else Side.BUY
