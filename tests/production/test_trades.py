"""The trial in the production set-up: replayed, then its ten trades again in the coming weeks.

The second time peers use the API, the engineer the portal, and the relay, Redis and the Celery
workers carry what follows. Hours, studies, decisions and outcomes are those of the table.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from core.periods import LONDON
from core.windows import ServiceWindow
from data.trial import tables
from tests.processes import APPS, Product
from tests.production.portal import Portal
from trial import table
from trial.people import ENGINEER

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_redis_server,
    pytest.mark.xdist_group("production"),
    pytest.mark.timeout(600),
]

PASSWORD, SECRET = "an engineer's own words", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TRADES = tables.rows("tp1_trades.csv")
UNDECIDED = "PENDING"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def expected() -> list[dict[str, str]]:
    with table.EXPECTED.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def replayed(product: Product) -> Product:
    for command in (["load_trial"], ["replay_trial", "--write", str(product.home / "table.csv")]):
        done = product.manage(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    return product


@dataclass
class Market:
    """What the peers and the engineer need to trade in the coming weeks."""

    product: Product
    traders: dict[str, Any]
    weeks: dict[str, str]
    portal: Portal

    def api(self, method: str, path: str, site: str, body: Any = None) -> Any:
        """Call the API with the token of a site's trader."""
        token = {"Authorization": f"Token {self.traders[site]['token']}"}
        answer = self.product.call(method, f"/api/v1/{path}", body=body, headers=token)
        assert answer.status in {200, 201}, f"{path}: {answer.status} {answer.body.decode()}"
        return answer.json()

    def window(self, row: dict[str, str]) -> ServiceWindow:
        then = tables.trade_window(row)
        first = date.fromisoformat(self.weeks[f"{then.first_date}"])
        last = first + (then.last_date - then.first_date)
        return ServiceWindow(first, last, then.weekdays, then.start_time, then.end_time)

    def trade(self, row: dict[str, str]) -> dict[str, Any]:
        """Take a row from the request to the agreed contract, and return it."""
        window, ends = self.window(row), (row["buyer"], row["seller"])
        asker, other = ends if row["initiator"] == "buyer" else reversed(ends)
        terms = {"kw": row["kw"], "price_gbp_per_kwh": "0.02500"}
        wish = {
            "site": self.traders[asker]["site"],
            "counterparty_site": self.traders[other]["site"],
            "direction": row["direction"].upper(),
            "side": "BUY" if asker == row["buyer"] else "SELL",
            "route": "DIRECT",
            "first_date": f"{window.first_date}",
            "last_date": f"{window.last_date}",
            "weekdays": list(window.weekdays),
            "start_time": f"{window.start_time}",
            "end_time": f"{window.end_time}",
        }
        request = self.api("POST", "requests/", asker, wish | terms)
        answer = {"site": self.traders[other]["site"], **terms}
        response = self.api("POST", f"requests/{request['id']}/respond/", other, answer)
        agreed = self.api("POST", f"responses/{response['id']}/accept/", asker, {})
        assert agreed["state"] == UNDECIDED
        return dict(agreed)

    def contract(self, agreed: dict[str, Any]) -> Any:
        return self.api("GET", f"contracts/{agreed['id']}/", agreed["buyer_site"]["name"])

    def studies(self, agreed: dict[str, Any]) -> list[Any]:
        """Return a contract's studies, the newest first."""
        site = agreed["buyer_site"]["name"]
        path = f"studies/?reference={agreed['reference']}"
        return list(self.api("GET", path, site)["results"])

    def wait_for_studies(self, agreed: dict[str, Any], count: int) -> None:
        def are_finished() -> bool:
            found = self.studies(agreed)
            return len(found) >= count and all(each["finished_at"] for each in found)

        self.product.wait_until(are_finished, f"{agreed['number']} has {count} studies")

    def cells(self, agreed: dict[str, Any]) -> dict[str, str]:
        """Return what the table shows of a contract, from what its buyer sees."""
        decided_at, site = self.contract(agreed)["decided_at"], agreed["buyer_site"]["name"]
        # later ones see to what was approved already
        study = next(
            each
            for each in self.studies(agreed)
            if each["finished_at"] and instant(each["finished_at"]) <= instant(decided_at)
        )
        result = self.api("GET", f"studies/{study['id']}/", site)["result"]
        return {
            "half_hours": f"{agreed['half_hours']}",
            "hours": f"{agreed['half_hours'] / 2:g}",
            **{each["basis"]: table.verdict(each) for each in result["bases"]},
            "largest_kw": f"{result['largest_kw']:g}",
        }


@pytest.fixture(scope="module")
def market(replayed: Product) -> Market:
    done = replayed.python("-m", "tests.production.lay", PASSWORD, SECRET)
    assert done.returncode == 0, done.stderr
    replayed.start(*APPS)
    portal = Portal(replayed)
    portal.log_in(ENGINEER, PASSWORD, SECRET)
    laid = json.loads(done.stdout)
    return Market(replayed, laid["traders"], laid["weeks"], portal)


