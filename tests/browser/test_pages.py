"""Every page: no console error, no CSP violation, nothing serious for axe, nothing cut off."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import LogIn
from trial.people import ENGINEER

pytestmark = [pytest.mark.needs_chromium, pytest.mark.timeout(240)]
OPEN = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/terms/"]
PEERS = [
    "/",
    "/market/",
    "/requests/",
    "/requests/new/",
    "/contracts/",
    "/contracts/1/",
    "/sites/",
    "/sites/1/",
    "/sites/new/",
    "/applications/",
    "/applications/tcvns/new/",
    "/notices/",
    "/notices/preferences/",
    "/organisation/",
    "/organisation/tokens/",
    "/demo/mail/",
    "/demo/guide/",
    "/accounts/2fa/",
    "/accounts/sessions/",
]
PORTAL = ["/dso/", "/dso/wsc/review/", "/dso/wsc/review/1/change/", "/dso/connections/tcvn/"]
SERIOUS = {"serious", "critical"}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    ("who", "paths"),
    [("", OPEN), ("administrator@community-energy-group.example", PEERS), (ENGINEER, PORTAL)],
)
def test_pages_are_whole_and_usable(log_in: LogIn, who: str, paths: list[str], width: int) -> None:
    page, examined = log_in(who, width=width), log_in(who, width=width, bypass_csp=True)
    found, wide = [], []
    for path in paths:
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        examined.goto(path)  # axe itself sets styles that our policy would block
        results = Axe().run(examined).response
        found += [
            (path, each["id"], [node["target"] for node in each["nodes"]][:3])
            for each in results["violations"]
            if each["impact"] in SERIOUS
        ]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(path)

    assert found == []
    assert [path for path in wide if not path.startswith("/dso/")] == []  # stock admin scrolls
