"""Replay the trial's trades and scenarios at their dates, as peers and engineers would make them.

Every step is one call of the service that a screen or the API calls; what follows from it is run
from the outbox, as in the embedded set-up. What the report doesn't say is assumed and labelled
(domain 10).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from connections import services as connections
from connections.documents import request_to_read
from connections.models import Site, Tcvn
from connections.services.registrations import current_agreement
from core import clock
from core.errors import Refusal, RefusedError
from core.periods import LONDON, next_half_hour
from core.relay import drain
from core.sealing import seal_all
from core.windows import ServiceWindow
from data.trial import tables
from nmf import services as nmf
from nmf.models import Contract, Request
from nmf.states import ContractState, Route, Side
from psa.models import Study
from psa.states import StudyState
from trial import people
from trial.loading import FOUNDED_AT, study_area
from wsc import services as wsc
from wsc.models import Policy
from wsc.states import Mode

PRICE = Decimal("0.02500")  # £/kW/h: inside the report's £16-70 /MW/h (assumed)
ASSUMED = "delivery week, price, agreements and TCVNs"
CANCELLED_BY_PEERS = "who cancelled, and when"
TRADES, SCENARIOS = "tp1_trades.csv", "scenarios.csv"
POLICIES = (
    (datetime(2021, 9, 2, 9, tzinfo=LONDON), Mode.MANUAL),
    (datetime(2022, 2, 1, 9, tzinfo=LONDON), Mode.AUTOMATIC),
    (datetime(2022, 3, 7, 8, tzinfo=LONDON), Mode.MANUAL),
    (datetime(2022, 3, 9, 9, tzinfo=LONDON), Mode.AUTOMATIC),
)
TCVN_LAID_AT = datetime(2021, 10, 11, 9, tzinfo=LONDON)
SUPPORTED = "Supported; each trade is studied before it is approved."
NO_STUDY = UUID(int=0)
RETRADE = "traded again without the failing half-hours"


@dataclass(slots=True)
class Item:
    """One line of the table: what was traded or asked for, and what came of it."""

    name: str
    row: dict[str, str]
    window: ServiceWindow
    request_id: int = 0  # 0: not yet, or not of this kind
    response_id: int = 0
    contract_id: int = 0
    tcvn_id: int = 0
    assumed: list[str] = field(default_factory=list)


Step = Callable[[datetime], None]


class Replay:
    """Steps by time, and the items that they bring about."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self._steps: list[tuple[datetime, int, Step]] = []

    def plan(self) -> None:
        """Lay out every step of the trial."""
        for at, mode in POLICIES:
            self._at(at, lambda moment, mode=mode: _publish_policy(mode, moment))  # type: ignore[misc]
        for row in tables.rows("tcvns.csv"):
            if row["laid"] == "trial":
                self._at(TCVN_LAID_AT, lambda moment, row=row: _lay_tcvn(row, moment))  # type: ignore[misc]
        for row in tables.rows(TRADES):
            self._plan_trade(row)
        for row in tables.rows(SCENARIOS):
            plan = self._plan_tcvn if row["kind"] == "tcvn" else self._plan_scenario
            plan(row)

    def run(self) -> None:
        """Take every step in order of time, and run what follows from it."""
        for moment, _, step in sorted(self._steps, key=lambda each: each[:2]):
            with clock.frozen(moment):
                step(moment)
                drain()
                nmf.expire_due(at=moment)
                nmf.tell_deliveries(at=moment)
                wsc.watch_deadlines(at=moment)
                drain()
        seal_all()

    def _at(self, moment: datetime, step: Step) -> None:
        self._steps.append((moment, len(self._steps), step))

    def _plan_trade(self, row: dict[str, str]) -> None:
        item = Item(row["trade"], row, tables.trade_window(row), assumed=[ASSUMED])
        self.items.append(item)
        auction = date.fromisoformat(row["auction_date"])
        self._plan_contract(item, auction, _side(row), manual=row["route"] == "manual")
        if row["cancellation"] == "yes" and row["route"] == "manual":
            self._at(_local(date(2021, 12, 17), 10), lambda at: _cancel_by_dso(item, at))
        elif row["cancellation"] == "yes":
            item.assumed.append(CANCELLED_BY_PEERS)
            self._at(_local(auction + timedelta(days=1), 10), lambda at: _cancel_by_peers(item, at))

    def _plan_scenario(self, row: dict[str, str]) -> None:
        first, last = date.fromisoformat(row["first_date"]), date.fromisoformat(row["last_date"])
        item = Item(row["scenario"], row, tables.window(row, first=first, last=last))
        item.assumed.append("made for the demonstration")
        self.items.append(item)
        auction = first - timedelta(days=4)
        self._plan_contract(item, auction, Side.BUY, manual=False)
        if row["binding_element"] and row["rights_used"] == row["forecast_ratio"] == "fail":
            again = Item(f"{item.name}, {RETRADE}", row, item.window, assumed=list(item.assumed))
            self.items.append(again)
            self._at(_local(auction, 12), lambda _at: _leave_out_failing(item, again))
            self._plan_contract(again, auction, Side.BUY, manual=False, hour=13)

    def _plan_contract(
        self, item: Item, auction: date, side: str, *, manual: bool, hour: int = 9
    ) -> None:
        """Request, response half an hour later, acceptance half an hour after that."""
        asked = _local(auction, hour)
        half_an_hour = timedelta(minutes=30)
        self._at(asked, lambda at: _request(item, side, at))
        self._at(asked + half_an_hour, lambda at: _respond(item, side, at))
        self._at(asked + 2 * half_an_hour, lambda at: _accept(item, side, at))
        if manual:
            self._at(asked + 4 * half_an_hour, lambda at: _decide(item, at))

    def _plan_tcvn(self, row: dict[str, str]) -> None:
        first, last = date.fromisoformat(row["first_date"]), date.fromisoformat(row["last_date"])
        item = Item(row["scenario"], row, tables.window(row, first=first, last=last))
        item.assumed.append("capacity and window")
        self.items.append(item)
        asked = first - timedelta(days=42)
        self._at(_local(asked, 9), lambda at: _ask_tcvn(item, at))
        self._at(_local(asked + timedelta(days=14), 9), lambda at: _answer_tcvn(item, at))


