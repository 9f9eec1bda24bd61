"""Two steps of one P2P-specific agreement at once, and its end against a purchase."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from connections import services
from connections.models import Agreement, P2pAgreement
from connections.register.check import differences
from core.journal import Actor
from tests.connections.offers import agreed, executed, offered, terms
from tests.connections.test_register_races import BEGINS, broken_limits, holding
from tests.nmf.world import AT, World
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = range(2)


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_site_that_is_offered_two_at_once_gets_one(world: World, dso: Actor, _round: int) -> None:
    services.withdraw_p2p_agreement(
        p2p_agreement_id=offered(world.rival, dso).pk, reason="A typo.", actor=dso, at=AT
    )
    offer = partial(
        services.offer_p2p_agreement,
        site_id=world.rival.site.pk,
        terms=terms(),
        actor=dso,
        at=AT,
    )

    assert at_once(offer, offer) == ["done", "refused"]
    assert P2pAgreement.objects.filter(state="OFFERED").count() == 1


def steps(world: World, dso: Actor, row: P2pAgreement) -> dict[str, Any]:
    about: dict[str, Any] = {"p2p_agreement_id": row.pk, "at": AT}
    by_site = {**about, "actor": world.rival.actor}
    signature: dict[str, Any] = {"typed_name": "A Signatory", "document_hash": row.document_hash}
    reason: dict[str, Any] = {"reason": "No."}
    return {
        "execute": partial(services.execute_p2p_agreement, **by_site, **signature),
        "decline": partial(services.decline_p2p_agreement, **by_site, **reason),
        "withdraw": partial(services.withdraw_p2p_agreement, **about, actor=dso, **reason),
        "countersign": partial(services.countersign_p2p_agreement, **about, actor=dso),
        "reissue": partial(
            services.reissue_p2p_agreement, **about, actor=dso, terms=terms(), changed="New."
        ),
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("execute", "execute"), ["connections.p2pagreement.execute", "done"]),
        (("decline", "withdraw"), None),
        (("execute", "reissue"), None),
    ],
)
def test_of_two_steps_at_once_the_second_sees_the_first(
    world: World, dso: Actor, names: tuple[str, str], expected: list[str] | None
) -> None:
    row = offered(world.rival, dso)
    calls = steps(world, dso, row)

    found = at_once(*(calls[name] for name in names))

    assert found == expected if expected else "done" in found
    row.refresh_from_db()
    valid = row.notices.filter(withdrawn_at=None).count()
    assert valid == (row.state in {"OFFERED", "EXECUTED"})
    assert (row.executed_at is not None) == (row.state == "EXECUTED")


def test_two_who_countersign_at_once_put_one_version_in_force(world: World, dso: Actor) -> None:
    row = executed(world.rival, dso)
    countersign = steps(world, dso, row)["countersign"]

    found = at_once(countersign, countersign)

    assert found == ["connections.p2pagreement.countersign", "done"]
    assert Agreement.objects.filter(site=world.rival.site, kind="P2P_SPECIFIC").count() == 1


@pytest.mark.parametrize("_round", ROUNDS)
def test_it_ends_or_something_is_bought_under_it_never_both(
    world: World, dso: Actor, _round: int
) -> None:
    row = agreed(world.rival, dso)
    end = partial(
        services.end_p2p_agreement,
        p2p_agreement_id=row.pk,
        from_at=BEGINS,
        reason="A fault.",
        actor=dso,
        at=AT,
    )
    buy = holding(world.seller, world.rival, 20, direction="IMPORT")

    assert at_once(end, buy) == ["done", "refused"]
    assert broken_limits(world) == []
    assert differences() == []
