"""Applications for more capacity, as peers, their consultants and the DSO's engineers meet them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from connections.states import RegistrationState, TcvnState
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


def begin_registration(page: Page, site: int) -> int:
    """Begin to register a site on record for something else; return its number."""
    page.goto(f"/applications/registrations/new/?site={site}")
    press(page, "Save and go on")
    return key_in(page)


def fill_registration(page: Page, registration: int, *, kw: str) -> None:
    page.goto(f"/applications/registrations/{registration}/capacity/")
    fill(page, buy_export_kw=kw)
    press(page, "Save and go on")
    fill(page, note="A longer season")
    press(page, "Save and go on")


def approve(engineer: Page, registration: int) -> None:
    """Take a registration through its checklist and give outline approval (step 2)."""
    path = f"/dso/connections/registration/{registration}/change/"
    for label in ("Checklist", "Give outline approval"):  # as the records say, and as asked for
        step(engineer, path, label)


def forced(page: Page, path: str, **values: str) -> int:
    """Send a POST that no button of the page sends; return its status."""
    token = page.locator("[name=csrfmiddlewaretoken]").first.get_attribute("value") or ""
    answer = page.request.post(
        path, form={"csrfmiddlewaretoken": token, **values}, headers={"Referer": page.url}
    )
    return answer.status


def told(query: Query, email: str, path: str) -> dict[str, dict[str, str]]:
    """Return what a person was told of an application by notice and e-mail: facts by title."""
    rows = query(
        "SELECT notice.title, notice.facts FROM participants_notice notice "
        "JOIN participants_user person ON person.id = notice.recipient_id "
        f"WHERE person.email = '{email}' AND notice.link = '{path}' ORDER BY notice.id"
    )
    return {title: dict(facts) for title, facts in rows}


def site_id(query: Query, name: str) -> int:
    [(found,)] = query(f"SELECT id FROM connections_site WHERE name = '{name}'")
    return int(found)


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


def test_the_market_that_is_laid_has_an_application_in_each_state(query: Query) -> None:
    laid = {
        table: {state for (state,) in query(f"SELECT DISTINCT state FROM connections_{table}")}
        for table in ("registration", "tcvn", "tenancychange")
    }
    [(proposed,)] = query(
        "SELECT count(*) FROM connections_tcvncondition condition "
        "JOIN connections_tcvn tcvn ON tcvn.id = condition.tcvn_id "
        "JOIN psa_study study ON study.reference = tcvn.study_reference "
        "WHERE study.result->'relief'->'sellers'->0->>'key' = condition.seller_site_id::text "
        "AND (study.result->'relief'->'sellers'->0->>'kw')::numeric = condition.kw"
    )

    assert set(TcvnState) - laid["tcvn"] == set()
    assert set(RegistrationState) - laid["registration"] == {RegistrationState.CLOSED}
    assert laid["tenancychange"] == {"DONE"}
    assert proposed >= 2


def test_site_2_is_refused_and_reads_what_binds_and_what_would_pass(
    log_in: LogIn, query: Query
) -> None:
    email = "administrator@school-estate.example"
    signatory, engineer = log_in(email), log_in(ENGINEER)
    registration = begin_registration(signatory, site_id(query, "Site 2"))
    fill_registration(signatory, registration, kw="40")
    signatory.goto(f"/applications/registrations/{registration}/submit/")
    press(signatory, "Hand it in")
    assert "its answer is due by" in signatory.inner_text("main .clock")
    approve(engineer, registration)
    tcvn = ask_for_more(signatory, site="Site 2", direction="EXPORT", kw="50")
    submit(signatory, tcvn)

    step(engineer, in_portal(tcvn), "Start the assessment")
    wait_for_words(signatory, "Export: refused by the study")
    step(engineer, in_portal(tcvn), "Refuse")  # with the study's words and its largest ceiling

    signatory.reload()
    assert state(signatory) == "Refused"
    answer = signatory.inner_text("main .alert-danger")
    assert "the voltage at School Road school would be 10." in answer
    assert "20 kW of your 30 kW would pass" in answer
    assert "40 kW" in signatory.inner_text("main .stat-tile:has-text('would be supported')")
    mails = told(query, email, f"/applications/tcvns/{tcvn}/")
    assert mails["Technical assessment started"]["Next"].startswith("The network operator studies")
    assert mails["Technical assessment started"]["By"]
    refused = mails["Your capacity request is refused"]
    assert refused["Next"] == "Read why, and ask again for what would be supported"
    signatory.click("main a:has-text('Ask for that instead')")
    assert signatory.input_value("[name=capacity_kw]") == "40"
    assert signatory.input_value("[name=first_date]") == day(8)


def test_a_consultant_prepares_all_seven_steps_and_hands_nothing_in(
    log_in: LogIn, query: Query
) -> None:
    email = "administrator@cold-storage-company.example"
    signatory, engineer = log_in(email), log_in(ENGINEER)
    consultant = log_in(CONSULTANT, expects=(404,))
    registration = begin_registration(signatory, site_id(query, "Cold store"))
    signatory.goto(f"/applications/registrations/{registration}/")
    fill(signatory, email=CONSULTANT)
    press(signatory, "Invite")

    consultant.goto("/applications/")
    press(consultant, "Accept to prepare the application for Cold store")
    fill_registration(consultant, registration, kw="100")
    consultant.goto(f"/applications/registrations/{registration}/submit/")
    assert consultant.locator("button:has-text('Hand it in')").count() == 0
    assert forced(consultant, f"/applications/registrations/{registration}/submit/") == 404
    signatory.goto(f"/applications/registrations/{registration}/submit/")
    press(signatory, "Hand it in")
    approve(engineer, registration)

    tcvn = ask_for_more(consultant, site="Cold store", direction="EXPORT", kw="180")
    assert "one of them submits it" in consultant.inner_text("main")
    assert consultant.locator("button:has-text('Submit')").count() == 0
    for what in ("submit", "withdraw", "execute"):
        assert forced(consultant, f"/applications/tcvns/{tcvn}/{what}/", read="on") == 404
    of_another = consultant.goto("/contracts/1/")
    assert of_another is not None
    assert of_another.status == 404
    consultant.goto(f"/applications/tcvns/{tcvn}/change/")
    fill(consultant, reason="A longer season still")
    press(consultant, "Keep the changes")
    assert "What it is for" in consultant.inner_text("main .timeline, main")

    signatory.goto("/applications/")
    signatory.click(f"main a[href='/applications/tcvns/{tcvn}/']")
    assert "A longer season still" in signatory.inner_text("main")
    submit(signatory, tcvn)
    for label in ("Start the assessment", "Supported", "Issue the notice"):
        step(engineer, in_portal(tcvn), label)
    consultant.goto(f"/applications/tcvns/{tcvn}/")
    assert consultant.locator("button:has-text('Sign the notice')").count() == 0
    assert forced(consultant, f"/applications/tcvns/{tcvn}/execute/", typed_name="Nobody") == 404
    sign(signatory, tcvn)
    step(engineer, in_portal(tcvn), "Countersign")

    wait_for_state(signatory, "In force")
    mails = told(query, email, f"/applications/tcvns/{tcvn}/")
    for title in (
        "Technical assessment started",
        "Your capacity request is supported",
        "Your TCVN is ready to sign",
    ):
        assert mails[title]["Next"]
        assert mails[title]["By"]
    assert mails["Your TCVN is in force"]["Next"] == "Buy capacity on the market, up to the notice"


def test_a_pair_comes_into_force_together_once_the_seller_has_signed_its_own(
    log_in: LogIn, query: Query
) -> None:
    buyer = log_in("administrator@leisure-trust.example")
    seller = log_in("administrator@housing-association.example")
    engineer = log_in(ENGINEER, expects=(422,))
    [(registration,)] = query(
        "SELECT row.id FROM connections_registration row JOIN connections_site site "
        "ON site.id = row.site_id WHERE site.name = 'Leisure centre' AND row.state = 'SUBMITTED'"
    )
    approve(engineer, registration)  # handed in when the market was laid
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
    asked = told(query, "trader@housing-association.example", f"/applications/tcvns/{own}/")
    first = next(facts for title, facts in asked.items() if "to lower its capacity" in title)
    assert first["Next"] == "A signatory of the site accepts, or a trader declines"
    assert first["By"]
    mails = told(query, "administrator@leisure-trust.example", f"/applications/tcvns/{tcvn}/")
    conditional = mails["Your capacity request is supported on a condition"]
    assert conditional["Next"] == "The named sellers lower theirs"
    assert conditional["By"]


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
