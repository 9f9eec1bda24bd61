"""The portal's navigation, by keyboard, on a wide and on a narrow screen."""

from __future__ import annotations

import pytest

from tests.browser.conftest import LogIn
from tests.browser.examining import NARROW, WIDE, examine
from trial.people import ENGINEER

pytestmark = [
    pytest.mark.needs_chromium,
    pytest.mark.xdist_group("browser"),  # one product for all of them
    pytest.mark.timeout(600),
]
OPEN = ".portal-nav details[open]"
FOCUSED = "document.activeElement.textContent"


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_group_opens_closes_and_leads_on_by_keyboard_alone(log_in: LogIn, width: int) -> None:
    page = log_in(ENGINEER)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/dso/")

    page.focus(".portal-nav summary:text-is('Connections')")
    page.keyboard.press("Enter")
    assert page.locator(OPEN).count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "Applications"
    page.keyboard.press("Escape")
    assert page.locator(OPEN).count() == 0
    assert page.evaluate(FOCUSED) == "Connections"

    page.keyboard.press("Enter")
    box = page.locator(f"{OPEN} ul").bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= width
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/dso/connections/tcvn/")
    assert page.inner_text(".portal-nav .current > summary") == "Connections"
    assert page.locator(".portal-nav [aria-current=page]").text_content() == "TCVNs"


def test_an_open_group_is_whole_and_usable(log_in: LogIn) -> None:
    page = log_in(ENGINEER)
    page.goto("/dso/")

    page.click(".portal-nav summary:text-is('Rules')")

    assert examine(page, "portal-navigation") == []
