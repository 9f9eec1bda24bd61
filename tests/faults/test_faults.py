"""Processes killed, Redis stopped or silent, mail refused: nothing is lost and nothing done twice.

Each test trades by REST in a production set-up of its own, whose parts it then harms.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import psycopg2
import pytest

from core import clock
from core.periods import LONDON
from tests.processes import APPS, Product, production

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_redis_server,
    pytest.mark.xdist_group("production"),
    pytest.mark.timeout(600),
]
KW = "40.000"
MESSAGES_REFUSED = 0.3


@dataclass
class Market:
    """Two peers with tokens, and the database's own account of what became of their trades."""

    product: Product
    peers: dict[str, Any]
    trades: int = field(default=0)

    def post(self, path: str, peer: str, body: Any) -> Any:
        token = {"Authorization": f"Token {self.peers[peer]['token']}"}
        answer = self.product.call("POST", f"/api/v1/{path}", body=body, headers=token)
        assert answer.status == 201, f"{path}: {answer.status} {answer.body.decode()}"
        return answer.json()

    def trade(self) -> int:
        """Take a trade, each on a day of its own, from the request to the agreed contract."""
        day = clock.now().astimezone(LONDON).date() + timedelta(days=10 + self.trades)
        self.trades += 1
        terms = {"kw": KW, "price_gbp_per_kwh": "0.02000"}
        wish = {
            "site": self.peers["Farm"]["site"],
            "direction": "EXPORT",
            "side": "BUY",
            "route": "POOL",
            "first_date": f"{day}",
            "last_date": f"{day}",
            "start_time": "10:00",
            "end_time": "14:00",
        }
        request = self.post("requests/", "Farm", wish | terms)
        answer = {"site": self.peers["Mill"]["site"], **terms}
        response = self.post(f"requests/{request['id']}/respond/", "Mill", answer)
        return int(self.post(f"responses/{response['id']}/accept/", "Farm", {})["id"])

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.session() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall()) if cursor.description else []

    @contextmanager
    def session(self) -> Iterator[Any]:
        link = psycopg2.connect(self.product.database_url)
        try:
            with link, link.cursor() as cursor:
                yield cursor
        finally:
            link.close()

    def states(self, *contracts: int) -> set[str]:
        query = "SELECT state FROM nmf_contract WHERE id = ANY(%s)"
        return {state for (state,) in self.rows(query, list(contracts))}

    def wait_for_approval(self, *contracts: int) -> None:
        self.product.wait_until(
            lambda: self.states(*contracts) == {"APPROVED"}, "the contracts are approved"
        )

    def hurry(self) -> None:
        """Let the time pass that leases and pauses still have to run."""
        self.rows("UPDATE psa_study SET lease_ends_at = now() WHERE lease_ends_at IS NOT NULL")
        self.rows("UPDATE psa_arearun SET ends_at = now() WHERE ends_at IS NOT NULL")
        self.rows("UPDATE core_outboxmessage SET not_before = now() WHERE done_at IS NULL")

    def check_record(self) -> None:
        """Each transition happened once, each mail went once, and the record is whole."""
        twice = self.rows(
            "SELECT verb, subject_id FROM core_event WHERE verb IN"
            " ('nmf.contract.agreed', 'nmf.contract.approved', 'wsc.decision.made',"
            "  'psa.study.finished')"
            " GROUP BY verb, subject_id HAVING count(*) > 1"
        )
        assert twice == []
        unequal = self.rows(
            "SELECT contract_id FROM wsc_decision GROUP BY contract_id HAVING count(*) <> 1"
        )
        assert unequal == []
        self.product.wait_until(
            lambda: (
                self.rows("SELECT count(*) FROM core_outboxmessage WHERE done_at IS NULL") == [(0,)]
            ),
            "the outbox is empty",
        )
        mails = [(str(each["To"]), str(each["Subject"])) for each in self.product.mail.messages]
        assert len(mails) == len(set(mails))
        told = "SELECT count(*) FROM participants_notice WHERE emailed_at IS NOT NULL"
        assert self.rows(told) == [(len(mails),)]
        register = self.product.manage("check_register")
        assert register.returncode == 0, register.stdout


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with production(tmp_path_factory.mktemp("faults"), prefix="faults") as product:
        for done in (
            product.run("migrate"),
            product.manage("collectstatic", "--noinput", "-v", "0"),
        ):
            assert done.returncode == 0, done.stderr
        laid = product.python("-m", "tests.faults.lay")
        assert laid.returncode == 0, laid.stderr
        product.start(*APPS)
        market = Market(product, json.loads(laid.stdout))
        market.wait_for_approval(market.trade())  # it works when nothing is harmed
        yield market


def test_a_worker_killed_in_mid_study_loses_nothing_and_decides_nothing_twice(
    market: Market,
) -> None:
    with market.session() as cursor:  # nobody reads a forecast until it ends
        cursor.execute("LOCK TABLE psa_forecastday IN ACCESS EXCLUSIVE MODE")
        contract = market.trade()
        market.product.wait_until(
            lambda: market.rows("SELECT count(*) FROM psa_study WHERE state = 'RUNNING'") == [(1,)],
            "a worker is at the study",
        )
        market.product.running["worker-psa"].kill()

    assert market.states(contract) == {"PENDING"}
    market.hurry()
    market.product.start("worker-psa")
    market.wait_for_approval(contract)

    [(attempts,)] = market.rows("SELECT attempts FROM psa_study ORDER BY id DESC LIMIT 1")
    assert attempts > 1
    market.check_record()


def test_trading_goes_on_while_redis_is_silent(market: Market) -> None:
    redis = market.product.running["redis"]
    redis.pause()
    try:
        contracts = [market.trade() for _ in range(3)]
        assert market.states(*contracts) == {"PENDING"}
    finally:
        redis.go_on()

    market.hurry()
    market.wait_for_approval(*contracts)
    market.check_record()


def test_trading_goes_on_while_redis_is_gone(market: Market) -> None:
    market.product.running["redis"].kill()
    contracts = [market.trade() for _ in range(3)]
    assert market.states(*contracts) == {"PENDING"}

    market.product.start("redis")

    market.hurry()
    market.wait_for_approval(*contracts)
    market.check_record()


def test_of_mail_that_is_refused_at_random_every_piece_arrives_once(market: Market) -> None:
    chance = Random(7)  # a seed, no secret
    refused: list[int] = []

    def refuses(number: int) -> bool:
        if chance.random() < MESSAGES_REFUSED:
            refused.append(number)
            return True
        return False

    market.product.mail.refuses = refuses
    try:
        contracts = [market.trade() for _ in range(3)]
        market.wait_for_approval(*contracts)
        market.check_record()
    finally:
        market.product.mail.refuses = lambda _number: False

    assert refused
