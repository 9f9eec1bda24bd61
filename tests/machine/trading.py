"""Requests, responses and acceptances, each as legal or illegal as Hypothesis has it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from core.windows import ServiceWindow
from nmf import services as nmf
from tests.machine.bench import Bench
from tests.machine.model import (
    LONDON,
    Contract,
    Person,
    Reasons,
    Request,
    Response,
    half_hours,
)
from tests.machine.world import PEERS

D = Decimal
PRICE = D("0.02")
peers = st.sampled_from(PEERS)
rows = st.integers(0, 50)
kinds = st.sampled_from(["trader"] * 8 + ["rival", "viewer", "signatory", "engineer"])
engineers = st.sampled_from(["engineer"] * 8 + ["trader"])
directions = st.sampled_from(["EXPORT"] * 3 + ["IMPORT"])
kilowatts = st.sampled_from([D(10)] * 3 + [D(20)] * 3 + [D(30), D(40), D(60), D("0.5"), D(70)])
prices = st.sampled_from([PRICE] * 9 + [D(-1), D(2)])
some_time = st.sampled_from(  # most of them overlap
    [*[(time(10), time(11, 30)), (time(11), time(12))] * 2, (time(23), time(1))]
)


@st.composite
def windows(draw: st.DrawFn) -> tuple[int, int, time, time]:
    """Days from today, how many, start, end."""
    start, end = draw(some_time)
    return (
        draw(st.sampled_from([4, 4, 4, 4, 5, 5, 3, 2])),
        draw(st.sampled_from([1, 1, 2])),
        start,
        end,
    )


@st.composite
def trades(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "buyer": draw(st.sampled_from(["Farm", "Farm", "Mill"])),
        "turn": draw(st.integers(1, 2)),
        "side": draw(st.sampled_from(["BUY", "SELL"])),
        "direction": draw(directions),
        "window": draw(windows()),
        "kw": draw(st.sampled_from([D(20), D(30), D(40), D(60)])),  # rights are 40 to 100 kW
        "direct": draw(st.booleans()),
        "until": draw(st.sampled_from(["request", "response", *["contract"] * 3])),
    }


def pick(found: list[Any], row: int, likely: Callable[[Any], bool] = bool) -> Any:
    """One of those there are, three times in four one that is likely to move on."""
    chosen = [each for each in found if likely(each)] if row % 4 else []
    return (chosen or found)[-1 - row // 4 % len(chosen or found)]


def move(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One of the moves between which a rule chooses evenly."""
    return st.tuples(st.just(name), st.fixed_dictionaries(arguments))


TRADING = [
    *(move("trade", trade=trades()) for _ in range(2)),
    move(
        "publish",
        peer=peers,
        kind=kinds,
        side=st.sampled_from(["BUY", "SELL"]),
        direction=directions,
        to=st.sampled_from([None, None, *PEERS]),
        window=windows(),
        kw=kilowatts,
        smallest=st.sampled_from([None] * 5 + [D(20), D(0)]),
        price=prices,
    ),
    move("answer", row=rows, turn=st.integers(0, 2), kind=kinds, kw=kilowatts, price=prices),
    move("accept", row=rows, kind=kinds, kw=st.none() | kilowatts),
    move("end_request", row=rows, kind=kinds, reject=st.booleans()),
    move("end_response", row=rows, kind=kinds, reject=st.booleans()),
]


def is_open(row: Request | Response) -> bool:
    return row.state == "OPEN"