@pytest.fixture(scope="module")
def contracts(market: Market) -> list[Any]:
    """Trade the ten rows, those by hand first, and end them as the trial did."""
    agreed: dict[int, dict[str, Any]] = {}
    by_hand = [n for n, row in enumerate(TRADES) if row["route"] == "manual"]
    for n in by_hand:
        agreed[n] = market.trade(TRADES[n])
    for n in by_hand:
        decide_by_hand(market, agreed[n])
    done = market.product.manage("lay_policy")  # from here on automatic
    assert done.returncode == 0, done.stderr
    for n in (n for n in range(len(TRADES)) if n not in by_hand):
        agreed[n] = market.trade(TRADES[n])
    for each in agreed.values():
        market.product.wait_until(
            lambda each=each: market.contract(each)["state"] != UNDECIDED,  # type: ignore[misc]
            f"{each['number']} is decided",
        )
    return [agreed[n] for n in range(len(TRADES))]


def decide_by_hand(market: Market, agreed: dict[str, Any]) -> None:
    """Ask for a study on the present register, and do as it advises."""
    market.wait_for_studies(agreed, 1)
    review = market.portal.review_of(agreed["number"])
    market.portal.act(review, "study-again")
    market.wait_for_studies(agreed, 2)
    study = market.studies(agreed)[0]
    assert market.contract(agreed)["state"] == UNDECIDED
    action = "approve" if study["state"] == "PASSED" else "reject"
    market.portal.act(review, action, reason=study["summary"])


def test_the_replay_gives_the_table(replayed: Product) -> None:
    assert (replayed.home / "table.csv").read_text() == table.EXPECTED.read_text()


def test_the_trades_of_the_coming_weeks_come_out_as_in_the_table(
    market: Market, contracts: list[Any]
) -> None:
    columns = ("half_hours", "hours", *table.BASES, "largest_kw")
    rows = expected()[: len(TRADES)]

    seen = [market.cells(each) for each in contracts]

    assert seen == [{column: row[column] for column in columns} for row in rows]
    for each, row in zip(contracts, rows, strict=True):
        decision = row["decision"].split()[0].upper()
        assert market.contract(each)["state"] == decision, each["number"]


def test_cancellations_take_effect_as_in_the_table(market: Market, contracts: list[Any]) -> None:
    for row, each in zip(TRADES, contracts, strict=True):
        if row["cancellation"] == "yes" and row["route"] == "manual":
            at = instant(each["starts_at"]).astimezone(LONDON)
            moment = (at + timedelta(days=4)).replace(hour=10)  # the Friday of its week
            review = market.portal.review_of(each["number"])
            market.portal.act(
                review, "cancel", reason="As in the trial.", from_at=f"{moment:%Y-%m-%dT%H:%M}"
            )
            assert instant(market.contract(each)["cancelled_from"]) == moment
        elif row["cancellation"] == "yes":
            path, reason = f"contracts/{each['id']}", {"reason": "Cancelled in the trial."}
            proposal = reason | {"from_at": each["starts_at"]}
            market.api("POST", f"{path}/propose-cancellation/", row["buyer"], proposal)
            market.api("POST", f"{path}/confirm-cancellation/", row["seller"], {})
            assert market.contract(each)["cancelled_from"] == each["starts_at"]

    ended = [market.contract(each)["state"] == "CANCELLED" for each in contracts]

    assert ended == [row["state"].startswith("cancelled") for row in expected()[: len(TRADES)]]


def test_both_peers_are_told_by_mail(market: Market, contracts: list[Any]) -> None:
    for each in contracts:
        for site in (each["buyer_site"], each["seller_site"]):
            email = market.traders[site["name"]]["email"]
            for what in ("agreed, waits for the DSO's approval", "approved"):
                subject = f"{each['number']}: {what}"
                market.product.wait_until(
                    lambda email=email, subject=subject: (  # type: ignore[misc]
                        market.product.mail.subjects_to(email).count(subject) == 1
                    ),
                    f"{email} has one mail {subject!r}",
                )


def test_the_record_is_whole_and_nothing_is_left_over(market: Market, contracts: list[Any]) -> None:
    product = market.product
    product.wait_until(
        lambda: product.manage("verify_journal").returncode == 0, "beat has the journal sealed"
    )
    register = product.manage("check_register")
    ready = product.call("GET", "/readyz")

    assert register.returncode == 0, register.stdout
    assert (ready.status, ready.json()["dead_letters"]) == (200, 0)
    assert product.stop() == dict.fromkeys([*APPS, "redis"], 0)
    for name in APPS:
        assert "Traceback" not in product.log(name), product.log(name)
