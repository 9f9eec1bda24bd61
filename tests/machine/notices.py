"""The steps of a TCVN in the model: what speaks against each, and what it does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from tests.machine.model import (
    BEFORE_FORCE,
    NONE,
    OUTLINE,
    Notice,
    Person,
    Reasons,
    next_half_hour,
)
from tests.machine.moves import Market

STEPS = {  # what the DSO does: from which states, to which
    "start_assessment": (("REQUESTED",), "ASSESSING"),
    "support": (("ASSESSING",), "SUPPORTED"),
    "support_conditionally": (("ASSESSING",), "CONDITIONAL"),
    "refuse": (("REQUESTED", "ASSESSING"), "REFUSED"),
    "issue": (("SUPPORTED", "CONDITIONAL"), "ISSUED"),
    "countersign": (("EXECUTED",), "IN_FORCE"),
    "end": (("IN_FORCE",), "ENDED"),
}
ANSWERED = ("SUPPORTED", "CONDITIONAL", "ISSUED", "EXECUTED")
Sellers = Sequence[tuple[str, Decimal]]


class Trial(Market):
    """The market and its notices."""

    def against_notice(self, wish: Notice, person: Person) -> Reasons:
        rights = self.rights[wish.owner][wish.direction]
        fits = (
            wish.hours[0] > self.at
            and rights.agreed is not None
            and not rights.follows_contracts
            and rights.agreed < wish.kw <= rights.installed
            and wish.kw - rights.agreed <= OUTLINE["BUY"]
        )
        return self._who(self.trades_for(person, wish.owner)) | self._rules(fits)

    def against_submission(self, notice: Notice, person: Person) -> Reasons:
        return self._who(person == (notice.owner, "signatory")) | self._state(
            notice.state == "DRAFT"
        )

    def against_signature(self, notice: Notice, person: Person, *, as_read: bool) -> Reasons:
        found = self._who(person == (notice.owner, "signatory"))
        return found | self._state(notice.state == "ISSUED") | self._rules(as_read)

    def against_withdrawal_of(self, notice: Notice, person: Person) -> Reasons:
        found = self._who(self.trades_for(person, notice.owner))
        return found | self._state(notice.state in BEFORE_FORCE)

    def against_step(
        self, notice: Notice, step: str, sellers: Sellers, from_at: datetime
    ) -> Reasons:
        """Against what the DSO does to a notice."""
        sources = STEPS[step][0]
        if step == "issue" and notice.condition_of is not None:
            sources += ("REQUESTED",)
        found = self._state(notice.state in sources)
        if step == "support_conditionally":
            return found | self._rules(self._are_sellers(notice, sellers))
        if step == "countersign":
            return found | self._rules(self._comes_into_force(notice))
        if step == "end":
            return found | self._rules(self._ends_from(notice, from_at))
        return found

    def make_conditional(self, notice: Notice, sellers: Sellers) -> list[Notice]:
        notice.state = "CONDITIONAL"
        notice.earmarks = [
            Notice(peer, notice.direction, kw, notice.hours, condition_of=notice)
            for peer, kw in sellers
        ]
        self.notices += notice.earmarks
        return notice.earmarks

    def bring_into_force(self, notice: Notice) -> None:
        """Only now, so from the next half-hour on; a pair together."""
        for each in (notice, *notice.earmarks):
            each.state = "IN_FORCE"
            each.in_force = {at for at in each.hours if at >= next_half_hour(self.at)}
        self._changed()

    def end_notice(self, notice: Notice, from_at: datetime) -> None:
        for each in (notice, *notice.earmarks):
            each.state = "ENDED"
            each.in_force = {at for at in each.in_force if at < from_at}
        self._changed()

    def withdraw_notice(self, notice: Notice) -> None:
        """What was asked of sellers for its sake falls with it."""
        for each in (notice, *notice.earmarks):
            if each.state in BEFORE_FORCE:
                each.state = "WITHDRAWN"
        buyer = notice.condition_of
        if buyer is not None and notice in buyer.earmarks and buyer.state in ANSWERED:
            for each in buyer.earmarks:
                if each.state in BEFORE_FORCE:
                    each.state = "WITHDRAWN"
            buyer.state, buyer.earmarks = "ASSESSING", []

    def publish_policy(self, *, automatic: bool) -> None:
        self.automatic = automatic
        self._changed()

    def _changed(self) -> None:
        self.revision += 1
        self.to_study_again.append((None, None, None))

    def _are_sellers(self, notice: Notice, sellers: Sellers) -> bool:
        names = [peer for peer, _ in sellers]
        return (
            notice.condition_of is None
            and bool(names)
            and len(set(names)) == len(names)
            and notice.owner not in names
            and all(
                NONE < kw <= (self.rights[peer][notice.direction].agreed or NONE)
                for peer, kw in sellers
            )
        )

    def _comes_into_force(self, notice: Notice) -> bool:
        if notice.condition_of is not None:
            return False  # with the buyer's, never alone
        if any(each.state != "EXECUTED" for each in notice.earmarks):
            return False
        together = [notice, *notice.earmarks]
        first = next_half_hour(self.at)
        for each in together:
            hours = {at for at in each.hours if at >= first}
            taken = {
                at
                for other in self.notices
                if (other.owner, other.direction) == (each.owner, each.direction)
                for at in other.in_force
            }
            if not hours or hours & taken:
                return False
        kept = [set(each.in_force) for each in together]
        for each in together:
            each.in_force = {at for at in each.hours if at >= first}
        try:
            return not self.broken_from(self.at, {each.owner for each in together})
        finally:
            for each, hours in zip(together, kept, strict=True):
                each.in_force = hours

    def _ends_from(self, notice: Notice, from_at: datetime) -> bool:
        """With effect from the next full half-hour or later, and no contract left without it."""
        if notice.condition_of is not None:
            return False
        if from_at != next_half_hour(from_at) or from_at < self.at:
            return False
        together = [notice, *notice.earmarks]
        kept = [set(each.in_force) for each in together]
        for each in together:
            each.in_force = {at for at in each.in_force if at < from_at}
        try:
            return not self.broken_from(self.at, {each.owner for each in together})
        finally:
            for each, hours in zip(together, kept, strict=True):
                each.in_force = hours
