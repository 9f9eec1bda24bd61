"""The moves of the market in the model: what speaks against each, and what it does."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tests.machine.model import (
    DECISION_TIME,
    MISSED_AFTER,
    NONE,
    OUTLINE,
    RULES,
    STATE,
    WHO,
    Contract,
    Person,
    Reasons,
    Register,
    Request,
    Response,
    Rights,
    gate,
    next_half_hour,
)

BESIDE_THE_PAIR = {"earmarked", "not named"}  # not told before both ends are known
NOBODY = "nobody"


class Market(Register):
    """Requests, responses, contracts and notices, and the clock."""

    def __init__(self, rights: dict[str, dict[str, Rights]], at: datetime) -> None:
        super().__init__(rights)
        self.at = at
        self.requests: list[Request] = []
        self.responses: list[Response] = []
        self.automatic = True
        self.revision = 0  # how often a study's inputs have changed
        self.to_study_again: list[tuple[datetime | None, datetime | None, Contract | None]] = []

    # Who may, and when

    def trades_for(self, person: Person, *peers: str) -> bool:
        return person[0] in peers and person[1] == "trader"

    def open_responses(self, request: Request) -> list[Response]:
        return [r for r in self.responses if r.request is request and r.state == "OPEN"]

    def against_request(self, wish: Request, price: Decimal, person: Person) -> Reasons:
        found = self._who(self.trades_for(person, wish.owner))
        smallest_fits = wish.smallest is None or NONE < wish.smallest <= wish.kw
        fits = (
            self.at <= gate(wish.hours[0], 3, 12)
            and self._fits(wish.kw, price, wish.side)
            and smallest_fits
            and wish.to != wish.owner
            and not self._own_end_breaks(wish.owner, wish, wish.side, wish.kw)
        )
        return found | self._rules(fits)

    def against_response(
        self, request: Request, peer: str, kw: Decimal, price: Decimal, person: Person
    ) -> Reasons:
        found = self._who(self.trades_for(person, peer)) | self._state(request.state == "OPEN")
        side = "SELL" if request.side == "BUY" else "BUY"
        fits = (
            self.at <= gate(request.hours[0], 2, 12)
            and self._fits(kw, price, side)
            and peer != request.owner
            and request.to in {None, peer}
            and kw <= request.left
            and kw >= min(request.smallest or NONE, request.left)
            and all(each.owner != peer for each in self.open_responses(request))
            and not self._own_end_breaks(peer, request, side, kw)
        )
        return found | self._rules(fits)

    def against_acceptance(self, response: Response, kw: Decimal, person: Person) -> Reasons:
        request = response.request
        found = self._who(self.trades_for(person, request.owner))
        found |= self._state(request.state == response.state == "OPEN")
        contract = self.contract_of(response, kw)
        fits = (
            self.at <= gate(request.hours[0], 2, 16)
            and self.at < contract.decide_by
            and self._fits(kw, NONE, "BUY")
            and self._fits(kw, NONE, "SELL")
            and kw <= min(response.kw, request.left)
            and kw >= min(request.smallest or NONE, request.left)
            and not self.would_break(contract, peers=(contract.buyer, contract.seller))
        )
        return found | self._rules(fits)

    def against_cancelling(self, contract: Contract, from_at: datetime) -> Reasons:
        """The DSO's, at any time, with effect from the next full half-hour or later."""
        return self._state(contract.live) | self._rules(self._moment(contract, from_at))

    def against_proposal(self, contract: Contract, from_at: datetime, person: Person) -> Reasons:
        found = self._who(self.trades_for(person, contract.buyer, contract.seller))
        found |= self._state(contract.live and contract.proposed_by is None)
        return found | self._rules(self._moment(contract, from_at))

    def against_confirmation(self, contract: Contract, person: Person) -> Reasons:
        other = contract.seller if contract.proposed_by == contract.buyer else contract.buyer
        found = self._who(self.trades_for(person, other))
        if contract.proposed_from is None or not contract.live:
            return found | {STATE}
        from_at = max(contract.proposed_from, next_half_hour(self.at))
        return found | self._rules(self._moment(contract, from_at))

    def against_withdrawal(self, contract: Contract, person: Person) -> Reasons:
        found = self._who(self.trades_for(person, contract.buyer, contract.seller))
        return found | self._state(contract.live and contract.proposed_by is not None)

    def against_decision(self, contract: Contract) -> Reasons:
        """At its deadline an undecided contract lapses: nobody decides on it any more."""
        waits = contract.state == "PENDING" and contract.in_review
        return self._state(waits and self.at < contract.decide_by)

    # What a move does

    def contract_of(self, response: Response, kw: Decimal) -> Contract:
        request = response.request
        buyer, seller = request.owner, response.owner
        if request.side == "SELL":
            buyer, seller = seller, buyer
        deadline = min(self.at + DECISION_TIME, gate(request.hours[0], 1, 9))
        return Contract(buyer, seller, request.direction, kw, request.hours, deadline, self.at)

    def accept(self, response: Response, kw: Decimal) -> Contract:
        contract = self.contract_of(response, kw)
        self.contracts.append(contract)
        response.state = "ACCEPTED"
        response.request.filled += kw
        if not response.request.left:
            self.end_request(response.request, "FILLED")
        return contract

    def end_request(self, request: Request, state: str) -> None:
        """Ending a request ends its responses."""
        request.state = state
        for each in self.open_responses(request):
            each.state = "EXPIRED" if state == "EXPIRED" else "CLOSED"

    def approve(self, contract: Contract) -> None:
        contract.state, contract.firm = "APPROVED", True
        self.revision += 1

    def cancel(self, contract: Contract, from_at: datetime) -> None:
        contract.state, contract.cancelled_from = "CANCELLED", from_at
        contract.at_risk = False
        if contract.firm:
            self.revision += 1
            self.to_study_again.append((from_at, contract.ends, contract))

    def expire(self) -> None:
        """What is open at its gate expires: a request that nobody answered at the response gate."""
        for each in self.requests:
            last = gate(each.hours[0], 2, 16 if self.open_responses(each) else 12)
            if each.state == "OPEN" and self.at > last:
                self.end_request(each, "EXPIRED")

    def watch(self) -> None:
        """Past its deadline a contract lapses; what never came to the DSO is taken in."""
        for each in self.contracts:
            if each.state == "PENDING" and self.at >= each.decide_by:
                each.state = "LAPSED"
            elif each.state == "PENDING" and self.at >= each.agreed_at + MISSED_AFTER:
                each.in_review = True

    def settle(self, verdict: str) -> None:
        """All that follows from what was agreed or changed, with studies that all end alike."""
        again = [each for each in self.contracts if self._is_studied_again(each)]
        self.to_study_again.clear()
        for each in self.contracts:
            if each.state != "PENDING":
                continue
            each.in_review = True
            if each.with_engineer or self.at >= each.decide_by:
                continue
            if not self.automatic or verdict == "INCOMPLETE":
                each.with_engineer = True
            elif verdict == "PASSED":
                self.approve(each)
            else:
                each.state = "REJECTED"
        for each in again:
            if verdict != "INCOMPLETE":
                each.at_risk = verdict == "FAILED"

    def _is_studied_again(self, contract: Contract) -> bool:
        if contract.state != "APPROVED" or contract.hours[-1] < next_half_hour(self.at):
            return False
        for since, until, cause in self.to_study_again:
            untouched = contract is cause or (until is not None and contract.hours[0] >= until)
            if not untouched and (since is None or contract.ends > since):
                return True
        return False

    def _fits(self, kw: Decimal, price: Decimal, side: str) -> bool:
        return kw >= 1 and kw % 1 == 0 and 0 <= price <= 1 and kw <= OUTLINE[side]

    def _own_end_breaks(self, peer: str, request: Request, side: str, kw: Decimal) -> bool:
        buyer, seller = (peer, NOBODY) if side == "BUY" else (NOBODY, peer)
        trade = Contract(buyer, seller, request.direction, kw, request.hours, self.at, self.at)
        return bool(self.would_break(trade, peers=(peer,)) - BESIDE_THE_PAIR)

    def _moment(self, contract: Contract, from_at: datetime) -> bool:
        on_half_hour = from_at == next_half_hour(from_at)
        return on_half_hour and self.at <= from_at < contract.ends

    def _who(self, may: bool) -> Reasons:
        return set() if may else {WHO}

    def _state(self, fits: bool) -> Reasons:
        return set() if fits else {STATE}

    def _rules(self, fits: bool) -> Reasons:
        return set() if fits else {RULES}
