"""A site gets a P2P-specific agreement and buys under it, with nothing but the screens."""

from __future__ import annotations

import pytest

from tests.browser.acting import day, fill, press, state, step, wait_for_state
from tests.browser.conftest import LogIn, Query
from tests.browser.test_journeys import request_by, respond_and_accept
from trial.people import ENGINEER

pytestmark = [
    pytest.mark.needs_chromium,
    pytest.mark.xdist_group("browser"),  # one product for all of them
    pytest.mark.timeout(600),
]
SITE = "Heat pump scheme"
AHEAD = 22  # days; before, another journey lets the site sell what it would buy here


def test_a_site_signs_what_it_is_offered_and_buys_without_a_tcvn(
    log_in: LogIn, query: Query
) -> None:
    signatory = log_in("administrator@housing-association.example")
    trader = log_in("trader@housing-association.example")
    seller = log_in("trader@battery-operator.example")
    engineer = log_in(ENGINEER, expects=(422,))
    [(offer, site)] = query(
        "SELECT row.id, site.id FROM connections_p2pagreement row JOIN connections_site site "
        f"ON site.id = row.site_id WHERE site.name = '{SITE}' AND row.state = 'OFFERED'"
    )
    portal = f"/dso/connections/p2pagreement/{offer}/change/"

    step(
        engineer,
        portal,
        "Withdraw and issue anew",
        changed="It can begin sooner.",
        starts_at=f"{day(1)}T00:00",
    )
    signatory.goto(f"/sites/{site}/")
    signatory.click("main a:has-text('Read it, then sign or decline')")
    signatory.wait_for_load_state()
    assert "It can begin sooner." in signatory.inner_text("main")
    fill(signatory, typed_name="The Signatory")
    press(signatory, "Sign the agreement")
    assert state(signatory).startswith("Signed, waits")
    step(engineer, portal, "Countersign")
    signatory.reload()
    assert state(signatory) == "Agreed"

    wish = {"site": SITE, "peer": "Battery park", "direction": "IMPORT"}
    request = request_by(trader, side="BUY", kw="5", ahead=AHEAD, **wish)
    respond_and_accept(trader, seller, request, site="Battery park")
    trader.goto("/contracts/")
    trader.locator("main table a[href^='/contracts/']").first.click()
    trader.wait_for_load_state()
    wait_for_state(trader, "Approved")
    raising = (
        f"SELECT count(*) FROM connections_tcvn WHERE site_id = {site} AND id NOT IN "
        "(SELECT seller_tcvn_id FROM connections_tcvncondition WHERE seller_tcvn_id IS NOT NULL)"
    )
    assert query(raising) == [(0,)]

    engineer.goto(portal)
    engineer.click(".next-steps a:text-is('End it')")
    engineer.fill("[name=from_at]", f"{day(AHEAD + 1)}T00:00")
    engineer.fill("[name=reason]", "The feeder is rebuilt.")
    engineer.click("input[type=submit][value='End it']")
    engineer.wait_for_load_state()
    assert "Contracts in the way" in engineer.inner_text("#content")
    engineer.click("input[name=cancel_and]")
    engineer.wait_for_load_state()
    assert engineer.locator(".messagelist .success").count() == 1
    trader.reload()
    assert state(trader) == "Cancelled"
