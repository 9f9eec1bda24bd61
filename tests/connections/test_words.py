"""What an application's page says of who is waited for, and how people are named on it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from connections import services
from connections.documents import notice_text
from connections.models import Tcvn
from connections.timelines import timeline_of
from core import clock
from core.journal import Actor
from tests.connections.making import in_force, pair, signed, signed_pair
from tests.nmf.world import AT, Peer, World

pytestmark = pytest.mark.django_db


def page(peer: Peer, tcvn: Tcvn) -> str:
    client = Client()
    client.force_login(peer.user, backend="participants.auth.RoleBackend")
    with clock.frozen(AT):
        answer = client.get(reverse("connections:tcvn", args=[tcvn.pk]))
    return answer.content.decode()


def test_a_condition_names_the_seller_that_is_waited_for_and_the_seller_whom_it_is_for(
    world: World, dso: Actor
) -> None:
    tcvn, earmark = pair(world, dso)
    seller, buyer = world.seller.site.name, world.rival.site.name

    asks, asked = page(world.rival, tcvn), page(world.seller, earmark)

    assert f"Waits for {seller} to accept or decline." in asks
    assert f"With {seller}, asked by the network operator since today" in asks
    assert f"{seller} lowering 20 kW (Asked of the seller, not answered yet)" in asks
    assert f"You are asked to keep capacity for {buyer}: accept or decline." in asked
    assert "a signatory accepts, or a trader declines" in asked
    assert "Being written" not in asked


def test_a_buyer_that_has_signed_reads_which_seller_has_not(world: World, dso: Actor) -> None:
    tcvn, _ = pair(world, dso)

    signed(tcvn, world.rival, dso)

    assert f"It waits for {world.seller.site.name} to sign as well" in page(world.rival, tcvn)


def test_a_pair_that_both_have_signed_waits_for_the_operator(world: World, dso: Actor) -> None:
    tcvn, _ = signed_pair(world, dso)

    assert "With the network operator, for its countersignature." in page(world.rival, tcvn)


def test_a_timeline_tells_the_steps_and_names_another_peers_people_by_their_organisation(
    world: World, dso: Actor
) -> None:
    tcvn, earmark = pair(world, dso)
    services.decline_tcvn(tcvn_id=earmark.pk, reason="No.", actor=world.seller.actor, at=AT)

    own = [each for each in timeline_of(tcvn) if not each.title.startswith("Registration")]

    assert [(each.title, each.who) for each in own] == [
        ("Request begun", str(world.rival.user)),
        ("Request submitted", str(world.rival.user)),
        ("Technical assessment started", "the network operator"),
        ("Request supported if named sellers lower theirs", "the network operator"),
        ("Request sent back to assessment", world.seller.organisation.name),
    ]


def test_a_suspension_is_no_good_news_and_a_standard_wording_has_no_version(
    world: World, dso: Actor
) -> None:
    tcvn = in_force(world.rival, dso)
    before = page(world.rival, tcvn)
    begins = tcvn.window.half_hours()[0]

    services.suspend_tcvn(tcvn_id=tcvn.pk, from_at=begins, reason="A fault.", actor=dso, at=AT)

    assert 'class="alert alert-success"' in before
    after = page(world.rival, tcvn)
    assert 'class="alert alert-warning"' in after
    assert "A fault." in after
    assert "Wording: the standard one" in notice_text(tcvn)


def test_a_request_that_came_to_nothing_is_asked_for_again_with_all_that_it_said(
    world: World, dso: Actor
) -> None:
    tcvn = in_force(world.rival, dso)
    assert "Ask again" not in page(world.rival, tcvn)
    begins = tcvn.window.half_hours()[0]

    services.end_tcvn(tcvn_id=tcvn.pk, from_at=begins, reason="Sold.", actor=dso, at=AT)

    again = f"{reverse('connections:new-tcvn')}?site={tcvn.site_id}&amp;again={tcvn.pk}"
    assert f'href="{again}">Ask again' in page(world.rival, tcvn)
    client = Client()
    client.force_login(world.rival.user, backend="participants.auth.RoleBackend")
    with clock.frozen(AT):
        form = client.get(again.replace("&amp;", "&")).content.decode()
    assert 'value="60"' in form
    assert "More" in form
