"""What people do on any page: fill in, press, wait for what a worker does."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from playwright.sync_api import Page

STATE = "main .badge-state"


def day(ahead: int) -> str:
    return (date.today() + timedelta(days=ahead)).isoformat()  # noqa: DTZ011  # far from midnight's edge


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.fill(f"main [name={name}]", value)


def press(page: Page, label: str) -> None:
    page.click(f"main button:has-text('{label}')")
    page.wait_for_load_state()


def choose(page: Page, name: str, text: str) -> None:
    option = page.locator(f"main [name={name}] option", has_text=text).first
    page.select_option(f"main [name={name}]", option.get_attribute("value"))


def state(page: Page) -> str:
    return page.inner_text(f"{STATE} >> nth=0")


def wait_for_state(page: Page, wanted: str) -> None:
    _wait(page, wanted, state)


def wait_for_words(page: Page, wanted: str) -> None:
    _wait(page, wanted, lambda page: page.inner_text("main"))


def _wait(page: Page, wanted: str, read: Callable[[Page], str]) -> None:
    for _ in range(480):  # four minutes: it is the test's own limit that says when
        if wanted in read(page):
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(f"{read(page)} instead of {wanted}")


def key_in(page: Page) -> int:
    """Return the number of the row whose page is shown."""
    return int(re.findall(r"\d+", page.url)[-1])


def go(engineer: Page, group: str, label: str) -> None:
    """Follow a link of the portal's navigation."""
    engineer.click(f".portal-nav summary:text-is('{group}')")
    engineer.click(f".portal-nav a:text-is('{label}')")
    engineer.wait_for_load_state()


def step(engineer: Page, path: str, label: str, **values: str) -> None:
    """Take one of the steps that a row in the portal offers."""
    engineer.goto(path)
    engineer.click(f".next-steps a:text-is('{label}')")
    for name, value in values.items():
        engineer.fill(f"[name={name}]", value)
    engineer.click(f"input[type=submit][value='{label}']")
    engineer.wait_for_load_state()
    assert engineer.locator(".messagelist .success").count() == 1
