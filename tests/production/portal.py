"""An engineer at the DSO's portal, over HTTP as a browser speaks it: cookies, forms, tokens."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tests.processes import HOST, Answer, Product


@dataclass
class Portal:
    product: Product
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> str:
        answer = self._call("GET", path)
        assert answer.status == 200, f"{path}: {answer.status} to {answer.headers['Location']}"
        return answer.body.decode()

    def submit(self, page: str, fields: dict[str, str], *, to: str = "") -> str:
        """Send a page's form, and return where it leads."""
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(page))
        assert found, f"{page} has no form"
        body = urlencode({"csrfmiddlewaretoken": found[1], **fields}).encode()
        answer = self._call("POST", to or page, body)
        assert answer.status == 302, f"{to or page}: {answer.status}\n{answer.body.decode()}"
        return str(answer.headers["Location"])

    def log_in(self, email: str, password: str, secret: str) -> None:
        from allauth.mfa.totp.internal import auth

        second = self.submit("/accounts/login/", {"login": email, "password": password})
        code = auth.format_hotp_value(auth.hotp_value(secret, int(time.time()) // 30))
        self.submit(second, {"code": code})

    def review_of(self, number: str) -> str:
        """Return the address of a contract's review, as the list of reviews links to it."""
        page = self.get("/dso/wsc/review/")
        found = re.search(rf'href="(/dso/wsc/review/\d+/)change/[^"]*">[^<]*{number}\b', page)
        assert found, f"{number} is not on the list:\n{page}"
        return found[1]

    def act(self, review: str, action: str, **fields: str) -> None:
        self.submit(f"{review}change/", fields, to=f"{review}{action}/")

    def _call(self, method: str, path: str, body: bytes | None = None) -> Answer:
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Referer": f"https://{HOST}/",  # Django asks for it over TLS
        }
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self.product.call(method, path, body=body, headers=headers)
        for each in answer.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(each).items():
                assert morsel["secure"] or not morsel.value, f"{name} would go over plain HTTP"
                self.cookies[name] = morsel.value
        return answer
