from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from connections.models import Area
from core.errors import WrongStateError
from core.journal import SYSTEM
from core.models import Event
from psa import queries, running, services, time_limit
from psa.inputs import Gap
from psa.models import AreaHeadroom, SiteHeadroom
from tests.psa.world import DAY, FIRST_DAY, World, make_world, publish_forecasts
from tests.wsc.market import set_policy

NOON = FIRST_DAY + timedelta(hours=12)
COVERED = 6 * 48 + 24  # of 14 days, seven of which have a forecast

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> World:
    return make_world()


def kept(world: World, name: str, direction: str = "EXPORT") -> SiteHeadroom:
    return SiteHeadroom.objects.get(site__name=name, direction=direction)


def refreshed(at: object = NOON) -> int:
    with time_machine.travel(at, tick=False):  # type: ignore[arg-type]
        return running.refresh_headroom()


def test_every_site_has_its_headroom_and_what_binds_where_there_is_a_forecast(
    world: World,
) -> None:
    assert refreshed() == 1

    headroom = AreaHeadroom.objects.get(area=world.area)
    assert headroom.starts_at == NOON
    assert headroom.computed_at == NOON
    assert headroom.revision == world.area.revision
    assert headroom.network_model == world.model
    assert headroom.gap == ""
    assert SiteHeadroom.objects.count() == 6
    farm = kept(world, "Farm")
    assert len(farm.kw) == len(farm.binding) == 14 * 48
    # 686 kVA of the second line less what the two farms export net: 245 kW each.
    assert farm.kw[0] == pytest.approx(196, abs=2)
    assert headroom.constraints[farm.binding[0]]["element"] == "Line 2"
    assert farm.kw[COVERED:] == [None] * (14 * 48 - COVERED)
    # Nothing of the network binds the mill before its own 1,000 kVA: 400 kW of it are used.
    assert kept(world, "Mill").kw[0] == 600
    assert kept(world, "Mill").binding[0] == -1


def test_many_changes_make_one_computation_and_none_without_a_change(world: World) -> None:
    assert refreshed() == 1
    assert refreshed(NOON + timedelta(minutes=5)) == 0

    Area.objects.filter(pk=world.area.pk).update(revision=world.area.revision + 3)

    assert refreshed(NOON + timedelta(minutes=10)) == 1
    assert refreshed(NOON + timedelta(minutes=15)) == 0
    assert AreaHeadroom.objects.get().revision == world.area.revision + 3


def test_it_is_computed_anew_every_night(world: World) -> None:
    refreshed()

    assert refreshed(FIRST_DAY + DAY - timedelta(minutes=1)) == 0
    assert refreshed(FIRST_DAY + DAY + timedelta(minutes=1)) == 1
    assert AreaHeadroom.objects.get().starts_at == FIRST_DAY + DAY


def test_studies_that_wait_come_first(world: World) -> None:
    world.ask(world.question(kw=10))

    assert refreshed() == 0
    assert not AreaHeadroom.objects.exists()


def test_a_change_while_it_is_computed_leaves_it_old(world: World) -> None:
    claim = services.claim_headroom(area_id=world.area.pk, at=NOON)
    assert claim is not None
    Area.objects.filter(pk=world.area.pk).update(revision=world.area.revision + 1)

    services.record_headroom(claim=claim, found=Gap("none"), at=NOON)

    assert AreaHeadroom.objects.get().revision == world.area.revision
    assert queries.areas_with_old_headroom(NOON) == [world.area.pk]


def test_one_worker_computes_it_at_a_time_and_one_whose_lease_was_taken_over_writes_nothing(
    world: World,
) -> None:
    claim = services.claim_headroom(area_id=world.area.pk, at=NOON)
    assert claim is not None
    assert services.claim_headroom(area_id=world.area.pk, at=NOON) is None
    AreaHeadroom.objects.update(lease_ends_at=NOON - 3000 * DAY)
    other = services.claim_headroom(area_id=world.area.pk, at=NOON)
    assert other is not None

    with pytest.raises(WrongStateError):
        services.record_headroom(claim=claim, found=Gap("none"), at=NOON)

    assert AreaHeadroom.objects.get().computed_at is None
    assert not Event.objects.filter(verb="psa.headroom.computed").exists()


def test_without_a_forecast_nothing_is_known_and_it_is_said_why() -> None:
    world = make_world(with_forecasts=False)

    assert refreshed() == 1

    headroom = AreaHeadroom.objects.get(area=world.area)
    assert (
        headroom.gap == "No site of this area has both a bus of the network model and a forecast."
    )
    assert not SiteHeadroom.objects.exists()


def test_what_is_there_is_replaced_whole(world: World) -> None:
    refreshed()
    before = set(SiteHeadroom.objects.values_list("pk", flat=True))
    Area.objects.filter(pk=world.area.pk).update(revision=world.area.revision + 1)

    refreshed()

    assert SiteHeadroom.objects.count() == 6
    assert before.isdisjoint(SiteHeadroom.objects.values_list("pk", flat=True))


def test_an_area_is_shown_to_peers_and_no_longer_each_with_its_event(world: World) -> None:
    refreshed()

    for published, verb in ((True, "published"), (False, "withdrawn")):
        services.publish_headroom(area_id=world.area.pk, published=published, actor=SYSTEM, at=NOON)
        assert AreaHeadroom.objects.get().published is published
        assert Event.objects.filter(verb=f"psa.headroom.{verb}").count() == 1
        with pytest.raises(WrongStateError):
            services.publish_headroom(
                area_id=world.area.pk, published=published, actor=SYSTEM, at=NOON
            )


def test_headroom_is_judged_by_the_policys_threshold(world: World) -> None:
    set_policy(world, loading_fail_percent=80.0)

    refreshed()

    # As above, of 80 % of the second line's 686 kVA.
    assert kept(world, "Farm").kw[0] == pytest.approx(0.8 * 686 - 490, abs=2)


def test_of_the_policys_forecast_cases_the_least_headroom_counts(world: World) -> None:
    publish_forecasts(world, case="HIGH", exports={"School": 300.0}, days=2)
    set_policy(world, forecast_cases=("CENTRAL", "HIGH"))

    refreshed()

    farm = kept(world, "Farm")
    assert farm.kw[0] == pytest.approx(146, abs=2)
    known = 48 + 24  # the high case has two days
    assert farm.kw[known:] == [None] * (14 * 48 - known)


def test_headroom_that_takes_too_long_is_not_known_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_limit, "MOST_SECONDS", 0.001)

    refreshed()

    headroom = AreaHeadroom.objects.get()
    assert headroom.gap == "Not computed: it took longer than it may."
    assert not SiteHeadroom.objects.exists()
