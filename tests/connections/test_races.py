from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from connections import services
from connections.models import Area, Registration, Site, SiteMpan
from participants.states import Role
from tests.make import AT, actor_of, make_member
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def entering(area: Area, name: str, mpan: str) -> Callable[[], object]:
    trader = make_member(role=Role.TRADER)
    return lambda: services.enter_own_site(
        organisation_id=trader.organisation_id,
        area_id=area.pk,
        name=name,
        assets=[("HYDRO", Decimal(5))],
        mpans=[("IMPORT", mpan)],
        agreement="",
        mic_kva=None,
        mec_kva=None,
        actor=actor_of(trader),
        at=AT,
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
    assert [model.objects.count() for model in (Site, SiteMpan, Registration)] == [1, 1, 1]
