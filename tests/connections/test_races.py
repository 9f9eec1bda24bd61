from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from connections import services
from connections.models import Area, Registration, Site, SiteMpan
from core.journal import SYSTEM
from participants.states import Role
from tests.make import AT, actor_of, make_member
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def entering(area: Area, name: str, mpan: str) -> Callable[[], object]:
    """Let the operator make the site that a peer has typed in and handed in."""
    trader = make_member(role=Role.TRADER)
    registration = services.propose_registration(
        organisation_id=trader.organisation_id,
        proposal={"name": name, "area_id": area.pk, "import_mpan": mpan},
        assets=[("HYDRO", Decimal(5))],
        sell_import_kw=Decimal(5),
        months=[1],
        weekdays=[1],
        actor=actor_of(trader),
        at=AT,
    )
    services.submit_registration(registration_id=registration.pk, actor=actor_of(trader), at=AT)
    return lambda: services.settle_site(
        registration_id=registration.pk, site_id=None, actor=SYSTEM, at=AT
    )


@pytest.mark.parametrize("_round", range(3))
@pytest.mark.parametrize(
    ("names", "mpans"),
    [
        (("Weir", "Weir"), ("2000000000015", "2000000000024")),
        (("Weir", "Mill"), ("2000000000015", "2000000000015")),
    ],
)
def test_two_who_enter_one_name_or_one_mpan_at_once_get_one_site(
    names: tuple[str, str], mpans: tuple[str, str], _round: int
) -> None:
    area = Area.objects.create(name="Primary", kind="PRIMARY", tradable=True)
    calls = [entering(area, name, mpan) for name, mpan in zip(names, mpans, strict=True)]

    outcomes = at_once(*calls)

    assert outcomes == ["done", "refused"]
    assert [model.objects.count() for model in (Site, SiteMpan, Registration)] == [1, 1, 2]
