"""An engineer brings a network in and studies on it, with nothing but the screens."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.acting import day, go, wait_for_words
from tests.browser.conftest import LogIn
from tests.browser.examining import examine
from tests.psa.engine import files
from trial.people import ENGINEER, MANAGER

pytestmark = [
    pytest.mark.needs_chromium,
    pytest.mark.xdist_group("browser"),  # one product for all of them
    pytest.mark.timeout(600),
]
AREA = "Wold village"
SITES = {"Barn sun": "LV1.101 Bus 4", "Forge": "LV1.101 Bus 8", "Village hall": "LV1.101 Bus 11"}
TRANSFORMER = "transformer MV1.101-LV1.101-Trafo 1"


def test_a_simbench_grid_comes_in_gets_sites_and_says_why_a_what_if_fails(log_in: LogIn) -> None:
    manager, engineer = log_in(MANAGER), log_in(ENGINEER, expects=(422,))
    add_area(manager)
    add_sites(engineer)
    found = []

    go(engineer, "Network", "Networks")
    engineer.click(".object-tools a")
    engineer.select_option("[name=area]", label=AREA)
    engineer.fill("[name=name]", "Rural grid")
    grid = files.simbench_grid("1-LV-rural1--0-sw")
    engineer.set_input_files(
        "[name=file]", {"name": "rural.zip", "mimeType": "application/zip", "buffer": grid}
    )
    found += examine(engineer, "network-import")
    submit(engineer, "Import")
    wait_for_words(engineer, "What the check found")
    found += examine(engineer, "network-checked")
    assert "Site Forge is on no bus" in engineer.inner_text("main")
    assert "Not yet." in engineer.inner_text("main")
    assert "15 buses" in engineer.inner_text("#picture")

    place_sites(engineer, SITES | {"Forge": "Bus 8"})
    found += examine(engineer, "network-misplaced")
    assert "this draft has no bus called 'Bus 8'" in engineer.inner_text("main")
    assert engineer.get_by_label("Village hall").input_value() == SITES["Village hall"]
    place_sites(engineer, SITES)
    wait_for_words(engineer, "Nothing is wrong with this model.")
    found += examine(engineer, "network-placed")
    submit(engineer, "Publish this model")
    assert "Published" in engineer.inner_text(".messagelist")
    found += examine(engineer, "network-published")

    engineer.click("text=New what-if on this model")
    engineer.select_option("[name=site_1]", label=f"Barn sun ({AREA})")
    engineer.fill("[name=kw_1]", "400")
    engineer.fill("[name=first_date]", day(3))
    engineer.fill("[name=last_date]", day(3))
    submit(engineer, "Study it")
    assert "Let the model's own loads and generators stand there" in engineer.inner_text("main")
    found += examine(engineer, "what-if-without-forecast")
    engineer.check("[name=rest][value=own]")
    submit(engineer, "Study it")
    wait_for_words(engineer, "Failed")
    wait_for_words(engineer, "the basis that binds")
    found += examine(engineer, "what-if-failed")

    said = engineer.inner_text("main")
    assert f"Fails (rights used): {TRANSFORMER} would carry 285 % of its rating in 48" in said
    assert "48 of 400 kW would pass" in said
    assert "285 %" in engineer.inner_text("#picture")
    assert found == []


def add_area(manager: Page) -> None:
    manager.goto("/dso/connections/area/add/")
    manager.fill("[name=name]", AREA)
    manager.select_option("[name=kind]", label="Primary substation")
    manager.check("[name=studied]")
    manager.check("[name=tradable]")
    manager.click("[name=_save]")
    manager.wait_for_load_state()
    assert AREA in manager.inner_text(".messagelist")


def add_sites(engineer: Page) -> None:
    engineer.goto("/dso/")
    go(engineer, "Connections", "Sites")
    engineer.click("text=Import sites and agreements")
    columns = (
        "reference,site,organisation,area,voltage_kv,mic_kva,mec_kva,max_installed_kva,starts_on"
    )
    rows = [
        f"CA-W{n},{site},Dairy farm business,{AREA},0.4,40,40,60,2026-01-01"
        for n, site in enumerate(SITES)
    ]
    engineer.set_input_files(
        "[name=file]",
        {
            "name": "wold.csv",
            "mimeType": "text/csv",
            "buffer": "\n".join([columns, *rows]).encode(),
        },
    )
    submit(engineer, "Look at the file")
    engineer.locator("main form [type=submit]").last.click()
    engineer.wait_for_load_state()
    assert "is applied" in engineer.inner_text(".messagelist")


def place_sites(engineer: Page, buses: dict[str, str]) -> None:
    for site, bus in buses.items():
        engineer.get_by_label(site).fill(bus)
    submit(engineer, "Put the sites there")


def submit(page: Page, label: str) -> None:
    page.click(f"main input[type=submit][value='{label}']")
    page.wait_for_load_state()
