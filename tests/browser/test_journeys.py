"""What people do, from end to end, with nothing but the screens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from tests.browser.acting import choose, day, fill, press, state, step, wait_for_state
from tests.browser.conftest import LogIn
from trial.people import ENGINEER

pytestmark = [
    pytest.mark.needs_chromium,
    pytest.mark.xdist_group("browser"),  # one product for all of them
    pytest.mark.timeout(600),
]
WIND = "trader@wind-co-operative.example"


def test_a_newcomer_signs_up_gets_a_tcvn_in_force_and_trades(log_in: LogIn) -> None:
    page, password = log_in(), "a-long-pass-phrase-9"
    page.goto("/accounts/signup/")
    fill(page, email="new@bakery.example", first_name="New", last_name="Comer")
    fill(page, organisation="Bakery", password1=password, password2=password)
    page.click("main form button")
    page.wait_for_load_state()
    page.goto("/demo/mail/?to=new@bakery.example")
    page.click("main table a")
    page.wait_for_load_state()
    page.click("main a[href*='confirm-email']")
    page.wait_for_load_state()
    page.click("main form button")
    page.wait_for_load_state()

    peer = log_in("new@bakery.example", password)
    peer.goto("/organisation/")
    press(peer, "Accept for Bakery")
    press(peer, "Accept for Bakery")
    assert "Opted in" in peer.inner_text("main")
    peer.goto("/applications/registrations/new/")
    fill(peer, name="Bakery site", agreement="CA-B1", mic_kva="80", mec_kva="30")
    peer.select_option("[name=area]", label="Mill Lane primary")
    press(peer, "Save and go on")
    peer.select_option("[name=technology_1]", "SOLAR")
    fill(peer, rated_kw_1="60")
    press(peer, "Save and go on")
    fill(peer, buy_export_kw="-20")
    press(peer, "Save and go back")  # nothing typed is lost
    press(peer, "Save and go on")
    assert peer.input_value("[name=buy_export_kw]") == "-20"
    fill(peer, buy_export_kw="20")
    press(peer, "Save and go on")
    fill(peer, note="More export")
    press(peer, "Save and go on")
    peer.set_input_files(
        "[name=file]", {"name": "ovens.csv", "mimeType": "text/csv", "buffer": b"oven,kw\n1,20\n"}
    )
    press(peer, "Attach it")
    peer.click("main a:has-text('Go on')")
    press(peer, "Hand it in")
    assert "With the DSO" in state(peer)
    registration = re.findall(r"\d+", peer.url)[-1]

    engineer = log_in(ENGINEER)
    step(
        engineer,
        f"/dso/connections/registration/{registration}/change/",
        "Link or make its site",
    )
    engineer.goto("/dso/connections/agreement/add/")
    engineer.select_option("[name=site]", label="Bakery site")
    for name, value in {
        "reference": "CA-B1",
        "voltage_kv": "0.4",
        "mic_kva": "80",
        "mec_kva": "30",
        "max_installed_kva": "100",
        "starts_at": "2026-01-01T00:00",
    }.items():
        engineer.fill(f"[name={name}]", value)
    engineer.click("[name=_save]")
    engineer.wait_for_load_state()
    engineer.goto("/dso/connections/signatory/")
    engineer.check("tr:has-text('Bakery site') input[type=checkbox]")
    engineer.select_option("[name=action]", "verify")
    engineer.click("button[name=index]")
    engineer.wait_for_load_state()

    for label in ("Checklist", "Give outline approval"):  # as the records say, and as asked for
        step(engineer, f"/dso/connections/registration/{registration}/change/", label)

    peer.goto(f"/applications/registrations/{registration}/")
    peer.click("main a:has-text('Ask for more capacity')")
    assert peer.input_value("[name=capacity_kw]") == "48.5"  # 30 kVA at 0.95, and 20 kW
    assert peer.input_value("[name=reason]") == "More export"
    fill(peer, capacity_kw="45", first_date=day(8), last_date=day(21))
    press(peer, "Check your answers")
    press(peer, "Keep this request")
    tcvn = re.findall(r"\d+", peer.url)[-1]
    peer.check("[name=read]")
    press(peer, "Submit as signatory")
    row = f"/dso/connections/tcvn/{tcvn}/change/"
    for label in ("Start the assessment", "Supported", "Issue the notice"):
        step(engineer, row, label)
    peer.goto(f"/applications/tcvns/{tcvn}/")
    fill(peer, typed_name="New Comer")
    press(peer, "Sign the notice")
    step(engineer, row, "Countersign")
    peer.reload()
    assert state(peer) == "In force"


def request_by(
    page: Page,
    *,
    site: str,
    side: str,
    peer: str,
    kw: str,
    direction: str = "EXPORT",
    ahead: int = 15,
) -> str:
    """Publish a direct request of three days in two steps; return its address."""
    page.goto("/requests/new/")
    choose(page, "site", site)
    page.select_option("main [name=direction]", direction)
    page.check(f"[name=side][value={side}]")
    page.check("[name=route][value=DIRECT]")
    choose(page, "counterparty_site", peer)
    days = {"first_date": day(ahead), "last_date": day(ahead + 2)}
    fill(page, **days, kw=kw, price_gbp_per_kwh="0.03")
    press(page, "Check your answers")
    assert "144" in page.inner_text("main")  # half-hours of three days
    press(page, "Publish the request")
    page.click("main a:has-text('See the request')")
    page.wait_for_load_state()
    return page.url


def respond_and_accept(asker: Page, other: Page, request: str, *, site: str) -> None:
    other.goto(request)
    choose(other, "site", site)
    press(other, "Send the response")
    assert " is sent." in other.inner_text("main")
    asker.goto(request)
    press(asker, "Accept")


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_trade_is_agreed_studied_and_approved(log_in: LogIn, side: str) -> None:
    buyer, seller = log_in(WIND), log_in("trader@local-authority-estates.example")
    asker, other = (buyer, seller) if side == "BUY" else (seller, buyer)
    ends = ("Small wind turbine", "Site 4")
    mine, theirs = ends if side == "BUY" else ends[::-1]

    request = request_by(asker, site=mine, side=side, peer=theirs, kw="5")
    respond_and_accept(asker, other, request, site=theirs)

    asker.goto("/contracts/")
    asker.locator("main table a[href^='/contracts/']").first.click()
    asker.wait_for_load_state()
    wait_for_state(asker, "Approved")
    assert "Network study" in asker.inner_text("main")


def test_an_engineer_approves_a_contract_without_forecast_and_cancels_it(log_in: LogIn) -> None:
    engineer = log_in(ENGINEER)
    waiting = "/dso/wsc/review/?state__exact=ENGINEER"
    engineer.goto(waiting)
    engineer.click("#result_list tbody th a")
    engineer.wait_for_load_state()
    decide(engineer, "approve", on_old_study=True)
    assert "Approved" in engineer.inner_text("#content")
    decide(engineer, "cancel", from_at=f"{day(55)}T00:00")
    assert "Cancelled" in engineer.inner_text("#content")


def decide(engineer: Page, move: str, *, on_old_study: bool = False, from_at: str = "") -> None:
    form = f"#content form[action*='{move}']"
    engineer.fill(f"{form} [name=reason]", "As the study and the running arrangement advise.")
    if on_old_study:
        engineer.check(f"{form} [name=on_old_study]")
    if from_at:
        engineer.fill(f"{form} [name=from_at]", from_at)
    engineer.click(f"{form} [type=submit]")
    engineer.wait_for_load_state()