class Trading(Bench):
    def publish(self, peer: str, kind: str, price: Decimal, **wish: Any) -> None:
        self._publish(peer, self.person(peer, kind), price, **wish)

    def _publish(self, peer: str, person: Person, price: Decimal, **wish: Any) -> Request | None:
        window, hours = self._window(*wish.pop("window"))
        asked = Request(owner=peer, hours=hours, **wish)
        made = self.attempt(
            self.model.against_request(asked, price, person),
            nmf.create_request,
            wish=nmf.Wish(
                site_id=self.world.sites[peer].pk,
                direction=asked.direction,
                side=asked.side,
                route="DIRECT" if asked.to else "POOL",
                window=window,
                kw=asked.kw,
                price_gbp_per_kwh=price,
                counterparty_site_id=self.world.sites[asked.to].pk if asked.to else None,
                smallest_kw=asked.smallest,
            ),
            actor=self.world.actor(person),
        )
        if made is None:
            return None
        assert made.half_hours == len(hours)
        asked.pk = made.pk
        self.model.requests.append(asked)
        return asked

    def answer(self, row: int, turn: int, kind: str, kw: Decimal, price: Decimal) -> None:
        if not self.model.requests:
            return
        request = pick(self.model.requests, row, is_open)
        peer = request.to if request.to and row % 5 else self.after(request.owner, turn)
        self._answer(request, peer, self.person(peer, kind), kw, price)

    def _answer(
        self, request: Request, peer: str, person: Person, kw: Decimal, price: Decimal
    ) -> Response | None:
        made = self.attempt(
            self.model.against_response(request, peer, kw, price, person),
            nmf.respond,
            request_id=request.pk,
            site_id=self.world.sites[peer].pk,
            kw=kw,
            price_gbp_per_kwh=price,
            actor=self.world.actor(person),
        )
        if made is None:
            return None
        self.model.responses.append(Response(request, peer, kw, made.pk))
        return self.model.responses[-1]

    def accept(self, row: int, kind: str, kw: Decimal | None) -> None:
        if not self.model.responses:
            return
        response = pick(self.model.responses, row, is_open)
        self._accept(response, self.person(response.request.owner, kind), kw)

    def _accept(self, response: Response, person: Person, kw: Decimal | None) -> Contract | None:
        taken = response.kw if kw is None else kw
        made = self.attempt(
            self.model.against_acceptance(response, taken, person),
            nmf.accept_response,
            response_id=response.pk,
            kw=kw,
            actor=self.world.actor(person),
        )
        if made is None:
            return None
        contract = self.model.accept(response, taken)
        contract.pk = made.pk
        assert made.decide_by == contract.decide_by
        assert self.world.name_of(made.buyer_site_id) == contract.buyer
        return contract

    def trade(self, trade: dict[str, Any]) -> None:
        """Request, response and acceptance as they mostly come: in order, by the right people."""
        wish = dict(trade)
        buyer, side, until = wish.pop("buyer"), wish["side"], wish.pop("until")
        seller = self.after(buyer, wish.pop("turn"))
        asker, other = (buyer, seller) if side == "BUY" else (seller, buyer)
        to = other if wish.pop("direct") else None
        asked = self._publish(asker, (asker, "trader"), PRICE, to=to, smallest=None, **wish)
        if asked is None or until == "request":
            return
        given = self._answer(asked, other, (other, "trader"), asked.kw, PRICE)
        if given is not None and until == "contract":
            self._accept(given, (asker, "trader"), None)

    def end_request(self, row: int, kind: str, reject: bool) -> None:
        if not self.model.requests:
            return
        request = pick(self.model.requests, row, is_open)
        open_one: Reasons = set() if request.state == "OPEN" else {"state"}
        if not reject:
            person, against = self.person(request.owner, kind), open_one
            against = against | self.model._who(self.model.trades_for(person, request.owner))
            service: Any = nmf.cancel_request
        else:
            person = self.person(request.to or request.owner, kind)
            against = open_one | self.model._rules(request.to is not None)
            against |= self.model._who(self.model.trades_for(person, request.to or ""))
            service = nmf.reject_request
        more = {"reason": "No."} if reject else {}
        actor = self.world.actor(person)
        if self.attempt(against, service, request_id=request.pk, actor=actor, **more):
            self.model.end_request(request, "REJECTED" if reject else "CANCELLED")

    def end_response(self, row: int, kind: str, reject: bool) -> None:
        if not self.model.responses:
            return
        response = pick(self.model.responses, row, is_open)
        peer = response.request.owner if reject else response.owner
        person = self.person(peer, kind)
        against = self.model._who(self.model.trades_for(person, peer))
        against |= self.model._state(response.state == "OPEN")
        service: Any = nmf.reject_response if reject else nmf.cancel_response
        actor = self.world.actor(person)
        if self.attempt(against, service, response_id=response.pk, actor=actor):
            response.state = "REJECTED" if reject else "CANCELLED"

    def _window(
        self, offset: int, days: int, start: time, end: time
    ) -> tuple[ServiceWindow, tuple[datetime, ...]]:
        first = self.model.at.astimezone(LONDON).date() + timedelta(days=offset)
        last = first + timedelta(days=days - 1)
        window = ServiceWindow(first_date=first, last_date=last, start_time=start, end_time=end)
        return window, half_hours(first, days, start, end)