def _local(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), LONDON)


def _side(row: dict[str, str]) -> str:
    return Side.BUY if row["initiator"] == "buyer" else Side.SELL


def _site(name: str) -> Site:
    return Site.objects.select_related("organisation").get(name=name)


def _publish_policy(mode: str, at: datetime) -> None:
    wsc.publish_policy(
        area_id=study_area().pk, mode=mode, actor=people.actor_of(people.MANAGER), at=at
    )


def _ends(item: Item, side: str) -> tuple[Site, Site]:
    """Return the site that asks and the one that answers."""
    buyer, seller = _site(item.row["buyer"]), _site(item.row["seller"])
    return (buyer, seller) if side == Side.BUY else (seller, buyer)


def _request(item: Item, side: str, at: datetime) -> None:
    asker, other = _ends(item, side)
    wish = nmf.Wish(
        site_id=asker.pk,
        direction=item.row["direction"].upper(),
        side=side,
        route=Route.DIRECT,
        window=item.window,
        kw=Decimal(item.row["kw"]),
        price_gbp_per_kwh=PRICE,
        counterparty_site_id=other.pk,
    )
    actor = people.trader_of(asker.organisation)
    item.request_id = nmf.create_request(wish=wish, actor=actor, at=at).pk


def _respond(item: Item, side: str, at: datetime) -> None:
    request = Request.objects.get(pk=item.request_id)
    _, other = _ends(item, side)
    item.response_id = nmf.respond(
        request_id=request.pk,
        site_id=other.pk,
        kw=request.kw,
        price_gbp_per_kwh=request.price_gbp_per_kwh,
        actor=people.trader_of(other.organisation),
        at=at,
    ).pk


def _accept(item: Item, side: str, at: datetime) -> None:
    asker, _ = _ends(item, side)
    item.contract_id = nmf.accept_response(
        response_id=item.response_id, actor=people.trader_of(asker.organisation), at=at
    ).pk


def _decide(item: Item, at: datetime) -> None:
    """Decide as an engineer, as a study on the present register advises."""
    contract = _contract(item)
    engineer = people.actor_of(people.ENGINEER)
    wsc.study_again(contract_id=contract.pk, actor=engineer, at=at)
    drain()
    study = Study.objects.filter(reference=contract.reference).latest("pk")
    decide = wsc.approve if study.state == StudyState.PASSED else wsc.reject
    decide(contract_id=contract.pk, reason=study.summary, actor=engineer, at=at)


def _cancel_by_dso(item: Item, at: datetime) -> None:
    wsc.cancel(
        contract_id=_contract(item).pk,
        from_at=next_half_hour(at),
        reason="Simulated cancellation by the DNO, as in the trial.",
        actor=people.actor_of(people.ENGINEER),
        at=at,
    )


def _cancel_by_peers(item: Item, at: datetime) -> None:
    contract = _contract(item)
    nmf.propose_cancellation(
        contract_id=contract.pk,
        from_at=contract.starts_at,
        reason="Cancelled in the trial.",
        actor=people.trader_of(contract.buyer_site.organisation),
        at=at,
    )
    nmf.confirm_cancellation(
        contract_id=contract.pk,
        actor=people.trader_of(contract.seller_site.organisation),
        at=at,
    )


def _contract(item: Item) -> Contract:
    rows = Contract.objects.select_related("buyer_site__organisation", "seller_site__organisation")
    return rows.get(pk=item.contract_id)


