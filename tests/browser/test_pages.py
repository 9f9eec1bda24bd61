"""Every page: no console error, no CSP violation, nothing serious for axe, nothing cut off."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from django.urls import reverse
from playwright.sync_api import Page as Tab

from tests.browser import catalogue
from tests.browser.catalogue import BY_ROW, NO_PAGE, WITH_SECOND_FACTOR, Page
from tests.browser.conftest import LogIn, Query
from tests.browser.examining import examine
from trial.people import MANAGER

pytestmark = [
    pytest.mark.needs_chromium,
    pytest.mark.xdist_group("browser"),  # one product for all of them
    pytest.mark.timeout(600),
]
FORBIDDEN = 403


def test_every_route_is_in_the_catalogue_or_known_to_have_no_page() -> None:
    routes, known = catalogue.routes(), {*catalogue.pages(), *NO_PAGE}
    missing = set(routes) - known

    assert missing == set()
    assert known - set(routes) == set()
    assert set(catalogue.pages()) & set(NO_PAGE) == set()


def looks(query: Query) -> Iterator[tuple[str, str, Page]]:
    """Yield who looks, at which address, and the entry it is from."""
    yield catalogue.NOBODY, catalogue.GUIDE, Page(catalogue.NOBODY)
    for route, pages in catalogue.pages().items():
        for page in pages:
            rows = query(page.rows) if page.rows else [()]
            assert rows or route not in catalogue.PAGES, f"the market has no row for {route}"
            for row in rows:
                who, arguments = (row[0], row[1:]) if page.who == BY_ROW else (page.who, row)
                yield who, path_of(route, arguments) + page.query, page


def path_of(route: str, arguments: tuple[object, ...]) -> str:
    if "<" not in route:
        return reverse(route, args=arguments)
    return "/" + re.sub(r"<[^>]+>", "{}", route).format(*arguments)


@pytest.mark.parametrize("part", ["peers", "portal"])
def test_every_page_is_whole_and_usable(log_in: LogIn, query: Query, part: str) -> None:
    tabs: dict[str, Tab] = {}
    found, nobodys = [], set()

    for who, path, page in looks(query):
        if path.startswith("/dso/") != (part == "portal"):
            continue
        tab = tabs.get(who) or tabs.setdefault(who, log_in(who, expects=(403, 404)))
        if who == WITH_SECOND_FACTOR:
            set_up_second_factor(query)
        answer = tab.goto(path)
        assert answer is not None
        if page.or_403 and answer.status == FORBIDDEN:
            nobodys.add(path)
            if len(nobodys) > 1:
                continue
        elif answer.status != page.status:
            found.append(f"{path}: {answer.status} instead of {page.status}")
        found += examine(tab, name_of(who, path))

    assert found == []


def test_a_file_of_forecasts_is_looked_at_before_it_is_published(log_in: LogIn) -> None:
    tab, found = log_in(MANAGER), []
    rows = {
        "wrong": ["Site 1,2031-01-06T00:00Z,=1+1,NaN", "Site 0,2031-01-06,1,0"],
        "right": ["Site 1,2031-01-06T00:00Z,1,0", "Site 2,2031-01-06T01:00Z,1e6,0"],
    }

    for name, lines in rows.items():
        tab.goto(reverse("admin:psa_forecastversion_add"))
        tab.select_option("[name=area]", label="Isis Vale bulk supply point")
        tab.fill("[name=source]", "a run")
        data = "\n".join(["point,starts_at,export_kw,import_kw", *lines]).encode()
        file = {"name": f"{name}.csv", "mimeType": "text/csv", "buffer": data}
        tab.set_input_files("[name=file]", file)  # type: ignore[arg-type]
        tab.click("input[type=submit][value='Look at the file']")
        tab.wait_for_load_state()
        found += examine(tab, f"forecast-{name}")

    assert tab.locator("h2:has-text('What it brings')").count() == 1
    tab.click("input[type=submit][value='Publish']")
    tab.wait_for_load_state()
    assert tab.locator(".messagelist .success").count() == 1
    assert found + examine(tab, "forecast-published") == []


def name_of(who: str, path: str) -> str:
    """Return a picture's name."""
    return (
        re.sub(r"[^a-z0-9]+", "-", f"{path} {who.split('@', maxsplit=1)[0]}".lower()).strip("-")
        or "home"
    )


def set_up_second_factor(query: Query) -> None:
    """Give one person an authenticator: as if set up since they logged in."""
    for kind, data in (
        ("totp", {"secret": "JBSWY3DPEHPK3PXP"}),
        ("recovery_codes", {"seed": "0f" * 20, "used_mask": 0}),
    ):
        query(
            "INSERT INTO mfa_authenticator (type, data, user_id, created_at) "
            f"SELECT '{kind}', '{json.dumps(data)}', id, now() FROM participants_user "
            f"WHERE email = '{WITH_SECOND_FACTOR}' ON CONFLICT DO NOTHING"
        )
