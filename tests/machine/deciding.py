"""What becomes of contracts: decisions, cancellations, the clock and all that follows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from connections import services as connections
from core import clock, relay
from nmf import services as nmf
from psa.states import FINISHED
from tests.machine.bench import Bench
from tests.machine.model import HALF_HOUR, Contract, gate, next_half_hour
from tests.machine.trading import engineers, kinds, move, pick, rows
from wsc import services as wsc
from wsc.models import Review
from wsc.states import AreaRule, Mode

verdicts = st.sampled_from(["PASSED"] * 4 + ["INCOMPLETE"] * 2 + ["FAILED"])
ahead = st.sampled_from([1, 1, 2, 24, 193, 194, 194, 195, 0, 192, 400])


offs = st.sampled_from([False] * 5 + [True])
reasons = st.sampled_from(["Because."] * 5 + [" "])
proposals = {"row": rows, "kind": kinds, "half_hours": ahead, "off": offs}
answers = {
    "row": rows,
    "kind": kinds,
    "drop": st.sampled_from([False, False, True]),
    "own": st.sampled_from([False] * 3 + [True]),
}
decisions = {
    "row": rows,
    "kind": engineers,
    "approve": st.sampled_from([True] * 3 + [False]),
    "reason": reasons,
    "on_old_study": st.sampled_from([False, False, True]),
}
DECIDING = [
    *(move("propose_to_cancel", **proposals) for _ in range(2)),
    *(move("answer_the_proposal", **answers) for _ in range(2)),
    *(move("decide", **decisions) for _ in range(3)),
    move("cancel", row=rows, kind=engineers, half_hours=ahead, off=offs, reason=reasons),
    move(
        "set_policy",
        automatic=st.booleans(),
        area_rule=st.sampled_from(AreaRule.values),
        alone=st.booleans(),
    ),
    *(move("let_follow_what_follows", verdict=verdicts) for _ in range(2)),
    move("let_the_clock_strike"),
    move(
        "time_passes",
        hours=st.sampled_from([0.1, 1, 3, 24, None, None]),
        row=rows,
        which=st.integers(0, 5),
        minutes=st.sampled_from([-1, 0, 0, 1]),
    ),
]


class Deciding(Bench):
    def contract(self, row: int) -> Contract:
        found: Contract = pick(self.model.contracts, row, lambda each: each.live)
        return found

    def from_at(self, contract: Contract, half_hours: int, *, off: bool) -> datetime:
        """A half-hour from now on, or of the contract's, or a moment within one."""
        at = self.later(half_hours)
        if half_hours > 150:
            at = contract.hours[0] + (half_hours - 193) * HALF_HOUR
        return at + timedelta(minutes=7) if off else at

    def propose_to_cancel(self, row: int, kind: str, half_hours: int, off: bool) -> None:
        if not self.model.contracts:
            return
        contract = self.contract(row)
        person = self.person(contract.buyer if row % 2 else contract.seller, kind)
        from_at = self.from_at(contract, half_hours, off=off)
        if self.attempt(
            self.model.against_proposal(contract, from_at, person),
            nmf.propose_cancellation,
            contract_id=contract.pk,
            from_at=from_at,
            actor=self.world.actor(person),
        ):
            contract.proposed_by, contract.proposed_from = person[0], from_at

    def answer_the_proposal(self, row: int, kind: str, drop: bool, own: bool) -> None:
        proposed = [each for each in self.model.contracts if each.proposed_by]
        if not proposed:
            return
        contract = pick(proposed, row, lambda each: each.live)
        buyer_asked = contract.proposed_by == contract.buyer
        person = self.person(contract.buyer if buyer_asked == own else contract.seller, kind)
        actor = self.world.actor(person)
        if drop:
            against = self.model.against_withdrawal(contract, person)
            service: Any = nmf.withdraw_cancellation
            if self.attempt(against, service, contract_id=contract.pk, actor=actor):
                contract.proposed_by = contract.proposed_from = None
            return
        against = self.model.against_confirmation(contract, person)
        made = self.attempt(against, nmf.confirm_cancellation, contract_id=contract.pk, actor=actor)
        if made:
            from_at = max(contract.proposed_from, next_half_hour(self.model.at))
            self.model.cancel(contract, from_at)

    def decide(self, row: int, kind: str, approve: bool, reason: str, on_old_study: bool) -> None:
        if not self.model.contracts:
            return
        contract = pick(self.model.contracts, row, lambda each: each.with_engineer and each.live)
        person = self.person(contract.buyer, kind)
        against = self.model._who(person[0] == "dso") | self.model.against_decision(contract)
        needs_study = approve and not on_old_study
        fits = bool(reason.strip()) and (not needs_study or self._study_is_current(contract))
        against |= self.model._rules(fits)
        more = {"on_old_study": on_old_study} if approve else {}
        if self.attempt(
            against,
            wsc.approve if approve else wsc.reject,
            contract_id=contract.pk,
            reason=reason,
            actor=self.world.actor(person),
            **more,
        ):
            if approve:
                self.model.approve(contract)
            else:
                contract.state = "REJECTED"

    def _study_is_current(self, contract: Contract) -> bool:
        review = Review.objects.filter(contract_id=contract.pk).select_related("area").first()
        study = review and (review.group_study or review.screening)
        if not review or not study:
            return False
        return study.state in FINISHED and study.revision == review.area.revision

    def cancel(self, row: int, kind: str, half_hours: int, off: bool, reason: str) -> None:
        if not self.model.contracts:
            return
        contract = self.contract(row)
        person = self.person(contract.seller, kind)
        from_at = self.from_at(contract, half_hours, off=off)
        against = self.model._who(person[0] == "dso")
        against |= self.model.against_cancelling(contract, from_at)
        if self.attempt(
            against | self.model._rules(bool(reason.strip())),
            wsc.cancel,
            contract_id=contract.pk,
            from_at=from_at,
            reason=reason,
            actor=self.world.actor(person),
        ):
            self.model.cancel(contract, from_at)

    def set_policy(self, automatic: bool, area_rule: str, alone: bool) -> None:
        self.attempt(
            set(),
            wsc.publish_policy,
            area_id=self.world.area.pk,
            mode=Mode.AUTOMATIC if automatic else Mode.MANUAL,
            area_rule=area_rule,
            screen_first=alone,
            actor=self.world.actor(("dso", "manager")),
        )
        self.model.publish_policy(automatic=automatic)

    def let_follow_what_follows(self, verdict: str) -> None:
        """Run the outbox until it is empty, with every study ending alike."""
        self.network.verdict = verdict
        with clock.frozen(self.model.at):
            relay.drain()
        self.model.settle(verdict)
        self.changed = True

    def let_the_clock_strike(self) -> None:
        """Run what the clock calls for each minute."""
        at = self.model.at
        with clock.frozen(at):
            connections.lapse_notices(at=at)
            connections.follow_all_on(at=at)
            nmf.expire_due(at=at)
            nmf.tell_deliveries(at=at)
            wsc.watch_deadlines(at=at)
            wsc.clear_area(area_id=self.world.area.pk, at=at)
        self.model.lapse()
        self.model.follow_on()
        self.model.expire()
        self.model.watch()
        self.changed = True

    def time_passes(self, hours: float | None, row: int, which: int, minutes: int) -> None:
        """Some hours, or until a moment that matters."""
        if hours or not self.model.requests:
            self.model.at += timedelta(hours=hours or 1)
            return
        request = pick(self.model.requests, row)
        first, ends = request.hours[0], request.hours[-1] + HALF_HOUR
        moments = [gate(first, 2, 12), gate(first, 2, 16), gate(first, 1, 9), first, ends]
        moments += [each.decide_by for each in self.model.contracts[-1:]] or [first]
        self.model.at = max(self.model.at, moments[which] + timedelta(minutes=minutes))