def _leave_out_failing(failed: Item, again: Item) -> None:
    """Take the half-hours that failed out of the window that is traded again."""
    contract = _contract(failed)
    if contract.state != ContractState.REJECTED:
        raise RuntimeError(f"{failed.name} was expected to be rejected, not {contract.state}")
    study = Study.objects.get(pk=contract.study_id or 0)
    failing = frozenset(datetime.fromisoformat(text) for text in (study.result or {})["failing"])
    again.window = replace(failed.window, excluded=failing)


def _lay_tcvn(row: dict[str, str], at: datetime) -> None:
    """Take a buyer's TCVN of the trial through steps 3 to 7."""
    first, last = date.fromisoformat(row["first_date"]), date.fromisoformat(row["last_date"])
    lay_tcvn_in_force(
        site=_site(row["site"]),
        direction=row["direction"],
        capacity_kw=Decimal(row["capacity_kw"]),
        window=tables.window(row, first=first, last=last),
        reason=row["reason"],
        at=at,
    )


def request_tcvn(
    *,
    site: Site,
    direction: str,
    capacity_kw: Decimal,
    window: ServiceWindow,
    reason: str,
    at: datetime,
) -> Tcvn:
    """Prepare and submit a request, as the site's trader and signatory (step 3)."""
    tcvn = connections.request_tcvn(
        site_id=site.pk,
        direction=direction,
        capacity_kw=capacity_kw,
        window=window,
        reason=reason,
        actor=people.trader_of(site.organisation),
        at=at,
    )
    agreement = current_agreement(site.pk, at=at)
    return connections.submit_tcvn(
        tcvn_id=tcvn.pk,
        document_sha256=request_to_read(tcvn, agreement=agreement).sha256,
        actor=people.administrator_of(site.organisation),
        at=at,
    )


def lay_tcvn_in_force(
    *,
    site: Site,
    direction: str,
    capacity_kw: Decimal,
    window: ServiceWindow,
    reason: str,
    at: datetime,
) -> Tcvn:
    """Take a request through assessment, notice and both signatures (steps 3 to 7)."""
    engineer = people.actor_of(people.ENGINEER)
    tcvn = request_tcvn(
        site=site, direction=direction, capacity_kw=capacity_kw, window=window, reason=reason, at=at
    )
    connections.start_assessment(tcvn_id=tcvn.pk, actor=engineer, at=at)
    connections.record_support(
        tcvn_id=tcvn.pk,
        answer=SUPPORTED,
        actor=engineer,
        at=at,
    )
    return sign_and_countersign(tcvn.pk, at=at)


def sign_and_countersign(tcvn_id: int, *, at: datetime) -> Tcvn:
    """Issue the notice of a request that is supported, and put both names to it."""
    engineer = people.actor_of(people.ENGINEER)
    issued = connections.issue_tcvn(tcvn_id=tcvn_id, actor=engineer, at=at)
    connections.execute_tcvn(
        tcvn_id=tcvn_id,
        typed_name="The signatory",
        document_hash=issued.document_hash,
        actor=people.administrator_of(issued.site.organisation),
        at=at,
    )
    return connections.countersign_tcvn(tcvn_id=tcvn_id, actor=engineer, at=at)


def _ask_tcvn(item: Item, at: datetime) -> None:
    site, direction = _site(item.row["buyer"]), item.row["direction"]
    agreed = site.agreements.get().agreed_kw(direction) or Decimal(0)
    tcvn = request_tcvn(
        site=site,
        direction=direction,
        capacity_kw=agreed + Decimal(item.row["kw"]),
        window=item.window,
        reason=item.row["note"],
        at=at,
    )
    item.tcvn_id = tcvn.pk
    connections.start_assessment(tcvn_id=tcvn.pk, actor=people.actor_of(people.ENGINEER), at=at)


def _answer_tcvn(item: Item, at: datetime) -> None:
    """Give the outcome that the study advises."""
    tcvn = Tcvn.objects.get(pk=item.tcvn_id)
    study = Study.objects.filter(reference=tcvn.study_reference or NO_STUDY).latest("pk")
    engineer = people.actor_of(people.ENGINEER)
    if study.state == StudyState.PASSED:
        connections.record_support(tcvn_id=tcvn.pk, answer=study.summary, actor=engineer, at=at)
    else:
        connections.record_refusal(tcvn_id=tcvn.pk, reason=study.summary, actor=engineer, at=at)


def refuse_if_traded() -> None:
    """Let the replay run only into an empty market.

    :raises RefusedError: if anything has been traded here
    """
    if Request.objects.exists() or Policy.objects.filter(published_at__gt=FOUNDED_AT).exists():
        message = "The trial is replayed into an empty market only: this one has been used."
        raise RefusedError([Refusal("market_used", message)])
