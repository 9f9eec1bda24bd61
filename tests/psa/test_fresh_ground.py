"""Kept power flows are used while the ground is the same, and never once it has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from core import clock
from core.journal import SYSTEM
from psa import services
from psa.inputs import Inputs, gather
from psa.models import Study
from psa.running import check_model, run_open_studies
from psa.solving import as_engine_study
from tests.psa.test_studies import allocate
from tests.psa.world import AT, World, make_world, network, publish_forecasts

pytestmark = pytest.mark.django_db
KW = 100


def answered(world: World) -> dict[str, Any]:
    world.ask(world.question(kw=KW))
    with clock.frozen(AT):
        run_open_studies()
    result = Study.objects.latest("pk").result
    assert result is not None
    return dict(result)


def other_model(world: World) -> None:
    from psa.engine.quiet import pp, quietly

    with quietly():
        net = pp.from_json_string(network())
        net.line["max_i_ka"] *= 0.9
        text = pp.to_json(net)
    model = services.import_network_model(
        area_id=world.area.pk, name="Lane", network=text, actor=SYSTEM, at=AT
    )
    check_model(model_id=model.pk)
    services.publish_network_model(model_id=model.pk, actor=SYSTEM, at=AT)


CHANGES: dict[str, Callable[[World], object]] = {
    "a forecast": lambda world: publish_forecasts(world, at=AT, exports={"Farm": 299.0}),
    "a contract": lambda world: allocate(world, uuid4(), world.school, kw=100),
    "a network model": other_model,
    "an agreement": lambda world: world.farm.agreements.update(mec_kva=250),
}


def test_the_same_ground_is_not_solved_twice() -> None:
    from psa.engine.store import store

    world = make_world()
    store.clear()
    first = answered(world)
    kept = len(store.rows)

    assert answered(world) == first
    assert len(store.rows) == kept > 0


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_the_answer_is_what_an_empty_store_gives(change: str) -> None:
    from psa.engine.store import store

    world = make_world()
    store.clear()
    before = answered(world)

    CHANGES[change](world)
    with_what_was_kept = answered(world)
    store.clear()

    assert with_what_was_kept == answered(world)
    assert with_what_was_kept != before


def test_after_an_outage_the_answer_is_what_an_empty_store_gives() -> None:
    from psa.engine.case import NetworkEvent
    from psa.engine.store import store
    from psa.engine.study import answer

    world = make_world()
    inputs = gather(area_id=world.area.pk, question=world.question(kw=KW), at=AT)
    assert isinstance(inputs, Inputs)
    study = as_engine_study(inputs)
    store.clear()
    before = answer(study)
    outage = NetworkEvent(
        starts_at=study.half_hours[4],
        ends_at=study.half_hours[8],
        table="line",
        element="Line 2",
        field="in_service",
        value=False,
    )

    with_what_was_kept = answer(replace(study, events=(outage,)))
    store.clear()

    assert with_what_was_kept == answer(replace(study, events=(outage,)))
    assert with_what_was_kept != before
    assert answer(study) == before
