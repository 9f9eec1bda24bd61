"""Two study areas: what holds the one keeps nobody waiting in the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from connections.models import Agreement, Area, Site
from core import clock
from participants.models import Organisation
from psa import services as psa
from psa.models import Study
from psa.running import run_open_studies
from tests.psa.world import AT, World, make_world
from tests.wsc.market import make_contract, open_review, set_policy, settle, states
from wsc.tasks import clear_areas, study_finished

pytestmark = pytest.mark.django_db(
    transaction=True, available_apps=[config.name for config in apps.get_app_configs()]
)
PATIENCE_S = 60


def two_worlds() -> tuple[World, World]:
    first = make_world()
    for table, name in (
        (Organisation, "name"),
        (Area, "name"),
        (Site, "name"),
        (Agreement, "reference"),
    ):
        table._default_manager.update(**{name: Concat(F(name), Value(" of old"))})
    return first, make_world()


def test_an_area_whose_rows_are_held_keeps_no_other_waiting() -> None:
    held, free = two_worlds()
    contracts = []
    for world in (held, free):
        set_policy(world)
        contracts.append(make_contract(world, kw=100))
        open_review(contracts[-1])
    locked, done = Event(), Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                list(Area.objects.select_for_update().filter(pk=held.area.pk))
                list(Site.objects.select_for_update().filter(area__parent=held.area))
                list(Study.objects.select_for_update().filter(area=held.area))
                locked.set()
                assert done.wait(PATIENCE_S)
        finally:
            locked.set()
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        assert locked.wait(PATIENCE_S)
        try:
            with clock.frozen(AT):
                run_open_studies()
                study_finished(subject_id=Study.objects.get(area=free.area).pk)
                clear_areas()
            while_held = states(*contracts)
        finally:
            done.set()
        holding.result()
    settle()

    assert while_held == ["PENDING", "APPROVED"]
    assert states(*contracts) == ["APPROVED", "APPROVED"]


def test_an_area_that_another_worker_drains_keeps_no_other_waiting() -> None:
    held, free = two_worlds()
    studies = [world.ask(world.question(kw=100)) for world in (held, free)]
    lease = psa.open_run(area_id=held.area.pk)
    assert lease is not None

    with clock.frozen(AT):
        assert run_open_studies() == 1

    for study in studies:
        study.refresh_from_db()
    assert [study.state for study in studies] == ["QUEUED", "PASSED"]
    psa.close_run(area_id=held.area.pk, token=lease)
    with clock.frozen(AT):
        assert run_open_studies() == 1
