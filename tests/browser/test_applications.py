"""Applications for more capacity, as peers, their consultants and the DSO's engineers meet them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.acting import (
    choose,
    day,
    fill,
    key_in,
    press,
    state,
    step,
    wait_for_state,
    wait_for_words,
)
from tests.browser.conftest import LogIn, Query
from trial.people import CONSULTANT, ENGINEER

pytestmark = [
    pytest.mark.needs_chromium,
    pytest.mark.xdist_group("browser"),  # one product for all of them
    pytest.mark.timeout(600),
]


def ask_for_more(page: Page, *, site: str, direction: str, kw: str) -> int:
    """Prepare the request of a site for a higher ceiling; return its number."""
    page.goto("/applications/tcvns/new/")
    choose(page, "site", site)
    page.select_option("main [name=direction]", direction)
    fill(page, capacity_kw=kw, reason="A longer season", first_date=day(8), last_date=day(21))
    press(page, "Check your answers")
    press(page, "Keep this request")
    return key_in(page)


def submit(page: Page, tcvn: int, label: str = "Submit as signatory") -> None:
    page.goto(f"/applications/tcvns/{tcvn}/")
    page.check("[name=read]")
    press(page, label)
    assert "Submitted" in state(page)


def sign(page: Page, tcvn: int) -> None:
    page.goto(f"/applications/tcvns/{tcvn}/")
    fill(page, typed_name="The Signatory")
    press(page, "Sign the notice")


def in_portal(tcvn: int) -> str:
    return f"/dso/connections/tcvn/{tcvn}/change/"


def test_site_2_is_refused_and_reads_what_binds_and_what_would_pass(log_in: LogIn) -> None:
    signatory, engineer = log_in("administrator@school-estate.example"), log_in(ENGINEER)
    tcvn = ask_for_more(signatory, site="Site 2", direction="EXPORT", kw="50")
    submit(signatory, tcvn)

    step(engineer, in_portal(tcvn), "Start the assessment")
    wait_for_words(signatory, "Export: refused by the study")
    words = signatory.locator("main p:has-text('School Road school')").first.inner_text()
    step(engineer, in_portal(tcvn), "Refuse", reason=words, largest_kw="40")

    signatory.reload()
    assert state(signatory) == "Refused"
    answer = signatory.inner_text("main .alert-danger")
    assert "School Road school would rise to 1.1" in answer
    assert "20 of 30 kW would pass" in answer
    signatory.click("main a:has-text('Ask for that instead')")
    assert signatory.input_value("[name=capacity_kw]") == "40"
    assert signatory.input_value("[name=first_date]") == day(8)


def test_a_consultant_prepares_and_the_signatory_reads_and_submits(
    log_in: LogIn, query: Query
) -> None:
    signatory = log_in("administrator@cold-storage-company.example")
    consultant = log_in(CONSULTANT, expects=(404,))
    [(registration,)] = query(
        "SELECT row.id FROM connections_registration row JOIN connections_site site "
        "ON site.id = row.site_id WHERE site.name = 'Cold store' AND row.state = 'APPROVED'"
    )
    signatory.goto(f"/applications/registrations/{registration}/")
    fill(signatory, email=CONSULTANT)
    press(signatory, "Invite")

    consultant.goto("/applications/")
    press(consultant, "Accept to prepare the application for Cold store")
    tcvn = ask_for_more(consultant, site="Cold store", direction="EXPORT", kw="180")
    assert "one of them submits it" in consultant.inner_text("main")
    assert consultant.locator("button:has-text('Submit')").count() == 0
    of_another = consultant.goto("/contracts/1/")
    assert of_another is not None
    assert of_another.status == 404

    signatory.goto("/applications/")
    signatory.click(f"main a[href='/applications/tcvns/{tcvn}/']")
    assert "A longer season" in signatory.inner_text("main")
    submit(signatory, tcvn)


def test_a_pair_comes_into_force_together_once_the_seller_has_signed_its_own(
    log_in: LogIn, query: Query
) -> None:
    buyer = log_in("administrator@leisure-trust.example")
    seller = log_in("administrator@housing-association.example")
    engineer = log_in(ENGINEER, expects=(422,))
    tcvn = ask_for_more(buyer, site="Leisure centre", direction="IMPORT", kw="405")
    submit(buyer, tcvn)
    step(engineer, in_portal(tcvn), "Start the assessment")
    [(heat_pumps,)] = query("SELECT id FROM connections_site WHERE name = 'Heat pump scheme'")
    on_condition(engineer, tcvn, site=heat_pumps, kw="10")
    [(own,)] = query(f"SELECT seller_tcvn_id FROM connections_tcvncondition WHERE tcvn_id = {tcvn}")

    submit(seller, own, "Accept as signatory")
    for label in ("Start the assessment", "Supported", "Issue the notice"):
        step(engineer, in_portal(own), label)
    step(engineer, in_portal(tcvn), "Issue the notice")
    sign(buyer, tcvn)
    assert "Not yet signed by: Heat pump scheme" in countersigned_too_early(engineer, tcvn)
    sign(seller, own)
    step(engineer, in_portal(tcvn), "Countersign")

    for page in (buyer, seller):
        wait_for_state(page, "In force")


def on_condition(engineer: Page, tcvn: int, *, site: int, kw: str) -> None:
    engineer.goto(in_portal(tcvn))
    engineer.click(".next-steps a:has-text('Supported on a condition')")
    engineer.select_option("[name=seller_1]", str(site))
    engineer.fill("[name=kw_1]", kw)
    engineer.click("input[type=submit]")
    engineer.wait_for_load_state()
    assert engineer.locator(".messagelist .success").count() == 1


def countersigned_too_early(engineer: Page, tcvn: int) -> str:
    engineer.goto(in_portal(tcvn))
    engineer.click(".next-steps a:has-text('Countersign')")
    engineer.click("input[type=submit][value='Countersign']")
    engineer.wait_for_load_state()
    return engineer.inner_text("#content")
